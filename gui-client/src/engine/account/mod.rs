//! The open account: carries out the effects of its connection machine, in order.

mod administration;
mod faults;
mod inspection;
mod news;
mod pace;
mod security;
mod settings;
mod space;

use std::{
    collections::{BTreeSet, hash_map::RandomState},
    hash::BuildHasher,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Name, Text,
    live::{self, Join},
    trust::InviteLink,
};

use self::pace::Pace;
use super::{
    Account, ActiveFaults, Command, Event, Groups, LinkProblem, MessageId, NotSent, Peer, Rights,
    Room, SortKey, Tell,
    history::{self, History, HistoryError},
    net::{
        Call, Channel, Connection, Dialer, Effect, Faults, Input, LiveUpdate, Machine, Memory,
        NetEvent, Stream, Unsent,
    },
    pages::{self, Found, Pages, Wanted},
    trust::{KeyPlace, Trust},
    wire::Tap,
};

/// How long until a server without live sessions is asked for one again.
const ASK_LIVE_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// An account's database and connection.
pub(super) struct OpenAccount {
    account: Account,
    /// The bytes that its messages may take on the disk.
    space: u64,
    /// How much of them is left, as the window knows it; `None`: it does not know.
    room: Option<Room>,
    /// How fast they may come.
    pace: Pace,
    /// Where its database is.
    folder: PathBuf,
    history: History,
    machine: Machine,
    /// What this device still has to join with.
    invite: Option<InviteLink>,
    /// What is known of the server's key, and the key of this device.
    trust: Arc<Trust>,
    dialer: Arc<Dialer>,
    connection: Option<Connection>,
    /// How it is protected.
    channel: Channel,
    /// What the server lets the user do.
    rights: Rights,
    /// The window knows both.
    is_security_told: bool,
    pages: Pages,
    groups: Groups,
    /// Groups that have changed and are not stored yet.
    changed_groups: BTreeSet<Login>,
    /// When groups were last stored.
    groups_stored_at: Option<Instant>,
    drafts: settings::Drafts,
    /// Present while the inspector is open.
    tap: Option<Tap>,
    /// How the person disturbs the link, while it is.
    faults: Faults,
    /// The faults that the window knows of.
    told_faults: ActiveFaults,
    /// How many connections there have been since the app started.
    connections: u64,
    news_from: Sender<NetEvent>,
    tell: Tell,
}

/// Who is signed in, and how often to fetch.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) account: Account,
    pub(super) fetch_every: Option<Duration>,
    /// The bytes that the messages may take on the disk.
    pub(super) space: u64,
    /// What this device joins with first.
    pub(super) invite: Option<InviteLink>,
    /// Where the key of this device is stored if it has none yet.
    pub(super) key_place: KeyPlace,
}

/// A required write to the database failed: the account cannot stay open.
#[derive(Debug)]
pub(super) struct Failed(pub(super) HistoryError);

impl From<HistoryError> for Failed {
    fn from(error: HistoryError) -> Self {
        Self(error)
    }
}

