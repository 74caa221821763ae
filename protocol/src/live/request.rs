use serde::de::DeserializeOwned;

use super::{
    About, BadLine, ConversationsRequest, DevicesRequest, Edit, Edited, FileReference, Got,
    HistoryRequest, InviteRequest, KeyRequest, Nothing, Read, Revoke, RosterRequest, Set,
    SettingsRequest, SlotRequest, Status, Tag, Typing,
    message::{encode_about, encode_addressed, parse_addressed, split},
    read_object, split_verb, write_verb,
};
use crate::{Addressed, Login, Text};

/// One line from a live client after its hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `#c7 @bob text` (rule V4).
    Send {
        /// The client's name for the message. Without it there is no acknowledgement.
        tag: Option<Tag>,
        /// What it says about another message (rule V16). A message without a tag says nothing.
        about: Option<About>,
        /// The recipient: a user or a group.
        to: Login,
        /// The file that belongs to it (rule V26).
        file: Option<FileReference>,
        /// The text.
        text: Text,
    },
    /// `read` (rule V8).
    Read(Read),
    /// `got` (rule V7).
    Got(Got),
    /// `history` (rule V10).
    History(HistoryRequest),
    /// `typing` (rule V11).
    Typing(Typing),
    /// `status` (rule V12).
    Status(Status),
    /// `roster` (rule V12).
    Roster(RosterRequest),
    /// `conversations` (rule V14).
    Conversations(ConversationsRequest),
    /// `set` (rule V15).
    Set(Set),
    /// `settings` (rule V15).
    Settings(SettingsRequest),
    /// `devices` (rule A6).
    Devices(DevicesRequest),
    /// `revoke` (rule A7).
    Revoke(Revoke),
    /// `invite` (rule A8).
    Invite(InviteRequest),
    /// `key` (rule A9).
    Key(KeyRequest),
    /// `edit` (rules A11 to A13).
    Edit(Edit),
    /// `slot` (rule V25).
    Slot(SlotRequest),
    /// `ping` (rule V13).
    Ping,
    /// `bye` (rule V13).
    Bye,
    /// A verb of a later version, or an empty line. It has no effect (rule V2).
    Unknown,
}

impl Request {
    /// Parses one line, without its line end.
    ///
    /// # Errors
    /// [`BadLine`] if it is a message or a known verb, but malformed.
    pub fn parse(line: &[u8]) -> Result<Self, BadLine> {
        match line.first() {
            Some(b'@') => {
                parse_addressed(line).map(|message| Self::send((None, None), None, message))
            }
            Some(b'#') => Self::parse_tagged(line),
            _ => Self::parse_verb(line),
        }
    }

    fn send(
        (tag, about): (Option<Tag>, Option<About>),
        file: Option<FileReference>,
        Addressed { login: to, text }: Addressed,
    ) -> Self {
        Self::Send {
            tag,
            about,
            to,
            file,
            text,
        }
    }

    fn parse_tagged(line: &[u8]) -> Result<Self, BadLine> {
        let head = line[1..].split(|byte| matches!(byte, b' ' | b';')).next();
        let tag = str::from_utf8(head.unwrap_or_default()).unwrap_or_default();
        let tag = Tag::parse(tag).map_err(BadLine::new)?;
        let message = split(line).and_then(|(head, message)| {
            let words = head.split(';').skip(1);
            let about = About::parse(words.clone())?;
            let file = FileReference::parse(words)?;
            if file.is_some() && about.is_some_and(About::is_change) {
                return Err(BadLine::new("an edit or a deletion has no file"));
            }
            Ok(Self::send((Some(tag.clone()), about), file, message))
        });
        message.map_err(|BadLine { reason, .. }| BadLine {
            tag: Some(tag),
            reason,
        })
    }

    fn parse_verb(line: &[u8]) -> Result<Self, BadLine> {
        let (verb, json) = split_verb(line);
        Ok(match verb {
            b"read" => Self::Read(read_object(json)?),
            b"got" => Self::Got(read_object(json)?),
            b"history" => Self::History(read_object(json)?),
            b"typing" => Self::Typing(read_object(json)?),
            b"status" => Self::Status(read_object(json)?),
            // Anything may follow it: the first version ignored it.
            b"roster" => Self::Roster(read_object(json).unwrap_or_default()),
            b"conversations" => Self::Conversations(read_object(json)?),
            b"set" => Self::Set(read_tagged(json)?),
            b"settings" => Self::Settings(read_object(json)?),
            b"devices" => Self::Devices(read_object(json)?),
            b"revoke" => Self::Revoke(read_object(json)?),
            b"invite" => Self::Invite(read_object(json)?),
            b"key" => Self::Key(read_object(json)?),
            b"edit" => Self::Edit(read_tagged(json)?),
            b"slot" => Self::Slot(read_tagged(json)?),
            b"ping" => Self::Ping,
            b"bye" => Self::Bye,
            _ => Self::Unknown,
        })
    }

