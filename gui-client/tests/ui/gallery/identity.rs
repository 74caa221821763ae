//! The padlock and its page, refusals, invites, and the pages about devices, people and groups.

use egui::{Key, Modifiers, Vec2};
use mensageiro::{
    engine::{
        Answer, Command, Distrust, Event, Invited, Request, RequestProblem, Rights, Verified,
    },
    model::{Action, Overlay, Page, PageAction, PageField, Preferences},
};
use mensageiro_protocol::{live::RosterGroup, trust::Secret};

use super::{SMALL, USUAL, Words, picture, scenes::home};
use crate::{
    desk::{Desk, alice, login, online},
    identity::{
        ADMINISTRATOR, changed, desk, devices, invite, known, moment, other, plain, security,
        untrusted,
    },
    inspector::crossed_encrypted,
};

const BOTH: [(&str, Vec2); 2] = [("", USUAL), ("-small", SMALL)];

/// A page, with what the server answers to what it asks for.
fn page(page: Page, answers: &[Result<Answer, RequestProblem>]) -> Desk {
    let mut desk = desk(ADMINISTRATOR);
    desk.show(Overlay::administration(page));
    for answer in answers {
        let asked = desk.asked();
        let request = asked.into_iter().find_map(|command| match command {
            Command::Administer(request) => Some(request),
            _ => None,
        });
        desk.tell(Event::Administered {
            request: request.unwrap(),
            answer: answer.clone(),
        });
        desk.act(Action::Page(PageAction::Submit));
    }
    desk
}

fn of_alice(answers: &[Result<Answer, RequestProblem>]) -> Desk {
    page(Page::devices(login("alice")), answers)
}

#[test]
fn how_the_connection_is_protected() {
    let with = |words: &Words, event: Event| {
        let mut desk = home(words);
        desk.tell(event);
        desk
    };
    for (suffix, size) in BOTH {
        picture(&format!("padlock{suffix}"), size, |words| {
            with(words, security(Verified::Invite, ADMINISTRATOR))
        });
        picture(&format!("padlock-plain{suffix}"), size, |words| {
            let mut desk = with(words, plain());
            desk.tell(online());
            desk
        });
        picture(&format!("connection-first{suffix}"), size, |words| {
            let first = security(Verified::FirstContact, Rights::default());
            let mut desk = with(words, first);
            desk.show(Overlay::Connection);
            desk
        });
    }
    picture("padlock-unverified", USUAL, |words| {
        with(words, security(Verified::FirstContact, Rights::default()))
    });
    picture("connection", USUAL, |words| {
        let mut desk = with(words, security(Verified::Invite, ADMINISTRATOR));
        desk.show(Overlay::Connection);
        desk
    });
    picture("connection-plain", USUAL, |words| {
        let mut desk = with(words, plain());
        desk.show(Overlay::Connection);
        desk
    });
}

#[test]
fn lines_inside_tls() {
    picture("inspector-encrypted", Vec2::new(1100.0, 620.0), |words| {
        let mut desk = home(words);
        desk.tell(security(Verified::Invite, ADMINISTRATOR));
        desk.press(Modifiers::NONE, Key::F10);
        for (at, line) in (0..).zip(["+", ">alice live/1", "<f"]) {
            desk.tell(crossed_encrypted(at, line));
        }
        desk
    });
}

#[test]
fn what_is_not_trusted() {
    let refused = |words: &Words, distrust: Distrust| {
        let mut desk = home(words);
        desk.tell(untrusted(distrust));
        desk
    };
    let unknown = || Distrust::Unknown {
        fingerprint: known(),
    };
    for (suffix, size) in BOTH {
        picture(&format!("distrust-unknown{suffix}"), size, |words| {
            refused(words, unknown())
        });
        picture(&format!("distrust-changed{suffix}"), size, |words| {
            refused(words, changed())
        });
        picture(&format!("distrust-needs-key{suffix}"), size, |words| {
            refused(words, Distrust::NeedsKey)
        });
    }
    picture("distrust-not-invited", USUAL, |words| {
        let (invited, offered) = (known(), other());
        refused(words, Distrust::NotInvited { invited, offered })
    });
    for (name, distrust) in [
        (
            "distrust-plain",
            Distrust::Plain {
                since: moment(1_699_600_000),
            },
        ),
        ("distrust-revoked", Distrust::Revoked),
    ] {
        picture(name, USUAL, |words| refused(words, distrust.clone()));
    }
}