impl OpenAccount {
    /// Opens an account and sends its conversations to the window. `connections`: how many
    /// connections there have been before.
    pub(super) fn open(
        mut history: History,
        folder: &Path,
        Terms {
            account,
            fetch_every,
            space,
            invite,
            key_place,
        }: Terms,
        connections: u64,
        tell: Tell,
        news_from: Sender<NetEvent>,
    ) -> Result<Self, HistoryError> {
        let machine = Machine::new(
            account.login.clone(),
            history.outbox()?,
            Memory {
                join: invite.as_ref().map(join),
                ..memory(&history)?
            },
            fetch_every,
            RandomState::new().hash_one(&account),
        );
        let path = folder.join(format!("{}.trust", history::file_name(&account)));
        let trust = Arc::new(Trust::open(path, &account, key_place));
        let dialer = Dialer::new(account.server.clone(), Arc::clone(&trust));
        let groups = tell_all(&history, &account, &tell)?;
        if let Some(to) = history.take_set_aside() {
            tell.event(Event::SetAside(to));
        }
        Ok(Self {
            account,
            space,
            room: None,
            pace: Pace::new(Instant::now()),
            folder: folder.to_owned(),
            history,
            machine,
            invite,
            trust,
            dialer: Arc::new(dialer),
            connection: None,
            channel: Channel::default(),
            rights: Rights::default(),
            is_security_told: false,
            pages: Pages::default(),
            groups,
            changed_groups: BTreeSet::new(),
            groups_stored_at: None,
            drafts: settings::Drafts::default(),
            tap: None,
            faults: Faults::default(),
            told_faults: ActiveFaults::default(),
            connections,
            news_from,
            tell,
        })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let faults = self.faults.deadline().into_iter();
        let deadlines = faults.chain(self.machine.deadline());
        deadlines.chain(self.drafts.due()).min()
    }

    /// Until when nothing is read, since too much has come, or the person holds the link; `None`: it is.
    pub(super) fn pause(&self) -> Option<Instant> {
        let now = Instant::now();
        let pauses = [self.pace.wait_until(now), self.faults.held_until(now)];
        pauses.into_iter().flatten().max()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.machine.is_stopped()
    }

    /// Cuts the connection and closes the database. Returns what has not been sent, in case the
    /// database cannot be read any more.
    pub(super) fn close(mut self) -> (Account, Unsent) {
        if let Err(Failed(error)) = self.store_groups() {
            tracing::warn!(%error, "the groups are not stored");
        }
        (self.account, self.machine.into_unsent())
    }

    /// How many connections there have been.
    pub(super) fn connections(&self) -> u64 {
        self.connections
    }

