use std::time::{Duration, Instant};

use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{
        Conversation, Delivery, Event, FOR_GOOD, Found, LinkProblem, LinkState, Message, Older,
        Peer, Presence, PresenceNews, Receipt, ReceiptState, Roster, SearchQuery, SortKey,
        Stranger,
    },
    model::{Action, Day, DayUse, Overlay, Preferences, RememberedAccount},
};
use mensageiro_protocol::{Text, live::RosterUser};

use super::{FOUR_K, LARGE, SMALL, USUAL, Words, picture};
use crate::{
    desk::{Desk, alice, conversation, login, message, person},
    live::{group, live, receipt, user},
    nearby::found,
    words::EVERYWHERE,
};

/// The roster: users with their presence, and a group.
pub fn roster(words: &Words) -> Event {
    let user = |name: &str, full: &str, state, note: &str, seen| RosterUser {
        presence: PresenceNews {
            login: login(name),
            state,
            note: Text::from(note),
            seen,
        },
        name: full.into(),
        role: None,
    };
    Event::Roster(Roster {
        users: vec![
            user("alice", "Alice Souza", Presence::Online, "", None),
            user("bruno", "Bruno Lima", Presence::Online, "", None),
            user("carla", "Carla Dias", Presence::Away, words.note, None),
            user("davi", "", Presence::Offline, "", Some(1_700_030_000_000)),
        ],
        groups: vec![group("turma-a", &["alice", "bruno", "carla"])],
        ..Roster::default()
    })
}

fn row(id: i64, with: &str, text: &str, unread: usize) -> Conversation {
    Conversation {
        last: Some(message(id, with, Delivery::Received, text)),
        ..conversation(with, id, unread)
    }
}

pub fn conversations(words: &Words) -> Vec<Conversation> {
    let long = "a-rather-long-login-that-somebody-has-chosen-to-test-all-of-this";
    vec![
        row(900, "bruno", words.answer, 0),
        Conversation {
            is_group: true,
            last: Some(Message {
                author: Some(login("carla")),
                ..message(890, "turma-a", Delivery::Received, words.group[2])
            }),
            ..row(890, "turma-a", words.group[2], 3)
        },
        Conversation {
            draft: words.draft.to_owned(),
            ..row(700, "carla", words.hello, 0)
        },
        Conversation {
            last: Some(message(650, "davi", Delivery::Accepted, words.marks)),
            ..row(650, "davi", words.marks, 0)
        },
        row(-4000, long, words.link, 1234),
        Conversation {
            muted_until: Some(FOR_GOOD),
            ..row(-90_000, "joão.silva", "ok", 2)
        },
        Conversation {
            is_pinned: true,
            ..row(-2_000_000, "2026123", "👍", 1)
        },
    ]
}

pub fn talk(words: &Words) -> Vec<Message> {
    let own = |id, text| Message {
        server_id: u64::try_from(id).ok(),
        ..message(id, "bruno", Delivery::Accepted, text)
    };
    let others = |id, text| message(id, "bruno", Delivery::Received, text);
    vec![
        others(-3000, words.hello),
        others(840, words.question),
        own(845, words.answer),
        others(850, words.link),
        own(851, words.marks),
        others(880, words.code),
        own(899, words.reply),
        others(900, words.reply),
    ]
}

pub fn page(with: &str, messages: Vec<Message>) -> Event {
    Event::Page {
        with: person(with),
        before: None,
        messages,
        older: Older::Nothing,
    }
}

/// Signed in to a live session, with conversations.
pub fn home(words: &Words) -> Desk {
    let mut desk = Desk::signed_in(conversations(words));
    desk.tell(live());
    desk.tell(roster(words));
    desk
}

/// The conversation with bruno.
pub fn chat(words: &Words) -> Desk {
    let mut desk = home(words);
    desk.click("bruno");
    desk.tell(page("bruno", talk(words)));
    desk.tell(receipt("bruno", "bruno", ReceiptState::Read, 845));
    desk.tell(receipt("bruno", "bruno", ReceiptState::Delivered, 899));
    desk
}

