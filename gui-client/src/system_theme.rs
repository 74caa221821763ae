//! Whether the desktop prefers dark windows. Windows and macOS tell egui. The desktops of Linux and BSD tell everyone who
//! asks their settings portal.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// What the desktop prefers, as far as it has said. Clones see the same.
#[derive(Clone, Debug, Default)]
pub struct SystemTheme(Arc<AtomicU8>);

const LIGHT: u8 = 1;
const DARK: u8 = 2;

impl SystemTheme {
    /// Asks the desktop in a separate thread, and follows its changes. `wake` is called after each change.
    #[cfg(all(unix, not(target_os = "macos")))]
    pub fn follow(wake: impl Fn() + Send + 'static) -> Self {
        let this = Self::default();
        let prefers = this.clone();
        let listen = move || {
            let ended = zbus::block_on(portal::listen(|is_dark| {
                let now = if is_dark { DARK } else { LIGHT };
                if prefers.0.swap(now, Ordering::Relaxed) != now {
                    wake();
                }
            }));
            // Most likely there is no portal, as on a bare window manager.
            if let Err(error) = ended {
                tracing::debug!("the desktop does not say which theme it prefers: {error}");
            }
        };
        let started = std::thread::Builder::new()
            .name("system theme".into())
            .spawn(listen);
        if let Err(error) = started {
            tracing::warn!("the desktop's theme is not followed: {error}");
        }
        this
    }

    /// Does nothing: here egui is told.
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    pub fn follow(_: impl Fn() + Send + 'static) -> Self {
        Self::default()
    }

    /// The theme that the desktop prefers; `None`: it has not said.
    pub fn theme(&self) -> Option<egui::Theme> {
        match self.0.load(Ordering::Relaxed) {
            LIGHT => Some(egui::Theme::Light),
            DARK => Some(egui::Theme::Dark),
            _ => None,
        }
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod portal {
    use futures_lite::StreamExt as _;
    use zbus::{Connection, MatchRule, MessageStream, Variant, message::Type};

    const NAME: &str = "org.freedesktop.portal.Desktop";
    const PATH: &str = "/org/freedesktop/portal/desktop";
    const SETTINGS: &str = "org.freedesktop.portal.Settings";
    const APPEARANCE: &str = "org.freedesktop.appearance";
    const COLOR_SCHEME: &str = "color-scheme";

    /// Reports whether the desktop prefers dark windows: now, and after each change. Ends with the session bus.
    pub async fn listen(prefers_dark: impl Fn(bool)) -> zbus::Result<()> {
        let bus = Connection::session().await?;
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .path(PATH)
            .interface(SETTINGS)
            .member("SettingChanged")
            .arg(0, APPEARANCE)
            .arg(1, COLOR_SCHEME)
            .build()?;
        // First, so that no change is missed.
        let mut changes = MessageStream::for_match_rule(rule, &bus, None).await?;
        let question = (APPEARANCE, COLOR_SCHEME);
        let answer = bus.call_method(Some(NAME), PATH, Some(SETTINGS), "Read", &question);
        let body = answer.await?.body();
        prefers_dark(is_dark(&body.deserialize::<Variant<'_>>()?));
        while let Some(change) = changes.next().await {
            let body = change?.body();
            let (_, _, scheme) = body.deserialize::<(String, String, Variant<'_>)>()?;
            prefers_dark(is_dark(&scheme));
        }
        Ok(())
    }

    /// 0: no preference, 1: dark, 2: light. The answer to `Read` is wrapped twice.
    pub(super) fn is_dark(scheme: &Variant<'_>) -> bool {
        match scheme {
            Variant::Variant(inner) => is_dark(inner),
            scheme => *scheme == Variant::U32(1),
        }
    }
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use zbus::Variant;

    use super::portal::is_dark;

    #[test]
    fn only_one_means_dark_however_often_it_is_wrapped() {
        assert!(is_dark(&Variant::U32(1)));
        assert!(is_dark(&Variant::Variant(Box::new(Variant::U32(1)))));
        for other in [Variant::U32(0), Variant::U32(2), Variant::I32(1)] {
            assert!(!is_dark(&Variant::Variant(Box::new(other))));
        }
    }
}
