//! Old history is dropped (`--keep`).

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::{
    index::{Index, Messages},
    log::{Keep, Log, Position},
    mailboxes::{Mailboxes, PeekError},
    model::{codec, message::MessageId},
};

/// How often to look whether something is old.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Drops old segments of the log once nobody needs them.
pub(super) struct Retention {
    /// How old messages may become; `None`: as old as they want.
    keep: Option<SignedDuration>,
    looked_at: Option<Instant>,
    due: Option<Due>,
}

/// What is to be dropped. Everything in it has been read; some of it may not be in messages.csv yet.
struct Due {
    /// Records that are older.
    older_than: Timestamp,
    /// Records before this position.
    before: Position,
    /// Once this read mark is archived, all of it is.
    mark: u64,
}

/// How far the followers of the log have come.
pub(super) struct Reached {
    /// The index is written up to here.
    pub(super) index: Position,
    /// The last read mark there is.
    pub(super) last_mark: u64,
    /// The last one whose rows are in messages.csv for good.
    pub(super) archived: u64,
}

impl Retention {
    pub(super) fn new(keep: Option<SignedDuration>) -> Self {
        Self {
            keep,
            looked_at: None,
            due: None,
        }
    }

    /// Now and then finds out what is old and has been read, and drops it when its rows are in messages.csv. Returns the time
    /// before which everything may be dropped next: what the log must not forget of it is to be said again now.
    pub(super) fn apply(
        &mut self,
        log: &dyn Log,
        index: &Index,
        (mailboxes, messages): (&Mailboxes, &Messages),
        reached: &Reached,
    ) -> Option<Timestamp> {
        let keep = self.keep?;
        if let Some(due) = self.due.take_if(|due| reached.archived >= due.mark) {
            due.drop_it(log, index, keep);
            mailboxes.lock().log_begins_at(log.start());
        }
        let is_time = self.looked_at.is_none_or(|at| at.elapsed() >= EVERY);
        if !is_time || self.due.is_some() || reached.index <= log.start() {
            return None;
        }
        self.looked_at = Some(Instant::now());
        let old = Timestamp::now() - keep;
        match oldest_unread(mailboxes, messages) {
            Err(error) => {
                warn!("no old messages are dropped: {error}");
                None
            }
            Ok(unread) => {
                // A record is not older than the messages in it.
                let before_unread = unread.map(|sent_at| sent_at - SignedDuration::from_secs(1));
                let older_than = before_unread.map_or(old, |before| before.min(old));
                self.due = Some(Due {
                    older_than,
                    before: reached.index,
                    mark: reached.last_mark,
                });
                Some(older_than)
            }
        }
    }
}

impl Due {
    fn drop_it(&self, log: &dyn Log, index: &Index, keep: SignedDuration) {
        let dropped = log.drop_old(&Keep {
            now: self.older_than + keep,
            keep,
            before: self.before,
            time_of: &|payload| Some(codec::read_batch(payload).ok()?.at),
        });
        match dropped {
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
) -> Result<Option<Timestamp>, PeekError> {
    let Some((id, login)) = mailboxes.oldest_unread() else {
        return Ok(None);
    };
    let range = (MessageId(id.0 - 1), MessageId::MAX);
    let found = mailboxes.peek(messages, &login, range, 1)?;
    // Should it have been read just now, everything is kept until the next look.
    let sent_at = found.first().map(|message| message.sent_at);
    Ok(Some(sent_at.unwrap_or(Timestamp::UNIX_EPOCH)))
}