pub fn only(messages: Vec<Message>) -> Desk {
    only_with(messages, |_| {})
}

fn only_with(messages: Vec<Message>, prepare: impl FnOnce(&Desk)) -> Desk {
    let mut desk = Desk::signed_in(vec![conversation("bruno", 900, 0)]);
    prepare(&desk);
    desk.tell(live());
    desk.click("bruno");
    desk.tell(page("bruno", messages));
    desk
}

#[test]
fn sign_in() {
    picture("login", USUAL, |_| Desk::new(Preferences::default()));
    picture("login-small", SMALL, |_| Desk::new(Preferences::default()));
    let remembered = |server: &str, login: &str| RememberedAccount {
        server: server.into(),
        login: login.into(),
    };
    picture("login-remembered", USUAL, |_| {
        let mut desk = Desk::new(Preferences {
            remembered: vec![
                remembered("localhost:3333", "alice"),
                remembered("lab.example:3333", "maria.clara@escola.example"),
            ],
            ..Preferences::default()
        });
        desk.write("User name", "ana maria");
        desk.click("Sign in");
        desk
    });
    let tried = |server: &str| {
        let mut desk = Desk::new(Preferences::default());
        desk.write("User name", "alice");
        if !server.is_empty() {
            desk.act(Action::EditServer(server.into()));
        }
        desk.click("Sign in");
        desk
    };
    picture("login-connecting", USUAL, |_| tried(""));
    for (name, size) in [
        // All of it is in sight.
        ("login-nearby", egui::vec2(900.0, 800.0)),
        ("login-nearby-small", SMALL),
    ] {
        picture(name, size, |_| {
            let mut desk = Desk::new(Preferences::default());
            let here = Found {
                is_here: true,
                ..found("Ana's computer", "ana-k4f2")
            };
            let closed = Found {
                is_closed: true,
                ..found("Laboratório de Redes e Sistemas Distribuídos", "lab-2-xj4b")
            };
            let alike = found("Sala 3", "sala-3-aaaa");
            desk.tell(Event::Nearby(vec![
                here,
                closed,
                alike,
                found("Sala 3", "sala-3-mq7d"),
            ]));
            desk.act(Action::EditServer("sala-3-mq7d.local".into()));
            desk
        });
    }
    for (name, server) in [
        ("login-address", "my server"),
        ("login-numbers", "192.168.0.300"),
    ] {
        picture(name, USUAL, |_| tried(server));
    }
    let failed = |problem: LinkProblem| {
        let mut desk = tried("");
        desk.tell(Event::Link(LinkState::Waiting {
            problem,
            retry_at: Instant::now(),
        }));
        desk
    };
    picture("login-nobody", USUAL, |_| {
        failed(LinkProblem::NobodyListens)
    });
    picture("login-stranger", USUAL, |_| {
        failed(LinkProblem::Stranger(Stranger::Web))
    });
    for (name, size) in [("login-unknown", USUAL), ("login-unknown-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = tried("");
            desk.tell(Event::SignedIn {
                account: alice(),
                conversations: vec![Conversation {
                    with: Peer::Server,
                    last: Some(Message {
                        with: Peer::Server,
                        ..message(1, "x", Delivery::Received, words.refusal)
                    }),
                    ..conversation("x", 1, 0)
                }],
            });
            desk.tell(Event::Link(LinkState::Refused));
            desk
        });
    }
    picture("refused", USUAL, |_| {
        let mut desk = Desk::signed_in(vec![]);
        desk.tell(Event::Link(LinkState::Refused));
        desk
    });
}

