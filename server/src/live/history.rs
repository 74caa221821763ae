//! Older messages (rule V10).

use std::sync::Arc;

use mensageiro_protocol::{
    Login,
    live::{Event, HISTORY_MOST, HistoryEnd, HistoryRequest},
};

use super::{LOOKUP_ROWS, PORTION, failure::Failure};
use crate::{
    budgets::cost,
    clients::LiveSender,
    context::Context,
    delivery::{receipt, telling},
    model::{conversation::Conversation, message::MessageId},
};

/// The most bytes of an answer, which has at least one message.
const BYTES: u64 = 256 * 1024;

/// Sends a client the messages it requests, and how far the others are in the conversation, as fast as it reads
/// them. Returns what that costs.
pub(super) fn tell(
    context: &Context,
    login: &Login,
    sender: &Arc<LiveSender>,
    with: &Conversation,
    request: &HistoryRequest,
) -> Result<u64, Failure> {
    let limit = request.limit.clamp(1, HISTORY_MOST);
    let before = request.before.map_or(u64::MAX, |id| id.saturating_sub(1));
    let newest = context.mailboxes.last().min(MessageId(before));
    let range = (context.mailboxes.since_in(login, with), newest);
    let mut page = context.messages.page(with, range, limit, BYTES)?;
    let (mut count, mut bytes, mut receipts, mut has_own) = (0, 0, 0, false);
    while !page.places.is_empty() {
        if !sender.wait_for_room() {
            return Ok(cost::answer(LOOKUP_ROWS + count + receipts, bytes));
        }
        page.places.show(PORTION, &mut |message| {
            let telling = telling(&message, login, true);
            sender.tell(|line| telling.encode(line));
            count += 1;
            bytes += message.line_bytes();
            // Receipts concern only the user's own messages, and a large group has many of them.
            has_own |= message.from == *login;
            true
        })?;
    }
    let peers = has_own.then(|| context.mailboxes.peers_in(login, with));
    for moved in peers.into_iter().flatten() {
        if !sender.wait_for_room() {
            return Ok(cost::answer(LOOKUP_ROWS + count + receipts, bytes));
        }
        receipts += 1;
        if let Some(receipt) = receipt(&moved, login) {
            sender.tell_event(&receipt);
        }
    }
    sender.tell_event(&Event::History(HistoryEnd {
        with: request.with.clone(),
        before: request.before,
        count,
        more: page.is_more,
    }));
    Ok(cost::answer(LOOKUP_ROWS + count + receipts, bytes))
}
