//! Files that are sent with a message (rules V25 and V26).

use std::{fmt, sync::Arc};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{BadLine, Tag};
use crate::{FileName, MediaType};

/// The most bytes of a preview.
pub const PREVIEW_BYTES: usize = 4 * 1024;

/// What the words of a file take without its name and preview.
const WORDS_BYTES: usize = 160;

/// Everything in a name but these is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// 128 random bits by which a file is reached: `/f/TOKEN`. Whoever knows them may fetch the file. Written as 26 letters
/// and digits of base32 in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileToken([u8; 16]);

/// The BLAKE3 hash of a file's content. Written as 64 hexadecimal digits in lower case, as `b3sum` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileHash(pub [u8; 32]);

/// A small picture of a file, at most [`PREVIEW_BYTES`] bytes: PNG, JPEG or WebP. The server does not look into it.
/// Written as base64url without padding. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview(Arc<[u8]>);

/// A file that belongs to a message, as the server tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Where it is.
    pub token: FileToken,
    /// What its sender calls it.
    pub name: FileName,
    /// Its size in bytes.
    pub size: u64,
    /// What its sender says it is. It may be something else.
    pub kind: MediaType,
    /// What its content must be.
    pub hash: FileHash,
    /// What it looks like, as its sender says.
    pub preview: Option<Preview>,
}

/// How a client names the file of a message that it sends: `;file=TOKEN;preview=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReference {
    /// A file that was uploaded.
    pub token: FileToken,
    /// As in [`Attachment`].
    pub preview: Option<Preview>,
}

/// `slot` from a client: it wants to upload a file (rule V25).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRequest {
    /// Names the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// What the file is called.
    pub name: FileName,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    #[serde(default, rename = "type")]
    pub kind: MediaType,
    /// The hash of its content. Absent: whatever comes is taken, and nothing protects it from being mixed up on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<FileHash>,
}

/// `slot` from the server: where the file is uploaded, and fetched later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The tag of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The file.
    pub file: FileToken,
    /// The path on this server, which begins with `/`.
    pub path: String,
    /// The same as a whole link, for people who read the message elsewhere.
    pub url: String,
    /// So many bytes are there already.
    #[serde(default)]
    pub offset: u64,
    /// Until then the file must be there and be named by a message, in milliseconds since 1970 UTC.
    pub until: i64,
}

impl FileToken {
    /// A token of random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The random bytes.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads a token.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 26 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes());
        Some(Self(bytes.ok()?.try_into().ok()?))
    }
}

impl fmt::Display for FileToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

/// Not the token: whoever reads a log of it could fetch the file.
impl fmt::Debug for FileToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileToken(…)")
    }
}

impl FileHash {
    /// Reads a hash.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// Serialized as they are written.
macro_rules! as_text {
    ($type:ident, $wanted:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom($wanted))
            }
        }
    };
}

as_text!(FileToken, "a file is named by 26 letters and digits");
as_text!(FileHash, "a hash (BLAKE3) is 64 hexadecimal digits");

impl Preview {
    /// A preview; `None`: it is empty, or has more than [`PREVIEW_BYTES`] bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let is_preview = (1..=PREVIEW_BYTES).contains(&bytes.len());
        is_preview.then(|| Self(bytes.into()))
    }

    /// The picture.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        Self::new(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b";preview=");
        out.extend_from_slice(BASE64URL_NOPAD.encode(&self.0).as_bytes());
    }
}

impl FileReference {
    /// Reads the words in the head of a message; `Ok(None)`: it has no file.
    pub(super) fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Option<Self>, BadLine> {
        let (mut token, mut preview) = (None, None);
        for word in words {
            match word.split_once('=') {
                Some(("file", text)) => {
                    let parsed = FileToken::parse(text);
                    token = Some(parsed.ok_or_else(|| BadLine::new("there is no such file"))?);
                }
                Some(("preview", text)) => {
                    let parsed = Preview::parse(text).ok_or_else(|| {
                        BadLine::new(format_args!(
                            "a preview is base64url of at most {PREVIEW_BYTES} bytes"
                        ))
                    })?;
                    preview = Some(parsed);
                }
                _ => {}
            }
        }
        Ok(token.map(|token| Self { token, preview }))
    }

