//! Notifying a person who looks elsewhere. Nothing here ever takes the focus.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use egui::{Context, UserAttentionType, ViewportCommand};

use super::{MessengerApp, attention::has_focus};
use crate::{
    engine::Peer,
    markup,
    model::{Action, Announcement, NotifyOf, Session},
    notify::{Notification, Notify},
    texts::Texts,
    ui,
};

/// Notifications come at most this often; messages in between are combined.
const PAUSE: Duration = Duration::from_secs(2);

/// The most characters of a message that a notification shows.
const EXCERPT: usize = 200;

/// The most notifications on the desktop; the oldest is removed first.
const SHOWN: usize = 64;

/// Shows and removes notifications, and receives clicks on them.
pub struct Notifying {
    shown_by: Arc<dyn Notify>,
    /// Each notification on the desktop, with the unread conversations it is about; the latest
    /// last.
    shown: Vec<(String, Vec<Peer>)>,
    /// The conversations when the read ones were last removed.
    looked_at: Option<u64>,
    next: Instant,
    click: Sender<Option<Peer>>,
    clicked: Receiver<Option<Peer>>,
}

impl Notifying {
    /// Nothing was announced yet.
    pub fn new(shown_by: Arc<dyn Notify>) -> Self {
        let (click, clicked) = unbounded();
        Self {
            shown_by,
            shown: Vec::new(),
            looked_at: None,
            next: Instant::now(),
            click,
            clicked,
        }
    }

    /// Removes all of them. A click that still arrives opens nothing.
    pub fn forget(&mut self) {
        self.keep(|_| false);
        (self.click, self.clicked) = unbounded();
    }

    /// Removes notifications all of whose conversations satisfy this. Other conversations are not
    /// asked about again.
    fn keep(&mut self, is_kept: impl Fn(&Peer) -> bool) {
        self.shown.retain_mut(|(topic, about)| {
            about.retain(&is_kept);
            if about.is_empty() {
                self.shown_by.remove(topic);
            }
            !about.is_empty()
        });
    }

    fn show(
        &mut self,
        notification: Notification,
        about: Vec<Peer>,
        clicked: Box<dyn FnOnce() + Send>,
    ) {
        self.shown.retain(|(topic, _)| *topic != notification.topic);
        if self.shown.len() >= SHOWN {
            let (topic, _) = self.shown.remove(0);
            self.shown_by.remove(&topic);
        }
        self.shown.push((notification.topic.clone(), about));
        self.looked_at = None;
        self.shown_by.show(notification, clicked);
    }
}

impl MessengerApp {
    /// Announces new messages, unless the person is looking at the window.
    pub(super) fn notify(&mut self, ctx: &Context) {
        let is_watched = self.script.is_some() || has_focus(ctx);
        let own = self.model.own();
        let (of, sound) = (own.notify_of, own.sound);
        let Some(session) = &mut self.model.session else {
            return;
        };
        if session.news.is_empty() {
            return;
        }
        if is_watched {
            session.take_news();
            return;
        }
        let left = self
            .notifying
            .next
            .saturating_duration_since(Instant::now());
        if !left.is_zero() {
            ctx.request_repaint_after(left);
            return;
        }
        self.notifying.next = Instant::now() + PAUSE;
        let told = session.take_news().announcements();
        if of == NotifyOf::Nothing {
            return;
        }
        ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(
            UserAttentionType::Informational,
        ));
        let texts = Texts::of(self.model.preferences.language);
        for told in told {
            let (notification, peer) = words(texts, session, &told, of, sound);
            let about = match told {
                Announcement::Conversation { newest, .. } => vec![newest.with],
                Announcement::Many { conversations, .. } => conversations,
            };
            let (click, ctx) = (self.notifying.click.clone(), ctx.clone());
            let clicked = move || {
                // The window may be gone meanwhile.
                let _ = click.send(peer);
                ctx.request_repaint();
            };
            self.notifying.show(notification, about, Box::new(clicked));
        }
    }

    /// Removes notifications about what the person has read meanwhile, here or elsewhere, or has
    /// muted.
    pub(super) fn take_back(&mut self) {
        if self.notifying.shown.is_empty() {
            return;
        }
        let session = self.model.session.as_ref();
        let is_off = self.model.own().notify_of == NotifyOf::Nothing;
        let Some(session) = session.filter(|_| !is_off) else {
            self.notifying.keep(|_| false);
            return;
        };
        let version = session.conversations.version();
        if self.notifying.looked_at.replace(version) == Some(version) {
            return;
        }
        let rows = session.conversations.rows().iter();
        let wanted = rows.filter(|row| row.unread > 0 && !row.is_muted());
        let wanted: HashSet<&Peer> = wanted.map(|row| &row.with).collect();
        self.notifying.keep(|peer| wanted.contains(peer));
    }

    /// Opens the conversation that was clicked. The click allows the window to come forward.
    pub(super) fn hear_clicks(&mut self, ctx: &Context) {
        while let Ok(peer) = self.notifying.clicked.try_recv() {
            if let Some(peer) = peer.filter(|_| self.model.session.is_some()) {
                self.act(ctx, Action::Open(peer));
            }
            self.come_forward(ctx);
        }
    }
}

