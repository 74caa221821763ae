//! The encoding of values in the database's blobs: integers as LEB128, texts after their length.

use jiff::Timestamp;
use mensageiro_protocol::Login;

/// Appends an integer as LEB128: seven bits a byte, the lowest first.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer (zigzag), so that small values of both signs are short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends bytes after their length.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a login.
pub(super) fn put_login(out: &mut Vec<u8>, login: &Login) {
    put_bytes(out, login.as_str().as_bytes());
}

/// Appends an optional integer.
pub(super) fn put_option(out: &mut Vec<u8>, value: Option<u64>) {
    put(out, value.is_some().into());
    if let Some(value) = value {
        put(out, value);
    }
}

/// Appends a time, in milliseconds.
pub(super) fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    put_signed(out, time.as_millisecond());
}

/// Decodes values. `None` always means that the bytes are damaged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unpack<'a>(pub(super) &'a [u8]);

impl<'a> Unpack<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    pub(super) fn int(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn int32(&mut self) -> Option<u32> {
        self.int()?.try_into().ok()
    }

    pub(super) fn option(&mut self) -> Option<Option<u64>> {
        Some(match self.byte()? {
            0 => None,
            _ => Some(self.int()?),
        })
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let value = self.int()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(super) fn exactly(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.exactly(N)?.try_into().ok()
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.int()?.try_into().ok()?;
        self.exactly(length)
    }

    pub(super) fn login(&mut self) -> Option<Login> {
        login(self.bytes()?)
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.signed()?).ok()
    }

    /// Checks that no bytes are left.
    pub(super) fn end(self) -> Option<()> {
        self.is_empty().then_some(())
    }
}

/// A login that was accepted before.
pub(super) fn login(bytes: &[u8]) -> Option<Login> {
    let name = str::from_utf8(bytes).ok()?;
    Login::parse(name).or_else(|_| Login::kept(name)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_come_back(values: Vec<u64>, signed: Vec<i64>, bytes: Vec<u8>) {
            let mut out = Vec::new();
            for &value in &values {
                put(&mut out, value);
            }
            for &value in signed.iter().chain(&[i64::MIN, i64::MAX, -1]) {
                put_signed(&mut out, value);
            }
            put_bytes(&mut out, &bytes);
            let mut unpack = Unpack(&out);
            for &value in &values {
                prop_assert_eq!(unpack.int(), Some(value));
            }
            for &value in signed.iter().chain(&[i64::MIN, i64::MAX, -1]) {
                prop_assert_eq!(unpack.signed(), Some(value));
            }
            prop_assert_eq!(unpack.bytes(), Some(&bytes[..]));
            prop_assert_eq!(unpack.end(), Some(()));
        }

        #[test]
        fn anything_can_be_read_without_a_panic(bytes: Vec<u8>) {
            let mut unpack = Unpack(&bytes);
            while unpack.int().is_some() {}
            let mut unpack = Unpack(&bytes);
            while unpack.bytes().is_some() {}
            let _ = Unpack(&bytes).login();
            let _ = Unpack(&bytes).time();
        }
    }
}
