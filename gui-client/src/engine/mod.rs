//! Everything that may wait: network, local database. The window talks to it by channels.

mod link;

pub use link::{
    Account, Command, Conversation, Delivery, Event, LinkProblem, LinkState, Message, MessageId,
    NotSent, Peer,
};
