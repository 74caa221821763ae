use std::time::{Duration, Instant};

/// A fault of the app's own link, as somebody tries out how the protocol copes. No other connection is affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Cuts the connection, like a cable that is pulled.
    Cut,
    /// Nothing passes in either direction for so long; then everything does, in order. A new connection is not held.
    Hold(Duration),
    /// What happens to the next message that is sent, once; `None`: nothing.
    NextMessage(Option<MessageFault>),
}

/// What happens to the line of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFault {
    /// The server does not get it.
    Drop,
    /// The server gets it twice. Only a line with an end can be: others would run into each other.
    Double,
    /// The server gets one half, and the other one 2 s later. Only a line with an end can be: halves of others would be
    /// two lines.
    Split,
    /// The server gets it; what the server then says is lost, and the connection is cut.
    LoseAnswer,
}

/// The faults there are now, or that are to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActiveFaults {
    /// Until when nothing passes.
    pub held_until: Option<Instant>,
    /// What happens to the next message.
    pub next_message: Option<MessageFault>,
}

/// What a fault has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultNews {
    /// The connection is cut.
    Cut,
    /// From now on nothing passes for so long.
    Held(Duration),
    /// Everything passes again.
    Released,
    /// This happens to the message above.
    Message(MessageFault),
}
