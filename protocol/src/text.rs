use std::{borrow::Cow, fmt, sync::Arc};

use encoding_rs::WINDOWS_1252;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text of a message, safe to show in a terminal, a window or a spreadsheet.
///
/// It holds no control characters except LF and TAB. Escape sequences, NUL and the like are
/// replaced by visible symbols (`␛`, `␀`), bidirectional overrides and isolates by U+FFFD, and CR
/// LF, CR and the Unicode line separators by LF. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Text(Arc<str>);

impl Text {
    /// Decodes bytes from a socket: as UTF-8, or as Windows-1252 if they are not UTF-8. Older
    /// programs send the latter.
    pub fn decode(bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self::from(text),
            Err(_) => Self::from(WINDOWS_1252.decode_without_bom_handling(bytes).0.as_ref()),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as a classic line carries it: each line break becomes one space.
    pub fn one_line(&self) -> Cow<'_, str> {
        if memchr::memchr(b'\n', self.0.as_bytes()).is_some() {
            Cow::Owned(self.0.replace('\n', " "))
        } else {
            Cow::Borrowed(&self.0)
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its length in bytes of UTF-8.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        if is_plain(text) || !text.chars().any(needs_replacing) {
            return Self(text.into());
        }
        let mut safe = String::with_capacity(text.len());
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            if c == '\r' && characters.peek() == Some(&'\n') {
                continue;
            }
            safe.push(visible(c));
        }
        Self(safe.into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// Whether the text is ASCII without anything that needs replacing, as most texts are. It always
/// looks at every byte, so that the CPU can look at many at a time.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n');
    text.bytes()
        .fold(true, |plain, byte| plain & is_plain(byte))
}

fn needs_replacing(c: char) -> bool {
    visible(c) != c
}

/// The replacement for `c` in a [`Text`]; `c` itself if it is harmless.
fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\0'..='\x1f' => {
            char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let text = Text::decode(bytes);
        assert_eq!(text.as_str(), expected);
        assert_eq!(Text::from(text.as_str()), text, "safe text is left alone");
    }

    #[test]
    fn plain_text_is_untouched() {
        check("reunião às 10 🎉\tok".as_bytes(), "reunião às 10 🎉\tok");
    }

    #[test]
    fn older_programs_keep_their_accents() {
        check(b"reuni\xe3o", "reunião");
    }

    #[test]
    fn escape_sequences_become_visible() {
        check(b"\x1b[31mred\x07\x00\x7f", "␛[31mred␇␀␡");
        check("\u{9b}31m\u{202e}abc".as_bytes(), "\u{fffd}31m\u{fffd}abc");
    }

    #[test]
    fn every_line_break_is_lf_and_one_space_on_a_classic_line() {
        check("a\r\nb\rc\u{2028}d\ne".as_bytes(), "a\nb\nc\nd\ne");
        assert_eq!(Text::from("a\r\nb").one_line(), "a b");
    }
}
