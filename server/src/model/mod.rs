//! Plain values that the other modules exchange.

pub mod codec;
pub mod conversation;
pub mod cursor;
pub mod event;
pub mod holder;
pub mod message;
pub mod setting;
pub mod stored;
pub mod tally;
pub mod waiting;
