//! The numbers of fields and events. A number never changes its meaning.

/// Fields of a batch.
pub(super) mod batch {
    pub(in crate::model::codec) const AT: u32 = 0;
    pub(in crate::model::codec) const LAST_MESSAGE: u32 = 1;
    pub(in crate::model::codec) const LAST_READ_MARK: u32 = 2;
    pub(in crate::model::codec) const EVENTS: u32 = 3;
}

/// Events. Each is a map of one entry, whose key says what it is.
pub(super) mod event {
    pub(in crate::model::codec) const MESSAGES: u32 = 1;
    pub(in crate::model::codec) const READ: u32 = 2;
    pub(in crate::model::codec) const SEEN: u32 = 3;
    pub(in crate::model::codec) const GROUP: u32 = 4;
    pub(in crate::model::codec) const LIMITS: u32 = 5;
    pub(in crate::model::codec) const CURSOR: u32 = 6;
    pub(in crate::model::codec) const MARK: u32 = 7;
    pub(in crate::model::codec) const EPOCH: u32 = 8;
    pub(in crate::model::codec) const GONE: u32 = 9;
    pub(in crate::model::codec) const BACK: u32 = 10;
    pub(in crate::model::codec) const HOLDER: u32 = 11;
    pub(in crate::model::codec) const SET: u32 = 12;
}

/// Fields of a run of messages, and of a message in it.
pub(super) mod run {
    pub(in crate::model::codec) const FROM: u32 = 0;
    pub(in crate::model::codec) const TO_USER: u32 = 1;
    pub(in crate::model::codec) const TO_GROUP: u32 = 2;
    pub(in crate::model::codec) const DEVICE: u32 = 3;
    pub(in crate::model::codec) const AT: u32 = 4;
    // 5 was: members of the group who did not get them.
    pub(in crate::model::codec) const TEXTS: u32 = 6;

    pub(in crate::model::codec) const TEXT: u32 = 0;
    pub(in crate::model::codec) const TAG: u32 = 1;
    pub(in crate::model::codec) const ABOUT: u32 = 2;
    // 3 to 7 are kept free for what a message says about others.
    pub(in crate::model::codec) const FILE: u32 = 8;
}

/// What a message says about another one: the first of two values, before the id of the other one.
pub(super) mod about {
    pub(in crate::model::codec) const REPLY: u32 = 1;
    pub(in crate::model::codec) const EDIT: u32 = 2;
    pub(in crate::model::codec) const DELETE: u32 = 3;
}

/// Fields of a file that belongs to a message.
pub(super) mod file {
    pub(in crate::model::codec) const TOKEN: u32 = 0;
    pub(in crate::model::codec) const NAME: u32 = 1;
    pub(in crate::model::codec) const SIZE: u32 = 2;
    pub(in crate::model::codec) const KIND: u32 = 3;
    pub(in crate::model::codec) const HASH: u32 = 4;
    pub(in crate::model::codec) const PREVIEW: u32 = 5;
}

/// Fields of what was read.
pub(super) mod read {
    pub(in crate::model::codec) const BY: u32 = 0;
    pub(in crate::model::codec) const ALL: u32 = 1;
    pub(in crate::model::codec) const CONVERSATION: u32 = 2;
    pub(in crate::model::codec) const UP_TO: u32 = 3;
    pub(in crate::model::codec) const DELIVERED: u32 = 4;
}

/// Fields of the other events: each has its own numbers from 0.
pub(super) mod field {
    pub(in crate::model::codec) const LOGIN: u32 = 0;
    pub(in crate::model::codec) const AT: u32 = 1;

    pub(in crate::model::codec) const GROUP: u32 = 0;
    pub(in crate::model::codec) const MEMBERS: u32 = 1;

    pub(in crate::model::codec) const MESSAGES: u32 = 0;
    pub(in crate::model::codec) const BYTES: u32 = 1;

    pub(in crate::model::codec) const CONVERSATION: u32 = 0;
    pub(in crate::model::codec) const USER: u32 = 1;
    pub(in crate::model::codec) const DELIVERED: u32 = 2;
    pub(in crate::model::codec) const DELIVERED_AT: u32 = 3;
    pub(in crate::model::codec) const READ: u32 = 4;
    pub(in crate::model::codec) const READ_AT: u32 = 5;
    pub(in crate::model::codec) const CHANGED: u32 = 6;
    pub(in crate::model::codec) const LEFT: u32 = 7;

    pub(in crate::model::codec) const NUMBER: u32 = 2;
    pub(in crate::model::codec) const FIRST: u32 = 3;
    pub(in crate::model::codec) const LAST: u32 = 4;
    pub(in crate::model::codec) const MARK_AT: u32 = 5;

    pub(in crate::model::codec) const EPOCH: u32 = 0;
    pub(in crate::model::codec) const AFTER: u32 = 1;
}

/// Fields about who has a name.
pub(super) mod holder {
    pub(in crate::model::codec) const USER: u32 = 0;
    pub(in crate::model::codec) const GROUP: u32 = 1;
    pub(in crate::model::codec) const KEEPS: u32 = 2;
    pub(in crate::model::codec) const NUMBER: u32 = 3;
    pub(in crate::model::codec) const SINCE: u32 = 4;
    pub(in crate::model::codec) const BEFORE: u32 = 5;
    pub(in crate::model::codec) const IS_GONE: u32 = 6;
}

/// Fields of what a user has set. What is absent stays as it is.
pub(super) mod set {
    pub(in crate::model::codec) const BY: u32 = 0;
    /// Absent: it is set for the user.
    pub(in crate::model::codec) const CONVERSATION: u32 = 1;
    pub(in crate::model::codec) const PINNED: u32 = 2;
    /// Milliseconds since 1970, the highest number for good; [`NOT`].
    pub(in crate::model::codec) const MUTED_UNTIL: u32 = 3;
    /// The id of a message; [`NOT`].
    pub(in crate::model::codec) const ARCHIVED: u32 = 4;
    pub(in crate::model::codec) const DRAFT: u32 = 5;
    pub(in crate::model::codec) const MARKED_UNREAD: u32 = 6;
    pub(in crate::model::codec) const NOTE: u32 = 7;
    pub(in crate::model::codec) const NUMBER: u32 = 8;

    /// Not muted, or not archived.
    pub(in crate::model::codec) const NOT: i64 = -1;
}
