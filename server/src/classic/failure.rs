//! Why a classic session ends.

use std::io;

use mensageiro_protocol::Login;
use thiserror::Error;
use tracing::info;

use crate::{
    budgets::OverBudget,
    clients::Ended,
    commit::Refused,
    mailboxes::PeekError,
    state::{Outcome, Refusal},
};

/// Why a session ends, unless the client wants it to.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Ended(#[from] Ended),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("a message was not accepted: {0}")]
    Refused(#[from] Refused),
    #[error("a message could not be read: {0}")]
    Peek(#[from] PeekError),
    #[error(
        "a message was not accepted: the mailbox of {0} is full (--max-mailbox, --max-mailbox-bytes)"
    )]
    MailboxFull(Login),
    #[error("a message was not accepted: {}", .0.reason)]
    OverBudget(OverBudget),
}

impl Failure {
    /// Whether the client should not come back at once.
    pub(super) fn is_over_budget(&self) -> bool {
        matches!(
            self,
            Self::OverBudget(_) | Self::Ended(Ended::SentTooMuch(_))
        )
    }
}

/// A full mailbox is the only reason to hang up on a classic sender. Refused messages to groups are
/// discarded like lines that make no sense (rule S8).
pub(super) fn check(login: &Login, outcomes: &[Outcome]) -> Result<(), Login> {
    for outcome in outcomes {
        match outcome {
            Outcome::Refused(Refusal::MailboxFull(full)) => return Err(full.clone()),
            Outcome::Refused(refusal) => {
                info!("a message from {login} discarded: {refusal}");
            }
            Outcome::Accepted { .. } | Outcome::Repeat { .. } => {}
        }
    }
    Ok(())
}
