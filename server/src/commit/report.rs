//! What the server's log says of a commit.

use tracing::info;

use crate::state::{AppliedRun, Moved};

/// A commit is a line or two in the server's log, however much it brought.
pub(super) fn report(runs: &[AppliedRun], moved: &[Moved]) {
    let first = runs.first().and_then(|run| run.messages.first());
    let last = runs.last().and_then(|run| run.messages.last());
    match first.zip(last) {
        None => {}
        Some((one, last)) if one.id == last.id => {
            info!("message {} from {} to {} stored", one.id, one.from, one.to);
        }
        Some((first, last)) => info!("messages {} to {} stored", first.id, last.id),
    }
    let mut reads = moved.iter().filter_map(|moved| Some((moved, moved.read?)));
    match (reads.next(), reads.count()) {
        (None, _) => {}
        (Some((one, up_to)), 0) => info!("{} read up to message {up_to}", one.who),
        (Some((one, _)), more) => info!("{} and {more} more have read", one.who),
    }
}
