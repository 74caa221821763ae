use std::path::PathBuf;

use mensageiro_protocol::{Login, trust::Fingerprint};

use super::{
    Day, HostAction, InspectAction, Notice, NotifyOf, Overlay, PageAction, SavedFile, ThemeChoice,
};
use crate::{
    engine::{Account, Message, MessageId, Peer, SortKey},
    texts::Language,
};

/// Something the person does: the only way the screens change anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Types into the user field of the sign-in screen.
    EditUser(String),
    /// Types into the server field of the sign-in screen.
    EditServer(String),
    /// Does not use the invite that was pasted.
    DropInvite,
    /// Chooses whether the next start signs in by itself.
    StaySignedIn(bool),
    /// Signs in with what the fields hold.
    SignIn,
    /// Signs in with a remembered account.
    SignInAs(Account),
    /// Removes an account from the remembered ones.
    Forget(Account),
    /// Signs out.
    SignOut,
    /// Has compared the fingerprint of a server: this is its key.
    Trust(Fingerprint),
    /// Asks for the other window, which has the account open.
    ShowOther,
    /// Opens a conversation.
    Open(Peer),
    /// Closes the open conversation.
    CloseConversation,
    /// Pins a conversation to the top of the list, or unpins it.
    Pin(Peer, bool),
    /// Mutes a conversation until then, in milliseconds since 1970, or for good
    /// ([`crate::engine::FOR_GOOD`]); `None`: unmutes it.
    Mute(Peer, Option<i64>),
    /// Archives a conversation, or takes it back.
    Archive(Peer, bool),
    /// Shows the archived conversations in the list, or the others.
    ShowArchive(bool),
    /// Shows a conversation as unread.
    MarkUnread(Peer),
    /// Marks a conversation as read.
    MarkRead(Peer),
    /// Types into the search field over the conversation list.
    Filter(String),
    /// Searches in one conversation, or in all again.
    SearchIn(Option<Peer>),
    /// Searches for what this user has written, or anybody.
    SearchBy(Option<Login>),
    /// Searches for messages with links only, or for all.
    SearchLinks(bool),
    /// Searches from the first of these days to the last one.
    SearchDays(Option<Day>, Option<Day>),
    /// Needs more results of the search.
    MoreFound,
    /// Chooses a day in the dialog that asks for one.
    ChooseDay(Day),
    /// Moves to a search result, counted from the first row.
    GoToFound(usize),
    /// Ends the search.
    EndSearch,
    /// Goes to a found message.
    JumpTo(Message),
    /// Selects a message, or no longer.
    Select(Box<Message>),
    /// Selects all messages from the one that was selected last to this one.
    SelectUpTo(Box<Message>),
    /// Selects the message beside the one that was selected last.
    SelectNext {
        /// The one above it, otherwise the one below.
        is_above: bool,
    },
    /// Copies the selected messages, with names and times.
    CopySelected,
    /// Forwards the selected messages.
    ForwardSelected,
    /// Selects nothing any more.
    EndSelection,
    /// Begins to edit an own message.
    Edit(Message),
    /// Begins to edit the newest own message, if nothing is typed.
    EditLast,
    /// Does not edit the message after all.
    EndEdit,
    /// Deletes an own message for everyone.
    Delete(MessageId),
    /// Asks for the texts that a message had.
    ShowVersions(MessageId),
    /// Begins a reply to a message.
    Reply(Message),
    /// Begins a reply to the newest message, or to the one above the one being replied to.
    ReplyAbove,
    /// Begins a reply to the message below the one being replied to, or none below the newest.
    ReplyBelow,
    /// Removes the quote from the draft.
    ReplyToNothing,
    /// Goes to the message that a reply quotes.
    OpenQuoted(Message),
    /// Looks for what this message of the open conversation quotes.
    CheckQuote(MessageId),
    /// Opens a link, as [`Destination::url`] gives it.
    ///
    /// [`Destination::url`]: crate::markup::Destination::url
    OpenLink(String),
    /// Types into the composer.
    Write(String),
    /// Moves the draft from the group to the conversation with the person it mentions first.
    WriteAlone,
    /// Chose an emoji, which is in the composer already.
    ChoseEmoji(&'static str),
    /// Sends the draft.
    Send,
    /// Sends an unconfirmed or refused message once more.
    SendAgain(MessageId),
    /// Deletes an unconfirmed, refused or waiting message.
    Discard(MessageId),
    /// Loads messages older than those loaded of the open conversation.
    LoadOlder,
    /// Loads messages newer than those loaded of the open conversation.
    LoadNewer,
    /// Loads the newest messages of the open conversation instead of those loaded.
    LoadNewest,
    /// Tries again to load what failed in the open conversation.
    LoadAgain,
    /// Tries again to write what could not be written to disk.
    KeepAgain,
    /// Reads at this sort key of the open conversation, far from some of the loaded messages.
    ReadAt(SortKey),
    /// Saw the message with this sort key in the open conversation.
    Seen(SortKey),
    /// Sees the newest message of the open conversation, or no longer does.
    Attentive(bool),
    /// Is away, or is back.
    Away(bool),
    /// Asks for new messages, or for a try to connect, now.
    FetchNow,
    /// Types the note that others see.
    EditNote(String),
    /// Chooses how much notifications say.
    NotifyOf(NotifyOf),
    /// Chooses whether notifications make a sound.
    Sound(bool),
    /// Chooses how often to fetch, in seconds; `None`: only when sending.
    FetchEvery(Option<u32>),
    /// Chooses how many GB the messages of the server may take on this computer.
    AllowSpace(u32),
    /// Has read that there is little space left.
    DismissSpace,
    /// Chooses light, dark or the system's theme.
    Theme(ThemeChoice),
    /// Chooses the language.
    Language(Language),
    /// Chooses how large everything is; 1.0 is as designed.
    Zoom(f32),
    /// Opens a dialog.
    Show(Overlay),
    /// Closes the dialog.
    CloseOverlay,
    /// Types into the one field of the dialog.
    EditOverlay(String),
    /// Does something on a page of the settings.
    Page(PageAction),
    /// Moves to one of the people the dialog offers, counted from the first.
    GoToOffered(usize),
    /// Opens a conversation with the marked person, or else with the login typed into the dialog.
    StartConversation,
    /// Opens a conversation with somebody the dialog offers.
    StartWith(Login),
    /// Shows a notice.
    Tell(Notice),
    /// Dismisses the notice.
    DismissNotice,
    /// Dismisses the warning about what is uncertain with this server.
    DismissDoubt,
    /// Does something with the protocol inspector.
    Inspect(InspectAction),
    /// Does something with the server on this computer.
    Host(HostAction),
    /// Saves something as a file.
    Save(SaveAction),
    /// Ends the app.
    Quit,
}

/// The steps of saving a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveAction {
    /// Captures this and asks where to save it.
    Take(SavedFile),
    /// Saves it where the dialog's field says.
    There,
    /// Cancels saving.
    Drop,
    /// Opens a saved file with the system's program for it.
    Open(PathBuf),
}
