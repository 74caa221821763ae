//! The length of the line that a message becomes.

/// The longest that a message says about another one (rules V16 and V17).
const ABOUT_BYTES: usize = ";edit=".len() + 13;

/// The longest tag of this app, with the separators.
pub(super) const TAG_BYTES: usize = 8 + 1 + 19 + 1 + 16;

/// The length in bytes of the line that carries a message to a live server, without its end: tag, what
/// it replies to, recipient, and the text with line breaks and backslashes escaped. A classic line is shorter, so
/// a message that fits by this count fits in every session.
pub fn line_bytes(to: &str, text: &str) -> usize {
    "# @ ".len() + TAG_BYTES + ABOUT_BYTES + to.len() + escaped_bytes(text)
}

/// The length of a text in that line, in bytes.
pub fn escaped_bytes(text: &str) -> usize {
    let escapes = text.bytes().filter(|byte| matches!(byte, b'\n' | b'\\'));
    text.len() + escapes.count()
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::{
        Login, Text,
        limits::HIGHEST_ID,
        live::{About, Request, Tag},
    };

    use super::*;

    #[test]
    fn the_count_is_that_of_the_live_line_with_the_longest_tag() {
        for text in ["oi", "duas\nlinhas", r"C:\pasta\nova", "ação 👍"] {
            let tag = format!("{:08x}-{}-{:016x}", u32::MAX, i64::MAX, u64::MAX);
            assert_eq!(tag.len(), TAG_BYTES);
            let mut line = Vec::new();
            Request::Send {
                tag: Tag::parse(&tag).ok(),
                about: Some(About::Edit(HIGHEST_ID)),
                to: Login::parse("bob").unwrap(),
                file: None,
                text: Text::from(text),
            }
            .encode(&mut line);
            assert_eq!(line_bytes("bob", text), line.len(), "{text}");
        }
    }
}
