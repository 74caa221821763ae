//! What the server's log says of a commit.

use mensageiro_protocol::Login;
use tracing::info;

use crate::{
    model::message::Message,
    state::{AppliedRun, Moved},
};

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
    for run in runs {
        report_missed(&run.messages);
    }
}

/// Members named in a line of the server's log.
const NAMED: usize = 20;

/// Who does not get what is written to a group stands in the server's log: a classic author has no other way to know.
fn report_missed(messages: &[Message]) {
    if let Some(message) = messages.first()
        && let Some(missed_by) = &message.missed_by
    {
        let named = missed_by.iter().take(NAMED).map(Login::as_str);
        let named: Vec<_> = named.collect();
        info!(
            "{} of {} do not get what {} writes, as their mailboxes are full: {}",
            missed_by.len(),
            message.to,
            message.from,
            named.join(", ")
        );
    }
}