#[test]
fn conversation_list() {
    picture("list-first", USUAL, |_| {
        let mut desk = Desk::signed_in(vec![]);
        desk.tell(live());
        desk
    });
    picture("list", USUAL, home);
    picture("list-small", SMALL, home);
    picture("search", USUAL, |words| {
        let mut desk = home(words);
        desk.act(Action::Filter("re".into()));
        desk.tell(Event::Found {
            query: "re".into(),
            before: None,
            messages: talk(words),
            next: None,
        });
        desk
    });
    picture("search-open", USUAL, |words| {
        let mut desk = chat(words);
        desk.tell(live());
        let word = words.question.split(' ').nth(2).unwrap();
        desk.write("Search people and messages", word);
        let query = desk.session().search.query.clone();
        desk.tell(Event::Found {
            query: query.as_str().into(),
            before: None,
            messages: talk(words),
            next: None,
        });
        desk
    });
    picture("search-people", USUAL, |words| {
        let mut desk = home(words);
        desk.tell(Event::Roster(Roster {
            users: vec![
                user("bruno", "Bruno Lima"),
                user("lia", "Lia Souza"),
                user("eva.lima", "Eva Lima"),
            ],
            groups: vec![],
            ..Roster::default()
        }));
        desk.write("Search people and messages", "li");
        desk.tell(Event::Found {
            query: "li".into(),
            before: None,
            messages: talk(words)[1..4].to_vec(),
            next: None,
        });
        desk
    });
    // Found by the text that they quote.
    picture("search-replies", USUAL, |words| {
        let mut desk = home(words);
        let word = words.question.split(' ').nth(2).unwrap();
        desk.act(Action::Filter(word.into()));
        desk.tell(Event::Found {
            query: word.into(),
            before: None,
            messages: talk(words),
            next: None,
        });
        desk
    });
    for (name, size) in [("search-filtered", USUAL), ("search-filtered-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = home(words);
            desk.stop_clock(super::NOW);
            desk.act(Action::SearchBy(Some(login("bruno"))));
            let day = |date: &str, begins: &str, ends: &str| Day {
                date: date.parse().unwrap(),
                begins: begins.parse().unwrap(),
                ends: ends.parse().unwrap(),
            };
            let since = day("2023-11-01", "2023-11-01T00:00:00Z", "2023-11-02T00:00:00Z");
            desk.act(Action::SearchDays(Some(since), None));
            desk.tell(Event::Found {
                query: SearchQuery {
                    by: Some(login("bruno")),
                    since: Some(since.begins),
                    ..SearchQuery::default()
                },
                before: None,
                messages: talk(words),
                next: Some(SortKey(1)),
            });
            desk
        });
    }
    for (name, size) in [("calendar", USUAL), ("calendar-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            let month = "2023-11-15".parse().unwrap();
            let of = DayUse::GoTo;
            desk.act(Action::Show(Overlay::Day { of, month }));
            desk
        });
    }
    picture("search-nothing", USUAL, |words| {
        let mut desk = home(words);
        desk.act(Action::Filter("xyz".into()));
        desk.tell(Event::Found {
            query: "xyz".into(),
            before: None,
            messages: vec![],
            next: None,
        });
        desk
    });
}

#[test]
fn selected_messages() {
    for (name, size) in [("selected", USUAL), ("selected-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            let talk = talk(words);
            for message in talk.iter().rev().take(4).step_by(2) {
                desk.act(Action::Select(Box::new(message.clone())));
            }
            desk
        });
    }
}

