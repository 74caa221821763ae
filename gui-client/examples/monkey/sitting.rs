//! The app with its real background threads, in a window that is drawn without a display.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::bounded;
use egui::{Event, Key, Modifiers, Vec2, ViewportCommand};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mensageiro::{
    app::{MessengerApp, Setup},
    engine::{Account, Engine, Message},
    files::{AskPath, PathAnswer},
    model::{Action, InspectAction, Session},
    notify::{Notification, Notify},
    settings::{self, SettingsWriter},
    system_theme::SystemTheme,
};
use mensageiro_protocol::Login;

use super::friend::Friend;

/// How long everything may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// One start of the app.
pub struct Sitting {
    // Dropped first: it tells the engine's threads to end.
    harness: Harness<'static, MessengerApp>,
    engine: Engine,
    folder: PathBuf,
    login: String,
    server: String,
    rests: usize,
    is_closed: bool,
}

/// Saves everything in the monkey's folder, or wants the path typed.
struct AnyPath(PathBuf);

impl AskPath for AnyPath {
    fn ask(&self, _folder: &Path, name: &str) -> PathAnswer {
        match fastrand::u8(..3) {
            0 => PathAnswer::NoDialog,
            1 => PathAnswer::Cancelled,
            _ => PathAnswer::At(self.0.join(name)),
        }
    }
}

struct NoDesktop;

impl Notify for NoDesktop {
    fn show(&self, _notification: Notification, _clicked: Box<dyn FnOnce() + Send>) {}

    fn remove(&self, _topic: &str) {}
}

impl Sitting {
    pub fn new(folder: &Path, login: &str, server: &str) -> Self {
        let engine = Engine::start(folder.to_owned(), || {});
        let (failed, _) = bounded(1);
        let account = Account {
            server: server.to_owned(),
            login: Login::parse(login).unwrap(),
        };
        let preferences = settings::load(folder).preferences;
        let setup = Setup {
            commands: engine.commands().clone(),
            events: engine.events().clone(),
            settings: SettingsWriter::start(folder.to_owned(), &preferences, || {
                panic!("the settings could not be written")
            })
            .ok(),
            preferences,
            dialog: Arc::new(AnyPath(folder.to_owned())),
            notify: Arc::new(NoDesktop),
            sign_in: Some(account),
            server: None,
            invite: None,
            notice: None,
            looks_around: false,
            system_theme: SystemTheme::default(),
            script: None,
            failed,
            running: None,
            others: vec![],
        };
        let harness = Harness::builder()
            .with_size(Vec2::new(1000.0, 700.0))
            .renderer(mensageiro_raster::Raster::default())
            .build_eframe(move |cc| MessengerApp::new(&cc.egui_ctx, setup));
        Self {
            harness,
            engine,
            folder: folder.to_owned(),
            login: login.to_owned(),
            server: server.to_owned(),
            rests: 0,
            is_closed: false,
        }
    }

    /// Closes it in order, and opens it again.
    pub fn begin_again(self) -> Self {
        let Self {
            mut harness,
            engine,
            folder,
            login,
            server,
            rests,
            ..
        } = self;
        eframe::App::on_exit(harness.state_mut(), None);
        drop((harness, engine));
        Self {
            rests,
            ..Self::new(&folder, &login, &server)
        }
    }

    pub fn step(&mut self) {
        self.harness.step();
        let windows = self.harness.output().viewport_output.values();
        let mut commands = windows.flat_map(|window| &window.commands);
        self.is_closed |= commands.any(|command| matches!(command, ViewportCommand::Close));
    }

    pub fn wants_to_end(&self) -> bool {
        self.is_closed
    }

    pub fn input(&mut self, event: Event) {
        self.harness.event(event);
    }

