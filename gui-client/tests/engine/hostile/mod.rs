//! Servers that lie, flood and contradict themselves: the app stays usable, keeps what the person wrote, and recovers when
//! an honest server is back.

mod lies;

use std::time::{Duration, Instant};

use mensageiro::engine::{Command, Delivery, Event as News, LinkProblem, LinkState, Message, Peer};
use mensageiro_protocol::{
    Text,
    live::{Delivered, Event},
};
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use self::lies::sessions;
use crate::{
    liar::{Greeting, Liar, Lie, Session},
    live_server::LiveServer,
    window::{Window, login, person},
};

/// The environment variable with the number of cases. Without it there are few, as each takes a while.
const CASES: &str = "HOSTILE_SERVERS";

/// A command that takes this long is an error, whatever the server does.
const PATIENCE: Duration = Duration::from_secs(60);

/// An account with a history at an honest server, which is away now.
struct Away {
    folder: TempDir,
    window: Window,
    server: LiveServer,
}

const HONEST: [&str; 4] = ["honest 1", "honest 2", "honest 3", "honest 4"];

impl Away {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let server = LiveServer::start(&["alice", "bob", "eva"]);
        server.post("bob", "alice", HONEST[0]);
        let mut window = Window::signed_in(folder.path(), "alice", &server.address);
        window.wait_message(HONEST[0], Delivery::Received);
        wait_live(&mut window);
        window.send("bob", "mine 1");
        window.wait_message("mine 1", Delivery::Accepted);
        for text in &HONEST[1..] {
            server.post("bob", "alice", text);
            window.wait_message(text, Delivery::Received);
        }
        Self {
            folder,
            window,
            server,
        }
    }

    /// A liar replaces the server until all its sessions are over; then the server comes back unchanged.
    /// The texts that the person writes meanwhile.
    fn meet(self, sessions: Vec<Session>, texts: &[&str]) -> Self {
        let Self {
            folder,
            mut window,
            server,
        } = self;
        let backup = server.backup();
        let count = sessions.len();
        let liar = Liar::start_at(server.kill(), sessions);
        for text in texts {
            window.send("bob", text);
        }
        let until = Instant::now() + PATIENCE;
        let mut ended = 0;
        while ended < count {
            assert!(Instant::now() < until, "a session does not end");
            window.give(Command::FetchNow);
            wait_answer(&mut window);
            let pause = Duration::from_millis(50);
            ended += usize::from(liar.ended.recv_timeout(pause).is_ok());
        }
        wait_answer(&mut window);
        let server = LiveServer::start_at(liar.kill(), &["alice", "bob", "eva"]);
        server.copy_back(&backup);
        Self {
            folder,
            window,
            server,
        }
    }

    /// Everything that the person wrote is here once, and everything that the honest server has.
    fn check(&mut self, texts: &[&str]) {
        self.server.post("bob", "alice", "honest again");
        self.window.send("bob", "mine at last");
        let until = Instant::now() + PATIENCE;
        let is_accepted = |news: &News| match news {
            News::Message(message) => {
                message.text.as_str() == "mine at last" && message.delivery == Delivery::Accepted
            }
            _ => false,
        };
        let mut looked_at = 0;
        while !self.window.events.iter().any(is_accepted) {
            // The liar may still have been connected, and may have refused it.
            for news in &self.window.events[looked_at..] {
                if let News::Message(message) = news
                    && matches!(
                        message.delivery,
                        Delivery::Refused(_) | Delivery::Unconfirmed
                    )
                    && message.text.as_str() == "mine at last"
                {
                    self.window.give(Command::SendAgain(message.id));
                }
            }
            looked_at = self.window.events.len();
            assert!(Instant::now() < until, "{:#?}", self.window.events);
            self.window.give(Command::FetchNow);
            self.window.look(Duration::from_millis(100));
        }
        let failed = |news: &News| matches!(news, News::StorageFailed(_) | News::SetAside(_));
        assert!(!self.window.events.iter().any(failed));
        let here = self.window.history(&person("bob"));
        let written = |text: &str| {
            let is_it = |one: &&Message| one.text.as_str() == text && one.written.is_some();
            here.iter().filter(is_it).count()
        };
        for text in texts.iter().chain(&["mine 1", "mine at last"]) {
            assert_eq!(written(text), 1, "{text} in {here:#?}");
        }
        for text in HONEST.iter().chain(&["honest again"]) {
            let received = |one: &&Message| one.text.as_str() == *text && !one.is_own();
            assert_eq!(
                here.iter().filter(received).count(),
                1,
                "{text} in {here:#?}"
            );
        }
        let at_server = self.server.texts("alice", "bob");
        for message in here.iter().filter(|one| one.written.is_some()) {
            let text = message.text.as_str();
            let count = at_server.iter().filter(|one| *one == text).count();
            assert!(count <= 1, "{text} twice at the server");
            // With an honest server, nothing waits any more.
            assert_ne!(message.delivery, Delivery::Waiting, "{text}");
        }
        assert!(at_server.iter().any(|text| text == "mine at last"));
    }
}

/// A command is answered.
fn wait_answer(window: &mut Window) {
    window.give(Command::Search {
        query: "honest".into(),
        before: None,
    });
    let is_found = |news: &News| matches!(news, News::Found { .. }).then_some(());
    window.wait("an answer", is_found);
}

fn wait_live(window: &mut Window) {
    window.wait_link("a live session", |link| {
        *link == LinkState::Live { catching_up: false }
    });
}

