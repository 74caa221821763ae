/// How one direction of a connection separates its messages (PROTOCOL.md, "Framing").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Each message ends in LF; CR LF is accepted.
    Line,
    /// Each `send` of the peer is one message, with no mark between them.
    Bare,
}

impl Framing {
    /// What ends a message that is sent in this framing.
    pub fn terminator(self) -> &'static str {
        match self {
            Self::Line => "\n",
            Self::Bare => "",
        }
    }
}
