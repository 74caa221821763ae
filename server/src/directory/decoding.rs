//! Decodes the text of a file, in whatever encoding programs have saved it, and encodes what is put into it.

use std::{borrow::Cow, ops::Range};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::{memchr, memchr2};

use super::table::BadLine;
use crate::not_text::not_text;

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file's text, and where each part of it is in the file.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    bytes: &'a [u8],
    /// At least one, in order.
    parts: Vec<Part>,
    /// What a line is written in that is only ASCII so far.
    usual: &'static Encoding,
}

/// A part of a file in one encoding.
#[derive(Clone, Copy, Debug)]
struct Part {
    encoding: &'static Encoding,
    /// Where it begins in the text, and in the file.
    text: usize,
    byte: usize,
}

/// Decodes a file from UTF-8, UTF-16 (with or without a byte order mark) or Windows-1252. If it is not UTF-16, each line
/// is decoded by itself, because people add lines with other programs.
///
/// # Errors
/// Bytes that are no text. The line number is where they begin.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, BadLine> {
    if let Some(what) = not_text(bytes) {
        let reason = format!("the file is {what}, not CSV; open it and save it as CSV (UTF-8)");
        return Err(BadLine::new(1, reason));
    }
    let decoded = match utf_16(bytes) {
        Some((encoding, text)) => Decoded {
            text: whole(encoding, text)?,
            bytes,
            parts: vec![Part {
                encoding,
                text: 0,
                byte: bytes.len() - text.len(),
            }],
            usual: encoding,
        },
        None => by_lines(bytes),
    };
    match memchr(0, decoded.text.as_bytes()) {
        None => Ok(decoded),
        Some(at) => Err(BadLine::new(
            line_at(&decoded.text, at),
            "there are NUL bytes, so this is not text (UTF-8) or was damaged, as by a power cut; \
             restore a copy of the file, or save it again as CSV (UTF-8)",
        )),
    }
}

/// Whether the bytes are UTF-16, and the text without its mark. Without a mark, two ASCII
/// characters at the beginning show it.
fn utf_16(bytes: &[u8]) -> Option<(&'static Encoding, &[u8])> {
    match bytes {
        [0xff, 0xfe, text @ ..] => Some((UTF_16LE, text)),
        [0xfe, 0xff, text @ ..] => Some((UTF_16BE, text)),
        [1..=255, 0, 1..=255, 0, ..] => Some((UTF_16LE, bytes)),
        [0, 1..=255, 0, 1..=255, ..] => Some((UTF_16BE, bytes)),
        _ => None,
    }
}

fn whole<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Result<Cow<'a, str>, BadLine> {
    let (text, has_errors) = encoding.decode_without_bom_handling(bytes);
    if !has_errors {
        return Ok(text);
    }
    let at = text.find(char::REPLACEMENT_CHARACTER).unwrap_or(text.len());
    Err(BadLine::new(
        line_at(&text, at),
        "the file is UTF-16 up to here, then something else; save all of it as CSV (UTF-8)",
    ))
}

fn by_lines(bytes: &[u8]) -> Decoded<'_> {
    let has_mark = bytes.starts_with(MARK);
    let mut at = if has_mark { MARK.len() } else { 0 };
    let mut parts = vec![Part {
        encoding: UTF_8,
        text: 0,
        byte: at,
    }];
    if let Ok(text) = str::from_utf8(&bytes[at..])
        && memchr(0, bytes).is_none()
    {
        return Decoded {
            text: text.into(),
            bytes,
            parts,
            usual: UTF_8,
        };
    }
    let mut text = String::with_capacity(bytes.len());
    let mut usual = None;
    while at < bytes.len() {
        let (encoding, length) = next_line(&bytes[at..]);
        let line = &bytes[at..at + length];
        let last = parts.last().map_or(UTF_8, |last| last.encoding);
        // ASCII is the same in both.
        let is_same = encoding == last || (line.is_ascii() && last != UTF_16LE);
        if !is_same {
            parts.push(Part {
                encoding,
                text: text.len(),
                byte: at,
            });
        }
        if !line.is_ascii() && encoding != UTF_16LE {
            usual.get_or_insert(encoding);
        }
        text.push_str(&encoding.decode_without_bom_handling(line).0);
        at += length;
    }
    let usual = usual.filter(|_| !has_mark).unwrap_or(UTF_8);
    Decoded {
        text: text.into(),
        bytes,
        parts,
        usual,
    }
}

