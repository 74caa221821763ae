use std::time::Duration;

use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Text,
    trust::{Fingerprint, InviteLink},
};

use super::{
    administration::Request,
    fault::Fault,
    host::HostCommand,
    message::{Account, MessageId, Peer, ReportFormat, SettingChange, SortKey},
    search::SearchQuery,
};

/// What a reply quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// In which conversation.
    pub with: Peer,
    /// The message, if the reply names it by its id. Otherwise it is the newest one before the reply that begins so.
    pub re: Option<SortKey>,
    /// The sort key of the reply.
    pub before: SortKey,
    /// The author named in the quote.
    pub author: String,
    /// The quoted beginning.
    pub excerpt: String,
}

/// A request of the window. Sending one never blocks; [`super::Event`]s answer it.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Opens the account's local database and connects, again and again, until
    /// [`Command::SignOut`].
    SignIn {
        /// The account.
        account: Account,
        /// How often to reconnect for new messages while nothing is sent; `None`: never.
        fetch_every: Option<Duration>,
        /// The invite that this device joins with first. Its key takes the place of any that was known.
        invite: Option<InviteLink>,
    },
    /// The person has compared the fingerprint that [`super::Distrust::Unknown`] shows: connects, and
    /// remembers the key.
    Trust(Fingerprint),
    /// Asks the server to change something; answered by [`super::Event::Administered`].
    Administer(Request),
    /// Closes the connection in order, then the local database.
    SignOut,
    /// Puts a message into the outbox. An [`super::Event::Message`] shows it at once.
    Send {
        /// The recipient: a user or a group.
        to: Login,
        /// The text.
        text: Text,
        /// The message that it replies to, if the person has chosen it. It counts if the text quotes it.
        re: Option<MessageId>,
    },
    /// Gives an own message that the server has another text; `None` deletes it for everyone. An
    /// [`super::Event::Changed`] shows that it is on its way; it counts when the server has it.
    Change {
        /// Which message.
        id: MessageId,
        /// The new text.
        text: Option<Text>,
    },
    /// Asks for the texts that a message had; answered by [`super::Event::Versions`].
    LoadVersions(MessageId),
    /// Puts an unconfirmed or refused message into the outbox again.
    SendAgain(MessageId),
    /// Deletes a waiting, unconfirmed or refused message.
    Discard(MessageId),
    /// Fetches now: tries to connect at once, or reconnects if connected.
    FetchNow,
    /// Changes how often to fetch.
    FetchEvery(Option<Duration>),
    /// Changes how many bytes the messages of the server may take on this computer. Signing in begins with
    /// [`super::USUAL_SPACE`].
    AllowSpace(u64),
    /// Loads up to `limit` messages older than `before`, or the newest. A live server is asked for
    /// those that the local database does not have.
    LoadPage {
        /// Of which conversation.
        with: Peer,
        /// Those before this sort key; `None`: the newest.
        before: Option<SortKey>,
        /// How many at most.
        limit: usize,
    },
    /// Loads the messages around a sort key; answered by [`super::Event::Around`].
    LoadAround {
        /// Of which conversation.
        with: Peer,
        /// The sort key in the middle.
        sort_key: SortKey,
    },
    /// Finds the oldest unread message; answered by [`super::Event::OldestUnread`].
    FindUnread {
        /// In which conversation.
        with: Peer,
    },
    /// Loads up to `limit` messages newer than `after`; answered by [`super::Event::Newer`].
    LoadNewer {
        /// Of which conversation.
        with: Peer,
        /// Those after this sort key.
        after: SortKey,
        /// How many at most.
        limit: usize,
    },
    /// Searches for messages; answered by [`super::Event::Found`].
    Search {
        /// The query.
        query: SearchQuery,
        /// Those before this sort key; `None`: the newest.
        before: Option<SortKey>,
    },
    /// Finds the first message of a day; answered by [`super::Event::DayFound`].
    FindDay {
        /// In which conversation.
        with: Peer,
        /// When the day begins.
        begins: Timestamp,
    },
    /// Finds the message that a reply quotes. Answered by [`super::Event::Quoted`], or
    /// [`super::Event::NotQuoted`] if it is not here.
    FindQuoted(Quoted),
    /// Looks for the message that another one quotes, as [`Command::FindQuoted`] does; answered by
    /// [`super::Event::QuoteChecked`].
    CheckQuote {
        /// The message that quotes.
        id: MessageId,
        /// What it quotes.
        quoted: Quoted,
    },
    /// The person is typing. In live sessions the others are told, at most every 3 s.
    Typing {
        /// The recipient of what is typed.
        to: Login,
    },
    /// Sets the person's presence, where the server supports it.
    Status {
        /// The person is away.
        is_away: bool,
        /// A note beside it; empty: none.
        note: Text,
    },
    /// Exports a conversation, up to 1,000,000 messages; answered by [`super::Event::Report`].
    Report {
        /// Of which conversation.
        with: Peer,
        /// Returned unchanged in the answer.
        format: ReportFormat,
    },
    /// Starts or stops reporting what goes over the wire, by [`super::Event::Wire`].
    Inspect(bool),
    /// Disturbs the app's own link, while the wire is reported; `None`: no longer. Answered by [`super::Event::Faults`].
    Disturb(Option<Fault>),
    /// Counts the unread messages, where the window does not have all of them; answered by
    /// [`super::Event::Unread`].
    CountUnread {
        /// In which conversation.
        with: Peer,
    },
    /// Everything up to this message was on the screen.
    MarkSeen {
        /// Of which conversation.
        with: Peer,
        /// The sort key of the newest message seen.
        up_to: SortKey,
    },
    /// Saves the draft of a conversation.
    SaveDraft {
        /// Of which conversation.
        with: Peer,
        /// The text; empty: none.
        text: String,
    },
    /// Saves these drafts after the database has failed; answered by [`super::Event::DraftsKept`]
    /// if it works again.
    KeepDrafts(Vec<(Peer, String)>),
    /// Saves what the person sets for a conversation. A live server is told, so that it tells the person's other devices.
    Arrange {
        /// Which conversation.
        with: Peer,
        /// What.
        change: SettingChange,
    },
    /// Starts or stops looking for servers in the local network; each change of the list is an [`super::Event::Nearby`].
    LookAround(bool),
    /// Does something with the server on this computer; answered by [`super::Event::Host`].
    Host(HostCommand),
    /// Ends the background threads once the current work is done.
    Quit,
}
