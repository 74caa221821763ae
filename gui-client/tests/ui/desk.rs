use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use egui::{Key, Modifiers, Vec2};
use egui_kittest::{Harness, SnapshotOptions, kittest::Queryable};
use jiff::{Timestamp, tz::TimeZone};
use mensageiro::{
    app::{MessengerApp, Setup},
    engine::{
        Account, Command, Conversation, Delivery, Event, LinkState, Message, MessageId, Older,
        Peer, SortKey,
    },
    files::{AskPath, PathAnswer},
    model::{Action, Model, Notice, Overlay, Preferences, Session, ThemeChoice},
    notify::{Notification, Notify},
    script::ScriptRunner,
    system_theme::SystemTheme,
    texts::Language,
};
use mensageiro_protocol::{Login, Text};

/// The number of pixels that may differ: processors round differently.
const FEW_PIXELS: usize = 40;

fn snapshot_options() -> SnapshotOptions {
    SnapshotOptions::new()
        .threshold(0.6)
        .max_failed_pixels(FEW_PIXELS)
}

/// A window, and both ends of its channels to the background threads.
pub struct Desk {
    pub harness: Harness<'static, MessengerApp>,
    pub asked: Receiver<Command>,
    pub notified: Receiver<(Notification, Clicked)>,
    /// The topics of notifications that were removed from the desktop.
    pub removed: Receiver<String>,
    tell: Sender<Event>,
}

/// A save dialog that always gives the same answer.
pub struct Answer(pub PathAnswer);

impl AskPath for Answer {
    fn ask(&self, _folder: &std::path::Path, _name: &str) -> PathAnswer {
        self.0.clone()
    }
}

/// Clicks on a notification.
pub type Clicked = Box<dyn FnOnce() + Send>;

/// A desktop that keeps its notifications for the test to look at.
struct Shown(Sender<(Notification, Clicked)>, Sender<String>);

impl Notify for Shown {
    fn show(&self, notification: Notification, clicked: Clicked) {
        self.0.send((notification, clicked)).unwrap();
    }

    fn remove(&self, topic: &str) {
        // The test may be over.
        let _ = self.1.send(topic.to_owned());
    }
}

impl Desk {
    /// A window at the sign-in screen.
    pub fn new(preferences: Preferences) -> Self {
        Self::with_dialog(preferences, Answer(PathAnswer::NoDialog))
    }

    pub fn with_dialog(preferences: Preferences, dialog: Answer) -> Self {
        let (failed, _) = bounded(1);
        Self::start(preferences, dialog, None, failed)
    }

    /// A window that acts as a script says.
    pub fn scripted(script: &str, failed: Sender<String>) -> Self {
        let steps = mensageiro::script::parse(script).unwrap();
        let runner = ScriptRunner::new("test".into(), steps);
        let dialog = Answer(PathAnswer::NoDialog);
        Self::start(Preferences::default(), dialog, Some(runner), failed)
    }

    fn start(
        preferences: Preferences,
        dialog: Answer,
        script: Option<ScriptRunner>,
        failed: Sender<String>,
    ) -> Self {
        let (commands, asked) = unbounded();
        let (tell, events) = unbounded();
        let (shown, notified) = unbounded();
        let (remove, removed) = unbounded();
        let scripted = script.is_some();
        let setup = Setup {
            preferences: Preferences {
                language: Language::English,
                ..preferences
            },
            commands,
            events,
            settings: None,
            dialog: Arc::new(dialog),
            notify: Arc::new(Shown(shown, remove)),
            sign_in: None,
            server: None,
            invite: None,
            notice: None,
            looks_around: !scripted,
            system_theme: SystemTheme::default(),
            script,
            failed,
            running: None,
            others: vec![],
        };
        let mut harness = Harness::builder()
            .with_size(Vec2::new(1000.0, 700.0))
            .with_options(snapshot_options())
            .with_max_steps(20)
            .renderer(mensageiro_raster::Raster::default())
            .build_eframe(move |cc| MessengerApp::new(&cc.egui_ctx, setup));
        harness.state_mut().set_zone(TimeZone::UTC);
        if !scripted {
            harness.run();
        }
        Self {
            harness,
            asked,
            notified,
            removed,
            tell,
        }
    }

    /// A window signed in as alice, online, with these conversations.
    pub fn signed_in(conversations: Vec<Conversation>) -> Self {
        let mut desk = Self::new(Preferences::default());
        desk.write("User name", "alice");
        desk.click("Sign in");
        desk.tell(Event::SignedIn {
            account: alice(),
            conversations,
        });
        desk.tell(online());
        desk.asked();
        desk
    }

    /// As [`Desk::signed_in`], with the conversation with bob open and its newest page there.
    pub fn chatting(ids: std::ops::Range<i64>, unread: usize, complete: bool) -> Self {
        let last = ids.end - 1;
        let mut desk = Self::signed_in(vec![conversation("bob", last, unread)]);
        let name = match unread {
            0 => "bob".to_owned(),
            unread => format!("bob, {unread} unread"),
        };
        desk.click(&name);
        desk.tell(Event::Page {
            with: person("bob"),
            before: None,
            messages: ids.map(received).collect(),
            older: if complete {
                Older::Nothing
            } else {
                Older::More
            },
        });
        desk.asked();
        desk
    }

