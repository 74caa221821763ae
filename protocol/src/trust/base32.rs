//! How bytes are written so that people can type them.

use data_encoding::BASE32_NOPAD;
use thiserror::Error;

/// Letters and digits in a group.
const GROUP: usize = 4;

/// Something that should be a code, a key or a fingerprint is not one. The error does not repeat it: it may be nearly right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Mistyped {
    /// It has another length.
    #[error("{expected} letters and digits are needed, not {found}")]
    Length {
        /// How many letters and digits it must have.
        expected: usize,
        /// How many it has. Counting stops a little above `expected`.
        found: usize,
    },
    /// It has a character that is never part of one.
    #[error("{0:?} is not part of it; only letters and the digits 2 to 7 are")]
    Character(char),
    /// The length is right, but no such value is written like this.
    #[error("a letter or digit at its end is mistyped")]
    End,
}

/// Reads `N` bytes as a person has written them.
pub(super) fn read<const N: usize>(text: &str) -> Result<[u8; N], Mistyped> {
    let expected = BASE32_NOPAD.encode_len(N);
    let mut signs = String::with_capacity(expected);
    for c in text.chars().filter(|&c| !is_separator(c)) {
        let sign = match c.to_ascii_uppercase() {
            '0' => 'O',
            '1' => 'I',
            '8' => 'B',
            sign @ ('A'..='Z' | '2'..='7') => sign,
            _ => return Err(Mistyped::Character(c)),
        };
        signs.push(sign);
        // A whole document may have been pasted.
        if signs.len() > 2 * expected {
            break;
        }
    }
    let found = signs.len();
    if found != expected {
        return Err(Mistyped::Length { expected, found });
    }
    let bytes = BASE32_NOPAD.decode(signs.as_bytes());
    let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(Mistyped::End)
}

/// How many letters and digits a text has besides separators; `None`: it has something else too.
pub(super) fn count_signs(text: &str) -> Option<usize> {
    let signs = text.chars().filter(|&c| !is_separator(c));
    signs
        .map(|c| c.is_ascii_alphanumeric().then_some(1))
        .sum::<Option<usize>>()
}

/// What people and programs put between groups.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '_' | '.' | ':' | '\u{ad}' | '\u{2010}'
                ..='\u{2015}' | '\u{2212}' | '\u{200b}' | '\u{feff}'
        )
}

/// Writes bytes without separators.
pub(super) fn plain(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes)
}

/// Writes bytes in groups.
pub(super) fn grouped(bytes: &[u8], separator: char) -> String {
    let plain = plain(bytes);
    let mut grouped = String::with_capacity(plain.len() + plain.len() / GROUP);
    for (place, sign) in plain.chars().enumerate() {
        if place > 0 && place % GROUP == 0 {
            grouped.push(separator);
        }
        grouped.push(sign);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BYTES: [u8; 10] = *b"\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf";
    const PLAIN: &str = "ABCDEFGHIJKLMNOP";

    fn check(text: &str, expected: Result<[u8; 10], Mistyped>) {
        assert_eq!(read(text), expected, "{text:?}");
    }

    #[test]
    fn it_is_read_however_people_write_it() {
        for text in [
            PLAIN,
            "ABCD-EFGH-IJKL-MNOP",
            " abcd efgh ijkl mnop\r\n",
            "abcdefgh1jklmn0p",
            "ABCD\u{2011}EFGH\u{2013}IJKL\u{a0}MNOP",
            "A8CD:EFGH:IJKL:MN0P",
        ] {
            check(text, Ok(BYTES));
        }
        assert_eq!(plain(&BYTES), PLAIN);
        assert_eq!(grouped(&BYTES, ' '), "ABCD EFGH IJKL MNOP");
    }

    #[test]
    fn an_error_says_what_is_wrong_and_does_not_repeat_it() {
        let length = |found| {
            Err(Mistyped::Length {
                expected: 16,
                found,
            })
        };
        check("", length(0));
        check("ABCD-EFGH-IJKL-MNO", length(15));
        check(&"A".repeat(1_000_000), length(33));
        check("ABCD-EFGH-IJKL-MN9P", Err(Mistyped::Character('9')));
        check("ÁBCD", Err(Mistyped::Character('Á')));
        // 16 bytes have 26 letters, and their last one has three bits.
        assert_eq!(read::<16>(&"B".repeat(26)), Err(Mistyped::End));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(bytes: [u8; 16], separator in "[- .]") {
            let separator = separator.chars().next().unwrap();
            let written = grouped(&bytes, separator);
            prop_assert_eq!(read(&written), Ok(bytes));
            prop_assert_eq!(read(&written.to_lowercase()), Ok(bytes));
            prop_assert_eq!(read(&plain(&bytes).replace('O', "0").replace('I', "1").replace('B', "8")), Ok(bytes));
        }

        #[test]
        fn nothing_that_is_typed_is_too_much(text: String) {
            if let Ok(bytes) = read::<32>(&text) {
                prop_assert_eq!(read(&plain(&bytes)), Ok(bytes));
            }
        }
    }
}
