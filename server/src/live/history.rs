//! Older messages (rule V10).

use std::sync::Arc;

use mensageiro_protocol::{
    Login,
    live::{Event, HISTORY_MOST, HistoryEnd, HistoryRequest},
};

use super::failure::Failure;
use crate::{
    clients::LiveSender,
    context::Context,
    delivery::{receipt, telling},
    model::{conversation::Conversation, message::MessageId},
};

/// The most bytes of text in an answer, which has at least one message.
const BYTES: usize = 256 * 1024;

/// Sends a client the messages it requests, and how far the others are in the conversation.
pub(super) fn tell(
    context: &Context,
    login: &Login,
    sender: &Arc<LiveSender>,
    with: &Conversation,
    request: &HistoryRequest,
) -> Result<(), Failure> {
    let limit = request.limit.clamp(1, HISTORY_MOST);
    let before = request.before.map(MessageId);
    // One more than is sent shows whether there are more.
    let mut found = context
        .messages
        .history(with, before, limit + 1, context.mailboxes.last())?;
    let since = context.mailboxes.since_in(login, with);
    found.retain(|message| message.id > since);
    let mut bytes = 0;
    let fit = found
        .iter()
        .rev()
        .take(limit)
        .take_while(|message| {
            bytes += message.text.len();
            bytes <= BYTES || bytes == message.text.len()
        })
        .count();
    let told = &found[found.len() - fit..];
    for message in told {
        let telling = telling(message, login, true);
        sender.tell(|line| telling.encode(line));
    }
    // Receipts concern only the user's own messages, and a large group has many of them.
    let has_own = told.iter().any(|message| message.from == *login);
    let peers = has_own.then(|| context.mailboxes.peers_in(login, with));
    for moved in peers.into_iter().flatten() {
        if !sender.wait_for_room() {
            break;
        }
        if let Some(receipt) = receipt(&moved, login) {
            sender.tell_event(&receipt);
        }
    }
    sender.tell_event(&Event::History(HistoryEnd {
        with: request.with.clone(),
        before: request.before,
        count: fit,
        more: found.len() > fit,
    }));
    Ok(())
}