/// The encoding of the first line, and its length in bytes, with its end.
fn next_line(bytes: &[u8]) -> (&'static Encoding, usize) {
    // Windows PowerShell appends like this with `>>`, whatever the file's encoding is.
    if let [1..=255, 0, ..] = bytes {
        let end = bytes.chunks(2).position(|unit| unit == b"\n\0");
        return (UTF_16LE, end.map_or(bytes.len(), |end| 2 * end + 2));
    }
    let end = memchr2(b'\n', b'\r', bytes).map_or(bytes.len(), |end| end + 1);
    match str::from_utf8(&bytes[..end]) {
        Ok(_) => (UTF_8, end),
        Err(_) => (WINDOWS_1252, end),
    }
}

/// Another text in a place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The bytes of the decoded text that it takes the place of.
    pub(super) place: Range<usize>,
    pub(super) text: String,
    /// A byte of the line whose encoding it gets.
    pub(super) beside: usize,
}

/// The encoding of a file has no such character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unencodable {
    pub(super) character: char,
    /// The name of the encoding.
    pub(super) encoding: &'static str,
}

impl Decoded<'_> {
    /// The file with changes, which are in order. All other bytes stay as they are.
    ///
    /// # Errors
    /// [`Unencodable`] if the encoding that the file has in one of the places lacks a character.
    pub(super) fn with(&self, changes: &[Change]) -> Result<Vec<u8>, Unencodable> {
        let mut out = Vec::with_capacity(self.bytes.len() + 256 * changes.len());
        let mut copied = 0;
        for Change {
            place,
            text,
            beside,
        } in changes
        {
            out.extend_from_slice(&self.bytes[copied..self.byte_at(place.start)]);
            encode(text, self.encoding_of_line(*beside), &mut out)?;
            copied = self.byte_at(place.end);
        }
        out.extend_from_slice(&self.bytes[copied..]);
        Ok(out)
    }

    fn part_at(&self, at: usize) -> Part {
        let after = self.parts.partition_point(|part| part.text <= at);
        self.parts[after.saturating_sub(1)]
    }

    fn byte_at(&self, at: usize) -> usize {
        let part = self.part_at(at);
        let before = &self.text[part.text..at];
        let bytes = match part.encoding {
            one if one == UTF_8 => before.len(),
            one if one == WINDOWS_1252 => before.chars().count(),
            _ => 2 * before.encode_utf16().count(),
        };
        // Half a unit of UTF-16 at the end of a file was decoded like a whole one.
        (part.byte + bytes).min(self.bytes.len())
    }

    fn encoding_of_line(&self, at: usize) -> &'static Encoding {
        let (before, after) = self.text.split_at(at);
        let end = |c: char| matches!(c, '\n' | '\r');
        let before = before.rsplit(end).next().unwrap_or_default();
        let after = after.split(end).next().unwrap_or_default();
        match self.part_at(at).encoding {
            one if one == UTF_16LE || one == UTF_16BE => one,
            one if !before.is_ascii() || !after.is_ascii() => one,
            _ => self.usual,
        }
    }
}

fn encode(text: &str, encoding: &'static Encoding, out: &mut Vec<u8>) -> Result<(), Unencodable> {
    if encoding == UTF_16LE {
        out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    } else if encoding == UTF_16BE {
        out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    } else {
        let lacks = |&c: &char| encoding.encode(c.encode_utf8(&mut [0; 4])).2;
        if let Some(character) = text.chars().find(lacks) {
            return Err(Unencodable {
                character,
                encoding: encoding.name(),
            });
        }
        out.extend_from_slice(&encoding.encode(text).0);
    }
    Ok(())
}

/// The line, from 1, that contains a byte. A line ends in LF, CR LF or CR.
fn line_at(text: &str, at: usize) -> u64 {
    1 + line_ends(&text[..at])
}

