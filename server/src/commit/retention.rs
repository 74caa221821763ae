//! Old history is dropped (`--keep`).

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::Login;
use tracing::warn;

use crate::{
    index::{Index, Messages},
    log::{Keep, Log, Position},
    mailboxes::Mailboxes,
    model::{codec, message::MessageId},
};

/// How often to look whether something is old.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Drops old segments of the log, as long as nobody needs them.
pub(super) struct Retention {
    /// How old messages may become; `None`: as old as they want.
    keep: Option<SignedDuration>,
    looked_at: Option<Instant>,
}

impl Retention {
    pub(super) fn new(keep: Option<SignedDuration>) -> Self {
        Self {
            keep,
            looked_at: None,
        }
    }

    /// Drops what is old and lies before a position, up to which the index is written, if that is due. Of what is unread nothing is dropped.
    pub(super) fn apply(
        &mut self,
        log: &dyn Log,
        index: &Index,
        (mailboxes, messages): (&Mailboxes, &Messages),
        written: Position,
    ) {
        let Some(keep) = self.keep else {
            return;
        };
        if self.looked_at.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.looked_at = Some(Instant::now());
        let now = Timestamp::now();
        let unread = match oldest_unread(mailboxes, messages) {
            Ok(unread) => unread,
            Err(error) => return warn!("no old messages are dropped: {error}"),
        };
        // A record is younger than the messages before it.
        let unread_for =
            unread.map(|sent_at| now.duration_since(sent_at) + SignedDuration::from_secs(1));
        let keep = Keep {
            now,
            keep: unread_for.map_or(keep, |unread_for| keep.max(unread_for)),
            before: written,
            time_of: &|payload| Some(codec::read_batch(payload).ok()?.at),
        };
        match log.drop_old(&keep) {
            Ok(0) => {}
            Ok(_) => index.forget_before(log.start()),
            Err(error) => warn!("old messages are not dropped: {error}"),
        }
    }
}

/// When the oldest message was sent that somebody has not read.
fn oldest_unread(
    mailboxes: &Mailboxes,
    messages: &Messages,
) -> Result<Option<Timestamp>, crate::mailboxes::PeekError> {
    let oldest = {
        let state = mailboxes.lock();
        let waiting = state.users().iter();
        let first = waiting.filter_map(|user| Some((user.mailbox.front()?.id, &user.login)));
        first.min().map(|(id, login)| (id, login.clone()))
    };
    let Some((id, login)): Option<(MessageId, Login)> = oldest else {
        return Ok(None);
    };
    let range = (MessageId(id.0 - 1), id);
    let found = mailboxes.peek(messages, &login, range, 1)?;
    Ok(found.first().map(|message| message.sent_at))
}
