//! Classic sessions: the assignment's protocol (rules S5 to S11).

mod answering;
mod failure;
mod lines;
mod rules;
mod session;

pub(crate) use self::session::Session;
