mod beginning;
mod changing;
mod destination;
mod events;
mod finding;
mod quotes;
mod reading;
mod selecting;
mod writing;

use std::collections::BTreeSet;

use mensageiro_protocol::{Login, Text};

use changing::Editing;
pub use finding::FoundRow;
use quotes::Quotes;
pub use selecting::{MOST_SELECTED, Selection};

use super::{Action, ComposeProblem, Conversations, LoginProblem, News, People, Search, Timeline};
use crate::{
    engine::{
        Account, Command, Conversation, Delivery, Distrust, Doubt, LinkProblem, LinkState, Message,
        MessageId, Peer, ReportFormat, Rights, Security, SettingChange, SortKey, Space,
        StorageProblem,
    },
    matching::Query,
};

/// How many messages are loaded at a time.
pub const PAGE: usize = 100;

/// How far an own message is, for all its recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is in the outbox.
    Waiting,
    /// The server has it.
    Accepted,
    /// All recipients have received it.
    Delivered,
    /// All recipients have read it.
    Read,
    /// It is unknown whether it arrived.
    Unconfirmed,
    /// The server has refused it.
    Refused,
}

/// The session of an account in use.
#[derive(Debug)]
pub struct Session {
    /// The account.
    pub account: Account,
    /// Whether the next start signs in by itself, once this sign-in has succeeded.
    pub stay_signed_in: bool,
    /// A first sign-in: nothing of the account is here, and the sign-in screen stays until the
    /// server accepts it.
    pub is_entering: bool,
    /// This sign-in joins with an invite.
    pub is_joining: bool,
    /// The local database is open and its conversations are loaded.
    pub ready: bool,
    /// The state of the connection.
    pub link: LinkState,
    /// How the last connection was protected; `None`: there was none.
    pub security: Option<Security>,
    /// The last definite state was connected; reconnecting to fetch does not change it.
    pub online: bool,
    /// Why there is no connection, from the first failed try until one succeeds.
    pub outage: Option<LinkProblem>,
    /// The last connection was a live session: nothing is fetched by time.
    pub live: bool,
    /// The conversation list.
    pub conversations: Conversations,
    /// The open conversation.
    pub open: Option<Peer>,
    /// The search, in names and in messages.
    pub search: Search,
    /// The users and groups.
    pub people: People,
    /// Why the draft could not be sent, since the last try.
    pub compose_problem: Option<ComposeProblem>,
    /// The uncertainty about this server that the person has dismissed.
    doubt_seen: Option<Doubt>,
    /// New messages since the last announcement.
    pub news: News,
    /// Why the local database cannot be used.
    pub storage_problem: Option<StorageProblem>,
    /// How much room is left for the messages of this server, once it was scarce.
    pub space: Option<Space>,
    /// The person is away.
    is_away: bool,
    /// The note that others see.
    note: Text,
    /// The draft while no conversation is open.
    loose_draft: String,
    /// The newest message of the open conversation is on the screen.
    attentive: bool,
    /// Loaded timelines, the one opened longest ago first.
    timelines: Vec<(Peer, Timeline)>,
    unsaved_drafts: BTreeSet<Peer>,
    shows_archive: bool,
    jumps: u32,
    sends: u32,
    /// The message that a reply was last begun to.
    answered: Option<MessageId>,
    /// The own message that is being edited.
    editing: Option<Editing>,
    /// Known own messages in the outbox.
    waiting: BTreeSet<MessageId>,
    quotes: Quotes,
    selection: Option<Selection>,
}

impl Session {
    /// A session that is just being opened.
    pub fn new(account: Account, stay_signed_in: bool, is_entering: bool) -> Self {
        Self {
            account,
            stay_signed_in,
            is_entering,
            is_joining: false,
            ready: false,
            link: LinkState::Offline,
            security: None,
            online: false,
            outage: None,
            live: false,
            conversations: Conversations::default(),
            open: None,
            search: Search::default(),
            people: People::default(),
            compose_problem: None,
            doubt_seen: None,
            news: News::default(),
            storage_problem: None,
            space: None,
            is_away: false,
            note: Text::default(),
            loose_draft: String::new(),
            attentive: false,
            timelines: Vec::new(),
            unsaved_drafts: BTreeSet::new(),
            shows_archive: false,
            jumps: 0,
            sends: 0,
            answered: None,
            editing: None,
            waiting: BTreeSet::new(),
            quotes: Quotes::default(),
            selection: None,
        }
    }