/// The number of line ends: LF, CR LF or CR.
pub(super) fn line_ends(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut count = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let is_end = match byte {
            b'\r' => true,
            b'\n' => index == 0 || bytes[index - 1] != b'\r',
            _ => false,
        };
        count += u64::from(is_end);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let decoded = decode(bytes).unwrap();
        assert_eq!(decoded.text, expected);
        for (at, _) in expected.char_indices() {
            let change = Change {
                place: at..at,
                text: String::new(),
                beside: at,
            };
            assert_eq!(decoded.with(&[change]).unwrap(), bytes, "{at}");
        }
    }

    /// Puts a text in the place of another one.
    fn replaced(bytes: &[u8], old: &str, new: &str) -> Result<Vec<u8>, Unencodable> {
        let decoded = decode(bytes).unwrap();
        let at = decoded.text.find(old).unwrap();
        let place = at..at + old.len();
        decoded.with(&[Change {
            place,
            text: new.into(),
            beside: at,
        }])
    }

    fn check_refused(bytes: &[u8], line: u64, words: &str) {
        let bad = decode(bytes).unwrap_err();
        assert_eq!(bad.line, line, "{bad}");
        assert!(bad.reason.contains(words), "{bad}");
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_line_in_another_encoding_changes_no_other_line() {
        check("joão\nana".as_bytes(), "joão\nana");
        check(b"jo\xc3\xa3o\njo\xe3o\n", "joão\njoão\n");
        check(b"jo\xc3\xa3o\rjo\xe3o\r", "joão\rjoão\r");
        let appended = [&b"jo\xc3\xa3o\n"[..], &wide("zé\r\nLúcia\r\n"), b"jo\xe3o"].concat();
        check(&appended, "joão\nzé\r\nLúcia\r\njoão");
    }

    #[test]
    fn utf_16_is_read_with_a_mark_and_without() {
        let text = "login\tnome\r\njoão\tJoão 🎉\r\n";
        check(&wide(text), text);
        check(&wide(&format!("\u{feff}{text}")), text);
        let big = wide(text)
            .chunks(2)
            .flat_map(|unit| [unit[1], unit[0]])
            .collect::<Vec<_>>();
        check(&big, text);
        check(&[b"\xfe\xff", &big[..]].concat(), text);
        check(&wide("\u{feff}Ирина\nЗоя"), "Ирина\nЗоя");
    }

    #[test]
    fn a_change_is_written_as_the_lines_around_it_are() {
        let check = |bytes: &[u8], old, new, expected: &[u8]| {
            assert_eq!(replaced(bytes, old, new).unwrap(), expected);
        };
        check(
            "\u{feff}ana\njoão".as_bytes(),
            "joão",
            "zé",
            "\u{feff}ana\nzé".as_bytes(),
        );
        check(b"ana\njo\xe3o\n", "joão", "zé", b"ana\nz\xe9\n");
        // An ASCII line is written as the others are.
        check(b"ana\njo\xe3o\n", "ana", "zé", b"z\xe9\njo\xe3o\n");
        check(
            "ana\njoão\n".as_bytes(),
            "ana",
            "zé",
            "zé\njoão\n".as_bytes(),
        );
        let mixed = [
            b"ana\njo\xe3o\n",
            &wide("zé\r\nLúcia\r\n")[..],
            "joã".as_bytes(),
        ]
        .concat();
        let expected = [
            b"ana\njo\xe3o\n",
            &wide("Ирина\r\nLúcia\r\n")[..],
            "joã".as_bytes(),
        ]
        .concat();
        check(&mixed, "zé", "Ирина", &expected);
        check(
            &wide("\u{feff}ana\njoão"),
            "ana",
            "Ирина",
            &wide("\u{feff}Ирина\njoão"),
        );
        let lacks = replaced(b"ana\njo\xe3o\n", "ana", "Łucja").unwrap_err();
        assert_eq!((lacks.character, lacks.encoding), ('Ł', "windows-1252"));
    }

    #[test]
    fn what_is_no_text_is_called_what_it_is() {
        check_refused(b"PK\x03\x04\x14\x00\x06\x00", 1, "workbook (.xlsx");
        check_refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 1, "workbook (.xls)");
        check_refused("\u{feff}\n<html>".as_bytes(), 1, "HTML");
        check_refused(b"ana\nbruno\n\0\0\0\0\0", 3, "NUL bytes");
        check_refused(b"ana\r\nbr\0uno\r\n", 2, "NUL bytes");
        check_refused(&wide("\u{feff}ana\nbruno\n")[..17], 2, "UTF-16 up to here");
    }
}
