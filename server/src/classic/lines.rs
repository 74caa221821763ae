//! The lines of a classic session.

use std::borrow::Cow;

use mensageiro_protocol::{Addressed, Login, Text};

use crate::{
    context::Context,
    index::Series,
    mailboxes::PeekError,
    model::message::{Message, MessageId},
};

/// The line that delivers a message (L2, and G2 for groups).
pub(super) fn write_delivery(message: &Message, line: &mut Vec<u8>) {
    write_text(message, &message.text, line);
}

/// The same with another text.
pub(super) fn write_text(message: &Message, text: &Text, line: &mut Vec<u8>) {
    let Message { from, to, .. } = message;
    match &message.members {
        None => Addressed::encode(from, text, line),
        Some(_) => Addressed::encode_in_group(to, from, text, line),
    }
}

/// The text that a message has in an answer with what waits after one message and up to another (rule V17). None: it was
/// deleted, or it only changes one that is in this answer.
pub(super) fn current_text<'a>(
    context: &Context,
    login: &Login,
    message: &'a Message,
    (after, up_to): (MessageId, MessageId),
) -> Result<Option<Cow<'a, Text>>, PeekError> {
    let (messages, mailboxes) = (&context.messages, &context.mailboxes);
    let with = message.conversation();
    let of = message.changes().unwrap_or(message.id);
    let revisions = messages.revisions(&with, &[of], (up_to, mailboxes.last()))?;
    let revision = revisions.first().copied().unwrap_or_default();
    if revision.is_deleted {
        return Ok(None);
    }
    if message.changes().is_some() {
        let read = mailboxes.cursor(login, &with).map(|cursor| cursor.read);
        let is_last = revision.edit == Some(message.id);
        let is_known = of <= after || Some(of) <= read;
        let was_given = match is_last && is_known {
            true => messages.one(&with, Series::Said, of)?,
            false => None,
        };
        let was_given = was_given.is_some_and(|given| given.is_for(login));
        return Ok(message.as_said().filter(|_| was_given));
    }
    let edit = match revision.edit {
        Some(edit) => messages.one(&with, Series::Changes, edit)?,
        None => None,
    };
    let edit = edit.filter(|edit| edit.is_for(login));
    Ok(Some(edit.map_or(Cow::Borrowed(&message.text), |edit| {
        Cow::Owned(edit.text)
    })))
}
