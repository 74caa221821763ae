//! What others wrote, on one line of a log or a terminal.

use std::fmt::{self, Write};

/// Most bytes that [`Escaped`] shows.
const LONGEST: usize = 4096;

/// Shows a value on one line of not much more than 4 KiB: what could end the line, steer a terminal, or
/// change the order or the look of other characters is written as `\n` or `\u{202e}`.
///
/// ```
/// use mensageiro_protocol::Escaped;
///
/// assert_eq!(Escaped("a\n\u{1b}[2Jb").to_string(), r"a\n\u{1b}[2Jb");
/// assert_eq!(Escaped("reunião às 10 🎉").to_string(), "reunião às 10 🎉");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaping = Escaping::new(to, LONGEST);
        write!(escaping, "{}", self.0)?;
        escaping.finish()
    }
}

/// Passes on what is written to it as [`Escaped`] shows it, up to a length. [`Escaping::finish`] says how much was cut
/// off.
#[derive(Debug)]
pub struct Escaping<W> {
    to: W,
    /// Bytes that still fit.
    room: usize,
    /// Bytes that did not fit, before they were escaped.
    missing: usize,
}

impl<W: Write> Escaping<W> {
    /// Begins a line of `longest` bytes at most.
    pub fn new(to: W, longest: usize) -> Self {
        Self {
            to,
            room: longest,
            missing: 0,
        }
    }

    /// Ends it, without a line end.
    ///
    /// # Errors
    /// When `to` takes nothing.
    pub fn finish(mut self) -> fmt::Result {
        match self.missing {
            0 => Ok(()),
            bytes => write!(self.to, "… (and {bytes} bytes more)"),
        }
    }

    /// Writes what is not to be divided, if it fits.
    fn pass_on(&mut self, text: &str, original: usize) -> fmt::Result {
        if text.len() > self.room || self.missing > 0 {
            self.missing += original;
            return Ok(());
        }
        self.room -= text.len();
        self.to.write_str(text)
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Most texts are passed on as they are.
        if text.len() <= self.room && self.missing == 0 && !text.chars().any(is_hidden) {
            return self.pass_on(text, text.len());
        }
        for c in text.chars() {
            let length = c.len_utf8();
            if is_hidden(c) {
                self.pass_on(&c.escape_default().to_string(), length)?;
            } else {
                self.pass_on(c.encode_utf8(&mut [0; 4]), length)?;
            }
        }
        Ok(())
    }
}

/// Whether a character is not seen itself, but changes how others are seen: control characters, line
/// separators, marks of the direction, and what joins or separates without a width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(Escaped(text).to_string(), expected);
    }

    #[test]
    fn what_is_seen_stays_as_it_is() {
        check("", "");
        check(
            r#"C:\mm "users.csv": it's João, ana@x"#,
            r#"C:\mm "users.csv": it's João, ana@x"#,
        );
        check("e\u{301} नमस्ते 👍🏽", "e\u{301} नमस्ते 👍🏽");
    }

    #[test]
    fn what_could_forge_or_hide_something_is_escaped() {
        check("a\r\nb\tc\0", r"a\r\nb\tc\u{0}");
        check(
            "\u{1b}]0;x\u{7}\u{9b}31m\u{7f}",
            r"\u{1b}]0;x\u{7}\u{9b}31m\u{7f}",
        );
        check("\u{85}\u{2028}\u{2029}", r"\u{85}\u{2028}\u{2029}");
        check(
            "\u{202e}\u{2066}\u{200f}\u{61c}",
            r"\u{202e}\u{2066}\u{200f}\u{61c}",
        );
        check("a\u{200b}\u{feff}\u{e0041}", r"a\u{200b}\u{feff}\u{e0041}");
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let long = "é".repeat(LONGEST);
        let shown = "é".repeat(LONGEST / 2) + "… (and 4096 bytes more)";
        check(&long, &shown);
        check(&"x".repeat(LONGEST), &"x".repeat(LONGEST));
        let escaped = Escaped("\u{202e}".repeat(LONGEST)).to_string();
        assert!(
            escaped.ends_with(r"\u{202e}… (and 10752 bytes more)"),
            "{escaped}"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_one_short_line(text in any::<String>(), times in 0..50usize) {
            let shown = Escaped(text.repeat(times)).to_string();
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert!(shown.len() < LONGEST + 50);
        }
    }
}
