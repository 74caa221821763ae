use jiff::Timestamp;
use mensageiro_protocol::Login;

use crate::engine::{Delivery, Message, Peer, RECEIPTS_AT_MOST, Receipt, ReceiptState};

/// A receipt: how far somebody is with own messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptNews {
    /// In which conversation.
    pub with: Peer,
    /// Who.
    pub by: Login,
    /// How far.
    pub state: ReceiptState,
    /// The id of the newest message it covers.
    pub up_to: u64,
    /// When.
    pub at: Timestamp,
}

impl ReceiptNews {
    /// Adds it to a message, if it covers it.
    pub fn note(&self, message: &mut Message) {
        let is_reached = message.server_id.is_some_and(|id| id <= self.up_to);
        if !is_reached || message.delivery != Delivery::Accepted {
            return;
        }
        let receipts = &mut message.receipts;
        let at = match receipts.binary_search_by(|known| known.by.cmp(&self.by)) {
            Ok(at) => at,
            Err(_) if receipts.len() >= RECEIPTS_AT_MOST => return,
            Err(at) => {
                receipts.insert(
                    at,
                    Receipt {
                        by: self.by.clone(),
                        delivered: None,
                        read: None,
                    },
                );
                at
            }
        };
        let receipt = &mut receipts[at];
        match self.state {
            ReceiptState::Delivered => receipt.delivered.get_or_insert(self.at),
            ReceiptState::Read => receipt.read.get_or_insert(self.at),
        };
    }
}
