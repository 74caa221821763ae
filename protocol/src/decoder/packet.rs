//! The packet that one template of the assignment sends around the login: a big-endian u32, two
//! u16, and 20 bytes of text padded with NULs (PROTOCOL.md, F7).

/// The length of the packet in bytes.
pub(super) const BYTES: usize = 28;

/// How many of these bytes are numbers.
const NUMBERS: usize = 8;

/// Whether bytes begin with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// They do not.
    No,
    /// They may, but there are too few of them yet.
    Partly,
    /// They do.
    Whole,
}

/// Looks at the first bytes. Nothing that counts as the packet can be a line of a client: the
/// numbers have NULs before the text, where no text has any.
pub(super) fn look(bytes: &[u8]) -> Look {
    let bytes = &bytes[..bytes.len().min(BYTES)];
    let (numbers, field) = bytes.split_at(bytes.len().min(NUMBERS));
    let end = field.iter().position(|&byte| byte == 0);
    let (text, padding) = field.split_at(end.unwrap_or(field.len()));
    let is_field = !text.iter().any(u8::is_ascii_control) && padding.iter().all(|&byte| byte == 0);
    let Some(&first) = bytes.first() else {
        return Look::No;
    };
    if !is_field || first == b'@' {
        return Look::No;
    }
    if bytes.len() < BYTES {
        // Larger numbers arrive in one piece.
        return if first == 0 { Look::Partly } else { Look::No };
    }
    // NULs at the end are the padding of something else.
    let last = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0);
    let nuls = numbers.iter().take(last).filter(|&&byte| byte == 0).count();
    let is_number = |&byte: &u8| byte != 0 && byte.is_ascii_control();
    let is_padded_text = !text.is_empty() && !padding.is_empty();
    if (nuls > 0 && numbers.iter().any(is_number)) || (nuls > 1 && is_padded_text) {
        Look::Whole
    } else {
        Look::No
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::decoder) fn packet(a: u32, b: u16, c: u16, text: &str) -> Vec<u8> {
        let mut bytes = [&a.to_be_bytes()[..], &b.to_be_bytes(), &c.to_be_bytes()].concat();
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(BYTES, 0);
        bytes
    }

    #[test]
    fn a_packet_is_known_whatever_its_numbers_are() {
        for (a, b, c, text) in [
            (1, 2, 3, "ana"),
            (1, 10, 13, "ana"),
            (10, 0, 0, ""),
            (0, 0, 0, "ana"),
            (65, 66, 67, "joão"),
            (2_026_001_234, 1, 28, "ana"),
            (0x7f00_0001, 3333, 20, "hello"),
            (7, 1, 20, "exactly twenty chars"),
        ] {
            let bytes = packet(a, b, c, text);
            assert_eq!(look(&bytes), Look::Whole, "{a} {b} {c} {text}");
            assert_eq!(look(&[&bytes[..], b"@ana hi"].concat()), Look::Whole);
            if a < 1 << 24 {
                assert_eq!(look(&bytes[..27]), Look::Partly);
            }
        }
    }

    #[test]
    fn what_only_resembles_one_is_none() {
        let padded = |text: &str| packet(0, 0, 0, "")[..BYTES - text.len()].to_vec();
        for text in ["ana", "ana.souza", "maria.aparecida@escola.br"] {
            let bytes = [text.as_bytes(), &padded(text)].concat();
            assert_eq!(look(&bytes), Look::No, "{text} padded to 28 bytes");
        }
        for bytes in [
            &b"@bob exactly 28 bytes long!!"[..],
            b"maria.aparecida.dos.santos.2",
            b"@b \0\x01 exactly 28 bytes long",
            b"\0@bob hi there, how are you?",
            b"\0\0\0@bob hello everybody here",
            b"\0\0\0\0\0\0\0\0@bob hi\n\0\0\0\0\0\0\0\0\0\0\0\0",
            b"ana\0@bob hi there how are ya",
            b"a\tb\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            &[0; BYTES],
            b"\0\0\0\x01\0\x02\0\x03two\0parts\0\0\0\0\0\0\0\0\0\0\0",
            b"GET / HTTP/1.1\r\nHost: here\r\n",
        ] {
            assert_eq!(look(bytes), Look::No, "{bytes:?}");
        }
        assert_eq!(look(b"ana\n"), Look::No);
        assert_eq!(look(b""), Look::No);
    }
}
