use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use smol_str::SmolStr;
use thiserror::Error;

/// Longest tag in characters.
pub const TAG_CHARS: usize = 64;

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
