use std::time::Duration;

use mensageiro_protocol::{Login, Text};

use super::message::{Account, MessageId, Peer, Place, ReportFormat};

/// What the window asks for. Never blocks; answered by [`super::Event`]s.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Opens the account's local database and connects, again and again until signed out.
    SignIn {
        /// Where and as whom.
        account: Account,
        /// How often to reconnect for new messages while nothing is sent; `None`: never.
        fetch_every: Option<Duration>,
    },
    /// Closes the connection in order and the local database.
    SignOut,
    /// Puts a message into the outbox; shown at once by an [`super::Event::Message`].
    Send {
        /// To whom.
        to: Login,
        /// What.
        text: Text,
    },
    /// Puts an unconfirmed or refused message into the outbox once more.
    SendAgain(MessageId),
    /// Takes a waiting, unconfirmed or refused message out of the outbox and the timeline.
    Discard(MessageId),
    /// Fetches now: tries to connect at once, or reconnects if connected.
    FetchNow,
    /// Changes how often to fetch.
    FetchEvery(Option<Duration>),
    /// Asks for up to `limit` messages older than `before`, or the newest. What is not in the
    /// local database is fetched from the server, if it is a live one.
    LoadPage {
        /// Of which conversation.
        with: Peer,
        /// Those before this place; `None`: the newest.
        before: Option<Place>,
        /// How many at most.
        limit: usize,
    },
    /// Asks for the messages on either side of a place; answered by [`super::Event::Around`].
    LoadAround {
        /// Of which conversation.
        with: Peer,
        /// What is to be in the middle.
        place: Place,
    },
    /// Asks for the oldest message that is unread; answered by [`super::Event::OldestUnread`].
    FindUnread {
        /// In which conversation.
        with: Peer,
    },
    /// Asks for up to `limit` messages newer than `after`; answered by [`super::Event::Newer`].
    LoadNewer {
        /// Of which conversation.
        with: Peer,
        /// Those after this place.
        after: Place,
        /// How many at most.
        limit: usize,
    },
    /// Looks for messages that hold all these words or parts of words, whatever their accents
    /// and case; answered by [`super::Event::Found`].
    Search {
        /// What is looked for.
        query: String,
        /// In which conversation; `None`: in all.
        with: Option<Peer>,
    },
    /// Looks for the message that a reply quotes, the newest one before it that begins so;
    /// answered by [`super::Event::Quoted`], or [`super::Event::NotQuoted`] if it is not here.
    FindQuoted {
        /// In which conversation.
        with: Peer,
        /// The place of the reply.
        before: Place,
        /// Who is said to have written it.
        author: String,
        /// How it begins.
        excerpt: String,
    },
    /// The person types; told to the others, in live sessions, at most every 3 s.
    Typing {
        /// The user or group it is meant for.
        to: Login,
    },
    /// Tells the others, where the server can, how the person is.
    Status {
        /// The person is not looking.
        is_away: bool,
        /// A few words about it; empty: none.
        note: Text,
    },
    /// Asks for all of a conversation that this computer has, as much as a report has at most;
    /// answered by [`super::Event::Report`].
    Report {
        /// Of which conversation.
        with: Peer,
        /// Given back as it is.
        format: ReportFormat,
    },
    /// Tells what goes over the wire by [`super::Event::Wire`] from now on, or no more.
    Inspect(bool),
    /// Asks how many messages are unread, where the window does not have all of them; answered by
    /// [`super::Event::Unread`].
    CountUnread {
        /// In which conversation.
        with: Peer,
    },
    /// Everything up to this message has been on the screen.
    MarkSeen {
        /// Of which conversation.
        with: Peer,
        /// The place of the newest message seen.
        up_to: Place,
    },
    /// Keeps what is typed for a conversation.
    SaveDraft {
        /// Of which conversation.
        with: Peer,
        /// The text; empty: none.
        text: String,
    },
    /// Keeps what is typed for these conversations, after the database has failed; answered by
    /// [`super::Event::DraftsKept`] if it works again.
    KeepDrafts(Vec<(Peer, String)>),
    /// Keeps how a conversation stands in the list.
    Arrange {
        /// Which conversation.
        with: Peer,
        /// It stands above the others.
        is_pinned: bool,
        /// It calls for nobody.
        is_muted: bool,
    },
    /// Ends the background threads after what is under way.
    Quit,
}
