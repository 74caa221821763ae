/// How the messages of one direction of a connection are separated (PROTOCOL.md, "Framing").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Each message ends in LF; CR LF is accepted.
    Line,
    /// Each `send` of the peer is one message, and nothing marks its end.
    Bare,
}

impl Framing {
    /// What ends a message in this framing.
    pub fn terminator(self) -> &'static str {
        match self {
            Self::Line => "\n",
            Self::Bare => "",
        }
    }
}
