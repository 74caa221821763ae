//! The meaning of a line, given the earlier lines of its connection.

use mensageiro_protocol::{
    Addressed, Text,
    classic::{Reply, Request},
    live::{self, Hello},
};

use crate::engine::{Crossing, FaultNews, Side, WireNews};

/// The meaning of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The connection was made.
    Opened,
    /// One side closes in order.
    Closed(Side),
    /// One side cuts the connection.
    Cut(Side),
    /// The person disturbs the link.
    Fault(FaultNews),
    /// The login of the assignment.
    Login(Text),
    /// The login that asks for a live session.
    Hello(Hello),
    /// A classic client polls for new messages.
    Poll,
    /// A classic client's message.
    Send(Addressed),
    /// A classic server's message.
    Message(Addressed),
    /// A classic server's end mark.
    End,
    /// A request of a live client.
    Asked(live::Request),
    /// An event of a live server.
    Event(live::Event),
    /// Not part of the protocol.
    Unclear,
}

/// Where a line stands in its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// The client's first line.
    First,
    #[default]
    Classic,
    Live,
}

/// Follows the connections.
#[derive(Debug, Default)]
pub(super) struct Reader {
    stage: Stage,
    /// A live session was asked for and not answered yet.
    is_greeting: bool,
}

impl Reader {
    /// In the middle of a session.
    pub(super) fn new(is_live: bool) -> Self {
        let stage = if is_live { Stage::Live } else { Stage::Classic };
        Self {
            stage,
            is_greeting: false,
        }
    }

    /// The stage of this line.
    pub(super) fn follow(&mut self, news: &WireNews) -> Stage {
        let Crossing::Line { from, bytes, .. } = &news.crossing else {
            if news.crossing == Crossing::Opened {
                self.stage = Stage::First;
                self.is_greeting = false;
            }
            return self.stage;
        };
        let stage = self.stage;
        match (from, stage) {
            (Side::Client, Stage::First) => {
                self.is_greeting = hello(bytes).is_some();
                self.stage = Stage::Classic;
            }
            (Side::Server, _) if std::mem::take(&mut self.is_greeting) => {
                let verb = bytes.split(|&byte| byte == b' ').next();
                if matches!(verb, Some(b"welcome" | b"bye")) {
                    self.stage = Stage::Live;
                }
                return self.stage;
            }
            _ => {}
        }
        stage
    }
}

/// What happened, or was said.
pub(super) fn of(crossing: &Crossing, stage: Stage) -> Meaning {
    let (from, line) = match crossing {
        Crossing::Opened => return Meaning::Opened,
        Crossing::Closed(side) => return Meaning::Closed(*side),
        Crossing::Cut(side) => return Meaning::Cut(*side),
        Crossing::Fault(news) => return Meaning::Fault(*news),
        Crossing::Line { from, bytes, .. } => (*from, bytes.strip_suffix(b"\r").unwrap_or(bytes)),
    };
    match (from, stage) {
        (Side::Client, Stage::First) => {
            hello(line).map_or_else(|| Meaning::Login(Text::decode(line)), Meaning::Hello)
        }
        (Side::Client, Stage::Live) => {
            live::Request::parse(line).map_or(Meaning::Unclear, |request| match request {
                live::Request::Unknown => Meaning::Unclear,
                request => Meaning::Asked(request),
            })
        }
        (Side::Client, Stage::Classic) => match Request::parse(line) {
            Request::Poll => Meaning::Poll,
            Request::Send(message) => Meaning::Send(message),
            Request::Discard | Request::Control => Meaning::Unclear,
        },
        (Side::Server, Stage::Live) => {
            live::Event::parse(line).map_or(Meaning::Unclear, |event| match event {
                live::Event::Unknown => Meaning::Unclear,
                event => Meaning::Event(event),
            })
        }
        (Side::Server, Stage::First | Stage::Classic) => match Reply::parse(line) {
            Reply::Message(message) => Meaning::Message(message),
            Reply::End => Meaning::End,
            Reply::Other(_) => Meaning::Unclear,
        },
    }
}

fn hello(line: &[u8]) -> Option<Hello> {
    Hello::parse(str::from_utf8(line).ok()?)?.ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// The meanings of a conversation, `>` from the client, `<` from the server.
    fn meanings(mut reader: Reader, conversation: &[&str]) -> Vec<Meaning> {
        let crossings = conversation.iter().map(|line| match line.split_at(1) {
            (">", line) => (Side::Client, line),
            (_, line) => (Side::Server, line),
        });
        crossings
            .map(|(from, line)| {
                let crossing = match line {
                    "" => Crossing::Opened,
                    line => Crossing::Line {
                        from,
                        bytes: line.into(),
                        is_ended: true,
                    },
                };
                let news = WireNews {
                    connection: 1,
                    at: Timestamp::UNIX_EPOCH,
                    is_encrypted: false,
                    crossing,
                };
                let stage = reader.follow(&news);
                of(&news.crossing, stage)
            })
            .collect()
    }

    #[test]
    fn a_classic_conversation_is_understood() {
        let lines = [">", ">ana", "<@bob oi", "<f", ">@bob f", "<hello?"];
        let said = meanings(Reader::default(), &lines);
        assert!(matches!(&said[1], Meaning::Login(login) if login.as_str() == "ana"));
        assert!(matches!(&said[2], Meaning::Message(m) if m.login.as_str() == "bob"));
        assert_eq!(said[3], Meaning::End);
        assert!(matches!(&said[4], Meaning::Send(m) if m.text.as_str() == "f"));
        assert_eq!(said[5], Meaning::Unclear);
    }

    #[test]
    fn a_live_session_is_one_from_its_welcome_on() {
        let welcome = r#"<welcome {"server":"s","version":"1","you":"ana","last":7}"#;
        let lines = [
            ">",
            ">ana live/1 after=3",
            welcome,
            "<f",
            ">ping {}",
            "<pong {}",
        ];
        let said = meanings(Reader::default(), &lines);
        assert!(matches!(&said[1], Meaning::Hello(hello) if hello.after == Some(3)));
        assert!(
            matches!(&said[2], Meaning::Event(live::Event::Welcome(_))),
            "{said:?}"
        );
        assert_eq!(said[3], Meaning::Event(live::Event::End));
        assert_eq!(said[4], Meaning::Asked(live::Request::Ping));
        assert_eq!(said[5], Meaning::Event(live::Event::Pong));
    }

    #[test]
    fn a_server_that_knows_no_live_sessions_is_read_as_classic() {
        let lines = [">", ">ana live/1", "<f", ">", ">ana", "<f"];
        let said = meanings(Reader::new(true), &lines);
        assert_eq!(said[2], Meaning::End);
        assert!(matches!(&said[4], Meaning::Login(_)));
    }

    #[test]
    fn in_the_middle_of_a_session_the_kind_of_session_counts() {
        let ping = [">ping {}"];
        let said = meanings(Reader::new(true), &ping);
        assert_eq!(said, [Meaning::Asked(live::Request::Ping)]);
        assert_eq!(meanings(Reader::new(false), &ping), [Meaning::Unclear]);
    }
}
