//! What a batch brings.

use jiff::Timestamp;
use mensageiro_protocol::Login;
use thiserror::Error;

use super::settings::SetOutcome;
use crate::{
    index::{ChangeEntry, Index, RosterEntry, RunEntry, Series, TagEntry},
    model::{
        conversation::Conversation,
        message::{Message, MessageId, ReadMark, Tag},
    },
};

/// What became of one message that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is a message now.
    Accepted {
        /// Its id.
        id: MessageId,
        /// When it was accepted.
        sent_at: Timestamp,
    },
    /// It had been accepted before, under the same tag or number; there is no second copy.
    Repeat {
        /// The id it got then.
        id: MessageId,
        /// When it was accepted.
        sent_at: Timestamp,
    },
    /// It is not accepted.
    Refused(Refusal),
}

/// Why a message is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The mailbox of the user it is for takes no more of its author.
    #[error("the mailbox of {0} is full")]
    MailboxFull(Login),
    /// There is no such group, or no such group any more.
    #[error("there is no group {0}")]
    NoGroup(Login),
    /// Its author does not belong to the group.
    #[error("you do not belong to {0}")]
    NotAMember(Login),
    /// The device has sent another message under this number.
    #[error("another message was sent under the number {0}")]
    TagUsed(Tag),
    /// The number is so far below the device's highest one that nobody knows whether it was used.
    #[error("the number {0} is too far below the highest one")]
    TagOld(Tag),
}

/// Accepted messages that follow one another: of one run, of one series, with ids that follow one another. Either all of them
/// wait for those they are for, or none.
#[derive(Debug)]
pub struct AppliedRun {
    /// Where they belong.
    pub conversation: Conversation,
    /// Not empty.
    pub messages: Vec<Message>,
    /// Where they are in the log.
    pub entry: RunEntry,
    /// The event they come from, by its place in the batch.
    pub event: usize,
}

impl AppliedRun {
    /// The sequence that they are in.
    pub fn series(&self) -> Series {
        match self.messages.first().and_then(Message::changes) {
            None => Series::Said,
            Some(_) => Series::Changes,
        }
    }
}

/// A cursor that moved: the new values, of what moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Whose.
    pub who: Login,
    /// Where.
    pub with: Conversation,
    /// Who wrote what it moved over.
    pub authors: Vec<Login>,
    /// A device of theirs keeps everything up to here.
    pub delivered: Option<MessageId>,
    /// They have read everything up to here.
    pub read: Option<MessageId>,
    /// When.
    pub at: Timestamp,
    /// The key of the live session that moved it, as far as whoever applies knows it.
    pub by: Option<u64>,
}

/// What a batch brought.
#[derive(Debug, Default)]
pub struct Effects {
    /// For each event that sends messages, in order: its place in the batch, and what became of each message.
    pub outcomes: Vec<(usize, Vec<Outcome>)>,
    /// The new messages, by rising ids.
    pub runs: Vec<AppliedRun>,
    /// Their tags, of those that no device numbers; each login once.
    pub tags: Vec<(Login, Vec<TagEntry>)>,
    /// The cursors that moved, each with the place of its event in the batch.
    pub moved: Vec<(usize, Moved)>,
    /// What was read, for the archive.
    pub marks: Vec<ReadMark>,
    /// Groups with other members.
    pub rosters: Vec<RosterEntry>,
    /// What became of what users have set, each with the place of its event in the batch.
    pub set: Vec<(usize, SetOutcome)>,
    /// About how many unread messages were read.
    pub read: u64,
}

impl Effects {
    /// Adds to the index where the new messages are.
    pub fn add_to(&self, index: &Index) {
        for roster in &self.rosters {
            index.add_roster(roster.clone());
        }
        for run in &self.runs {
            index.add_run(&run.conversation, run.series(), run.entry.clone());
            for message in &run.messages {
                let of = message.changes();
                let change = of.map(|of| ChangeEntry {
                    of,
                    is_deletion: !message.waits(),
                    by: message.id,
                });
                if let Some(change) = change {
                    index.add_change(change);
                }
            }
        }
        for (login, tags) in &self.tags {
            for tag in tags {
                index.add_tag(login, *tag);
            }
        }
        // Cursors alone are to be written some time, too.
        index.touch();
    }
}