    /// Appends the words, each after a semicolon.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!(";file={}", self.token).as_bytes());
        if let Some(preview) = &self.preview {
            preview.encode(out);
        }
    }
}

impl Attachment {
    /// The path under which a server has it: `/f/TOKEN/NAME`.
    pub fn path(&self) -> String {
        path(&self.token, &self.name)
    }

    /// About how many bytes its words have.
    pub fn line_bytes(&self) -> usize {
        let preview = self.preview.as_ref().map_or(0, |one| one.0.len());
        WORDS_BYTES + self.name.as_str().len() + preview
    }

    /// Reads the words in the head of a message. A file of which something is missing is none.
    pub(super) fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (mut token, mut size, mut hash, mut preview) = (None, None, None, None);
        let (mut name, mut kind) = (FileName::default(), MediaType::default());
        for word in words {
            match word.split_once('=') {
                Some(("file", text)) => token = FileToken::parse(text),
                Some(("name", text)) => {
                    name = FileName::from(&*percent_decode_str(text).decode_utf8_lossy());
                }
                Some(("size", text)) => size = text.parse().ok(),
                Some(("type", text)) => kind = MediaType::from(text),
                Some(("hash", text)) => hash = FileHash::parse(text),
                Some(("preview", text)) => preview = Preview::parse(text),
                _ => {}
            }
        }
        Some(Self {
            token: token?,
            name,
            size: size?,
            kind,
            hash: hash?,
            preview,
        })
    }

    /// Appends the words, each after a semicolon.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let Self {
            token,
            name,
            size,
            kind,
            hash,
            preview,
        } = self;
        let name = utf8_percent_encode(name.as_str(), ENCODED);
        let words = format!(";file={token};name={name};size={size};type={kind};hash={hash}");
        out.extend_from_slice(words.as_bytes());
        if let Some(preview) = preview {
            preview.encode(out);
        }
    }
}

/// The path under which a server has a file. The name is for people: a browser saves the file under it.
pub fn path(token: &FileToken, name: &FileName) -> String {
    format!("/f/{token}/{}", utf8_percent_encode(name.as_str(), ENCODED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment() -> Attachment {
        Attachment {
            token: FileToken::new(*b"0123456789abcdef"),
            name: FileName::from("a photo; ção.png"),
            size: 208_896,
            kind: MediaType::from("image/png"),
            hash: FileHash([0xab; 32]),
            preview: Preview::new(b"\xff\xd8?"),
        }
    }

    #[test]
    fn the_words_of_a_file_are_read_as_they_are_written() {
        let mut head = Vec::new();
        attachment().encode(&mut head);
        let head = String::from_utf8(head).unwrap();
        assert!(!head.contains([' ', '\n']), "{head}");
        assert_eq!(Attachment::parse(head.split(';')), Some(attachment()));
        assert_eq!(Attachment::parse("at=1;tag=x".split(';')), None);
        let without_hash = head.replace(";hash=", ";ash=");
        assert_eq!(Attachment::parse(without_hash.split(';')), None);
    }

    #[test]
    fn a_reference_is_refused_rather_than_misunderstood() {
        let Attachment { token, preview, .. } = attachment();
        let reference = FileReference { token, preview };
        let mut head = Vec::new();
        reference.encode(&mut head);
        let head = String::from_utf8(head).unwrap();
        assert_eq!(
            FileReference::parse(head.split(';')).unwrap(),
            Some(reference)
        );
        assert_eq!(FileReference::parse("color=red".split(';')), Ok(None));
        let long = BASE64URL_NOPAD.encode(&[7; PREVIEW_BYTES + 1]);
        for bad in [
            "file=",
            "file=../../x",
            &format!("file={}x", token),
            &format!("file={}", token.to_string().to_uppercase()),
            &format!("file={token};preview={long}"),
            &format!("file={token};preview=?"),
        ] {
            assert!(FileReference::parse(bad.split(';')).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_not_shown_by_mistake() {
        let token = attachment().token;
        assert_eq!(FileToken::parse(&token.to_string()), Some(token));
        assert!(!format!("{token:?}").contains(&token.to_string()));
    }
}
