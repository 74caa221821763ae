//! The background threads' part, for a conversation with bob of a million messages.

use mensageiro::engine::{Command, Event, Message, Older};

use crate::desk::{person, received};

pub const MILLION: i64 = 1_000_000;

/// The answer to a command that asks for messages.
pub fn page(command: &Command) -> Option<Event> {
    let messages = |from: i64, to: i64| -> Vec<Message> {
        (from.max(0)..to.min(MILLION)).map(received).collect()
    };
    let older = |from: i64| match from {
        ..=0 => Older::Nothing,
        _ => Older::More,
    };
    let with = person("bob");
    Some(match *command {
        Command::LoadPage { before, limit, .. } => {
            let end = before.map_or(MILLION, |sort_key| sort_key.0);
            let from = end - i64::try_from(limit).unwrap();
            Event::Page {
                with,
                before,
                messages: messages(from, end),
                older: older(from),
            }
        }
        Command::LoadAround { sort_key, .. } => Event::Around {
            with,
            messages: messages(sort_key.0 - 100, sort_key.0 + 100),
            older: older(sort_key.0 - 100),
            newer: sort_key.0 + 100 < MILLION,
        },
        Command::LoadNewer { after, limit, .. } => {
            let end = after.0 + 1 + i64::try_from(limit).unwrap();
            Event::Newer {
                with,
                after,
                messages: messages(after.0 + 1, end),
                newer: end < MILLION,
            }
        }
        _ => return None,
    })
}
