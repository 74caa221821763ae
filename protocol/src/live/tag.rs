use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use smol_str::SmolStr;
use thiserror::Error;

/// Longest tag in characters.
pub const TAG_CHARS: usize = 64;

/// The highest number of a numbered message ([`Tag::numbered`]).
pub const HIGHEST_NUMBER: u64 = 1 << 63;

/// What a client names a message by when it sends it (rule V4): the same tag of the same login
/// is the same message, however often it is sent. Also the name of a device in a hello.
///
/// One to [`TAG_CHARS`] letters, digits and `.`, `_`, `:`, `-` of ASCII. Cloning is cheap, and most tags
/// are short enough to be kept in place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(SmolStr);

/// Something else stands where a tag should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a tag is 1 to {TAG_CHARS} letters, digits and . _ : -")]
pub struct BadTag;

impl Tag {
    /// Reads a tag.
    ///
    /// # Errors
    /// [`BadTag`] when it is empty, too long, or has another character.
    pub fn parse(tag: &str) -> Result<Self, BadTag> {
        let is_tag = (1..=TAG_CHARS).contains(&tag.len()) && tag.bytes().all(is_tag_character);
        is_tag.then(|| Self(tag.into())).ok_or(BadTag)
    }

    /// The tag of a message that a device numbers: `5f0c:17` (rule V4). `None`: the number is 0 or above
    /// [`HIGHEST_NUMBER`], or the device's name is too long.
    pub fn numbered(device: &Self, number: u64) -> Option<Self> {
        let is_number = (1..=HIGHEST_NUMBER).contains(&number);
        let tag = is_number.then(|| format!("{device}:{number}"))?;
        Self::parse(&tag).ok()
    }

    /// The device and the number of a numbered tag, in whatever session it is sent.
    pub fn device_and_number(&self) -> Option<(&str, u64)> {
        let (device, digits) = self.0.rsplit_once(':')?;
        let is_written_so = !device.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        let number = is_written_so.then(|| digits.parse().ok()).flatten()?;
        (number <= HIGHEST_NUMBER).then_some((device, number))
    }

    /// The number of the tag, if it is one of this device's numbered ones.
    pub fn number(&self, device: &Self) -> Option<u64> {
        let (of, number) = self.device_and_number()?;
        (of == device.as_str()).then_some(number)
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_tag_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-')
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        Tag::parse(text).unwrap()
    }

    #[test]
    fn a_numbered_tag_is_a_device_and_a_number() {
        let device = tag("pc:5f0c");
        for number in [1, 17, HIGHEST_NUMBER] {
            let numbered = Tag::numbered(&device, number).unwrap();
            assert_eq!(numbered.number(&device), Some(number));
            assert_eq!(numbered.number(&tag("pc")), None);
        }
        assert_eq!(tag("5f0c:17").device_and_number(), Some(("5f0c", 17)));
        assert_eq!(Tag::numbered(&device, 0), None);
        assert_eq!(Tag::numbered(&device, HIGHEST_NUMBER + 1), None);
        assert_eq!(Tag::numbered(&tag(&"x".repeat(60)), 12345), None);
    }

    #[test]
    fn other_tags_are_just_tags() {
        for other in [
            "17",
            ":17",
            "5f0c:",
            "5f0c:017",
            "5f0c:0",
            "5f0c:1x",
            "5f0c-17-9a",
            "5f0c:9223372036854775809",
            "5f0c:99999999999999999999999",
        ] {
            assert_eq!(tag(other).device_and_number(), None, "{other}");
        }
    }
}