/// The text of a notification, and the conversation that a click opens.
fn words(
    texts: &Texts,
    session: &Session,
    told: &Announcement,
    of: NotifyOf,
    sound: bool,
) -> (Notification, Option<Peer>) {
    let (topic, title, body, peer) = match told {
        Announcement::Many {
            messages,
            conversations,
        } => {
            let conversations = texts.count("notify.conversations", conversations.len());
            let title = texts.count("notify.messages", *messages);
            ("", title, conversations, None)
        }
        Announcement::Conversation { newest, count } => {
            let topic = ui::peer_name(texts, &newest.with);
            let name = ui::peer_title(texts, session, &newest.with);
            let title = match &newest.author {
                Some(author) => {
                    let author = author.as_str();
                    let author = session.people.title(author).unwrap_or(author);
                    texts.fill("notify.in_group", &[("name", author), ("group", name)])
                }
                None => name.to_owned(),
            };
            let body = match (of, count) {
                (NotifyOf::Texts, 1) => {
                    let (_, said) = markup::split_quote(newest.text.as_str());
                    // On one line: it cannot look like several notifications.
                    let said = markup::plain(said);
                    let words: Vec<&str> = said.split_whitespace().collect();
                    words.join(" ").chars().take(EXCERPT).collect()
                }
                _ => texts.count("notify.messages", *count),
            };
            (topic, title, body, Some(newest.with.clone()))
        }
    };
    let notification = Notification {
        topic: topic.to_owned(),
        title,
        body,
        sound,
    };
    (notification, peer)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use mensageiro_protocol::Login;

    use super::*;

    /// Tells what was taken off.
    struct Removed(Sender<String>);

    impl Notify for Removed {
        fn show(&self, _: Notification, _: Box<dyn FnOnce() + Send>) {}

        fn remove(&self, topic: &str) {
            self.0.send(topic.to_owned()).unwrap();
        }
    }

    #[test]
    fn what_is_read_of_many_conversations_is_not_asked_about_again() {
        let (remove, removed) = unbounded();
        let mut notifying = Notifying::new(Arc::new(Removed(remove)));
        let person = |at: usize| Peer::Person(Login::parse(&format!("u{at}")).unwrap());
        let notification = Notification {
            topic: "many".into(),
            title: String::new(),
            body: String::new(),
            sound: false,
        };
        let about = (0..5_000).map(person).collect();
        notifying.show(notification, about, Box::new(|| {}));
        let (last, asked) = (person(4_999), Cell::new(0));
        let mut ask = |is_kept: &dyn Fn(&Peer) -> bool| {
            asked.set(0);
            notifying.keep(|peer| {
                asked.set(asked.get() + 1);
                is_kept(peer)
            });
            asked.get()
        };
        assert_eq!(ask(&|peer| *peer == last), 5_000);
        assert_eq!(ask(&|peer| *peer == last), 1);
        assert!(removed.is_empty());
        assert_eq!(ask(&|_| false), 1);
        assert_eq!(removed.try_recv(), Ok("many".to_owned()));
        assert_eq!(ask(&|_| true), 0);
    }
}