    /// The zone and the moment of all pictures.
    pub fn stop_clock(&mut self, now: &str) {
        let now = now.parse().unwrap();
        self.harness.state_mut().stop_clock(now);
        self.harness.run();
    }

    /// Sends an event to the window, and lets it draw until it rests.
    pub fn tell(&mut self, event: Event) {
        self.say(event);
        self.harness.run();
    }

    /// Sends an event that the window gets in its next frame.
    pub fn say(&self, event: Event) {
        self.tell.send(event).unwrap();
    }

    /// Does what a script would do.
    pub fn act(&mut self, action: Action) {
        let ctx = self.harness.ctx.clone();
        self.harness.state_mut().act(&ctx, action);
        self.harness.run();
    }

    pub fn dress(&mut self, theme: ThemeChoice) {
        self.act(Action::Theme(theme));
    }

    pub fn choose(&mut self, language: Language) {
        self.act(Action::Language(language));
    }

    /// Leaves the account and signs in once more.
    pub fn sign_in_again(&mut self, conversations: Vec<Conversation>) {
        self.act(Action::SignOut);
        self.tell(Event::SignedOut);
        self.click("Sign in");
        self.tell(Event::SignedIn {
            account: alice(),
            conversations,
        });
        self.tell(online());
    }

    pub fn write_draft(&mut self, text: &str) {
        self.act(Action::Write(text.to_owned()));
    }

    pub fn show(&mut self, overlay: Overlay) {
        self.act(Action::Show(overlay));
    }

    pub fn notice(&mut self, notice: Notice) {
        self.act(Action::Tell(notice));
    }

    /// The commands of the window since the last call, except those to look for servers nearby, which follow from what is shown.
    pub fn asked(&self) -> Vec<Command> {
        let asked = self.asked.try_iter();
        asked
            .filter(|command| !matches!(command, Command::LookAround(_)))
            .collect()
    }

    /// The messages sent since the last call, each as `@login text`.
    pub fn sent(&self) -> Vec<String> {
        let sent = |command| match command {
            Command::Send { to, text, .. } => Some(format!("@{to} {}", text.as_str())),
            _ => None,
        };
        self.asked().into_iter().filter_map(sent).collect()
    }

    pub fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run();
    }

    pub fn click_at(&mut self, pos: egui::Pos2) {
        self.click_at_with(pos, egui::PointerButton::Primary);
    }

    pub fn click_at_with(&mut self, pos: egui::Pos2, button: egui::PointerButton) {
        self.harness.event(egui::Event::PointerMoved(pos));
        for pressed in [true, false] {
            self.harness.event(egui::Event::PointerButton {
                pos,
                button,
                pressed,
                modifiers: Modifiers::NONE,
            });
            self.harness.step();
        }
        self.harness.run();
    }

    /// Draws frames until the window asks for this.
    pub fn until_asked(&mut self, command: &Command) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !self.asked().contains(command) {
            assert!(std::time::Instant::now() < deadline, "{command:?}");
            std::thread::yield_now();
            self.harness.step();
        }
    }

    pub fn sees(&self, name: &str) -> bool {
        self.harness
            .query_all_by_label_contains(name)
            .next()
            .is_some()
    }

    /// Puts the focus into a field and types.
    pub fn write(&mut self, field: &str, text: &str) {
        self.harness.get_by_label(field).focus();
        self.harness.run();
        self.harness.get_by_label(field).type_text(text);
        self.harness.run();
    }

    pub fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run();
    }

    pub fn model(&self) -> &Model {
        self.harness.state().model()
    }

    pub fn session(&self) -> &Session {
        self.model().session.as_ref().unwrap()
    }
}

pub fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

pub fn person(name: &str) -> Peer {
    Peer::Person(login(name))
}

pub fn alice() -> Account {
    Account {
        server: "localhost:3333".into(),
        login: login("alice"),
    }
}

pub fn online() -> Event {
    Event::Link(LinkState::Online {
        framing: None,
        next_fetch: None,
        doubt: None,
    })
}

pub fn message(id: i64, with: &str, delivery: Delivery, text: &str) -> Message {
    Message {
        id: MessageId(id),
        sort_key: SortKey(id),
        server_id: None,
        with: person(with),
        author: None,
        text: Text::from(text),
        re: None,
        edited: None,
        is_changing: false,
        at: Timestamp::from_second(1_700_000_000 + id * 20).unwrap(),
        written: None,
        delivery,
        receipts: vec![],
    }
}

/// Message `id` from bob. Lengths differ, and so do heights.
pub fn received(id: i64) -> Message {
    let text = format!(
        "message {id} {}",
        "and more of it ".repeat((id % 9) as usize * 2)
    );
    message(id, "bob", Delivery::Received, &text)
}

pub fn conversation(with: &str, last: i64, unread: usize) -> Conversation {
    Conversation {
        with: person(with),
        is_group: false,
        is_pinned: false,
        muted_until: None,
        archived: None,
        is_marked_unread: false,
        last: Some(message(last, with, Delivery::Received, "the last one")),
        unread,
        draft: String::new(),
    }
}
