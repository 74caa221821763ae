//! Sends what a commit brought to those it is for.

mod push;

pub use self::push::Push;
pub(crate) use self::push::{receipt, telling};
