//! The values of what is set for a conversation, each a bit: which of them a change is about, and which the server may not know.
//! Drafts are not among them: they are compared with what the server knows.

use mensageiro_protocol::live::Set;

/// It is pinned.
pub const PINNED: u8 = 1;
/// Until when it is muted.
pub const MUTED: u8 = 2;
/// Up to which message it is archived.
pub const ARCHIVED: u8 = 4;
/// It is marked as unread.
pub const MARKED_UNREAD: u8 = 8;

/// The values that a change is about.
pub fn values(set: &Set) -> u8 {
    let bit = |is_there: bool, value: u8| if is_there { value } else { 0 };
    bit(set.pinned.is_some(), PINNED)
        | bit(set.muted.is_some(), MUTED)
        | bit(set.archived.is_some(), ARCHIVED)
        | bit(set.marked_unread.is_some(), MARKED_UNREAD)
}