    /// The text in the composer: the draft, or that of the message that is being edited.
    pub fn draft(&self) -> &str {
        if let Some(editing) = self.editing() {
            return &editing.text;
        }
        match &self.open {
            Some(peer) => self.conversations.get(peer).map_or("", |row| &row.draft),
            None => &self.loose_draft,
        }
    }

    /// The conversations whose login or full name matches, the closest first; of equal ones the
    /// last active first. Without anything typed: all, or only the archived ones.
    pub fn matching(&self, typed: &str) -> Vec<&Conversation> {
        let (rows, query) = (self.conversations.rows(), Query::new(typed));
        if query.is_empty() {
            let archived = self.is_archive_shown();
            let rows = rows.iter();
            return rows.filter(|row| row.is_archived() == archived).collect();
        }
        let closeness = |row: &Conversation| match &row.with {
            Peer::Person(login) => self.people.closeness(login, &query),
            Peer::Server => None,
        };
        let rows = rows.iter();
        let mut found: Vec<_> = rows
            .filter_map(|row| Some((closeness(row)?, row)))
            .collect();
        found.sort_by_key(|(closeness, _)| *closeness);
        found.into_iter().map(|(_, row)| row).collect()
    }

    /// It changes when the offered people may change.
    pub fn state_of_people(&self) -> (u64, Option<Peer>, usize) {
        let rows = self.conversations.rows().len();
        (self.people.version(), self.open.clone(), rows)
    }

    /// The messages of the open conversation.
    pub fn timeline(&self) -> Option<&Timeline> {
        let open = self.open.as_ref()?;
        let (_, timeline) = self.timelines.iter().find(|(peer, _)| peer == open)?;
        Some(timeline)
    }

    /// Received messages of the open conversation that have not been on the screen.
    pub fn open_unread(&self) -> usize {
        let row = self
            .open
            .as_ref()
            .and_then(|open| self.conversations.get(open));
        row.map_or(0, |row| row.unread)
    }

    /// Whether the newest message of the open conversation is on the screen.
    pub fn attentive(&self) -> bool {
        self.attentive
    }

    /// Whether a known own message is still in the outbox.
    pub fn anything_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How far an own message is.
    pub fn progress(&self, message: &Message) -> Progress {
        match message.delivery {
            Delivery::Received | Delivery::Waiting => Progress::Waiting,
            Delivery::Unconfirmed => Progress::Unconfirmed,
            Delivery::Refused(_) => Progress::Refused,
            Delivery::Accepted => {
                let all = |is: fn(&crate::engine::Receipt) -> bool| {
                    let have = message
                        .receipts
                        .iter()
                        .filter(|receipt| is(receipt))
                        .count();
                    have > 0 && have >= self.readers(&message.with)
                };
                if all(|receipt| receipt.read.is_some()) {
                    Progress::Read
                } else if all(|receipt| receipt.delivered.or(receipt.read).is_some()) {
                    Progress::Delivered
                } else {
                    Progress::Accepted
                }
            }
        }
    }

    /// Whether a conversation is with a group.
    pub fn is_group(&self, peer: &Peer) -> bool {
        let is_known = self.conversations.get(peer).is_some_and(|row| row.is_group);
        is_known || matches!(peer, Peer::Person(name) if self.people.is_group(name))
    }

    /// The number of recipients of an own message of this conversation. If the members of a group
    /// are unknown, more than possible.
    fn readers(&self, peer: &Peer) -> usize {
        match peer {
            Peer::Person(name) if self.is_group(peer) => self
                .people
                .members(name)
                .map_or(usize::MAX, |members| members.len().saturating_sub(1)),
            _ => 1,
        }
    }

