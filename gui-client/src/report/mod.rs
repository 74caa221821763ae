//! Saved conversations: the delivery report, which lists when each message was stored, delivered and read, as a page for
//! people or as rows for a spreadsheet; and the conversation as text.

mod csv;
mod text;

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    io::Write,
};

use jiff::{Timestamp, tz::TimeZone};

pub use self::{
    csv::csv,
    text::{lines, text},
};
use crate::{
    engine::{Message, Older, Receipt, StorageProblem},
    files::Unwritten,
    texts::Texts,
};

/// The subject of a report.
#[derive(Clone, Copy, Debug)]
pub struct Reported<'a> {
    /// Whose account it is.
    pub me: &'a str,
    /// The name of the conversation.
    pub with: &'a str,
    /// The number of messages in the report.
    pub count: usize,
    /// What precedes these messages.
    pub older: Older,
}

/// The progress of one reader of a message. A message without known receipts, or written by others, has one entry without
/// times.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    message: &'a Message,
    from: &'a str,
    /// When the server accepted it or, if the server does not tell, when this computer stored it.
    stored: Option<Timestamp>,
    receipt: Option<&'a Receipt>,
}

impl<'a> Reported<'a> {
    fn author(self, message: &'a Message) -> &'a str {
        match &message.author {
            _ if message.is_own() => self.me,
            Some(author) => author.as_str(),
            None => self.with,
        }
    }

    /// One for each reader.
    fn rows(self, message: &'a Message) -> impl Iterator<Item = Row<'a>> {
        let row = Row {
            message,
            from: self.author(message),
            stored: message.is_stored().then_some(message.at),
            receipt: None,
        };
        let alone = message.receipts.is_empty().then_some(row);
        let receipts = message.receipts.iter().map(move |receipt| Row {
            receipt: Some(receipt),
            ..row
        });
        alone.into_iter().chain(receipts)
    }
}

/// The text of a message, and whether it was edited.
fn said<'a>(texts: &Texts, message: &'a Message) -> Cow<'a, str> {
    let text = message.text.as_str();
    match message.edited {
        Some(_) => texts.fill("report.edited", &[("text", text)]).into(),
        None => text.into(),
    }
}

/// The sentence about messages that the file does not contain; `None` if it contains all.
pub fn older(texts: &Texts, older: Older) -> Option<&str> {
    match older {
        Older::Nothing => None,
        Older::AtServer | Older::Coming => Some(texts.get("report.older_at_server")),
        Older::More => Some(texts.get("report.older_here")),
    }
}

/// The messages, oldest first.
pub type Read = Result<Message, StorageProblem>;

/// Writes a self-contained page, without scripts and external resources.
///
/// # Errors
/// [`Unwritten`]
pub fn html(
    page: &mut dyn Write,
    texts: &Texts,
    zone: &TimeZone,
    now: Timestamp,
    reported: Reported<'_>,
    messages: impl Iterator<Item = Read>,
) -> Result<(), Unwritten> {
    let title = texts.fill("report.title", &[("name", reported.with)]);
    let moment = |at: Timestamp| zone.to_datetime(at).strftime("%F %H:%M:%S%.3f").to_string();
    let about = texts.fill(
        "report.about",
        &[("login", reported.me), ("time", &moment(now))],
    );
    page.write_all(HEAD)?;
    write!(
        page,
        "<title>{0}</title>\n{STYLE}<h1>{0}</h1>\n<p>",
        Escaped(&title)
    )?;
    let count = texts.count("report.count", reported.count);
    write!(page, "{} {}", Escaped(&about), Escaped(&count))?;
    if let Some(sentence) = older(texts, reported.older) {
        write!(page, " {}", Escaped(sentence))?;
    }
    page.write_all(b"</p>\n<table>\n<tr>")?;
    for heading in [
        "report.number",
        "report.from",
        "report.text",
        "report.stored",
        "report.to",
        "report.delivered",
        "report.read",
    ] {
        write!(page, "<th>{}</th>", Escaped(texts.get(heading)))?;
    }
    page.write_all(b"</tr>\n")?;
    for message in messages {
        for row in reported.rows(&message?) {
            let number = row.message.server_id.map(|id| id.to_string());
            let receipt = row.receipt;
            let by = receipt.map(|receipt| receipt.by.to_string());
            let delivered = receipt.and_then(|receipt| receipt.delivered);
            let read = receipt.and_then(|receipt| receipt.read);
            let cells = [
                number.unwrap_or_default(),
                row.from.to_owned(),
                said(texts, row.message).into_owned(),
                row.stored.map(moment).unwrap_or_default(),
                by.unwrap_or_default(),
                delivered.map(moment).unwrap_or_default(),
                read.map(moment).unwrap_or_default(),
            ];
            page.write_all(b"<tr>")?;
            for cell in cells {
                write!(page, "<td>{}</td>", Escaped(&cell))?;
            }
            page.write_all(b"</tr>\n")?;
        }
    }
    Ok(page.write_all(b"</table>\n</html>\n")?)
}

