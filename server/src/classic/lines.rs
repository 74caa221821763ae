//! The lines of a classic session.

use mensageiro_protocol::Addressed;

use crate::model::message::Message;

/// The line that delivers a message (L2, and G2 for groups).
pub(super) fn write_delivery(message: &Message, line: &mut Vec<u8>) {
    let Message { from, to, text, .. } = message;
    match &message.members {
        None => Addressed::encode(from, text, line),
        Some(_) => Addressed::encode_in_group(to, from, text, line),
    }
}
