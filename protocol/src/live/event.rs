use super::{
    Accepted, BadLine, Bye, Conversations, Delivered, Devices, Edited, HistoryEnd, Invited, Joined,
    NewKey, Nothing, PresenceNews, Read, Receipt, Refused, Roster, SettingsNews, Slot, TypingNews,
    Welcome, read_object, split_verb, write_verb,
};
use crate::{classic::END, limits::HIGHEST_ID};

/// One line from a server to a live client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `welcome` (rule V1).
    Welcome(Welcome),
    /// `#8841;at=… @bob text` (rule V6).
    Message(Delivered),
    /// `f`: the backlog is complete (rule V3).
    End,
    /// `ok` (rule V4).
    Accepted(Accepted),
    /// `no` (rule V4).
    Refused(Refused),
    /// `receipt` (rule V9).
    Receipt(Receipt),
    /// `read`: another session of the same user has sent it (rule V8).
    Read(Read),
    /// `typing` (rule V11).
    Typing(TypingNews),
    /// `presence` (rule V12).
    Presence(PresenceNews),
    /// `roster` (rule V12).
    Roster(Roster),
    /// `conversations` (rule V14).
    Conversations(Conversations),
    /// `settings` (rule V15).
    Settings(SettingsNews),
    /// `history`: an answer is complete (rule V10).
    History(HistoryEnd),
    /// `joined` (rule A5).
    Joined(Joined),
    /// `devices` (rule A6).
    Devices(Devices),
    /// `invite` (rule A8).
    Invited(Invited),
    /// `key` (rule A9).
    NewKey(NewKey),
    /// `edited` (rule A11).
    Edited(Edited),
    /// `slot` (rule V25).
    Slot(Slot),
    /// `pong` (rule V13).
    Pong,
    /// `bye` (rule V13).
    Bye(Bye),
    /// A line of a later version. It has no effect (rule V2).
    Unknown,
}

impl Event {
    /// Parses one line, without its line end.
    ///
    /// # Errors
    /// [`BadLine`] if it is a message or a known verb, but malformed, or has an id that no message can have.
    pub fn parse(line: &[u8]) -> Result<Self, BadLine> {
        if line == END {
            return Ok(Self::End);
        }
        if line.first() == Some(&b'#') {
            return Delivered::parse(line).map(Self::Message)?.with_valid_ids();
        }
        let (verb, json) = split_verb(line);
        let event = match verb {
            b"welcome" => Self::Welcome(read_object(json)?),
            b"ok" => Self::Accepted(read_object(json)?),
            b"no" => Self::Refused(read_object(json)?),
            b"receipt" => Self::Receipt(read_object(json)?),
            b"read" => Self::Read(read_object(json)?),
            b"typing" => Self::Typing(read_object(json)?),
            b"presence" => Self::Presence(read_object(json)?),
            b"roster" => Self::Roster(read_object(json)?),
            b"conversations" => Self::Conversations(read_object(json)?),
            b"settings" => Self::Settings(read_object(json)?),
            b"history" => Self::History(read_object(json)?),
            b"joined" => Self::Joined(read_object(json)?),
            b"devices" => Self::Devices(read_object(json)?),
            b"invite" => Self::Invited(read_object(json)?),
            b"key" => Self::NewKey(read_object(json)?),
            b"edited" => Self::Edited(read_object(json)?),
            b"slot" => Self::Slot(read_object(json)?),
            b"pong" => Self::Pong,
            b"bye" => Self::Bye(read_object(json)?),
            _ => Self::Unknown,
        };
        event.with_valid_ids()
    }

    /// A message has an id from 1 to [`HIGHEST_ID`]; 0 stands for no message. So nothing that is calculated from
    /// an id overflows.
    fn with_valid_ids(self) -> Result<Self, BadLine> {
        let is_id = |id: u64| (1..=HIGHEST_ID).contains(&id);
        let is_limit = |id: u64| id <= HIGHEST_ID;
        let is_valid = match &self {
            Self::Welcome(welcome) => {
                let is_epoch = welcome
                    .epoch
                    .is_none_or(|epoch| i64::try_from(epoch).is_ok());
                is_epoch && is_limit(welcome.last) && welcome.after.is_none_or(is_limit)
            }
            Self::Message(message) => is_id(message.id),
            Self::Accepted(accepted) => is_id(accepted.id),
            Self::Receipt(receipt) => is_limit(receipt.id),
            Self::Read(read) => is_limit(read.up_to),
            Self::Conversations(listed) => {
                let mut all = listed.conversations.iter();
                all.all(|one| {
                    let last = &one.last;
                    let of_edit = last.edit.as_ref().map(|edit| edit.id);
                    let mut ids = last.re.into_iter().chain(of_edit).chain([last.id]);
                    ids.all(is_id) && is_limit(one.read) && one.settings.is_valid()
                })
            }
            Self::Settings(news) => news.changed.iter().all(|one| one.of.is_valid()),
            _ => true,
        };
        match is_valid {
            true => Ok(self),
            false => Err(BadLine::new("no message has this id")),
        }
    }