/// With this policy a browser runs and fetches nothing, whatever a text contains.
const HEAD: &[u8] = b"<!doctype html>
<html>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
";

const STYLE: &str = "<meta name=\"viewport\" content=\"width=device-width\">
<style>
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .4rem .6rem; text-align: left; vertical-align: top; }
td { unicode-bidi: plaintext; }
td:nth-child(3) { white-space: pre-wrap; overflow-wrap: anywhere; text-align: start; }
td:not(:nth-child(3)) { white-space: nowrap; font-variant-numeric: tabular-nums; }
</style>
";

/// Escapes a text for HTML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::{Login, Text};

    use super::*;
    use crate::{
        engine::{Delivery, MessageId, Peer, SortKey},
        texts::Language,
    };

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    /// A message with this delivery state, 10 s after the previous one, read by the named users.
    pub(super) fn message(
        number: i64,
        delivery: Delivery,
        text: &str,
        read_by: &[&str],
    ) -> Message {
        let receipts = read_by.iter().map(|by| Receipt {
            by: login(by),
            delivered: Some(at(number * 10 + 1)),
            read: Some(at(number * 10 + 2)),
        });
        Message {
            id: MessageId(number),
            sort_key: SortKey(number),
            server_id: u64::try_from(number).ok(),
            with: Peer::Person(login("turma")),
            author: (delivery == Delivery::Received).then(|| login("carol")),
            text: Text::from(text),
            re: None,
            edited: None,
            is_changing: false,
            at: at(number * 10),
            written: None,
            delivery,
            receipts: receipts.collect(),
        }
    }

    fn page(messages: &[Message]) -> String {
        let reported = Reported {
            me: "ana",
            with: "turma",
            count: messages.len(),
            older: Older::AtServer,
        };
        let mut page = Vec::new();
        let (texts, messages) = (Texts::of(Language::English), messages.iter().cloned());
        let now = at(100);
        html(
            &mut page,
            texts,
            &TimeZone::UTC,
            now,
            reported,
            messages.map(Ok),
        )
        .unwrap();
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn a_page_has_the_times_of_each_reader() {
        let page = page(&[
            message(1, Delivery::Received, "oi", &[]),
            message(2, Delivery::Accepted, "olá", &["bob", "carol"]),
        ]);
        let row = |cells: &[&str]| format!("<tr><td>{}</td></tr>", cells.join("</td><td>"));
        let day = "2023-11-14 22:13";
        let (stored, got) = (format!("{day}:40.000"), format!("{day}:41.000"));
        let read = format!("{day}:42.000");
        for expected in [
            row(&["1", "carol", "oi", &format!("{day}:30.000"), "", "", ""]),
            row(&["2", "ana", "olá", &stored, "bob", &got, &read]),
            row(&["2", "ana", "olá", &stored, "carol", &got, &read]),
        ] {
            assert!(page.contains(&expected), "{expected}\n{page}");
        }
        assert!(
            page.contains("2 messages. Older ones are still on the server"),
            "{page}"
        );
    }

    #[test]
    fn a_text_stays_a_text_in_a_page() {
        let page = page(&[message(
            1,
            Delivery::Received,
            "<script>alert('&')</script>",
            &[],
        )]);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"));
    }

    #[test]
    fn what_has_not_gone_out_has_no_time() {
        let page = page(&[message(1, Delivery::Waiting, "later", &[])]);
        assert!(page.contains("<td>later</td><td></td><td></td><td></td><td></td>"));
    }
}
