//! Desktop notifications, shown by a separate thread, as a desktop may be slow.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

/// The most notifications that wait to be shown. Others are dropped: nobody could read so many.
const QUEUE: usize = 16;

/// The most notifications whose clicks are waited for.
const AWAITED: usize = 8;

/// How long the end of the app waits until the desktop has removed its notifications.
const END: Duration = Duration::from_secs(1);

/// The content of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Notifications with the same topic replace each other.
    pub topic: String,
    /// The first line.
    pub title: String,
    /// The text below it, without markup.
    pub body: String,
    /// Whether it may make a sound.
    pub sound: bool,
}

/// Shows and removes notifications.
pub trait Notify: Send + Sync {
    /// Shows a notification without waiting. `clicked` is called from any thread, at most once, if the person clicks on it and
    /// the system reports the click.
    fn show(&self, notification: Notification, clicked: Box<dyn FnOnce() + Send>);

    /// Removes the notification with this topic without waiting, where the system supports it.
    fn remove(&self, topic: &str);
}

/// The notifications of the desktop. Dropping this removes all that it has shown.
#[derive(Debug)]
pub struct DesktopNotifications {
    wanted: Arc<Mutex<Wanted>>,
    wake: Option<Sender<()>>,
    /// Nothing is sent on this channel: it disconnects when the thread has ended.
    ended: Receiver<()>,
}

/// The pending work of the thread, the newest last, with at most one entry for each topic: at most [`QUEUE`] notifications
/// to show, and no more to remove than were shown.
#[derive(Default)]
struct Wanted(Vec<(String, Option<Waiting>)>);

struct Waiting {
    notification: Notification,
    clicked: Box<dyn FnOnce() + Send>,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(topic, _)| topic))
            .finish()
    }
}

impl Wanted {
    /// `None` removes the notification with this topic. Returns false if too many wait.
    fn want(&mut self, topic: String, what: Option<Waiting>) -> bool {
        self.0.retain(|(other, _)| *other != topic);
        let waiting = self.0.iter().filter(|(_, what)| what.is_some()).count();
        if what.is_some() && waiting >= QUEUE {
            return false;
        }
        self.0.push((topic, what));
        true
    }
}

impl DesktopNotifications {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start() -> std::io::Result<Self> {
        let wanted = Arc::new(Mutex::new(Wanted::default()));
        // One signal is enough: the thread takes all pending work when it wakes up.
        let (wake, woken) = bounded(1);
        let (alive, ended) = bounded(0);
        let todo = Arc::clone(&wanted);
        thread::Builder::new()
            .name("notifications".into())
            .spawn(move || {
                let _alive: Sender<()> = alive;
                show_all(&todo, &woken);
            })?;
        Ok(Self {
            wanted,
            wake: Some(wake),
            ended,
        })
    }

    fn want(&self, topic: String, what: Option<Waiting>) {
        let mut wanted = self.wanted.lock();
        if !wanted.want(topic, what) {
            tracing::debug!("a notification was dropped: too many wait to be shown");
        }
        drop(wanted);
        if let Some(wake) = &self.wake {
            // Full: the thread has not taken the last signal yet, and will see this, too.
            let _ = wake.try_send(());
        }
    }
}

impl Notify for DesktopNotifications {
    fn show(&self, notification: Notification, clicked: Box<dyn FnOnce() + Send>) {
        let topic = notification.topic.clone();
        let waiting = Waiting {
            notification,
            clicked,
        };
        self.want(topic, Some(waiting));
    }

    fn remove(&self, topic: &str) {
        self.want(topic.to_owned(), None);
    }
}

impl Drop for DesktopNotifications {
    fn drop(&mut self) {
        drop(self.wake.take());
        // A desktop that does not answer must not delay the end.
        let _ = self.ended.recv_timeout(END);
    }
}

fn show_all(wanted: &Mutex<Wanted>, woken: &Receiver<()>) {
    let mut shown = HashMap::<String, u32>::new();
    let awaited = Arc::new(AtomicUsize::new(0));
    while woken.recv().is_ok() {
        let Wanted(todo) = std::mem::take(&mut *wanted.lock());
        for (topic, what) in todo {
            let before = shown.remove(&topic);
            let Some(waiting) = what else {
                before.into_iter().for_each(close);
                continue;
            };
            if let Some(id) = show(waiting, before, &awaited) {
                shown.insert(topic, id);
            }
        }
    }
    shown.into_values().for_each(close);
}

