//! What is committed goes out to those it is for.

mod push;

pub use self::push::Push;
pub(crate) use self::push::{receipt, telling};