    /// Appends the line, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Welcome(welcome) => write_verb("welcome", welcome, out),
            Self::Message(message) => message.encode(out),
            Self::End => out.extend_from_slice(END),
            Self::Accepted(accepted) => write_verb("ok", accepted, out),
            Self::Refused(refused) => write_verb("no", refused, out),
            Self::Receipt(receipt) => write_verb("receipt", receipt, out),
            Self::Read(read) => write_verb("read", read, out),
            Self::Typing(typing) => write_verb("typing", typing, out),
            Self::Presence(presence) => write_verb("presence", presence, out),
            Self::Roster(roster) => write_verb("roster", roster, out),
            Self::Conversations(listed) => write_verb("conversations", listed, out),
            Self::Settings(news) => write_verb("settings", news, out),
            Self::History(history) => write_verb("history", history, out),
            Self::Joined(joined) => write_verb("joined", joined, out),
            Self::Devices(devices) => write_verb("devices", devices, out),
            Self::Invited(invited) => write_verb("invite", invited, out),
            Self::NewKey(key) => write_verb("key", key, out),
            Self::Edited(edited) => write_verb("edited", edited, out),
            Self::Slot(slot) => write_verb("slot", slot, out),
            Self::Pong => write_verb("pong", &Nothing {}, out),
            Self::Bye(bye) => write_verb("bye", bye, out),
            Self::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Login, Name, Text,
        live::{About, ByeCode, Presence, RefusalCode, RosterUser, Tag},
    };

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn message(from: &str, tag: Option<&str>, is_old: bool) -> Event {
        Event::Message(Delivered {
            id: 8841,
            at: 1_763_843_211_123,
            with: login("bob"),
            from: login(from),
            tag: tag.map(|tag| Tag::parse(tag).unwrap()),
            about: None,
            is_old,
            file: None,
            text: Text::from("hi\nthere"),
        })
    }

    fn check(line: &str, event: Event) {
        assert_eq!(Event::parse(line.as_bytes()), Ok(event.clone()));
        let mut encoded = Vec::new();
        event.encode(&mut encoded);
        assert_eq!(String::from_utf8(encoded).unwrap(), line);
    }

    #[test]
    fn messages_name_the_conversation_and_the_author_where_it_differs() {
        check(
            r"#8841;at=1763843211123 @bob hi\nthere",
            message("bob", None, false),
        );
        check(
            r"#8841;at=1763843211123;from=ana;tag=c7 @bob hi\nthere",
            message("ana", Some("c7"), false),
        );
        check(
            r"#8841;at=1763843211123;from=ana;old=1 @bob hi\nthere",
            message("ana", None, true),
        );
        let Event::Message(reply) = message("bob", None, true) else {
            unreachable!();
        };
        let about = Some(About::Reply(8800));
        check(
            r"#8841;at=1763843211123;re=8800;old=1 @bob hi\nthere",
            Event::Message(Delivered { about, ..reply }),
        );
    }

    #[test]
    fn every_verb_is_read_as_it_is_written() {
        for line in [
            r#"welcome {"server":"MeuMensageiro","version":"0.1.0","you":"alice","last":8840,"limits":{"line_bytes":16384}}"#,
            r#"welcome {"server":"MeuMensageiro","version":"0.1.0","you":"alice","last":8840,"store":"0000000000000000000000000000009f","epoch":2,"after":8700,"number":17,"limits":{"line_bytes":16384}}"#,
            "f",
            r#"ok {"tag":"c7","id":8842,"at":1763843211123}"#,
            r#"no {"tag":"c7","code":"unknown-recipient","detail":"there is no user or group zoe"}"#,
            r#"no {"code":"bad-line","detail":"?"}"#,
            r#"no {"tag":"5f0c:17","code":"tag-used","detail":"?"}"#,
            r#"no {"tag":"5f0c:17","code":"tag-old","detail":"?"}"#,
            r#"no {"tag":"5f0c:17","code":"slow-down","detail":"?","retry_after":7}"#,
            r#"no {"tag":"5f0c:17","code":"quota","detail":"?","retry_after":3600}"#,
            r#"no {"tag":"q1","code":"not-allowed","detail":"?"}"#,
            r#"no {"tag":"q1","code":"unknown","detail":"?"}"#,
            r#"bye {"code":"needs-tls","detail":"?"}"#,
            r#"bye {"code":"needs-key","detail":"?"}"#,
            r#"bye {"code":"revoked","detail":"?"}"#,
            r#"welcome {"server":"","version":"","you":"alice","last":7,"closed":true,"device":"XJ4BNP4PAHH6UQKB","limits":{"line_bytes":16384}}"#,
            r#"joined {"login":"ana","id":"XJ4BNP4PAHH6UQKB"}"#,
            r#"devices {"tag":"q1","login":"ana","devices":[{"id":"XJ4BNP4PAHH6UQKB","name":"laptop","added":1763843211123,"seen":1763843211124,"you":true},{"id":"LJNFUWS2LJNFUWS2","program":true,"added":7}]}"#,
            r#"invite {"login":"bob","code":"LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI","until":1763843211123}"#,
            r#"key {"key":"LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI","id":"XJ4BNP4PAHH6UQKB"}"#,
            r#"bye {"code":"busy","detail":"?","retry_after":10}"#,
            r#"receipt {"id":8842,"with":"bob","by":"bob","state":"read","at":1763843211123}"#,
            r#"read {"with":"bob","up_to":8841}"#,
            r#"typing {"from":"ana","with":"turma-a"}"#,
            r#"presence {"login":"bob","state":"offline","seen":1763843211123}"#,
            r#"presence {"login":"bob","state":"away","note":"lunch"}"#,
            r#"roster {"users":[{"login":"bob","state":"online","name":"Bob B."}],"groups":[{"name":"turma-a","members":["ana","bob"]}],"more":false}"#,
            r#"roster {"changes":true,"gone":["zoe"],"users":[],"groups":[{"name":"turma-a","members":["eva"],"gone":["bob"]}],"more":false}"#,
            r#"conversations {"before":8812,"conversations":[{"with":"bob","unread":1,"read":8700,"last":{"id":8801,"at":1763843211123,"from":"bob","text":"a\nb"}},{"with":"turma-a","group":true,"unread":0,"read":8800,"last":{"id":8800,"at":1763843211123,"from":"alice","tag":"c7","text":"\\"}}],"more":true}"#,
            r#"conversations {"conversations":[{"with":"bob","unread":0,"read":8700,"last":{"id":8801,"at":7,"from":"bob","re":8800,"text":"yes","edit":{"id":8807,"at":8,"text":"no"}}}],"more":false}"#,
            r#"welcome {"server":"","version":"","you":"alice","last":8840,"about":["re","edit"],"limits":{"line_bytes":16384}}"#,
            r#"conversations {"conversations":[{"with":"bob","unread":0,"read":1,"last":{"id":1,"at":7,"from":"bob","text":"x"},"pinned":true,"archived":true,"archived_up_to":1}],"more":false}"#,
            r#"settings {"tag":"s1","last":18,"changed":[{"with":"bob","number":18,"pinned":true,"muted":true,"muted_until":1763843211123,"archived":true,"archived_up_to":8842,"draft":"a\nb","marked_unread":true}]}"#,
            r#"settings {"after":12,"last":17,"changed":[{"with":"bob","number":16},{"number":17,"note":"lunch"}],"more":true}"#,
            r#"welcome {"server":"","version":"","you":"alice","last":8840,"settings":17,"limits":{"line_bytes":16384}}"#,
            r#"history {"with":"bob","before":8812,"count":50,"more":true}"#,
            r#"welcome {"server":"","version":"","you":"alice","last":8840,"role":"admin","new_groups":true,"limits":{"line_bytes":16384}}"#,
            r#"roster {"users":[{"login":"bob","state":"online","role":"admin"}],"groups":[{"name":"turma-a","members":["ana","bob"],"admins":["ana"]}],"more":false}"#,
            r#"no {"tag":"q1","code":"exists","detail":"?"}"#,
            r#"no {"tag":"q1","code":"bad-name","detail":"?"}"#,
            r#"no {"tag":"q1","code":"last-admin","detail":"?"}"#,
            r#"no {"tag":"q1","code":"cannot-edit","detail":"?"}"#,
            r#"edited {"tag":"q1"}"#,
            "edited {}",
            r#"slot {"tag":"q1","file":"gaytemzugu3doobzmfrggzdfmy","path":"/f/gaytemzugu3doobzmfrggzdfmy/a.png","url":"http://10.0.0.1:3333/f/gaytemzugu3doobzmfrggzdfmy/a.png","offset":7,"until":1763843211123}"#,
            r#"welcome {"server":"","version":"","you":"alice","last":8840,"limits":{"line_bytes":16384,"file_bytes":104857600}}"#,
            r#"no {"tag":"q1","code":"too-large","detail":"?"}"#,
            r#"no {"tag":"q1","code":"disk-full","detail":"?","retry_after":60}"#,
            r#"no {"tag":"q1","code":"unknown-file","detail":"?"}"#,
            "pong {}",
            r#"bye {"code":"slow","detail":"too much was waiting"}"#,
        ] {
            let event = Event::parse(line.as_bytes()).unwrap();
            assert_ne!(event, Event::Unknown);
            let mut encoded = Vec::new();
            event.encode(&mut encoded);
            assert_eq!(String::from_utf8(encoded).unwrap(), line);
        }
    }

    #[test]
    fn an_id_that_no_message_can_have_is_refused() {
        for line in [
            r#"welcome {"you":"ana","last":ID}"#,
            r#"welcome {"you":"ana","last":5,"after":ID}"#,
            "#ID;at=1 @bob hi",
            "#ID;old=1 @bob hi",
            "#1;re=ID @bob hi",
            "#1;edit=ID @bob hi",
            r#"conversations {"conversations":[{"with":"bob","last":{"id":1,"from":"bob","text":"x","edit":{"id":ID,"text":"y"}}}]}"#,
            r#"conversations {"conversations":[{"with":"bob","last":{"id":1,"from":"bob","re":ID,"text":"x"}}]}"#,
            r#"ok {"tag":"c7","id":ID,"at":1}"#,
            r#"receipt {"id":ID,"with":"bob","by":"bob","state":"read","at":1}"#,
            r#"read {"with":"bob","up_to":ID}"#,
            r#"settings {"last":1,"changed":[{"with":"bob","archived":true,"archived_up_to":ID}]}"#,
            r#"conversations {"conversations":[{"with":"bob","last":{"id":ID,"from":"bob","text":"x"}}]}"#,
            r#"conversations {"conversations":[{"with":"bob","read":ID,"last":{"id":1,"from":"bob","text":"x"}}]}"#,
        ] {
            let parse = |id: u128| Event::parse(line.replace("ID", &id.to_string()).as_bytes());
            for id in [1, 1 << 32, u128::from(HIGHEST_ID)] {
                assert!(parse(id).is_ok(), "{line} {id}");
            }
            for id in [1 << 40, 1 << 63, (1 << 64) - 1, 1 << 64] {
                assert!(parse(id).is_err(), "{line} {id}");
            }
        }
        assert!(Event::parse(b"#0 @bob hi").is_err());
        assert!(Event::parse(br#"ok {"tag":"c7","id":0,"at":1}"#).is_err());
        assert!(Event::parse(br#"welcome {"you":"ana","last":0}"#).is_ok());
    }

    #[test]
    fn an_ok_that_is_written_from_its_parts_is_the_same() {
        let tag = Tag::parse("c7").unwrap();
        let mut line = Vec::new();
        Accepted::write(&tag, 7, -8, &mut line);
        let accepted = Event::Accepted(Accepted { tag, id: 7, at: -8 });
        assert_eq!(Event::parse(&line), Ok(accepted));
    }

    #[test]
    fn a_roster_tells_where_everybody_is() {
        let line = r#"roster {"users":[{"login":"bob","state":"online","color":1}],"groups":[]}"#;
        let user = RosterUser {
            presence: PresenceNews {
                login: login("bob"),
                state: Presence::Online,
                note: Text::default(),
                seen: None,
            },
            name: Name::default(),
            role: None,
        };
        let roster = Roster {
            users: vec![user],
            ..Roster::default()
        };
        assert_eq!(Event::parse(line.as_bytes()), Ok(Event::Roster(roster)));
    }

    #[test]
    fn what_a_later_version_says_is_understood_as_far_as_it_goes() {
        assert_eq!(Event::parse(b"weather {}"), Ok(Event::Unknown));
        let bye = Event::parse(br#"bye {"code":"full-moon","why":3}"#);
        assert!(matches!(
            bye,
            Ok(Event::Bye(Bye {
                code: ByeCode::Other,
                ..
            }))
        ));
        let no = Event::parse(br#"no {"code":"too-sunny"}"#);
        assert!(matches!(
            no,
            Ok(Event::Refused(Refused {
                code: RefusalCode::Other,
                ..
            }))
        ));
        assert!(Event::parse(b"#x @bob hi").is_err());
    }
}
