//! The live protocol: classic lines with tags, and verbs with one JSON object each
//! (PROTOCOL.md, "Live sessions").

mod tag;

pub use tag::{BadTag, TAG_CHARS, Tag};
