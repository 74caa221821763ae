//! The text of a live line: LF is written as `\n`, a backslash as `\\` (rule V5).

use std::borrow::Cow;

use crate::Text;

/// Appends the escaped text.
pub(super) fn encode(text: &Text, out: &mut Vec<u8>) {
    let bytes = text.as_str().as_bytes();
    if memchr::memchr2(b'\n', b'\\', bytes).is_none() {
        return out.extend_from_slice(bytes);
    }
    for &byte in bytes {
        match byte {
            b'\n' => out.extend_from_slice(br"\n"),
            b'\\' => out.extend_from_slice(br"\\"),
            other => out.push(other),
        }
    }
}

/// Parses an escaped text. A backslash before anything else stands for itself.
pub(super) fn decode(bytes: &[u8]) -> Text {
    Text::decode(&unescape(bytes))
}

fn unescape(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match rest {
            [] => return Cow::Owned(plain),
            [b'\\', b'n', after @ ..] => {
                plain.push(b'\n');
                rest = after;
            }
            [b'\\', b'\\', after @ ..] => {
                plain.push(b'\\');
                rest = after;
            }
            [byte, after @ ..] => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
}
