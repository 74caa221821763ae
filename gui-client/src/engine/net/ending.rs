//! How a server ends its messages: with the assignment's `f`, with another word, or not at all.

use mensageiro_protocol::Text;

use super::io::Received;
use crate::engine::{Doubt, Peer};

/// The longest word that is taken for an end mark, in characters.
const LONGEST_WORD: usize = 16;

/// How a server ends a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// With `f`, as far as is known.
    #[default]
    Mark,
    /// With this word, which was the last text of the answer to the login.
    Word(Text),
    /// With nothing but silence.
    Silence,
}

impl Ending {
    /// Interprets the answer to a login that ended without an `f`. A word that ends it is removed
    /// from the received messages.
    pub(super) fn of_login(received: &mut Vec<Received>) -> Self {
        match received.pop_if(|last| may_be_word(last)) {
            Some(Received { text, .. }) => Self::Word(text),
            None => Self::Silence,
        }
    }

    /// Whether this text ends a round.
    pub(super) fn is(&self, said: &Text) -> bool {
        matches!(self, Self::Word(word) if word == said)
    }

    /// What is uncertain with such a server.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        match self {
            Self::Mark => None,
            Self::Word(word) => Some(Doubt::OtherEnd(word.as_str().trim().to_owned())),
            Self::Silence => Some(Doubt::NoEnd),
        }
    }
}

/// Whether this text may be an end mark, if nothing follows.
pub(super) fn may_be_word(last: &Received) -> bool {
    let text = last.text.as_str().trim();
    let is_short = text.chars().count() <= LONGEST_WORD;
    last.from == Peer::Server && is_short && !text.contains(char::is_whitespace)
}
