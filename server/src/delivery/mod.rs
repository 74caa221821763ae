//! Sends what a commit brought to those it is for.

mod push;
pub(crate) mod settings;

pub use self::push::Push;
pub(crate) use self::push::{receipt, write_message};