    /// What this device still has to join with.
    pub(super) fn invite(&self) -> Option<&InviteLink> {
        self.invite.as_ref()
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// Whether events of this connection are still wanted.
    pub(super) fn is_current(&self, connection: u64) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|current| current.number() == connection)
    }

    pub(super) fn connected(&mut self, stream: Stream, channel: &Channel) -> io::Result<()> {
        self.begin_security(channel.clone());
        match &mut self.connection {
            Some(connection) => connection.connected(stream),
            None => Ok(()),
        }
    }

    pub(super) fn send(
        &mut self,
        to: Login,
        text: Text,
        re: Option<MessageId>,
    ) -> Result<(), Failed> {
        match self.history.add_to_outbox(&to, &text, re) {
            Ok(message) => {
                let id = message.id;
                self.tell.event(Event::Message(message));
                self.send_out(id)
            }
            Err(error) => {
                let reason = NotSent::Storage;
                self.tell.event(Event::NotSent { to, text, reason });
                tracing::error!(%error, "a message was not taken into the outbox");
                if error.is_damage() {
                    return Err(error.into());
                }
                let problem = error.problem(&self.folder);
                self.tell.event(Event::StorageFailed(problem));
                Ok(())
            }
        }
    }

    pub(super) fn change(&mut self, id: MessageId, text: Option<&Text>) -> Result<(), Failed> {
        let Some((change, message)) = self.history.change(id, text)? else {
            return Ok(());
        };
        self.tell.event(message);
        self.send_out(change)
    }

    pub(super) fn send_again(&mut self, id: MessageId) -> Result<(), Failed> {
        let Some(message) = self.history.send_again(id)? else {
            return Ok(());
        };
        self.tell.event(Event::Message(message));
        self.send_out(id)
    }

    fn send_out(&mut self, id: MessageId) -> Result<(), Failed> {
        match self.history.outgoing(id)? {
            Some(message) => self.handle(Instant::now(), Input::Send(message)),
            None => Ok(()),
        }
    }

    /// A message that is being sent stays: it can no longer be withdrawn.
    pub(super) fn discard(&mut self, id: MessageId) -> Result<(), Failed> {
        if self.machine.is_out(id) || !self.history.discard(id)? {
            return Ok(());
        }
        self.tell.event(Event::Discarded(id));
        self.handle(Instant::now(), Input::Discard(id))
    }

    /// Everything up to this sort key was on the screen; a live server is told.
    pub(super) fn mark_seen(&mut self, with: Peer, up_to: SortKey) -> Result<(), Failed> {
        let news = self.history.mark_seen(&with, up_to)?;
        match (with, news) {
            (Peer::Person(with), Some(up_to)) => {
                let read = live::Read { with, up_to };
                self.handle(Instant::now(), Input::Read(read))
            }
            _ => Ok(()),
        }
    }

    /// Answers with a page: at once, or when its messages have come from the server.
    pub(super) fn load(&mut self, wanted: Wanted) -> Result<(), Failed> {
        match self.pages.load(&self.history, wanted.clone()) {
            Ok(Found::Page(page)) => self.tell.event(page),
            Ok(Found::Ask(page, request)) => {
                page.into_iter().for_each(|page| self.tell.event(page));
                self.handle(Instant::now(), Input::History(request))?;
            }
            Err(error) => self.not_loaded(wanted.with.clone(), wanted.into(), error)?,
        }
        Ok(())
    }

    /// Answers with the messages after a sort key.
    pub(super) fn load_newer(
        &self,
        with: Peer,
        after: SortKey,
        limit: usize,
    ) -> Result<(), Failed> {
        match self.history.page_after(&with, after, limit) {
            Ok((messages, newer)) => self.tell.event(Event::Newer {
                with,
                after,
                messages,
                newer,
            }),
            Err(error) => {
                let command = Command::LoadNewer {
                    with: with.clone(),
                    after,
                    limit,
                };
                self.not_loaded(with, command, error)?;
            }
        }
        Ok(())
    }

    /// Answers with the oldest unread message.
    pub(super) fn find_unread(&self, with: Peer) -> Result<(), Failed> {
        match self.history.oldest_unread(&with) {
            Ok(message) => self.tell.event(Event::OldestUnread { with, message }),
            Err(error) => {
                let command = Command::FindUnread { with: with.clone() };
                self.not_loaded(with, command, error)?;
            }
        }
        Ok(())
    }

    /// A failed read does no harm to later writes: the account stays open, unless the database is
    /// damaged.
    fn not_loaded(&self, with: Peer, command: Command, error: HistoryError) -> Result<(), Failed> {
        if error.is_damage() {
            return Err(error.into());
        }
        tracing::error!(%error, "a part of a conversation could not be read");
        self.tell.event(Event::NotLoaded {
            with,
            command,
            problem: error.problem(&self.folder),
        });
        Ok(())
    }

    pub(super) fn handle(&mut self, at: Instant, input: Input<'_>) -> Result<(), Failed> {
        let at = self.faults.heard_at(at);
        let mut effects = Vec::new();
        if !self.go_on_with_faults() {
            let failed = Input::WriteFailed { written: 1 };
            effects.extend(self.machine.handle(at, failed));
        }
        self.inspect_input(at, &input);
        let input = self.lose_answer(input);
        effects.extend(self.machine.handle(at, input));
        // An effect leads to a connection that fails at once, which sets a timer, or to something
        // that is only written: two rounds at most.
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                next.extend(self.apply(effect)?);
            }
            effects = next
                .into_iter()
                .flat_map(|input| self.machine.handle(Instant::now(), input))
                .collect();
        }
        self.tell_faults();
        Ok(())
    }

    /// Carries out one effect; returns the input that follows from it for the machine.
    fn apply(&mut self, effect: Effect) -> Result<Vec<Input<'static>>, Failed> {
        self.inspect_effect(&effect);
        match effect {
            Effect::Connect => {
                let failed = self.connect().err();
                return Ok(failed.into_iter().map(Input::ConnectFailed).collect());
            }
            Effect::Write(bytes) => {
                if !self.write(bytes) {
                    return Ok(vec![Input::WriteFailed { written: 0 }]);
                }
            }
            Effect::FinishWriting => {
                self.history.end_turn()?;
                self.faults.finish();
                self.let_leave();
            }
            Effect::Close => {
                self.connection = None;
                self.store_groups()?;
            }
            Effect::Leave => {
                self.store_groups()?;
                if let Some(connection) = self.connection.take() {
                    connection.leave();
                }
            }
            Effect::Store(batch) => {
                let texts = batch.received.iter().map(|one| one.text.as_str().len());
                self.pace.take(Instant::now(), texts.sum());
                for message in self.history.receive(&batch)? {
                    self.tell.event(Event::Message(message));
                }
                return Ok(self.look_at_space()?.into_iter().collect());
            }
            Effect::Depart(id) => self.history.depart(id)?,
            Effect::Return(id) => self.history.put_back(id)?,
            Effect::Unconfirmed(id) => {
                if let Some(message) = self.history.unconfirmed(id)? {
                    self.tell.event(Event::Message(message));
                }
            }
            Effect::AllRead => self.history.all_read()?,
            Effect::Remember(way) => self.history.remember_way(way)?,
            Effect::RememberEnd(has_end) => self.history.remember_end(has_end)?,
            Effect::LiveRefused => self.history.note_live_tried(now())?,
            Effect::BeginLive(last) => {
                let moved = self.history.begin_live(last)?;
                moved.into_iter().for_each(|event| self.tell.event(event));
                let reads = self.history.reads_to_tell()?;
                let reads = reads.into_iter().map(Input::Read);
                return Ok(reads.chain([self.begin_settings()?]).collect());
            }
            Effect::BeginIds { kept, of, change } => {
                self.history.begin_ids(kept, of)?;
                self.store_groups()?;
                // The window may have messages under ids that are others' now.
                self.groups = tell_all(&self.history, &self.account, &self.tell)?;
                if let Some(change) = change {
                    self.tell.event(Event::ServerChanged(change));
                }
            }
            Effect::KeepStore(of) => self.history.keep_store_epoch(of)?,
            Effect::NumberAbove(number) => self.history.number_above(number)?,
            Effect::Renumber(id) => {
                let message = self.history.renumber(id)?;
                return Ok(message.into_iter().map(Input::Renumbered).collect());
            }
            Effect::StoreLive { updates, cursor } => {
                let texts = updates.iter().map(LiveUpdate::text_bytes);
                self.pace.take(Instant::now(), texts.sum());
                let stored = self.history.receive_live(&updates, cursor);
                let has_changes = updates.iter().any(LiveUpdate::is_change);
                let mut next = self.stored(stored, |open, news| {
                    news.into_iter().for_each(|event| open.tell.event(event));
                    Ok(())
                })?;
                if has_changes {
                    // Where everything is read, they are too.
                    let reads = self.history.reads_to_tell()?;
                    next.extend(reads.into_iter().map(Input::Read));
                }
                return Ok(next);
            }
            Effect::StoreOlder { messages, end } => {
                let stored = self.history.receive_older(&messages, &end);
                let is_stored = stored.is_ok();
                let next = self.stored(stored, |open, ()| open.load_waiting(&end.with))?;
                if !is_stored {
                    self.no_older(end.with)?;
                }
                return Ok(next);
            }
            Effect::StoreList {
                conversations,
                is_last,
            } => {
                let stored = self.history.receive_list(&conversations, is_last);
                return self.stored(stored, |open, listed| {
                    let listed = listed
                        .missed
                        .into_iter()
                        .chain([Event::Listed(listed.rows)]);
                    listed.for_each(|event| open.tell.event(event));
                    Ok(())
                });
            }
            Effect::StoreSettings {
                changed,
                told,
                last,
            } => self.store_settings(&changed, told.as_ref(), last)?,
            Effect::SetRefused { with, values } => self.history.keep_unset(&with, values)?,
            Effect::NoOlder(with) => self.no_older(with)?,
            Effect::ReadsTold(reads) => self.history.reads_told(&reads)?,
            Effect::News(news) => self.tell_news(news)?,
            Effect::TryTls => self.try_tls(),
            Effect::Rights(rights) => self.take_rights(rights),
            Effect::ForgetInvite => self.invite = None,
            Effect::Administered { request, answer } => self.tell_answer(request, answer),
            Effect::Link(link) => {
                if link.is_online() {
                    self.tell_security();
                }
                self.tell.event(Event::Link(link));
            }
        }
        Ok(Vec::new())
    }

    /// Goes on after something of a live server was stored, unless it contradicts what is here.
    fn stored<T>(
        &mut self,
        stored: Result<T, HistoryError>,
        go_on: impl FnOnce(&mut Self, T) -> Result<(), Failed>,
    ) -> Result<Vec<Input<'static>>, Failed> {
        match stored {
            Ok(stored) => {
                go_on(self, stored)?;
                Ok(self.look_at_space()?.into_iter().collect())
            }
            Err(error @ HistoryError::Contradicted(_)) => {
                tracing::warn!(%error, "nothing of it is stored");
                Ok(vec![Input::Contradicted(self.history.outbox()?)])
            }
            Err(error) => Err(error.into()),
        }
    }

    fn load_waiting(&mut self, with: &Login) -> Result<(), Failed> {
        for wanted in self.pages.take(&Peer::Person(with.clone())) {
            self.load(wanted)?;
        }
        Ok(())
    }

    fn no_older(&mut self, with: Login) -> Result<(), Failed> {
        for wanted in self.pages.take(&Peer::Person(with)) {
            match pages::without_server(&self.history, wanted.clone()) {
                Ok(page) => self.tell.event(page),
                Err(error) => self.not_loaded(wanted.with.clone(), wanted.into(), error)?,
            }
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<(), LinkProblem> {
        self.history.begin_session();
        self.groups.give_up();
        self.connections += 1;
        self.faults.begin_connection();
        let call = Call {
            invited: self.invite.as_ref().map(|invite| invite.key),
            is_live: self.machine.was_live(),
        };
        let (dialer, news) = (Arc::clone(&self.dialer), self.news_from.clone());
        let connection = Connection::open(dialer, call, self.connections, news);
        let connection = connection.map_err(|error| {
            tracing::error!(%error, "no thread for a connection");
            LinkProblem::NoThread
        })?;
        self.connection = Some(connection);
        Ok(())
    }
}

/// What this device says to join, with the name of this computer.
fn join(invite: &InviteLink) -> Join {
    Join {
        login: invite.login.clone(),
        code: invite.code.clone(),
        name: Name::from(gethostname::gethostname().to_string_lossy().as_ref()),
    }
}

/// Sends the window everything it starts with.
fn tell_all(history: &History, account: &Account, tell: &Tell) -> Result<Groups, HistoryError> {
    let conversations = history.conversations()?;
    let groups = history.groups()?;
    tell.event(Event::SignedIn {
        account: account.clone(),
        conversations,
    });
    let known = Groups::new(&groups);
    tell.event(Event::Groups(groups));
    Ok(known)
}

fn memory(history: &History) -> Result<Memory, HistoryError> {
    let way = history.way()?;
    let is_live_due = history
        .live_tried_at()?
        .is_none_or(|at| now().saturating_sub(at) > ASK_LIVE_AGAIN.as_millis() as i64);
    Ok(Memory {
        way,
        has_no_end: history.has_no_end()?,
        is_live_due,
        was_live: history.was_live()?,
        cursor: history.cursor()?,
        store: history.store_epoch()?,
        highest: history.highest_id()?,
        is_listed: history.is_listed()?,
        device: history.device()?,
        join: None,
    })
}

/// Milliseconds since 1970.
fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
