use std::time::{Duration, Instant};

use egui::{Key, Modifiers, Vec2};
use mensageiro::{
    disk::DiskProblem,
    engine::{
        Command, Doubt, Event, LinkProblem, LinkState, Room, ServerChange, Space, StorageProblem,
    },
    licenses,
    model::{Action, Notice, Overlay, Preferences, SaveProblem, SavedFile},
};
use mensageiro_protocol::Framing;

use super::{
    SMALL, USUAL, Words, picture,
    scenes::{chat, home},
};
use crate::{
    desk::{Desk, online, person},
    inspector::crossed,
};

#[test]
fn dialogs() {
    picture("new", USUAL, |words| {
        let mut desk = home(words);
        desk.show(Overlay::new_conversation());
        desk
    });
    for (name, typed) in [("new-found", "a"), ("new-nobody", "zzz")] {
        picture(name, USUAL, |words| {
            let mut desk = home(words);
            desk.show(Overlay::new_conversation());
            desk.act(Action::EditOverlay(typed.into()));
            desk
        });
    }
    for (name, size) in [("forward", USUAL), ("forward-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            desk.show(Overlay::forward(words.question.to_owned()));
            desk
        });
    }
    picture("new-problem", SMALL, |words| {
        let mut desk = home(words);
        desk.tell(online());
        desk.show(Overlay::new_conversation());
        desk.act(Action::EditOverlay("ana maria".into()));
        desk.act(Action::StartConversation);
        desk
    });
    picture("settings", USUAL, |words| {
        let mut desk = chat(words);
        desk.show(Overlay::Settings);
        desk
    });
    picture("settings-small", SMALL, |words| {
        let mut desk = home(words);
        desk.show(Overlay::Settings);
        desk
    });
    for (name, size) in [("keys", USUAL), ("keys-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            desk.show(Overlay::Shortcuts);
            desk
        });
    }
    for (name, size) in [("about", USUAL), ("about-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            desk.show(Overlay::About);
            desk
        });
    }
    picture("license", USUAL, |words| {
        let mut desk = chat(words);
        let fonts = |part: &licenses::Part| part.name.starts_with("epaint_default_fonts ");
        let at = licenses::parts().iter().position(fonts).unwrap();
        desk.show(Overlay::License(at));
        desk
    });
    picture("save-path", USUAL, |words| {
        let mut desk = chat(words);
        desk.show(Overlay::SavePath {
            file: SavedFile::Picture,
            path: "/home/alice/nowhere/window.png".into(),
            problem: Some(SaveProblem::Write {
                path: "/home/alice/nowhere/window.png".into(),
                why: DiskProblem::Missing,
            }),
        });
        desk
    });
}

