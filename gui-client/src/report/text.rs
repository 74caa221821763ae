use std::io::Write;

use jiff::{Timestamp, tz::TimeZone};

use super::{Read, Reported, older, said};
use crate::{
    engine::Message,
    files::Unwritten,
    texts::{self, Texts},
};

/// Writes the conversation as text: a line for each day, and for each message its time, its author and its text. Further
/// lines of a text are indented, so that nothing in a text can pass for another message.
///
/// # Errors
/// [`Unwritten`]
pub fn text(
    page: &mut dyn Write,
    texts: &Texts,
    zone: &TimeZone,
    now: Timestamp,
    reported: Reported<'_>,
    messages: impl Iterator<Item = Read>,
) -> Result<(), Unwritten> {
    let title = texts.fill("export.title", &[("name", reported.with)]);
    let today = zone.to_datetime(now).date();
    let moment = texts.fill(
        "day.with_time",
        &[
            ("day", &texts::long_date(texts, today)),
            ("time", &texts::time_of_day(texts, now, zone)),
        ],
    );
    let about = [("login", reported.me), ("time", &moment)];
    write!(page, "{title}\n{}\n", texts.fill("report.about", &about))?;
    if let Some(sentence) = older(texts, reported.older) {
        writeln!(page, "{sentence}")?;
    }
    let mut last = None;
    for message in messages {
        let message = message?;
        let day = zone.to_datetime(message.at).date();
        if last.replace(day) != Some(day) {
            write!(page, "\n{}\n\n", texts::long_date(texts, day))?;
        }
        let said = said(texts, &message);
        let line = line(texts, zone, message.at, reported.author(&message), &said);
        writeln!(page, "{line}")?;
    }
    Ok(())
}

/// These messages alone, for the clipboard: a line for each day, and for each message its time, its author and its text. Of
/// several days, a free line stands between them.
pub fn lines(
    texts: &Texts,
    zone: &TimeZone,
    messages: &[&Message],
    name: impl Fn(&Message) -> String,
) -> String {
    let mut lines = Vec::new();
    let mut last = None;
    for message in messages {
        let day = zone.to_datetime(message.at).date();
        if last.replace(day) != Some(day) {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(texts::long_date(texts, day));
        }
        let text = message.text.as_str();
        lines.push(line(texts, zone, message.at, &name(message), text));
    }
    lines.join("\n")
}

fn line(texts: &Texts, zone: &TimeZone, at: Timestamp, name: &str, text: &str) -> String {
    let time = texts::time_of_day(texts, at, zone);
    let text = text.replace('\n', "\n    ");
    let values = [("time", &*time), ("name", name), ("text", &*text)];
    texts.fill("export.line", &values)
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::{Login, Text};

    use super::*;
    use crate::{
        engine::{Delivery, MessageId, Older, Peer, SortKey},
        texts::Language,
    };

    fn message(at: i64, delivery: Delivery, author: Option<&str>, text: &str) -> Message {
        Message {
            id: MessageId(at),
            sort_key: SortKey(at),
            server_id: None,
            with: Peer::Person(Login::parse("team").unwrap()),
            author: author.map(|name| Login::parse(name).unwrap()),
            text: Text::from(text),
            re: None,
            edited: None,
            is_changing: false,
            at: Timestamp::from_second(at).unwrap(),
            written: None,
            delivery,
            receipts: vec![],
        }
    }

    fn written(language: Language, older: Older) -> String {
        let messages = [
            message(1_700_000_000, Delivery::Received, Some("bob"), "first"),
            message(
                1_700_000_060,
                Delivery::Accepted,
                None,
                "two\n22:15 bob: lines",
            ),
            message(1_700_010_000, Delivery::Received, None, "next day"),
        ];
        let reported = Reported {
            me: "alice",
            with: "team",
            count: messages.len(),
            older,
        };
        let now = Timestamp::from_second(1_700_100_000).unwrap();
        let (mut page, texts) = (Vec::new(), Texts::of(language));
        let messages = messages.into_iter().map(Ok);
        text(&mut page, texts, &TimeZone::UTC, now, reported, messages).unwrap();
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn days_times_and_authors_stand_before_what_was_said() {
        assert_eq!(
            written(Language::English, Older::Nothing),
            "Conversation: team\n\
             The messages of alice on this computer, November 16, 2023 02:00.\n\
             \nNovember 14, 2023\n\n\
             22:13 bob: first\n\
             22:14 alice: two\n    22:15 bob: lines\n\
             \nNovember 15, 2023\n\n\
             01:00 team: next day\n"
        );
    }

    #[test]
    fn it_is_written_in_the_language_chosen_and_says_what_is_missing() {
        let written = written(Language::Portuguese, Older::AtServer);
        assert!(written.starts_with("Conversa: team\n"), "{written}");
        assert!(written.contains("\n14 de novembro de 2023\n"), "{written}");
        assert!(written.contains("mais antigas"), "{written}");
    }
}
