//! What a file is called and what it is said to be, safe to show and to save under.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::{Name, limits::NAME_CHARS};

/// The longest extension that is kept when a name is too long, in characters.
const EXTENSION_CHARS: usize = 16;

/// The longest media type in bytes.
const MEDIA_TYPE_BYTES: usize = 100;

/// What nobody has given a name is called.
const NAMELESS: &str = "file";

/// What a file is if nobody says more: bytes.
const BYTES: &str = "application/octet-stream";

/// The name of a file without a folder: at most [`NAME_CHARS`] visible characters, which every system can have in a name.
///
/// It names no device of Windows and does not begin with a dot. A name that is too long keeps its extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(SmolStr);

/// What a file is said to be, such as `image/png`. Whoever says so may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType(SmolStr);

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for FileName {
    fn default() -> Self {
        Self(SmolStr::new_static(NAMELESS))
    }
}

impl From<&str> for FileName {
    fn from(name: &str) -> Self {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if extension.chars().count() <= EXTENSION_CHARS => {
                (stem, Name::from(extension))
            }
            _ => (name, Name::default()),
        };
        let room = NAME_CHARS - EXTENSION_CHARS - 1;
        let stem: String = Name::from(stem).as_str().chars().take(room).collect();
        let extension = extension.as_str();
        let name = match extension.is_empty() {
            true => stem,
            false => format!("{stem}.{extension}"),
        };
        let mut name: String = name.chars().map(portable).collect();
        // Windows drops them at the end; elsewhere a dot at the beginning hides a file.
        name.truncate(name.trim_end_matches(['.', ' ']).len());
        let begin = name.len() - name.trim_start_matches(['.', ' ', '~']).len();
        name.drain(..begin);
        if is_device(&name) {
            name.insert(0, '_');
        }
        match name.is_empty() {
            true => Self::default(),
            false => Self(name.into()),
        }
    }
}

/// Characters that some system has no names with.
fn portable(c: char) -> char {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/' | '\\' => '_',
        c => c,
    }
}

/// Whether Windows takes the name for that of a device, whatever its extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        stem => stem
            .strip_prefix("COM")
            .or_else(|| stem.strip_prefix("LPT"))
            .is_some_and(|number| {
                matches!(
                    number,
                    "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
                )
            }),
    }
}

impl MediaType {
    /// The type.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for MediaType {
    fn default() -> Self {
        Self(SmolStr::new_static(BYTES))
    }
}

/// Something else than a type and a subtype counts as any bytes. Parameters are dropped.
impl From<&str> for MediaType {
    fn from(text: &str) -> Self {
        let text = text.split(';').next().unwrap_or_default().trim();
        let is_token = |part: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            !part.is_empty() && part.bytes().all(is_part)
        };
        match text.split_once('/') {
            Some((kind, subtype))
                if text.len() <= MEDIA_TYPE_BYTES && is_token(kind) && is_token(subtype) =>
            {
                Self(text.to_ascii_lowercase().into())
            }
            _ => Self::default(),
        }
    }
}

/// Both are serialized as texts, and made safe when they are read.
macro_rules! as_text {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
            }
        }
    };
}

as_text!(FileName);
as_text!(MediaType);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder_or_hide_its_extension() {
        let long = "x".repeat(500);
        for (given, kept) in [
            ("photo.png", "photo.png"),
            (r"..\..\x", "x"),
            ("../../etc/passwd", "passwd"),
            ("..", "file"),
            ("", "file"),
            ("   ", "file"),
            (".bashrc", "bashrc"),
            ("a:b?.txt. .", "a_b_.txt"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("command.com", "command.com"),
            ("photo.png\u{202e}gpj.exe", "photo.png\u{fffd}gpj.exe"),
            (
                "photo.png                              .exe",
                "photo.png.exe",
            ),
            ("two\nlines.txt", "two lines.txt"),
            ("ção é.pdf", "ção é.pdf"),
        ] {
            assert_eq!(FileName::from(given).as_str(), kept, "{given:?}");
        }
        let kept = FileName::from(&*format!("{long}.exe"));
        assert!(kept.as_str().ends_with(".exe"));
        assert!(kept.as_str().chars().count() <= NAME_CHARS);
    }

    #[test]
    fn what_is_kept_of_a_name_is_kept_again() {
        for given in [
            "a.b.c",
            ". .a",
            "\u{200b}.txt",
            "con .txt",
            "x.\u{202e}",
            "~$a.doc",
            "a. b",
        ] {
            let once = FileName::from(given);
            assert_eq!(FileName::from(once.as_str()), once, "{given:?}");
        }
    }

    #[test]
    fn a_media_type_is_two_words() {
        for (given, kept) in [
            ("image/png", "image/png"),
            ("Text/HTML; charset=utf-8", "text/html"),
            ("image/svg+xml", "image/svg+xml"),
            ("png", BYTES),
            ("text/", BYTES),
            ("a/b\r\nX-Bad: 1", BYTES),
            ("", BYTES),
        ] {
            assert_eq!(MediaType::from(given).as_str(), kept, "{given:?}");
        }
    }
}
