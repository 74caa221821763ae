//! What a live session gets before its `f` (rule V3). Its own thread writes it and waits for the
//! client as long as needed. After that nobody waits for the client.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind},
    sync::Arc,
};

use mensageiro_protocol::{
    Login,
    classic::END,
    live::{Event, Read},
};

use super::failure::Failure;
use crate::{
    budgets::{LoginBudget, cost},
    clients::Connection,
    clients::LiveSender,
    context::Context,
    delivery::{receipt, write_message},
    index::Wanted,
    mailboxes::Mailboxes,
    model::{
        conversation::Conversation,
        message::{Message, MessageId},
    },
};

/// Bytes of messages that are read at once, about. They are held as long as the client reads nothing.
const PORTION: usize = 8 * 1024;

/// Conversations that are looked up at once for what was read in them.
const READS: usize = 64;

/// What a session gets: what its device does not have, or what its user has not read.
struct Mail<'a> {
    mailboxes: &'a Mailboxes,
    login: &'a Login,
    is_unread: bool,
    sender: &'a LiveSender,
    /// Pays for them. Nobody waits for that here: who asks too often is not let in.
    budget: &'a LoginBudget,
}

/// Sends the unread messages or, with `after`, everything that the device does not have. Then makes
/// the session live, without a gap and without a repetition.
pub(super) fn send(
    context: &Context,
    connection: &mut Connection,
    login: &Login,
    after: Option<MessageId>,
    (sender, budget): (&Arc<LiveSender>, &LoginBudget),
) -> Result<(), Failure> {
    let mut mail = Mail {
        mailboxes: &context.mailboxes,
        login,
        is_unread: after.is_none(),
        sender,
        budget,
    };
    // Who has left is noticed by it, before much is read.
    connection.flush()?;
    let mut cursor = after.unwrap_or_default();
    loop {
        let newest = context.mailboxes.last();
        send_timeline(context, connection, &mail, (cursor, newest))?;
        cursor = cursor.max(newest);
        // From now on it is a device that has everything up to there, so it also hears what was deleted since.
        mail.is_unread = false;
        if sender.go_live(cursor, || context.mailboxes.last()) {
            break;
        }
    }
    tell_cursors(context, login, after, sender);
    sender.tell(|line| line.extend_from_slice(END));
    sender.flush();
    Ok(())
}

/// Sends messages as fast as the client reads them. While it waits for the client, it holds none of them but those it is
/// sending.
fn send_timeline(
    context: &Context,
    connection: &mut Connection,
    mail: &Mail<'_>,
    (after, newest): (MessageId, MessageId),
) -> Result<(), Failure> {
    let reader = (mail.login, mail.sender.knows_changes());
    let mut timeline = context.messages.timeline_of(mail, after, newest);
    let mut is_more = true;
    while is_more {
        let (mut rows, mut bytes, mut some) = (0, 0, Vec::new());
        let turn = context.backlog_turn.lock();
        is_more = timeline.show(PORTION, &mut |message| {
            rows += 1;
            bytes += message.line_bytes();
            if mail.is_wanted(&message) {
                some.push(message);
            }
            true
        })?;
        drop(turn);
        for message in some {
            if !context.messages.is_deleted(&message)? {
                connection.append(|line| write_message(&message, reader, false, line));
            }
        }
        mail.budget.charge(cost::answer(rows, bytes));
        if !connection.flush_at_once()? {
            timeline.rest();
            connection.flush()?;
        }
        if !mail.goes_on() {
            return Err(io::Error::from(ErrorKind::ConnectionReset).into());
        }
    }
    Ok(())
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
    let (mut next, mut reads) = (Some(0), Vec::new());
    while let Some(from) = next
        && sender.wait_for_room()
    {
        let mailboxes = &context.mailboxes;
        next = mailboxes.some_read_since(login, (from, READS), after, &mut reads);
        for (with, up_to) in reads.drain(..) {
            sender.tell_event(&Event::Read(Read {
                with: with.with(login).clone(),
                up_to: up_to.0,
            }));
        }
    }
}

impl Mail<'_> {
    /// Whether a message is in it. A client that gets what is unread knows nothing that was deleted.
    fn is_wanted(&self, message: &Message) -> bool {
        let is_shown = message.waits() || (self.sender.knows_changes() && !self.is_unread);
        let is_own = message.from == *self.login && !self.is_unread;
        is_shown && (message.is_for(self.login) || is_own)
    }
}

impl Wanted for Mail<'_> {
    fn some(
        &self,
        from: usize,
        most: usize,
        after: MessageId,
        out: &mut Vec<(Conversation, MessageId)>,
    ) -> Option<usize> {
        let which = (after, self.is_unread);
        self.mailboxes
            .some_with_news(self.login, (from, most), which, out)
    }

    fn is_for(&self, members: &BTreeSet<Login>) -> bool {
        members.contains(self.login)
    }

    fn goes_on(&self) -> bool {
        !self.sender.has_ended()
    }
}
