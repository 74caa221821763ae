//! The version of the program, as its files record it: whoever cannot read one is told which version can.

use std::fmt;

/// A version of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u8,
    minor: u8,
    patch: u16,
}

impl Version {
    /// The one that is running.
    pub const THIS: Self = Self {
        major: number(env!("CARGO_PKG_VERSION_MAJOR")) as u8,
        minor: number(env!("CARGO_PKG_VERSION_MINOR")) as u8,
        patch: number(env!("CARGO_PKG_VERSION_PATCH")),
    };

    /// Four bytes of a file, which are not zero.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.patch.to_be_bytes();
        [self.major, self.minor, high, low]
    }

    /// The version in four bytes of a file. Zeros: before 0.1.0 it was not recorded.
    pub fn from_bytes([major, minor, high, low]: [u8; 4]) -> Option<Self> {
        let patch = u16::from_be_bytes([high, low]);
        let version = Self {
            major,
            minor,
            patch,
        };
        ((major, minor, patch) != (0, 0, 0)).then_some(version)
    }

    /// The version that a text names, if it is written like one of this program.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let version = Self {
            major: parts.next()?.parse().ok()?,
            minor: parts.next()?.parse().ok()?,
            patch: parts.next()?.parse().ok()?,
        };
        Some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            major,
            minor,
            patch,
        } = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// What an error says of a file that a newer program has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenBy {
    /// The number of its format.
    pub format: u32,
    /// The version that began with this format, if the file says so.
    pub version: Option<Version>,
}

impl fmt::Display for WrittenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (format, this) = (self.format, Version::THIS);
        match self.version {
            Some(version) => write!(
                f,
                "it has format {format} of mensageiro-server {version}, which this one ({this}) cannot read; start version {version} or a later one"
            ),
            None => write!(
                f,
                "it has format {format} of a later mensageiro-server, which this one ({this}) cannot read; start the version that wrote it"
            ),
        }
    }
}

const fn number(text: &str) -> u16 {
    match u16::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_written() {
        let this = Version::THIS;
        assert_eq!(this.to_string(), env!("CARGO_PKG_VERSION"));
        assert_eq!(Version::parse(&this.to_string()), Some(this));
        assert_eq!(Version::from_bytes(this.to_bytes()), Some(this));
        let later = Version {
            major: 3,
            minor: 14,
            patch: 1592,
        };
        assert_eq!(Version::from_bytes(later.to_bytes()), Some(later));
        assert_eq!(Version::parse("3.14.1592"), Some(later));
        assert!(later > this);
        assert_eq!(Version::from_bytes([0; 4]), None);
        for other in ["", "1", "1.2", "1.2.x", "1.2.3.4", "\u{1b}[2J"] {
            assert_eq!(Version::parse(other), None, "{other}");
        }
    }
}
