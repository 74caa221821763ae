//! What went over the wire, in the form that `mensageiro_protocol::transcript` reads.

use std::fmt::Write;

use jiff::tz::TimeZone;
use mensageiro_protocol::is_hidden;

use super::push_hex;
use crate::engine::{Crossing, FaultNews, MessageFault, Side, WireNews};

/// Each connection is named after its number; a comment before a line tells its time, where it
/// is another one, and what the form has no words for.
/// `missing`: so many lines were forgotten, as only the newest are kept.
pub(super) fn write<'a>(
    missing: u64,
    news: impl Iterator<Item = &'a WireNews>,
    zone: &TimeZone,
) -> String {
    let mut text = String::from("# What went over the wire, as MeuMensageiro saw it.\n");
    if missing > 0 {
        let _ = writeln!(text, "# {missing} earlier lines are not here.");
    }
    let mut last = String::new();
    for news in news {
        let time = zone.to_datetime(news.at).strftime("%F %H:%M:%S%.3f");
        let time = time.to_string();
        if time != last {
            let _ = writeln!(text, "\n# {time}");
            last = time;
        }
        let name = format!("c{}", news.connection);
        let _ = match &news.crossing {
            Crossing::Opened => writeln!(text, "# {name} connects"),
            Crossing::Closed(Side::Client) => writeln!(text, "{name} C: <close>"),
            Crossing::Cut(Side::Client) => writeln!(text, "{name} C: <reset>"),
            Crossing::Closed(Side::Server) | Crossing::Cut(Side::Server) => {
                writeln!(text, "{name} S: <closed>")
            }
            Crossing::Fault(news) => writeln!(text, "# {name} fault: {}", fault(*news)),
            Crossing::Line {
                from,
                bytes,
                is_ended,
            } => {
                if !is_ended {
                    text.push_str("# without a line end\n");
                }
                let side = match from {
                    Side::Client => 'C',
                    Side::Server => 'S',
                };
                writeln!(text, "{name} {side}: {}", escape(bytes))
            }
        };
    }
    text
}

fn fault(news: FaultNews) -> String {
    let words = match news {
        FaultNews::Cut => "the connection is cut",
        FaultNews::Held(time) => return format!("held for {} s", time.as_secs()),
        FaultNews::Released => "no longer held",
        FaultNews::Message(MessageFault::Drop) => "the server does not get this line",
        FaultNews::Message(MessageFault::Double) => "the server gets this line twice",
        FaultNews::Message(MessageFault::Split) => "the server gets this line in two halves",
        FaultNews::Message(MessageFault::LoseAnswer) => "the app will not hear the answer",
    };
    words.to_owned()
}

/// Text as it is, everything else as `\xNN`; and a `<` at the beginning too, which would be a mark.
fn escape(bytes: &[u8]) -> String {
    let mut escaped = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => escaped.push_str(r"\\"),
                '<' if escaped.is_empty() => push_hex(&mut escaped, b"<"),
                c if is_hidden(c) => push_hex(&mut escaped, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => escaped.push(c),
            }
        }
        push_hex(&mut escaped, chunk.invalid());
    }
    escaped
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mensageiro_protocol::transcript::{Happening, Transcript};
    use proptest::prelude::*;

    use super::*;

    fn news(crossing: Crossing) -> WireNews {
        WireNews {
            connection: 2,
            at: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
            is_encrypted: false,
            crossing,
        }
    }

    fn line(from: Side, bytes: &[u8], is_ended: bool) -> WireNews {
        news(Crossing::Line {
            from,
            bytes: bytes.to_vec(),
            is_ended,
        })
    }

    #[test]
    fn a_conversation_is_written_as_it_went() {
        let all = [
            news(Crossing::Opened),
            line(Side::Client, b"ana", false),
            line(Side::Server, b"@bob a\\b \xe3", true),
            news(Crossing::Closed(Side::Client)),
            news(Crossing::Closed(Side::Server)),
        ];
        let text = write(0, all.iter(), &TimeZone::UTC);
        let expected = "# What went over the wire, as MeuMensageiro saw it.\n\n\
            # 2023-11-14 22:13:20.123\n# c2 connects\n# without a line end\nc2 C: ana\n\
            c2 S: @bob a\\\\b \\xe3\nc2 C: <close>\nc2 S: <closed>\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_not_seen_is_written_as_bytes() {
        let said = "a\u{2028}c9 S: ok\u{202e}\u{200f}\u{feff}b";
        let text = write(
            0,
            [line(Side::Server, said.as_bytes(), true)].iter(),
            &TimeZone::UTC,
        );
        let expected = r"c2 S: a\xe2\x80\xa8c9 S: ok\xe2\x80\xae\xe2\x80\x8f\xef\xbb\xbfb";
        assert_eq!(text.lines().last(), Some(expected));
    }

    proptest! {
        #[test]
        fn every_line_is_read_again_as_it_was(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let all = [line(Side::Client, &bytes, true), line(Side::Server, &bytes, true)];
            let text = write(0, all.iter(), &TimeZone::UTC);
            let steps = Transcript::parse(&text).unwrap().steps;
            let read: Vec<_> = steps.into_iter().map(|step| step.happening).collect();
            prop_assert_eq!(read, [Happening::Client(bytes.clone()), Happening::Server(bytes)]);
        }

        #[test]
        fn marks_that_were_said_stay_what_was_said(mark in "<(close|reset|closed)>") {
            let text = write(0, [line(Side::Client, mark.as_bytes(), true)].iter(), &TimeZone::UTC);
            let steps = Transcript::parse(&text).unwrap().steps;
            prop_assert_eq!(&steps[0].happening, &Happening::Client(mark.into_bytes()));
        }
    }
}