#[test]
fn state_of_the_link() {
    let linked = |words: &Words, link: LinkState| {
        let mut desk = chat(words);
        desk.tell(Event::Link(link));
        desk
    };
    for (name, size) in [("link-waiting", USUAL), ("link-waiting-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            desk.stop_clock(super::NOW);
            desk.tell(Event::Link(LinkState::Waiting {
                problem: LinkProblem::NobodyListens,
                retry_at: Instant::now() + Duration::from_millis(29_700),
            }));
            desk
        });
    }
    for (name, size, room) in [
        ("space-little", USUAL, Room::Little),
        ("space-none", USUAL, Room::None),
        ("space-none-small", SMALL, Room::None),
    ] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            let limit = 2 << 30;
            desk.tell(Event::Space(Space { room, limit }));
            desk
        });
    }
    picture("link-catching-up", USUAL, |words| {
        linked(words, LinkState::Live { catching_up: true })
    });
    picture("storage-card", USUAL, |_| {
        let mut desk = Desk::new(Preferences::default());
        desk.write("User name", "alice");
        desk.click("Sign in");
        desk.tell(Event::StorageFailed(StorageProblem::Disk {
            path: "/home/alice/.local/share/meumensageiro".into(),
            why: DiskProblem::Full,
        }));
        desk
    });
    // Each cause that makes the messages unavailable has a card of its own.
    let folder = || "/home/alice/.local/share/meumensageiro/accounts".into();
    let file = || "/home/alice/.local/share/meumensageiro/accounts/alice.db".into();
    let disk = |why| StorageProblem::Disk {
        path: folder(),
        why,
    };
    for (name, size, problem) in [
        ("storage-locked", USUAL, StorageProblem::Locked),
        ("storage-locked-small", SMALL, StorageProblem::Locked),
        (
            "storage-newer",
            USUAL,
            StorageProblem::Newer {
                path: file(),
                version: Some("0.2.0".into()),
            },
        ),
        ("storage-permission", USUAL, disk(DiskProblem::NoPermission)),
        ("storage-read-only", USUAL, disk(DiskProblem::ReadOnly)),
        ("storage-wrong-kind", SMALL, disk(DiskProblem::WrongKind)),
    ] {
        picture(name, size, |_| {
            let mut desk = Desk::new(Preferences::default());
            desk.write("User name", "alice");
            desk.click("Sign in");
            desk.tell(Event::StorageFailed(problem.clone()));
            desk
        });
    }
    picture("link-connecting", USUAL, |words| {
        let mut desk = chat(words);
        desk.tell(Event::Link(LinkState::Waiting {
            problem: LinkProblem::TimedOut,
            retry_at: Instant::now(),
        }));
        desk.tell(Event::Link(LinkState::Connecting));
        desk
    });
    picture("link-classic", USUAL, |words| {
        linked(
            words,
            LinkState::Online {
                framing: Some(Framing::Line),
                next_fetch: None,
                doubt: None,
            },
        )
    });
    let doubted = |words: &Words, doubt: Doubt| {
        linked(
            words,
            LinkState::Online {
                framing: Some(Framing::Line),
                next_fetch: None,
                doubt: Some(doubt),
            },
        )
    };
    for (name, size) in [("link-no-end", USUAL), ("link-no-end-small", SMALL)] {
        picture(name, size, |words| doubted(words, Doubt::NoEnd));
    }
    picture("link-other-end", USUAL, |words| {
        doubted(words, Doubt::OtherEnd("fim".into()))
    });
    picture("storage-failed", USUAL, |words| {
        let mut desk = chat(words);
        desk.tell(Event::StorageFailed(StorageProblem::Disk {
            path: "/home/alice/.local/share/meumensageiro".into(),
            why: DiskProblem::Full,
        }));
        desk
    });
    let locked = StorageProblem::Disk {
        path: "/home/alice/.local/share/meumensageiro".into(),
        why: DiskProblem::Busy,
    };
    for (name, size) in [("not-loaded", USUAL), ("not-loaded-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = home(words);
            desk.click("bruno");
            desk.tell(not_loaded(locked.clone()));
            desk
        });
    }
    picture("not-loaded-older", USUAL, |words| {
        let mut desk = chat(words);
        desk.tell(not_loaded(locked.clone()));
        desk
    });
    let aside = "/home/alice/.local/share/meumensageiro/accounts/alice-at-lab_3333.damaged.db";
    for (name, size) in [("storage-aside", USUAL), ("storage-aside-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = chat(words);
            desk.tell(Event::SetAside(aside.into()));
            desk
        });
    }
    for (name, change) in [
        ("server-restored", ServerChange::Restored),
        ("server-replaced", ServerChange::Replaced),
    ] {
        picture(name, USUAL, |words| {
            let mut desk = chat(words);
            desk.tell(Event::ServerChanged(change));
            desk
        });
    }
    picture("server-restored-small", SMALL, |words| {
        let mut desk = chat(words);
        desk.tell(Event::ServerChanged(ServerChange::Restored));
        desk
    });
    picture("storage-damaged", USUAL, |words| {
        let mut desk = chat(words);
        desk.tell(Event::StorageFailed(StorageProblem::Damaged {
            path: "/home/alice/alice-at-lab_3333.db".into(),
        }));
        desk
    });
    picture("notice", USUAL, |words| {
        let mut desk = chat(words);
        desk.notice(Notice::Saved(
            SavedFile::Picture,
            "/home/alice/window.png".into(),
        ));
        desk
    });
}

/// The newest messages cannot be read.
fn not_loaded(problem: StorageProblem) -> Event {
    Event::NotLoaded {
        with: person("bruno"),
        command: Command::LoadPage {
            with: person("bruno"),
            before: None,
            limit: 100,
        },
        problem,
    }
}

#[test]
fn protocol_inspector() {
    const LINES: &[&str] = &[
        "+",
        ">alice live/1 device=d after=7",
        r#"<welcome {"server":"MeuMensageiro","version":"0.1.0","you":"alice","last":9}"#,
        "<#8;at=1700000000000 @bruno olá",
        "<f",
        ">#d-1-0 @bruno oi",
        r#"<ok {"tag":"d-1-0","id":10,"at":1700000000000}"#,
        r#"<receipt {"id":10,"with":"bruno","by":"bruno","state":"read","at":1700000000000}"#,
    ];
    let inspecting = |words: &Words, lines: &[&str]| {
        let mut desk = chat(words);
        desk.press(Modifiers::NONE, Key::F10);
        for (at, line) in (0..).zip(lines) {
            desk.say(crossed(at, line));
        }
        desk.harness.run();
        desk
    };
    let wide = Vec2::new(1200.0, 620.0);
    for (name, size) in [("inspector", wide), ("inspector-small", SMALL)] {
        picture(name, size, |words| inspecting(words, LINES));
    }
    picture("inspector-empty", wide, |words| inspecting(words, &[]));
    picture("inspector-paused", wide, |words| {
        let mut desk = inspecting(words, LINES);
        desk.click("Pause");
        desk.say(crossed(900, "<f"));
        desk.harness.run();
        desk
    });
}