    /// Whether the server knows no such user.
    pub fn refused(&self) -> bool {
        self.link == LinkState::Refused
    }

    /// Why the app does not talk to this server, or may not.
    pub fn distrust(&self) -> Option<&Distrust> {
        match &self.link {
            LinkState::Untrusted(distrust) => Some(distrust),
            _ => None,
        }
    }

    /// What the server lets this user do.
    pub fn rights(&self) -> Rights {
        let security = self.security.as_ref();
        security.map_or_else(Rights::default, |security| security.rights)
    }

    /// Whether this user may change a group.
    pub fn may_edit(&self, group: &Login) -> bool {
        let me = &self.account.login;
        self.rights().is_administrator || self.people.administers(group, me)
    }

    /// What is uncertain with this server, unless the person has dismissed it.
    pub fn doubt(&self) -> Option<&Doubt> {
        match &self.link {
            LinkState::Online { doubt, .. } => {
                let doubt = doubt.as_ref();
                doubt.filter(|doubt| Some(*doubt) != self.doubt_seen.as_ref())
            }
            _ => None,
        }
    }

    /// Why this account could not sign in, given this state of the link.
    pub(super) fn why_not_in(&self, link: LinkState) -> LoginProblem {
        match link {
            LinkState::Waiting { problem, .. } => LoginProblem::Link {
                problem,
                server: self.account.server.clone(),
            },
            LinkState::Untrusted(distrust) => LoginProblem::Distrust {
                distrust,
                server: self.account.server.clone(),
            },
            _ => LoginProblem::Refused {
                account: self.account.clone(),
                said: self.conversations.last_of_server(),
            },
        }
    }

    /// The messages to announce; returned once.
    pub fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Command> {
        match action {
            Action::Open(peer) => return self.open(peer),
            Action::CloseConversation => return self.close(),
            Action::Pin(with, is_pinned) => {
                return self.arrange(with, SettingChange::Pinned(is_pinned));
            }
            Action::Mute(with, until) => {
                return self.arrange(with, SettingChange::MutedUntil(until));
            }
            Action::Archive(with, is_archived) => return self.archive(with, is_archived),
            Action::ShowArchive(shows) => self.shows_archive = shows,
            Action::MarkUnread(with) => {
                return self.arrange(with, SettingChange::MarkedUnread(true));
            }
            Action::MarkRead(with) => return self.mark_read(&with),
            Action::Filter(query) => return self.search.edit(query),
            Action::SearchIn(with) => return self.search.set_scope(with),
            Action::SearchBy(by) => return self.search.set_author(by),
            Action::SearchLinks(has_link) => return self.search.set_links(has_link),
            Action::SearchDays(since, until) => return self.search.set_days(since, until),
            Action::MoreFound => return self.search.more(),
            Action::GoToFound(row) => self.search.gone_to = Some(row),
            Action::EndSearch => self.search.clear(),
            Action::JumpTo(message) => return self.jump_to(&message),
            Action::Write(text) => return self.type_in(text),
            Action::WriteAlone => return self.write_alone(),
            Action::Select(message) => self.select(&message),
            Action::SelectUpTo(message) => self.select_up_to(&message),
            Action::SelectNext { is_above } => self.select_next(is_above),
            Action::EndSelection => self.end_selection(),
            Action::Edit(message) => self.edit(&message),
            Action::EditLast => self.edit_last(),
            Action::EndEdit => self.end_edit(),
            Action::Delete(id) => return vec![Command::Change { id, text: None }],
            Action::Reply(message) => self.reply(&message),
            Action::ReplyAbove => self.reply_above(),
            Action::ReplyBelow => self.reply_below(),
            Action::ReplyToNothing => self.reply_to_nothing(),
            Action::OpenQuoted(message) => return self.open_quoted(&message),
            Action::CheckQuote(id) => return self.check_quote(id),
            Action::Away(is_away) => {
                self.is_away = is_away;
                return vec![self.status()];
            }
            Action::Send if self.editing().is_some() => return self.send_edit(),
            Action::Send => return self.send(),
            Action::SendAgain(id) => return vec![Command::SendAgain(id)],
            Action::Discard(id) => return vec![Command::Discard(id)],
            Action::DismissSpace => self.space = None,
            Action::DismissDoubt => self.doubt_seen = self.doubt().cloned(),
            Action::LoadOlder => return self.load_older(),
            Action::LoadNewer => return self.load_newer(),
            Action::LoadAgain => {
                let again = self.timeline_mut().and_then(Timeline::ask_again);
                return again.into_iter().collect();
            }
            Action::KeepAgain => return self.keep_again(),
            Action::LoadNewest => return self.load_newest(),
            Action::ReadAt(sort_key) => {
                if let Some(timeline) = self.timeline_mut() {
                    timeline.keep_around(sort_key);
                }
            }
            Action::Seen(up_to) => return self.seen(up_to),
            Action::Attentive(attentive) => self.attentive = attentive,
            Action::FetchNow => return vec![Command::FetchNow],
            Action::Trust(fingerprint) => return vec![Command::Trust(fingerprint)],
            _ => {}
        }
        Vec::new()
    }