/// A liar that knows the store.
fn session(last: u64, lies: Vec<Lie>) -> Session {
    let greeting = Greeting::Welcome {
        you: None,
        last,
        store: Some(true),
        epoch: 1,
        after: Some(105),
        number: None,
        line_bytes: 16_384,
    };
    Session { greeting, lies }
}

fn told(id: u64, with: &str, text: &str) -> Lie {
    Lie::Event(Event::Message(Delivered {
        id,
        at: 1,
        with: login(with),
        from: login(with),
        tag: None,
        about: None,
        is_old: false,
        file: None,
        text: Text::from(text),
    }))
}

#[test]
fn an_answer_with_the_id_of_another_message_deletes_nothing() {
    let lies = vec![Lie::End, Lie::Accept { id: 103, at: 5 }];
    let mut away = Away::new().meet(vec![session(105, lies)], &["mine 2"]);
    away.check(&["mine 2"]);
    assert!(away.server.texts("alice", "bob").contains(&"mine 2".into()));
}

#[test]
fn ids_that_an_impostor_gives_double_and_hide_nothing() {
    for id in [106, 1 << 32, (1 << 40) - 1, 1 << 40, 1 << 63, u64::MAX] {
        let lies = vec![
            Lie::End,
            told(id, "bob", "a lie"),
            told(id, "eva", "another lie"),
        ];
        let last = if id == 1 << 32 { id } else { 105 };
        let mut away = Away::new().meet(vec![session(last, lies)], &[]);
        away.check(&[]);
    }
}

#[test]
fn an_impostor_that_names_no_store_hides_nothing() {
    for (id, with) in [(106, "xavier"), (110, "bob"), (106, "bob"), (108, "bob")] {
        for rest in [
            vec![],
            vec![
                Lie::Accept { id: 100, at: 5 },
                told(110, "bob", "another lie"),
            ],
        ] {
            let mut lies = vec![told(id, with, "a lie"), Lie::End];
            lies.extend(rest);
            let greeting = Greeting::Welcome {
                you: None,
                last: 105,
                store: None,
                epoch: u64::MAX,
                after: None,
                number: Some(100),
                line_bytes: 16_384,
            };
            let session = Session { greeting, lies };
            let mut away = Away::new().meet(vec![session], &["mine 2", "mine 3"]);
            away.check(&["mine 2", "mine 3"]);
        }
    }
}

#[test]
fn a_server_that_takes_one_for_somebody_else_gets_and_gives_nothing() {
    let mut greeting = session(105, vec![told(106, "bob", "for eva"), Lie::End]);
    if let Greeting::Welcome { you, .. } = &mut greeting.greeting {
        *you = Some(login("eva"));
    }
    let mut away = Away::new().meet(vec![greeting], &["mine 2"]);
    let refused = |news: &News| match news {
        News::Link(LinkState::Waiting { problem, .. }) => {
            *problem == LinkProblem::OtherUser(login("eva"))
        }
        _ => false,
    };
    assert!(away.window.events.iter().any(refused));
    away.check(&["mine 2"]);
    assert!(!away.window.received().contains(&"for eva".into()));
}

#[test]
fn a_server_that_hangs_up_for_long_is_joined_when_it_is_itself_again() {
    let nothing = Session {
        greeting: Greeting::Nothing,
        lies: Vec::new(),
    };
    let classic = Session {
        greeting: Greeting::Bytes(b"f\n".to_vec()),
        lies: Vec::new(),
    };
    let mut sessions = vec![nothing; 12];
    sessions.push(classic);
    let mut away = Away::new().meet(sessions, &[]);
    away.check(&[]);
    wait_live_again(&mut away.window);
}

fn wait_live_again(window: &mut Window) {
    let is_live = |news: &News| *news == News::Link(LinkState::Live { catching_up: false });
    assert!(window.events.iter().filter(|news| is_live(news)).count() >= 2);
}

#[test]
fn what_takes_no_more_space_stays_at_the_server_until_there_is_some() {
    let folder = tempdir().unwrap();
    let server = LiveServer::start(&["alice", "bob"]);
    let mut window = Window::signed_in(folder.path(), "alice", &server.address);
    wait_live(&mut window);
    window.give(Command::AllowSpace(1));
    let room = |news: &News| match news {
        News::Space(space) => Some(space.room),
        _ => None,
    };
    assert_eq!(
        window.wait("that it is full", room),
        mensageiro::engine::Room::None
    );
    server.post("bob", "alice", "too much");
    window.send("bob", "mine");
    window.wait_message("mine", Delivery::Accepted);
    assert!(window.received().is_empty());
    window.give(Command::AllowSpace(1 << 30));
    window.wait_message("too much", Delivery::Received);
    let texts = window.history(&person("bob"));
    assert_eq!(texts.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var(CASES).ok().and_then(|count| count.parse().ok()).unwrap_or(6),
        max_shrink_iters: 60,
        ..ProptestConfig::default()
    })]
    /// Whatever a server says: commands are answered, what the person wrote is kept, and an honest server that comes back
    /// has the same effect as before.
    #[test]
    fn a_hostile_server_loses_doubles_and_stops_nothing(sessions in sessions()) {
        let texts = ["mine 2", "mine 3"];
        let mut away = Away::new().meet(sessions, &texts);
        away.check(&texts);
        let folder = away.folder;
        drop(away.window);
        // The same account's file, by another start.
        let mut window = Window::signed_in(folder.path(), "alice", &away.server.address);
        wait_live(&mut window);
        let here = window.history(&Peer::Person(login("bob")));
        let is_last = here.iter().any(|one| one.text.as_str() == "mine at last");
        prop_assert!(is_last);
    }
}
