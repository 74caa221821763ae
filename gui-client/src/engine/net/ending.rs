//! How a server ends what it has to say. The assignment has an `f` for it; a server of another make
//! may have another word, or none.

use mensageiro_protocol::Text;

use super::io::Received;
use crate::engine::{Doubt, Peer};

/// A word that ends the messages of a login has so many characters at most.
const LONGEST_WORD: usize = 16;

/// How a server ends a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// With `f`, as far as is known.
    #[default]
    Mark,
    /// With this word, which stood last when the login was answered.
    Word(Text),
    /// With nothing: it only becomes silent.
    Silence,
}

impl Ending {
    /// What to make of a login whose answer ended without an `f`. A word for the end is taken out of
    /// what was received.
    pub(super) fn of_login(received: &mut Vec<Received>) -> Self {
        match received.pop_if(|last| may_be_word(last)) {
            Some(Received { text, .. }) => Self::Word(text),
            None => Self::Silence,
        }
    }

    /// Whether this is the word that ends a round.
    pub(super) fn is(&self, said: &Text) -> bool {
        matches!(self, Self::Word(word) if word == said)
    }

    /// What cannot be known of such a server.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        match self {
            Self::Mark => None,
            Self::Word(word) => Some(Doubt::OtherEnd(word.as_str().trim().to_owned())),
            Self::Silence => Some(Doubt::NoEnd),
        }
    }
}

/// Whether this may be a word for the end, if nothing follows.
pub(super) fn may_be_word(last: &Received) -> bool {
    let text = last.text.as_str().trim();
    let is_short = text.chars().count() <= LONGEST_WORD;
    last.from == Peer::Server && is_short && !text.contains(char::is_whitespace)
}
