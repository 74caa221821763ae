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
    delivery::{receipt, write_message},
    index::Series,
    model::{
        conversation::Conversation,
        message::{Message, MessageId},
    },
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
    let since = context.mailboxes.since_in(login, with);
    let reader = (login, sender.knows_changes());
    let mut page = context.messages.page(with, (since, newest), limit, BYTES)?;
    let (mut count, mut rows, mut bytes, mut receipts, mut has_own) = (0, 0, 0, 0, false);
    while !page.places.is_empty() {
        if !sender.wait_for_room() {
            return Ok(cost::answer(LOOKUP_ROWS + rows + receipts, bytes));
        }
        let mut some = Vec::new();
        page.places.show(PORTION, &mut |message| {
            some.push(message);
            true
        })?;
        rows += some.len();
        let oldest = some.first().map(|oldest| oldest.id);
        for (message, edit) in current(context, with, some)? {
            let lines = [Some(message), edit];
            for message in lines.iter().flatten() {
                sender.tell(|line| write_message(message, reader, true, line));
                bytes += message.line_bytes();
                // Receipts concern only the user's own messages, and a large group has many of them.
                has_own |= message.from == *login;
                // To a client that knows no edits, one is a message.
                count += usize::from(message.changes().is_none() || !reader.1);
            }
        }
        // Whoever asks for older ones needs to know an older one.
        if page.places.is_empty()
            && count == 0
            && page.is_more
            && let Some(oldest) = oldest
        {
            let older = (since, MessageId(oldest.0 - 1));
            page = context.messages.page(with, older, limit, BYTES)?;
            rows += LOOKUP_ROWS;
        }
    }
    let peers = has_own.then(|| context.mailboxes.peers_in(login, with));
    for moved in peers.into_iter().flatten() {
        if !sender.wait_for_room() {
            return Ok(cost::answer(LOOKUP_ROWS + rows + receipts, bytes));
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
    Ok(cost::answer(LOOKUP_ROWS + rows + receipts, bytes))
}

/// Those of some messages of a conversation that were not deleted, each with its last edit.
pub(super) fn current(
    context: &Context,
    with: &Conversation,
    messages: Vec<Message>,
) -> Result<Vec<(Message, Option<Message>)>, Failure> {
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    let visible = context.mailboxes.last();
    let revisions = context.messages.revisions(with, &ids, (visible, visible))?;
    let mut current = Vec::with_capacity(messages.len());
    for (message, revision) in messages.into_iter().zip(revisions) {
        if revision.is_deleted {
            continue;
        }
        let edit = match revision.edit {
            Some(edit) => context.messages.one(with, Series::Changes, edit)?,
            None => None,
        };
        current.push((message, edit));
    }
    Ok(current)
}
