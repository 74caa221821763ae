//! Notifications of the desktop, shown by a thread of their own: a desktop may take its time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Notifications that wait to be shown; those beyond are dropped, for nobody could read them.
const QUEUE: usize = 16;

/// Notifications whose click is waited for at a time.
const AWAITED: usize = 8;

/// What a notification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Notifications with the same topic replace each other.
    pub topic: String,
    /// The first line.
    pub title: String,
    /// What stands below, plain text.
    pub body: String,
    /// Whether it may be heard.
    pub sound: bool,
}

/// Who shows notifications.
pub trait Notify: Send + Sync {
    /// Shows one without waiting. `clicked` is called, from any thread and at most once, if the
    /// person clicks on it and the system tells.
    fn show(&self, notification: Notification, clicked: Box<dyn FnOnce() + Send>);
}

/// The notifications of the desktop.
#[derive(Debug)]
pub struct DesktopNotifications {
    queue: Sender<Waiting>,
}

struct Waiting {
    notification: Notification,
    clicked: Box<dyn FnOnce() + Send>,
}

impl DesktopNotifications {
    /// Starts the thread that shows them. It ends when this is dropped.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start() -> std::io::Result<Self> {
        let (queue, waiting) = bounded(QUEUE);
        thread::Builder::new()
            .name("notifications".into())
            .spawn(move || show_all(&waiting))?;
        Ok(Self { queue })
    }
}

impl Notify for DesktopNotifications {
    fn show(&self, notification: Notification, clicked: Box<dyn FnOnce() + Send>) {
        let waiting = Waiting {
            notification,
            clicked,
        };
        if self.queue.try_send(waiting).is_err() {
            tracing::debug!("a notification was dropped: too many wait to be shown");
        }
    }
}

fn show_all(queue: &Receiver<Waiting>) {
    let mut shown = HashMap::<String, u32>::new();
    let awaited = Arc::new(AtomicUsize::new(0));
    while let Ok(Waiting {
        notification,
        clicked,
    }) = queue.recv()
    {
        let mut native = notify_rust::Notification::new();
        native
            .appname("MeuMensageiro")
            .summary(&notification.title)
            .body(&body(&notification.body));
        dress(&mut native, notification.sound);
        if let Some(id) = shown.get(&notification.topic) {
            native.id(*id);
        }
        match native.show() {
            Ok(handle) => {
                if shown.len() > 256 {
                    shown.clear();
                }
                shown.insert(notification.topic, id(&handle));
                await_click(handle, clicked, &awaited);
            }
            Err(error) => tracing::debug!("no notification: {error}"),
        }
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn dress(native: &mut notify_rust::Notification, sound: bool) {
    use notify_rust::Hint;
    native.action("default", "");
    native.hint(Hint::DesktopEntry("mensageiro".into()));
    native.hint(Hint::Category("im.received".into()));
    native.hint(match sound {
        true => Hint::SoundName("message-new-instant".into()),
        false => Hint::SuppressSound(true),
    });
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn dress(native: &mut notify_rust::Notification, sound: bool) {
    if sound {
        native.sound_name("Default");
    }
}

/// On these desktops the body may be markup.
#[cfg(all(unix, not(target_os = "macos")))]
fn body(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn body(text: &str) -> String {
    text.to_owned()
}

#[cfg(all(unix, not(target_os = "macos")))]
fn id(handle: &notify_rust::NotificationHandle) -> u32 {
    handle.id()
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn id<T>(_: &T) -> u32 {
    0
}

#[cfg(all(unix, not(target_os = "macos")))]
fn await_click(
    handle: notify_rust::NotificationHandle,
    clicked: Box<dyn FnOnce() + Send>,
    awaited: &Arc<AtomicUsize>,
) {
    if awaited.fetch_add(1, Ordering::Relaxed) >= AWAITED {
        awaited.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let counted = Arc::clone(awaited);
    let wait = move || {
        handle.wait_for_action(|action| {
            if action == "default" {
                clicked();
            }
        });
        counted.fetch_sub(1, Ordering::Relaxed);
    };
    let started = thread::Builder::new()
        .name("notification".into())
        .spawn(wait);
    if started.is_err() {
        awaited.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Elsewhere a click brings the window to the front by the system's own rules.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn await_click<T>(_: T, _: Box<dyn FnOnce() + Send>, _: &Arc<AtomicUsize>) {}
