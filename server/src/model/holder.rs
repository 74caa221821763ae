//! Who has a name. A login may be given to another person, and a group's name to another group: what was
//! before is not for them.

use super::message::MessageId;

/// Who has a login, or what a group's name stands for. Login and number together are the user's own id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// 0 for the first one, then 1, and so on. No number is used twice.
    pub number: u64,
    /// Messages up to this one belong to earlier holders.
    pub since: MessageId,
    /// What `since` was before it rose, as long as that may be undone.
    pub before: Option<MessageId>,
    /// The login is not in users.csv any more. Of a group the state knows this anyway.
    pub is_gone: bool,
}

impl Holder {
    /// The next holder, who begins when this is the newest message.
    #[must_use]
    pub fn next(self, newest: MessageId) -> Self {
        Self {
            number: self.number + 1,
            since: newest,
            before: Some(self.since),
            is_gone: false,
        }
    }

    /// The same holder: back again, or, if there, with what was before the holder began.
    #[must_use]
    pub fn kept(self) -> Self {
        let undone = self.before.filter(|_| !self.is_gone);
        Self {
            since: undone.unwrap_or(self.since),
            before: None,
            is_gone: false,
            ..self
        }
    }
}
