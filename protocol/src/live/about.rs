use std::fmt;

use super::BadLine;
use crate::limits::HIGHEST_ID;

/// What a message says about another one, by its id (rule V16). A message says one such thing at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    /// It replies to that message.
    Reply(u64),
    /// It is the new text of that message (rule V17).
    Edit(u64),
    /// That message is deleted; the text of this one means nothing (rule V17).
    Delete(u64),
}

/// What this version knows, as `welcome` names it.
pub const KNOWN: [&str; 3] = ["re", "edit", "del"];

impl About {
    /// The message that it is about.
    pub fn target(self) -> u64 {
        match self {
            Self::Reply(id) | Self::Edit(id) | Self::Delete(id) => id,
        }
    }

    /// Whether it changes that message. Such a message is none of the conversation's own: it is shown at the one that it
    /// changes, and not to sessions that do not know it.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::Reply(_))
    }

    /// Reads it from the words `key=value` after an id or a tag; other words are ignored (rule V2).
    pub(super) fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Option<Self>, BadLine> {
        let mut found = None;
        for word in words {
            let about = match word.split_once('=') {
                Some(("re", id)) => Self::Reply(target(id)?),
                Some(("edit", id)) => Self::Edit(target(id)?),
                Some(("del", id)) => Self::Delete(target(id)?),
                _ => continue,
            };
            if found.replace(about).is_some() {
                return Err(BadLine::new("a message is about one other message"));
            }
        }
        Ok(found)
    }
}

impl fmt::Display for About {
    /// As it stands in a line: `;re=8841`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(id) => write!(f, ";re={id}"),
            Self::Edit(id) => write!(f, ";edit={id}"),
            Self::Delete(id) => write!(f, ";del={id}"),
        }
    }
}

fn target(id: &str) -> Result<u64, BadLine> {
    let id = id.parse().ok();
    id.filter(|id| (1..=HIGHEST_ID).contains(id))
        .ok_or_else(|| BadLine::new("no message has this id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_about_one_other_message_at_most() {
        let parse = |words: &str| About::parse(words.split(';'));
        assert_eq!(parse("color=red"), Ok(None));
        assert_eq!(parse("color=red;re=8841"), Ok(Some(About::Reply(8841))));
        assert_eq!(parse("edit=8841"), Ok(Some(About::Edit(8841))));
        assert_eq!(parse("del=8841;color=red"), Ok(Some(About::Delete(8841))));
        assert!(parse("re=1;re=2").is_err());
        assert!(parse("edit=1;del=1").is_err());
        for id in ["", "0", "-1", "x", "1099511627776"] {
            assert!(parse(&format!("re={id}")).is_err(), "{id}");
        }
    }
}