#[test]
fn joining_with_an_invite() {
    let pasted = || {
        let mut desk = Desk::new(Preferences::default());
        desk.act(Action::EditUser(invite().written().to_string()));
        desk
    };
    for (suffix, size) in BOTH {
        picture(&format!("login-invite{suffix}"), size, |_| pasted());
        picture(&format!("login-bad-code{suffix}"), size, |_| {
            let mut desk = pasted();
            desk.click("Join");
            desk.tell(untrusted(Distrust::BadCode));
            desk
        });
    }
    picture("login-joining", USUAL, |_| {
        let mut desk = pasted();
        desk.click("Join");
        desk
    });
    picture("login-cut-off", USUAL, |_| {
        let mut desk = Desk::new(Preferences::default());
        let link = invite().written();
        desk.act(Action::EditUser(link[..link.len() - 40].to_owned()));
        desk
    });
}

#[test]
fn devices_and_invites() {
    let listed = || Ok(Answer::Devices(devices()));
    for (suffix, size) in BOTH {
        picture(&format!("devices{suffix}"), size, |_| of_alice(&[listed()]));
        picture(&format!("devices-remove{suffix}"), size, |_| {
            let mut desk = of_alice(&[listed()]);
            let revoke = Page::Revoke {
                of: login("alice"),
                device: devices().remove(1),
            };
            desk.act(Action::Page(PageAction::Open(revoke)));
            desk
        });
        picture(&format!("invited{suffix}"), size, |_| {
            let mut desk = page(Page::invite(login("bruno"), false), &[]);
            desk.act(Action::Page(PageAction::Submit));
            let request = desk.asked().into_iter().find_map(|command| match command {
                Command::Administer(request) => Some(request),
                _ => None,
            });
            desk.tell(Event::Administered {
                request: request.unwrap(),
                answer: Ok(Answer::Invited(Invited {
                    link: invite(),
                    until: moment(1_700_500_000),
                })),
            });
            desk
        });
    }
    picture("devices-none", USUAL, |_| {
        of_alice(&[Err(RequestProblem::NoConnection)])
    });
    picture("invite", USUAL, |_| {
        page(Page::invite(login("bruno"), false), &[])
    });
    picture("program-key", USUAL, |_| {
        let name = "homework.py".to_owned();
        let mut desk = page(Page::AddKey { name }, &[]);
        desk.act(Action::Page(PageAction::Submit));
        desk.asked();
        desk.tell(Event::Administered {
            request: Request::ProgramKey {
                name: "homework.py".into(),
            },
            answer: Ok(Answer::ProgramKey(Secret::new([0x5a; 16]))),
        });
        desk
    });
}

#[test]
fn people_and_groups() {
    for (suffix, size) in BOTH {
        picture(&format!("users{suffix}"), size, |_| {
            page(Page::users(), &[])
        });
        picture(&format!("user{suffix}"), size, |_| {
            page(Page::user(login("bruno")), &[])
        });
        picture(&format!("group{suffix}"), size, |_| {
            page(Page::group(login("turma-a")), &[])
        });
        picture(&format!("settings-administrator{suffix}"), size, |_| {
            let mut desk = desk(ADMINISTRATOR);
            desk.show(Overlay::Settings);
            desk
        });
    }
    picture("user-add", SMALL, |_| {
        let (login, name) = ("eva lima".into(), "Eva Lima".into());
        let mut desk = page(Page::AddUser { login, name }, &[]);
        desk.act(Action::Page(PageAction::Submit));
        desk
    });
    picture("user-remove", USUAL, |_| {
        page(Page::RemoveUser(login("bruno")), &[])
    });
    picture("user-problem", USUAL, |_| {
        let mut desk = page(Page::user(login("carla")), &[]);
        let request = Request::SetRole {
            login: login("carla"),
            is_administrator: false,
        };
        desk.act(Action::Page(PageAction::Ask(request.clone())));
        desk.tell(Event::Administered {
            request,
            answer: Err(RequestProblem::LastAdministrator),
        });
        desk
    });
    picture("groups", USUAL, |_| page(Page::groups(), &[]));
    picture("groups-none", USUAL, |_| {
        let mut desk = Desk::signed_in(vec![]);
        desk.tell(security(Verified::Invite, ADMINISTRATOR));
        desk.show(Overlay::administration(Page::groups()));
        desk
    });
    picture("group-create", USUAL, |_| {
        page(
            Page::AddGroup {
                name: "projeto".into(),
            },
            &[],
        )
    });
    picture("group-add", USUAL, |_| {
        let mut desk = page(Page::add_members(login("turma-a")), &[]);
        desk.act(Action::Page(PageAction::Type(PageField::First, "a".into())));
        desk
    });
    picture("group-large", USUAL, |_| {
        let mut desk = page(Page::group(login("turma-b")), &[]);
        let members = (0..300).map(|at| login(&format!("2026{at:03}")));
        desk.tell(Event::Roster(mensageiro::engine::Roster {
            changes: true,
            groups: vec![RosterGroup {
                name: login("turma-b"),
                members: members.collect(),
                gone: vec![],
                admins: vec![login("2026000"), alice().login],
            }],
            ..Default::default()
        }));
        desk
    });
}
