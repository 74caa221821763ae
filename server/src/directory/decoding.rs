//! Decodes the text of a file, in whatever encoding programs have saved it.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::{memchr, memchr2};

use super::table::BadLine;
use crate::not_text::not_text;

/// The text, decoded from UTF-8, UTF-16 (with or without a byte order mark) or Windows-1252. If it
/// is not UTF-16, each line is decoded by itself, because people add lines with other programs.
///
/// # Errors
/// Bytes that are no text. The line number is where they begin.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, BadLine> {
    if let Some(what) = not_text(bytes) {
        let reason = format!("the file is {what}, not CSV; open it and save it as CSV (UTF-8)");
        return Err(BadLine::new(1, reason));
    }
    let text = match utf_16(bytes) {
        Some((encoding, bytes)) => whole(encoding, bytes)?,
        None => by_lines(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    };
    match memchr(0, text.as_bytes()) {
        None => Ok(text),
        Some(at) => Err(BadLine::new(
            line_at(&text, at),
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

fn by_lines(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes)
        && memchr(0, bytes).is_none()
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let line;
        // Windows PowerShell appends like this with `>>`, whatever the file's encoding is.
        if let [1..=255, 0, ..] = rest {
            let end = rest.chunks(2).position(|unit| unit == b"\n\0");
            (line, rest) = rest.split_at(end.map_or(rest.len(), |end| 2 * end + 2));
            text.push_str(&UTF_16LE.decode_without_bom_handling(line).0);
            continue;
        }
        let end = memchr2(b'\n', b'\r', rest);
        (line, rest) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        match str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) => text.push_str(&WINDOWS_1252.decode_without_bom_handling(line).0),
        }
    }
    Cow::Owned(text)
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
        assert_eq!(decode(bytes).unwrap(), expected);
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
    fn what_is_no_text_is_called_what_it_is() {
        check_refused(b"PK\x03\x04\x14\x00\x06\x00", 1, "workbook (.xlsx");
        check_refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 1, "workbook (.xls)");
        check_refused("\u{feff}\n<html>".as_bytes(), 1, "HTML");
        check_refused(b"ana\nbruno\n\0\0\0\0\0", 3, "NUL bytes");
        check_refused(b"ana\r\nbr\0uno\r\n", 2, "NUL bytes");
        check_refused(&wide("\u{feff}ana\nbruno\n")[..17], 2, "UTF-16 up to here");
    }
}
