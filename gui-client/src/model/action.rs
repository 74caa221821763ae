use std::path::PathBuf;

use mensageiro_protocol::Login;

use super::{InspectAction, Notice, NotifyOf, Overlay, SavedFile, ThemeChoice};
use crate::{
    engine::{Account, Message, MessageId, Peer, Place},
    texts::Language,
};

/// What a person wants: the only way the screens change anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Types into the user field of the sign-in screen.
    EditUser(String),
    /// Types into the server field of the sign-in screen.
    EditServer(String),
    /// Wants to be signed in at the next start, or not.
    StaySignedIn(bool),
    /// Signs in with what the fields hold.
    SignIn,
    /// Signs in with a remembered account.
    SignInAs(Account),
    /// Takes an account off the remembered ones.
    Forget(Account),
    /// Leaves the account.
    SignOut,
    /// Wants to see the other window, which has the account open.
    ShowOther,
    /// Opens a conversation.
    Open(Peer),
    /// Closes the open conversation.
    CloseConversation,
    /// Pins a conversation to the top of the list, or no longer.
    Pin(Peer, bool),
    /// Mutes a conversation, or no longer.
    Mute(Peer, bool),
    /// Has read all of a conversation.
    MarkRead(Peer),
    /// Types into the search field over the conversation list.
    Filter(String),
    /// Looks for messages in one conversation, or in all again.
    SearchIn(Option<Peer>),
    /// Goes to a row of what was found, counted from the first.
    GoToFound(usize),
    /// Looks for nothing any more.
    EndSearch,
    /// Goes to a message that was found.
    JumpTo(Message),
    /// Writes an answer to a message, with its quote.
    Reply(Message),
    /// Writes an answer to the newest message, or to the one above that which is answered.
    ReplyAbove,
    /// Writes an answer to the message below that which is answered, or to none below the newest.
    ReplyBelow,
    /// Takes the quote off the answer again.
    ReplyToNothing,
    /// Goes to what a message replies to.
    OpenQuoted(Message),
    /// Types into the compose box.
    Write(String),
    /// Takes what is written out of the group to the conversation with whom it mentions first.
    WriteAlone,
    /// Has chosen an emoji, which stands in the compose box already.
    ChoseEmoji(&'static str),
    /// Sends what the compose box holds.
    Send,
    /// Sends an unconfirmed or refused message once more.
    SendAgain(MessageId),
    /// Takes an unconfirmed, refused or waiting message away.
    Discard(MessageId),
    /// Wants messages older than those loaded of the open conversation.
    LoadOlder,
    /// Wants messages newer than those loaded of the open conversation.
    LoadNewer,
    /// Wants the newest messages of the open conversation instead of those loaded.
    LoadNewest,
    /// Wants once more what could not be loaded of the open conversation.
    LoadAgain,
    /// Wants to have kept what could not be written to the disk.
    KeepAgain,
    /// Reads at this place of the open conversation, far from some of what is loaded.
    ReadAt(Place),
    /// Has had the message at this place of the open conversation on the screen.
    Seen(Place),
    /// Looks at the newest message of the open conversation, or no longer does.
    Attentive(bool),
    /// Is not there, or is back.
    Away(bool),
    /// Wants new messages, or a try to connect, now.
    FetchNow,
    /// Types what the others are told of the person.
    EditNote(String),
    /// Says what notifications say.
    NotifyOf(NotifyOf),
    /// Lets notifications be heard, or not.
    Sound(bool),
    /// Chooses how often to fetch, in seconds; `None`: only when sending.
    FetchEvery(Option<u32>),
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
    /// Goes to one of those the dialog offers, counted from the first.
    GoToOffered(usize),
    /// Opens a conversation with whom the dialog has marked, or else with the login typed into it.
    StartConversation,
    /// Opens a conversation with somebody the dialog offers.
    StartWith(Login),
    /// Puts up a line that tells how something went.
    Tell(Notice),
    /// Takes that line away.
    DismissNotice,
    /// The person knows what cannot be known of this server.
    DismissDoubt,
    /// Does something with the protocol inspector.
    Inspect(InspectAction),
    /// Wants something as a file.
    Save(SaveAction),
    /// Ends the app.
    Quit,
}

/// The steps of saving a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveAction {
    /// Takes this as it is now and asks where to save it.
    Take(SavedFile),
    /// Saves it where the dialog's field says.
    There,
    /// Does not save it.
    Drop,
    /// Opens what was saved here, with what the system has for it.
    Open(PathBuf),
}