    /// Appends the line, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Send {
                tag,
                about,
                to,
                file,
                text,
            } => {
                match tag {
                    Some(tag) => {
                        out.push(b'#');
                        out.extend_from_slice(tag.as_str().as_bytes());
                        if let Some(about) = about {
                            encode_about(*about, out);
                        }
                        if let Some(file) = file {
                            file.encode(out);
                        }
                        encode_addressed(to, text, out);
                    }
                    None => {
                        let start = out.len();
                        encode_addressed(to, text, out);
                        // Without a tag there is no head, and so no space after it.
                        out.remove(start);
                    }
                }
            }
            Self::Read(read) => write_verb("read", read, out),
            Self::Got(got) => write_verb("got", got, out),
            Self::History(history) => write_verb("history", history, out),
            Self::Typing(typing) => write_verb("typing", typing, out),
            Self::Status(status) => write_verb("status", status, out),
            Self::Roster(request) => write_verb("roster", request, out),
            Self::Conversations(request) => write_verb("conversations", request, out),
            Self::Set(set) => write_verb("set", set, out),
            Self::Settings(request) => write_verb("settings", request, out),
            Self::Devices(request) => write_verb("devices", request, out),
            Self::Revoke(revoke) => write_verb("revoke", revoke, out),
            Self::Invite(request) => write_verb("invite", request, out),
            Self::Key(request) => write_verb("key", request, out),
            Self::Edit(edit) => write_verb("edit", edit, out),
            Self::Slot(request) => write_verb("slot", request, out),
            Self::Ping => write_verb("ping", &Nothing {}, out),
            Self::Bye => write_verb("bye", &Nothing {}, out),
            Self::Unknown => {}
        }
    }
}