/// Shows a notification, in place of the previous one with its topic. Returns its number in the system.
fn show(waiting: Waiting, before: Option<u32>, awaited: &Arc<AtomicUsize>) -> Option<u32> {
    let Waiting {
        notification,
        clicked,
    } = waiting;
    let mut native = notify_rust::Notification::new();
    native
        .appname("MeuMensageiro")
        .summary(&notification.title)
        .body(&body(&notification.body));
    dress(&mut native, notification.sound);
    if let Some(id) = before {
        native.id(id);
    }
    match native.show() {
        Ok(handle) => {
            let id = id(&handle);
            await_click(handle, clicked, awaited);
            Some(id)
        }
        Err(error) => {
            tracing::debug!("no notification: {error}");
            None
        }
    }
}

/// Closes it by its number, as the thread that waits for a click owns its handle.
#[cfg(all(unix, not(target_os = "macos")))]
fn close(id: u32) {
    const NAME: &str = "org.freedesktop.Notifications";
    const PATH: &str = "/org/freedesktop/Notifications";
    let closed = zbus::block_on(async {
        let bus = zbus::Connection::session().await?;
        bus.call_method(Some(NAME), PATH, Some(NAME), "CloseNotification", &(id,))
            .await
    });
    if let Err(error) = closed {
        // Most likely the person has closed it already.
        tracing::debug!("a notification was not removed: {error}");
    }
}

/// Other systems remove notifications by their own rules.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn close(_: u32) {}

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
    #[cfg(windows)]
    if is_installed() {
        native.app_id(APP_ID);
    }
    if sound {
        native.sound_name("Default");
    }
}

/// The name under which packaging/windows/installer.nsi tells Windows how to show the app's notifications.
#[cfg(windows)]
const APP_ID: &str = "MeuMensageiro";

/// Whether Windows knows [`APP_ID`]. Without it, its notifications would not be shown; they are then shown as PowerShell's.
#[cfg(windows)]
fn is_installed() -> bool {
    let program = std::env::current_exe();
    program.is_ok_and(|program| program.with_file_name("uninstall.exe").exists())
}

/// On these desktops the body may contain markup.
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

#[cfg(any(all(unix, not(target_os = "macos")), windows))]
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
        let ended = handle.wait_for_response(|response: &notify_rust::NotificationResponse| {
            if response.is_default_action() {
                clicked();
            }
        });
        if let Err(error) = ended {
            tracing::debug!("a click on a notification is not noticed: {error}");
        }
        counted.fetch_sub(1, Ordering::Relaxed);
    };
    let started = thread::Builder::new()
        .name("notification".into())
        .spawn(wait);
    if started.is_err() {
        awaited.fetch_sub(1, Ordering::Relaxed);
    }
}

/// On macOS a click brings the window to the front.
#[cfg(not(any(all(unix, not(target_os = "macos")), windows)))]
fn await_click<T>(_: T, _: Box<dyn FnOnce() + Send>, _: &Arc<AtomicUsize>) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(topic: &str) -> Option<Waiting> {
        let notification = Notification {
            topic: topic.to_owned(),
            title: String::new(),
            body: String::new(),
            sound: false,
        };
        let clicked = Box::new(|| {});
        Some(Waiting {
            notification,
            clicked,
        })
    }

    #[test]
    fn of_each_topic_the_last_thing_is_done_and_removing_finds_room_always() {
        let mut wanted = Wanted::default();
        for n in 0..QUEUE {
            let topic = n.to_string();
            assert!(wanted.want(topic.clone(), waiting(&topic)));
        }
        assert!(!wanted.want("more".into(), waiting("more")));
        assert!(wanted.want("3".into(), waiting("3")), "in its own place");
        assert!(wanted.want("gone".into(), None));
        assert!(wanted.want("3".into(), None));
        let third: Vec<_> = wanted.0.iter().filter(|(topic, _)| topic == "3").collect();
        assert!(matches!(third[..], [(_, None)]));
        assert!(wanted.want("more".into(), waiting("more")));
    }
}
