//! What a live session gets before its `f` (rule V3). Its own thread writes it and waits for the
//! client as long as needed. After that nobody waits for the client.

use std::sync::Arc;

use mensageiro_protocol::{
    Login,
    classic::END,
    live::{Event, Read},
};

use super::failure::Failure;
use crate::{
    clients::Connection,
    clients::LiveSender,
    context::Context,
    delivery::{receipt, telling},
    model::message::{Message, MessageId},
};

/// How many messages are taken from a mailbox at a time.
const CHUNK: usize = 256;

/// Sends the unread messages or, with `after`, everything that the device does not have. Then makes
/// the session live, without a gap and without a repetition.
pub(super) fn send(
    context: &Context,
    connection: &mut Connection,
    login: &Login,
    after: Option<MessageId>,
    sender: &Arc<LiveSender>,
) -> Result<(), Failure> {
    let mut cursor = after.unwrap_or_default();
    loop {
        let newest = context.mailboxes.last();
        match after {
            None => send_unread(context, connection, login, cursor, newest)?,
            Some(_) => send_timeline(context, connection, login, cursor, newest)?,
        }
        cursor = cursor.max(newest);
        connection.flush()?;
        if sender.go_live(cursor, || context.mailboxes.last()) {
            break;
        }
    }
    tell_cursors(context, login, after, sender);
    sender.tell(|line| line.extend_from_slice(END));
    sender.flush();
    Ok(())
}

fn send_unread(
    context: &Context,
    connection: &mut Connection,
    login: &Login,
    mut after: MessageId,
    newest: MessageId,
) -> Result<(), Failure> {
    loop {
        let range = (after, newest);
        let chunk = context
            .mailboxes
            .peek(&context.messages, login, range, CHUNK)?;
        for message in &chunk {
            send_one(connection, login, message)?;
            after = message.id;
        }
        if chunk.len() < CHUNK {
            return Ok(());
        }
    }
}

fn send_timeline(
    context: &Context,
    connection: &mut Connection,
    login: &Login,
    after: MessageId,
    newest: MessageId,
) -> Result<(), Failure> {
    let after = after.max(context.mailboxes.since(login));
    let conversations = context.mailboxes.conversations(login, after);
    let mut outcome = Ok(());
    context
        .messages
        .timeline(&conversations, after, newest, &mut |message| {
            if message.is_for(login) || message.from == *login {
                outcome = send_one(connection, login, &message);
            }
            outcome.is_ok()
        })?;
    outcome
}

fn send_one(connection: &mut Connection, login: &Login, message: &Message) -> Result<(), Failure> {
    let telling = telling(message, login, false);
    Ok(connection.send(|line| telling.encode(line))?)
}

/// Sends how far the others are with this user's messages, and how far the user's other sessions
/// are with those of the others, as far as it has changed since the device was last online. A new
/// device has no messages for which this would matter.
fn tell_cursors(
    context: &Context,
    login: &Login,
    after: Option<MessageId>,
    sender: &Arc<LiveSender>,
) {
    let Some(after) = after else {
        return;
    };
    for moved in context.mailboxes.peers(login, after) {
        // Large groups have many receipts.
        if !sender.wait_for_room() {
            return;
        }
        if let Some(receipt) = receipt(&moved, login) {
            sender.tell_event(&receipt);
        }
    }
    for (with, up_to) in context.mailboxes.read_since(login, after) {
        sender.tell_event(&Event::Read(Read {
            with: with.with(login).clone(),
            up_to: up_to.0,
        }));
    }
}
