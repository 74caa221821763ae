use unicode_segmentation::UnicodeSegmentation;

/// The longest excerpt, in characters as people count them.
const EXCERPT: usize = 100;

/// The quote of a reply (rule T3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<'a> {
    /// The author of the quoted message.
    pub author: &'a str,
    /// The beginning of the quoted message, on one line.
    pub excerpt: &'a str,
}

/// Splits a message into the quote it begins with and its own text. Where a line break was lost on
/// the way, as with a classic reader, one space stands for it.
pub fn split_quote(text: &str) -> (Option<Quote<'_>>, &str) {
    match split(text) {
        Some((quote, answer)) if !answer.trim().is_empty() => (Some(quote), answer),
        _ => (None, text),
    }
}

/// Like [`split_quote`], for a draft: the answer may be empty.
pub fn split_draft(text: &str) -> (Option<Quote<'_>>, &str) {
    match split(text) {
        Some((quote, answer)) => (Some(quote), answer),
        None => (None, text),
    }
}

/// An answer that begins with the quote of what somebody wrote.
pub fn with_quote(author: &str, quoted: &str, answer: &str) -> String {
    let excerpt = excerpt(quoted);
    format!("> {author}: “{excerpt}”\n{answer}")
}

/// The excerpt of a message for a quote: on one line, without its own quote and marks, and without
/// anything that would end the quote.
pub fn excerpt(text: &str) -> String {
    let said = super::plain(split_quote(text).1);
    let words: Vec<_> = said.split_whitespace().collect();
    let line = words.join(" ").replace(['“', '”'], "\"");
    let mut signs = line.graphemes(true);
    let begin: String = signs.by_ref().take(EXCERPT).collect();
    match signs.next() {
        None => begin,
        Some(_) => format!("{}…", begin.trim_end()),
    }
}

fn split(text: &str) -> Option<(Quote<'_>, &str)> {
    let (author, rest) = text.strip_prefix("> ")?.split_once(": “")?;
    let (excerpt, answer) = rest.split_once('”')?;
    let is_name = !author.is_empty() && !author.contains(char::is_whitespace);
    let answer = answer.strip_prefix(['\n', ' '])?;
    let quote = Quote { author, excerpt };
    (is_name && !excerpt.is_empty() && !excerpt.contains('\n')).then_some((quote, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_holds_what_it_replies_to() {
        let text = with_quote("ana", "Do we *still* meet\nat “10”?", "yes");
        assert_eq!(text, "> ana: “Do we still meet at \"10\"?”\nyes");
        let expected = Quote {
            author: "ana",
            excerpt: "Do we still meet at \"10\"?",
        };
        assert_eq!(split_quote(&text), (Some(expected), "yes"));
        let classic = text.replace('\n', " ");
        assert_eq!(split_quote(&classic), (Some(expected), "yes"));
    }

    #[test]
    fn a_reply_to_a_reply_quotes_only_what_it_said_itself() {
        let first = with_quote("ana", "one", "two");
        assert_eq!(excerpt(&first), "two");
        let second = with_quote("bob", &first, "three");
        assert_eq!(second, "> bob: “two”\nthree");
    }

    #[test]
    fn a_long_message_is_quoted_by_its_beginning() {
        let long = excerpt(&"👩‍👩‍👧 é ".repeat(200));
        assert_eq!(long.graphemes(true).count(), 100);
        assert!(long.ends_with('…'), "{long}");
    }

    #[test]
    fn what_only_resembles_a_quote_is_a_text() {
        for text in [
            "> ana says so",
            "> ana: “no end",
            "> ana: “empty answer”",
            "> ana: “empty answer” ",
            "> two words: “x” y",
            "> ana: “” y",
            "> ana: “x”y",
            "ana: “x” y",
            "",
        ] {
            assert_eq!(split_quote(text), (None, text));
        }
        assert!(split_draft("> ana: “x”\n").0.is_some());
    }
}
