use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{
        Conversation, Delivery, Event, Message, MessageId, Older, Peer, Receipt, ReceiptState,
        Refusal, Version,
    },
    model::{Action, Overlay},
};
use mensageiro_protocol::{Text, limits::LINE_BYTES};

use super::{
    SMALL, USUAL, Words, picture,
    scenes::{chat, conversations, home, only, talk},
};
use crate::{
    changes::allow,
    desk::{Desk, conversation, login, message, person},
    live::{live, receipt},
};

#[test]
fn how_far_messages_got() {
    for (name, size) in [("members", USUAL), ("members-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = home(words);
            desk.click("turma-a, 3 unread");
            desk.act(Action::Show(Overlay::info(login("turma-a"))));
            desk
        });
    }
    for (name, size) in [("info", USUAL), ("info-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            desk.act(Action::Show(Overlay::info(login("bruno"))));
            desk
        });
    }
    for (name, size) in [("journey", USUAL), ("journey-small", SMALL)] {
        picture(name, size, |words| {
            let receipt = |by: &str, delivered: i64, read: Option<i64>| Receipt {
                by: login(by),
                delivered: Timestamp::from_millisecond(1_700_017_800_000 + delivered).ok(),
                read: read.and_then(|ms| Timestamp::from_millisecond(1_700_017_800_000 + ms).ok()),
            };
            let mut desk = only(vec![]);
            let own = Message {
                server_id: Some(888),
                at: Timestamp::from_millisecond(1_700_017_800_000).unwrap(),
                receipts: vec![
                    receipt("bruno", 12, Some(4_100)),
                    receipt("carla", 31, None),
                    receipt("davi", 52, None),
                    receipt("eva", 61, Some(9_000)),
                ],
                written: Timestamp::from_millisecond(1_700_017_799_940).ok(),
                ..message(801, "turma-a", Delivery::Accepted, words.question)
            };
            desk.act(Action::Show(Overlay::Journey(Box::new(own))));
            desk
        });
    }
    picture("chat-delivery", USUAL, delivery);
    picture("chat-delivery-small", SMALL, delivery);
}

/// Own messages, each of which got another way.
fn delivery(words: &Words) -> Desk {
    let own = |id, delivery| Message {
        server_id: u64::try_from(id).ok(),
        ..message(id, "bruno", delivery, words.question)
    };
    let mut desk = only(vec![
        own(801, Delivery::Accepted),
        own(802, Delivery::Accepted),
        own(803, Delivery::Accepted),
        own(804, Delivery::Unconfirmed),
        own(805, Delivery::Refused(Refusal::MailboxFull)),
        own(807, Delivery::Refused(Refusal::UnknownRecipient)),
        own(806, Delivery::Waiting),
    ]);
    desk.tell(receipt("bruno", "bruno", ReceiptState::Delivered, 802));
    desk.tell(receipt("bruno", "bruno", ReceiptState::Read, 801));
    desk
}

#[test]
fn edits_and_deletions() {
    let own = |id, words: &Words| Message {
        server_id: u64::try_from(id).ok(),
        ..message(id, "bruno", Delivery::Accepted, words.question)
    };
    let edited = move |words: &Words| {
        let at = Timestamp::from_second(1_700_017_900).ok();
        let mut desk = only(vec![
            Message {
                edited: at,
                ..message(801, "bruno", Delivery::Received, words.question)
            },
            Message {
                edited: at,
                ..own(802, words)
            },
            Message {
                is_changing: true,
                ..own(803, words)
            },
            own(804, words),
        ]);
        allow(&mut desk);
        desk
    };
    picture("chat-edited", USUAL, edited);
    picture("chat-edited-small", SMALL, edited);
    picture("compose-edit", USUAL, |words| {
        let mut desk = edited(words);
        desk.act(Action::EditLast);
        desk
    });
    picture("delete-message", USUAL, |words| {
        let mut desk = edited(words);
        let message = Box::new(own(804, words));
        desk.act(Action::Show(Overlay::Delete(message)));
        desk
    });
    picture("versions", USUAL, |words| {
        let mut desk = edited(words);
        desk.act(Action::ShowVersions(MessageId(802)));
        let version = |text: &str, at: i64| Version {
            text: Text::from(text),
            at: Timestamp::from_second(1_700_017_800 + at).unwrap(),
        };
        desk.tell(Event::Versions {
            id: MessageId(802),
            versions: vec![version(words.question, 0), version(words.question, 100)],
        });
        desk
    });
}