#[test]
fn conversation_with_one() {
    picture("chat", USUAL, chat);
    picture("chat-small", SMALL, chat);
    picture("chat-large", LARGE, chat);
    picture("chat-4k", FOUR_K, chat);
    picture("list-5000", USUAL, |_| {
        let row = |id| row(id, &format!("user-{id}"), "hello", 0);
        let mut desk = Desk::signed_in((1..5_001).map(row).collect());
        desk.tell(live());
        desk
    });
    picture("chat-nothing-yet", USUAL, |_| only(vec![]));
    // The same window in points of that zoom.
    for (name, window, zoom) in [("chat-zoom-75", USUAL, 0.75), ("chat-zoom-300", LARGE, 3.0)] {
        picture(name, window / zoom, |words| {
            let mut desk = chat(words);
            desk.act(Action::Zoom(zoom));
            desk
        });
    }
    picture("chat-new", USUAL, |words| {
        let mut rows = conversations(words);
        rows[0].unread = 3;
        let mut desk = Desk::signed_in(rows);
        desk.tell(live());
        desk.click("bruno, 3 unread");
        desk.tell(page("bruno", talk(words)));
        desk
    });
    picture("chat-menu", USUAL, |words| {
        let mut desk = chat(words);
        desk.click("More about this conversation");
        desk
    });
    picture("chat-hovered", USUAL, |words| {
        let mut desk = chat(words);
        let on_the_link = egui::pos2(430.0, 168.0);
        desk.harness.event(egui::Event::PointerMoved(on_the_link));
        desk.harness.run();
        desk
    });
    picture("chat-message-menu", USUAL, |words| {
        let mut desk = chat(words);
        let name = words.question;
        let one = desk.harness.query_all_by_label_contains(name).next();
        one.unwrap().click_secondary();
        desk.harness.run();
        desk
    });
}

#[test]
fn conversation_of_a_group() {
    picture("chat-group", USUAL, |words| {
        let mut desk = home(words);
        desk.click("turma-a, 3 unread");
        let from = |id, author: &str, text| Message {
            author: Some(login(author)),
            ..message(id, "turma-a", Delivery::Received, text)
        };
        let own = Message {
            server_id: Some(888),
            receipts: vec![Receipt {
                by: login("bruno"),
                delivered: Timestamp::from_second(1_700_017_800).ok(),
                read: None,
            }],
            ..message(888, "turma-a", Delivery::Accepted, words.group[1])
        };
        desk.tell(page(
            "turma-a",
            vec![
                from(880, "bruno", words.group[0]),
                from(881, "carla", words.hello),
                from(882, "carla", words.link),
                own,
                from(890, "carla", words.group[2]),
            ],
        ));
        desk.tell(Event::Typing {
            with: person("turma-a"),
            who: login("carla"),
            until: Instant::now() + Duration::from_secs(3600),
        });
        desk
    });
}

#[test]
fn texts_that_try_to_break_it() {
    picture("chat-odd", USUAL, |words| {
        let texts = [
            "x".repeat(300),
            "Quem é você? ¿Quién eres? Où êtes-vous?".to_owned(),
            "Z̷̡͎͇a̵͓͝l̸̰̈g̵͎̔ȏ̶̤".to_owned(),
            "Ελληνικά, кириллица, ąćęłńóśźż, ½ ≤ → ✓".to_owned(),
            "😀 😂 👍 🎉 ☕ ❤ 🚀 🐍".to_owned(),
            format!("{} ", words.hello).repeat(3),
        ];
        let all = (0..).zip(texts).map(|(id, text)| {
            let delivery = match id % 2 {
                0 => Delivery::Received,
                _ => Delivery::Accepted,
            };
            message(800 + id, "bruno", delivery, &text)
        });
        only(all.collect())
    });
    // Characters that no font has are hollow boxes, in each style.
    picture("chat-no-glyph", USUAL, |_| {
        let texts = [
            "Egyptian 𓀀𓁐𓂀, Linear B 𐀀𐀁",
            "*bold 𓀀𓁐*, _italic 𓀀𓁐_, `code 𓀀𓁐`",
            "𓀀",
        ];
        let all = (800..).zip(texts);
        let all = all.map(|(id, text)| message(id, "bruno", Delivery::Received, text));
        let tofu = egui::MissingGlyphPolicy::Tofu;
        only_with(all.collect(), |desk| {
            desk.harness.ctx.set_missing_glyph_policy(tofu);
        })
    });
    picture("chat-signs", USUAL, |_| {
        let all = (800..).zip(EVERYWHERE);
        let all = all.map(|(id, text)| message(id, "bruno", Delivery::Received, text));
        only(all.collect())
    });
    picture("chat-long", USUAL, |words| {
        let long = format!("{} ", words.hello).repeat(160);
        only(vec![message(800, "bruno", Delivery::Received, &long)])
    });
}