    pub fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
    }

    pub fn resize(&mut self, size: Vec2) {
        self.harness.set_size(size);
    }

    pub fn size(&self) -> Vec2 {
        self.harness.ctx.content_rect().size()
    }

    pub fn focus(&mut self, focused: bool) {
        self.harness.input_mut().focused = focused;
    }

    /// Clicks one of the buttons there are.
    pub fn click_something(&mut self, rng: &mut fastrand::Rng) {
        let buttons = self.harness.root().children_recursive();
        let buttons: Vec<_> = buttons
            .filter(|node| node.accesskit_node().role() == egui::accesskit::Role::Button)
            .collect();
        if !buttons.is_empty() {
            buttons[rng.usize(..buttons.len())].click();
        }
    }

    /// Writes to somebody, whatever is open.
    pub fn say(&mut self, to: &str, text: &str) {
        let ready = self.session().is_some_and(|session| session.ready);
        if !ready {
            self.sign_in();
            return;
        }
        self.act(Action::StartWith(Login::parse(to).unwrap()));
        self.act(Action::Write(text.to_owned()));
        self.act(Action::Send);
    }

    /// Nothing is waiting any more, on either side, and what is written arrives.
    pub fn come_to_rest(&mut self, friend: &mut Friend, name: &str) {
        self.resize(Vec2::new(1000.0, 700.0));
        self.focus(true);
        for _ in 0..8 {
            self.press(Modifiers::NONE, Key::Escape);
            self.step();
        }
        self.sign_in();
        self.until("signed in", |session| session.ready);
        self.act(Action::FetchNow);
        self.until("online", |session| session.link.is_online());
        // Open, it may leave room for a single line of the conversation.
        if self.harness.state().model().inspector.is_open {
            self.act(Action::Inspect(InspectAction::Toggle));
        }
        self.rests += 1;
        let (mine, theirs) = (
            format!("rest {} of the monkey", self.rests),
            format!("rest {} of the friend", self.rests),
        );
        self.say(name, &mine);
        let me = self.login.clone();
        friend.wait(&me, &mine, || self.step());
        self.until("everything sent", |session| !session.anything_waiting());
        friend.write(&me, &theirs);
        let until = Instant::now() + PATIENCE;
        while !self
            .harness
            .query_all_by_label_contains(&theirs)
            .any(|_| true)
        {
            if Instant::now() > until {
                self.fail(&format!("{theirs:?} is not shown"));
            }
            self.step();
        }
        self.until("everything read", |session| session.open_unread() == 0);
    }

    /// What was said with somebody, as the database has it.
    pub fn conversation(&mut self, with: &str) -> Vec<Message> {
        let (login, server) = (self.login.clone(), self.server.clone());
        eframe::App::on_exit(self.harness.state_mut(), None);
        // Its own threads end with it: the database is free for others then.
        let folder = self.folder.clone();
        *self = Self::new(&folder.join("nobody"), &login, "127.0.0.1:1");
        Friend::new(&folder, &login, &server).conversation(with)
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&Session) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !self.session().is_some_and(&is_so) {
            if Instant::now() > until {
                let link = self.session().map(|session| session.link.clone());
                self.fail(&format!("not {what}; {link:?}"));
            }
            self.step();
        }
    }

    /// Ends with a picture of what it looks like.
    fn fail(&mut self, why: &str) -> ! {
        let mut names = tempfile::Builder::new();
        let file = names.prefix("monkey-").suffix(".png").tempfile().unwrap();
        let (_, picture) = file.keep().unwrap();
        let saved = self.harness.render().unwrap().save(&picture);
        let session = self.session();
        panic!(
            "stuck: {why}\nopen: {:?}, link: {:?}\n{}: {saved:?}",
            session.map(|session| &session.open),
            session.map(|session| &session.link),
            picture.display()
        );
    }

    fn sign_in(&mut self) {
        let is_mine = |session: &Session| {
            session.account.login.as_str() == self.login && session.account.server == self.server
        };
        if self.session().is_some_and(is_mine) {
            return;
        }
        self.act(Action::SignInAs(Account {
            server: self.server.clone(),
            login: Login::parse(&self.login).unwrap(),
        }));
    }

    fn act(&mut self, action: Action) {
        let ctx = self.harness.ctx.clone();
        self.harness.state_mut().act(&ctx, action);
    }

    fn session(&self) -> Option<&Session> {
        self.harness.state().model().session.as_ref()
    }
}