#[test]
fn compose_box() {
    picture("compose-reply", USUAL, |words| {
        let mut desk = chat(words);
        desk.press(Modifiers::COMMAND, Key::ArrowUp);
        desk.write("Message", words.draft);
        desk
    });
    picture("compose-name", USUAL, |words| {
        let mut desk = chat(words);
        desk.write("Message", "@a");
        desk
    });
    for (name, size) in [("compose-emoji", USUAL), ("compose-emoji-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            desk.harness.set_size(size);
            desk.harness.run();
            desk.click("Emoji");
            desk
        });
    }
    picture("compose-emoji-recent", USUAL, |words| {
        let mut desk = chat(words);
        for emoji in ["🎉", "👍", "😀", "❤️"] {
            desk.act(Action::ChoseEmoji(emoji));
        }
        desk.click("Emoji");
        desk
    });
    picture("compose-lines", USUAL, |words| {
        let mut desk = chat(words);
        desk.write_draft(&format!("{}\n", words.draft).repeat(9));
        desk
    });
    picture("compose-too-long", USUAL, |words| {
        let mut desk = chat(words);
        desk.write_draft(&"é".repeat(9000));
        desk
    });
    picture("compose-emoji-found", USUAL, |words| {
        let mut desk = chat(words);
        desk.click("Emoji");
        desk.harness.event(egui::Event::Text("heart".into()));
        desk.harness.run();
        desk
    });
    picture("compose-diverted", USUAL, |words| {
        let mut desk = chat(words);
        desk.write_draft(&format!("@carla {}", words.draft));
        desk
    });
    picture("compose-diverted-small", SMALL, |words| {
        let mut desk = chat(words);
        desk.write_draft(&format!("@carla {}", words.draft));
        desk
    });
    picture("compose-left", USUAL, |words| {
        let mut desk = chat(words);
        desk.write_draft(&"ab ".repeat((LINE_BYTES - 600) / 3));
        desk
    });
}

#[test]
fn places_in_a_conversation() {
    let many = |words: &Words, older| {
        let mut desk = home(words);
        desk.click("bruno");
        let messages = (800..860).map(|id| {
            let text = if id % 3 == 0 {
                words.hello
            } else {
                words.question
            };
            message(id, "bruno", Delivery::Received, text)
        });
        desk.tell(Event::Page {
            with: person("bruno"),
            before: None,
            messages: messages.collect(),
            older,
        });
        desk
    };
    for (name, size) in [("chat-latest", USUAL), ("chat-latest-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = many(words, Older::Nothing);
            desk.press(Modifiers::NONE, Key::PageUp);
            desk.press(Modifiers::NONE, Key::PageUp);
            for id in 901..904 {
                let new = message(id, "bruno", Delivery::Received, words.hello);
                desk.tell(Event::Message(new));
            }
            desk
        });
    }
    picture("chat-jumped", USUAL, |words| {
        let mut desk = many(words, Older::Nothing);
        let sought = message(820, "bruno", Delivery::Received, words.question);
        desk.act(Action::JumpTo(sought));
        desk
    });
    for (name, older) in [
        ("chat-loading", Older::More),
        ("chat-older-at-server", Older::AtServer),
    ] {
        picture(name, USUAL, |words| {
            let mut desk = home(words);
            desk.click("bruno");
            desk.tell(Event::Page {
                with: person("bruno"),
                before: None,
                messages: vec![message(900, "bruno", Delivery::Received, words.question)],
                older,
            });
            desk
        });
    }
    picture("chat-emoji", USUAL, |words| {
        let texts = ["👍", "🎉 🎉 🎉", "❤️", "1️⃣ 2️⃣", words.question];
        let all = (800..).zip(texts).map(|(id, text)| {
            let delivery = match id % 2 {
                0 => Delivery::Received,
                _ => Delivery::Accepted,
            };
            message(id, "bruno", delivery, text)
        });
        only(all.collect())
    });
    picture("chat-server", USUAL, |words| {
        let said = |id, text: &str| Message {
            with: Peer::Server,
            ..message(id, "bruno", Delivery::Received, text)
        };
        let mut rows = conversations(words);
        rows.push(Conversation {
            with: Peer::Server,
            last: Some(said(901, words.hello)),
            ..conversation("bruno", 901, 0)
        });
        let mut desk = Desk::signed_in(rows);
        desk.tell(live());
        desk.click("Server messages");
        desk.tell(Event::Page {
            with: Peer::Server,
            before: None,
            messages: vec![said(901, words.hello)],
            older: Older::Nothing,
        });
        desk
    });
}

#[test]
fn menus_and_the_keyboard() {
    picture("chat-own-menu", USUAL, |words| {
        let mut desk = chat(words);
        let start = words.answer.split(',').next().unwrap();
        let mut found = desk.harness.query_all_by_label_contains(start);
        found.next_back().unwrap().click_secondary();
        drop(found);
        desk.harness.run();
        desk
    });
    picture("list-menu", USUAL, |words| {
        let mut desk = home(words);
        desk.harness.get_by_label("davi").click_secondary();
        desk.harness.run();
        desk
    });
    picture("list-focus", USUAL, |words| {
        let mut desk = chat(words);
        desk.harness.get_by_label("davi").focus();
        desk.harness.run();
        desk
    });
    picture("buttons-focus", USUAL, |words| {
        let mut desk = chat(words);
        desk.show(Overlay::Settings);
        desk.harness.get_by_label("Theme").focus();
        desk.harness.run();
        desk
    });
    picture("search-small", SMALL, |words| {
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
}