/// A client waits for the answer, so a malformed one is refused with its tag.
fn read_tagged<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadLine> {
    read_object(json).map_err(|bad: BadLine| BadLine {
        tag: read_object::<Edited>(json)
            .ok()
            .and_then(|request| request.tag),
        ..bad
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::{Change, FileHash, FileToken, Preview, Role},
        trust::DeviceId,
    };

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn send(tag: Option<&str>, text: &str) -> Request {
        Request::Send {
            tag: tag.map(|tag| Tag::parse(tag).unwrap()),
            about: None,
            to: login("bob"),
            file: None,
            text: Text::from(text),
        }
    }

    fn check(line: &str, request: Request) {
        assert_eq!(Request::parse(line.as_bytes()), Ok(request.clone()));
        let mut encoded = Vec::new();
        request.encode(&mut encoded);
        assert_eq!(String::from_utf8(encoded).unwrap(), line);
    }

    #[test]
    fn every_request_is_read_as_it_is_written() {
        check("@bob hello", send(None, "hello"));
        check(
            r"#c7 @bob two\nlines \\ more",
            send(Some("c7"), "two\nlines \\ more"),
        );
        let Request::Send { tag, to, text, .. } = send(Some("c7"), "yes") else {
            unreachable!();
        };
        let about = Some(About::Reply(8841));
        check(
            "#c7;re=8841 @bob yes",
            Request::Send {
                tag,
                about,
                to,
                file: None,
                text,
            },
        );
        check(
            r#"read {"with":"bob","up_to":8841}"#,
            Request::Read(Read {
                with: login("bob"),
                up_to: 8841,
            }),
        );
        check(r#"got {"up_to":8841}"#, Request::Got(Got { up_to: 8841 }));
        check(
            r#"history {"with":"bob","before":8812,"limit":20}"#,
            Request::History(HistoryRequest {
                with: login("bob"),
                before: Some(8812),
                limit: 20,
            }),
        );
        check(
            r#"typing {"to":"bob"}"#,
            Request::Typing(Typing { to: login("bob") }),
        );
        check(
            r#"status {"state":"away","note":"lunch"}"#,
            Request::Status(Status {
                state: super::super::Presence::Away,
                note: Text::from("lunch"),
            }),
        );
        check("roster {}", Request::Roster(RosterRequest::default()));
        let changes = RosterRequest { changes: true };
        check(r#"roster {"changes":true}"#, Request::Roster(changes));
        check(
            r#"conversations {"before":8812,"limit":20}"#,
            Request::Conversations(ConversationsRequest {
                before: Some(8812),
                limit: 20,
            }),
        );
        let tag = || Tag::parse("q1").ok();
        let bob = || Some(login("bob"));
        check(
            r#"set {"tag":"s1","with":"bob","muted":true,"muted_until":1763843211123,"draft":"a\nb"}"#,
            Request::Set(Set {
                tag: Tag::parse("s1").ok(),
                with: Some(login("bob")),
                muted: Some(true),
                muted_until: Some(1_763_843_211_123),
                draft: Some(Text::from("a\nb")),
                ..Set::default()
            }),
        );
        check(
            r#"settings {"after":17}"#,
            Request::Settings(SettingsRequest { after: 17 }),
        );
        check(
            r#"devices {"tag":"q1","login":"bob"}"#,
            Request::Devices(DevicesRequest {
                tag: tag(),
                login: bob(),
            }),
        );
        check(
            r#"revoke {"id":"XJ4BNP4PAHH6UQKB"}"#,
            Request::Revoke(Revoke {
                tag: None,
                id: DeviceId::parse("XJ4B-NP4P-AHH6-UQKB").unwrap(),
                login: None,
            }),
        );
        check(
            r#"invite {"tag":"q1","login":"bob","valid":3600}"#,
            Request::Invite(InviteRequest {
                tag: tag(),
                login: bob(),
                valid: Some(3600),
            }),
        );
        check(
            r#"key {"name":"a script"}"#,
            Request::Key(KeyRequest {
                tag: None,
                name: "a script".into(),
            }),
        );
        for (line, change) in [
            (
                r#"edit {"do":"add-user","login":"bob","name":"Bob B.","role":"admin","keep":true}"#,
                Change::AddUser {
                    login: login("bob"),
                    name: "Bob B.".into(),
                    role: Some(Role::Admin),
                    keep: true,
                },
            ),
            (
                r#"edit {"do":"set-role","login":"bob"}"#,
                Change::SetRole {
                    login: login("bob"),
                    role: None,
                },
            ),
            (
                r#"edit {"do":"create-group","group":"turma-a","members":["bob"]}"#,
                Change::CreateGroup {
                    group: login("turma-a"),
                    members: vec![login("bob")],
                },
            ),
            (
                r#"edit {"do":"set-member-role","group":"turma-a","member":"bob","role":"admin"}"#,
                Change::SetMemberRole {
                    group: login("turma-a"),
                    member: login("bob"),
                    role: Some(Role::Admin),
                },
            ),
        ] {
            check(
                line,
                Request::Edit(Edit {
                    tag: None,
                    change: change.clone(),
                }),
            );
            let line = line.replacen('{', r#"{"tag":"q1","#, 1);
            check(&line, Request::Edit(Edit { tag: tag(), change }));
        }
        check(
            r#"slot {"tag":"q1","name":"a.png","size":7,"type":"image/png","hash":"abababababababababababababababababababababababababababababababab"}"#,
            Request::Slot(SlotRequest {
                tag: tag(),
                name: "a.png".into(),
                size: 7,
                kind: "image/png".into(),
                hash: Some(FileHash([0xab; 32])),
            }),
        );
        check(
            "#c7;file=gaytemzugu3doobzmfrggzdfmy;preview=_9g_ @bob hi",
            Request::Send {
                tag: Tag::parse("c7").ok(),
                about: None,
                to: login("bob"),
                file: Some(FileReference {
                    token: FileToken::new(*b"0123456789abcdef"),
                    preview: Preview::new(b"\xff\xd8?"),
                }),
                text: Text::from("hi"),
            },
        );
        check("ping {}", Request::Ping);
        check("bye {}", Request::Bye);
    }

    #[test]
    fn what_is_unknown_is_ignored_and_what_may_be_left_out_has_a_meaning() {
        let parse = |line: &str| Request::parse(line.as_bytes());
        assert_eq!(parse("dance {\"with\":1}"), Ok(Request::Unknown));
        assert_eq!(parse(""), Ok(Request::Unknown));
        assert_eq!(parse("ping"), Ok(Request::Ping));
        let roster = Ok(Request::Roster(RosterRequest::default()));
        assert_eq!(parse("roster everybody"), roster);
        let conversations = Request::Conversations(ConversationsRequest::default());
        assert_eq!(parse("conversations {}"), Ok(conversations));
        assert_eq!(parse("#c7;color=red @bob hi"), Ok(send(Some("c7"), "hi")));
        assert_eq!(
            parse(r#"history {"with":"bob","color":"red"}"#),
            Ok(Request::History(HistoryRequest {
                with: login("bob"),
                before: None,
                limit: 50
            }))
        );
        assert_eq!(parse(r"@bob C:\temp"), Ok(send(None, "C:\\temp")));
    }

    #[test]
    fn a_bad_line_says_why_and_of_which_message() {
        let bad = |line: &str| Request::parse(line.as_bytes()).unwrap_err();
        assert_eq!(bad("#c7 hello").tag, Tag::parse("c7").ok());
        assert_eq!(bad("#c7").tag, Tag::parse("c7").ok());
        assert_eq!(bad("# @bob hi").tag, None);
        assert_eq!(bad("#c7;re=x @bob hi").tag, Tag::parse("c7").ok());
        assert_eq!(bad("@bob").reason, "there is no text after the recipient");
        assert!(bad("read {}").reason.contains("with"));
        assert!(bad("got [").reason.contains("EOF"));
        for edit in [
            r#"{"tag":"q1","do":"dance"}"#,
            r#"{"tag":"q1"}"#,
            r#"{"tag":"q1","do":"remove-user","login":"a b"}"#,
        ] {
            assert_eq!(bad(&format!("edit {edit}")).tag, Tag::parse("q1").ok());
        }
    }
}
