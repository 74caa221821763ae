//! How often a message was sent, and what came of it, as far as the inspector has seen it.

use jiff::Timestamp;
use mensageiro_protocol::live::{Event, Request, Tag};

use super::{InspectedLine, Inspector, Meaning};
use crate::engine::{Crossing, FaultNews, Message, MessageFault, Peer};

/// A step of sending a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, by this computer's clock.
    pub at: Timestamp,
    /// What.
    pub step: AttemptStep,
}

/// What happened in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptStep {
    /// The app sent it, with this tag.
    Sent {
        /// The same with each attempt.
        tag: Tag,
        /// What happened to it on the way.
        fault: Option<MessageFault>,
    },
    /// The server accepted it.
    Accepted {
        /// The same with each attempt.
        id: u64,
        /// The app never heard it.
        is_lost: bool,
    },
    /// The connection was lost before the server had accepted it.
    ConnectionLost,
}

impl Inspector {
    /// The attempts to send a message of a live session, in order; empty if it was sent once and nothing went wrong, or
    /// nobody looked.
    pub fn attempts(&self, message: &Message) -> Vec<Attempt> {
        let Some(tag) = self.tag_of(message) else {
            return Vec::new();
        };
        let mut attempts: Vec<Attempt> = Vec::new();
        let mut just_sent = false;
        for line in &self.lines.lines {
            let was_just_sent = std::mem::take(&mut just_sent);
            let is_to_be_lost = loses_answer(&attempts);
            let last = attempts.last_mut().map(|last| &mut last.step);
            let step = match (&line.news.crossing, last) {
                (Crossing::Fault(news), last) => {
                    match (news, last) {
                        (FaultNews::Message(done), Some(AttemptStep::Sent { fault, .. }))
                            if was_just_sent =>
                        {
                            *fault = Some(*done);
                        }
                        (FaultNews::Cut, Some(AttemptStep::Accepted { is_lost, .. })) => {
                            *is_lost = is_to_be_lost;
                        }
                        _ => {}
                    }
                    continue;
                }
                (
                    Crossing::Cut(_) | Crossing::Closed(_),
                    Some(AttemptStep::Sent { .. } | AttemptStep::Accepted { is_lost: true, .. }),
                ) => AttemptStep::ConnectionLost,
                (Crossing::Line { .. }, _) => match line.meaning() {
                    Meaning::Asked(Request::Send {
                        tag: Some(sent), ..
                    }) if sent == tag => {
                        just_sent = true;
                        AttemptStep::Sent {
                            tag: sent,
                            fault: None,
                        }
                    }
                    meaning => match accepted(&meaning) {
                        Some((id, of)) if *of == tag => {
                            AttemptStep::Accepted { id, is_lost: false }
                        }
                        _ => continue,
                    },
                },
                _ => continue,
            };
            let at = line.news.at;
            attempts.push(Attempt { at, step });
        }
        let is_plain = attempts.len() <= 2
            && attempts.iter().all(|attempt| {
                !matches!(
                    attempt.step,
                    AttemptStep::Sent { fault: Some(_), .. } | AttemptStep::ConnectionLost
                )
            });
        match is_plain {
            true => Vec::new(),
            false => attempts,
        }
    }

    /// The tag of a message: the one that was accepted with its id, or else of the newest line with its words that was not
    /// accepted.
    fn tag_of(&self, message: &Message) -> Option<Tag> {
        let lines = || self.lines.lines.iter();
        let accepted = |line: &InspectedLine| {
            let meaning = line.meaning();
            accepted(&meaning).map(|(id, tag)| (id, tag.clone()))
        };
        if let Some(server_id) = message.server_id {
            let mut all = lines().filter_map(accepted);
            return all.find(|(id, _)| *id == server_id).map(|(_, tag)| tag);
        }
        let sent = lines().rev().find_map(|line| match line.meaning() {
            Meaning::Asked(Request::Send {
                tag: Some(tag),
                to,
                text,
                ..
            }) if Peer::Person(to.clone()) == message.with && text == message.text => Some(tag),
            _ => None,
        })?;
        let is_accepted = lines().filter_map(accepted).any(|(_, tag)| tag == sent);
        (!is_accepted).then_some(sent)
    }
}

/// The id and the tag of an own message that the server has, as it says: in its answer, or in a later session because the
/// answer was lost.
fn accepted(meaning: &Meaning) -> Option<(u64, &Tag)> {
    match meaning {
        Meaning::Event(Event::Accepted(accepted)) => Some((accepted.id, &accepted.tag)),
        Meaning::Event(Event::Message(told)) => Some((told.id, told.tag.as_ref()?)),
        _ => None,
    }
}

/// Whether the answer to the last attempt is lost.
fn loses_answer(attempts: &[Attempt]) -> bool {
    let sent = attempts
        .iter()
        .rev()
        .find_map(|attempt| match &attempt.step {
            AttemptStep::Sent { fault, .. } => Some(*fault),
            _ => None,
        });
    sent == Some(Some(MessageFault::LoseAnswer))
}