    /// Asks for the messages of the open conversation's delivery report.
    pub(super) fn report(&self, format: ReportFormat) -> Option<Command> {
        let with = self.open.clone()?;
        Some(Command::Report { with, format })
    }

    pub(super) fn has_unsaved_drafts(&self) -> bool {
        !self.unsaved_drafts.is_empty()
    }

    pub(super) fn take_unsaved_drafts(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.unsaved_drafts)
            .into_iter()
            .map(|with| Command::SaveDraft {
                text: self
                    .conversations
                    .get(&with)
                    .map_or_else(String::new, |row| row.draft.clone()),
                with,
            })
            .collect()
    }

    /// Repeats what the database may not have done when it failed: saving drafts, and the search.
    fn keep_again(&mut self) -> Vec<Command> {
        let open = self.open.as_ref();
        let rows = self.conversations.rows().iter();
        let drafts = rows
            .filter(|row| !row.draft.is_empty() || open == Some(&row.with))
            .map(|row| (row.with.clone(), row.draft.clone()));
        let mut commands = vec![Command::KeepDrafts(drafts.collect())];
        self.unsaved_drafts.clear();
        commands.extend(self.search.ask_again());
        commands
    }

    /// Sends the person's presence, unless it is known.
    pub(super) fn tell_note(&mut self, note: &str) -> Option<Command> {
        let note = Text::from(note.trim());
        if note == self.note {
            return None;
        }
        self.note = note;
        Some(self.status())
    }

    pub(super) fn status(&self) -> Command {
        Command::Status {
            is_away: self.is_away,
            note: self.note.clone(),
        }
    }

    pub(super) fn arrange(&mut self, with: Peer, change: SettingChange) -> Vec<Command> {
        self.conversations.arrange(&with, change);
        if self
            .conversations
            .get(&with)
            .is_some_and(Conversation::is_muted)
        {
            self.news.forget(&with);
        }
        vec![Command::Arrange { with, change }]
    }

    /// Puts a conversation away until somebody writes in it, or takes it back. An open one is closed.
    fn archive(&mut self, with: Peer, is_archived: bool) -> Vec<Command> {
        let last = self.conversations.row(&with).last.as_ref();
        let up_to = last.map_or(SortKey(0), |last| last.sort_key);
        let change = SettingChange::Archived(is_archived.then_some(up_to));
        let mut commands = self.arrange(with.clone(), change);
        if is_archived && self.open.as_ref() == Some(&with) {
            commands.extend(self.close());
        }
        commands
    }

    /// Whether the list shows the archived conversations instead of the others.
    pub fn is_archive_shown(&self) -> bool {
        self.shows_archive && self.conversations.archived() > 0
    }

    fn timeline_mut(&mut self) -> Option<&mut Timeline> {
        let open = self.open.as_ref()?;
        let (_, timeline) = self.timelines.iter_mut().find(|(peer, _)| peer == open)?;
        Some(timeline)
    }
}
