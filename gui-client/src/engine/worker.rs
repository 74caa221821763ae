//! The worker: sleeps until a command, news of the connection or a deadline comes.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select};
use mensageiro_discovery::Browser;
use mensageiro_protocol::{Login, Text, limits::LINE_BYTES, trust::InviteLink};

use super::{
    Account, Command, Event, LinkProblem, LinkState, MessageId, NotSent, Peer, QuoteCheck, Request,
    RequestProblem, Tell, USUAL_SPACE,
    account::{Failed, OpenAccount, Terms},
    history::{History, HistoryError},
    hosting::Hosting,
    length::line_bytes,
    net::{Input, NetEvent, NetInput, Unsent},
    pages::{Part, Wanted},
    trust::KeyPlace,
};

/// The most events of the network that wait for the worker, of up to 16 KiB each; when there are
/// more, reading waits.
const NEWS: usize = 64;

/// How many damaged databases are replaced while an account is signed in.
const REPLACED_AT_MOST: u32 = 3;

/// The thread behind the window.
pub(super) struct Worker {
    folder: PathBuf,
    key_place: KeyPlace,
    hosting: Hosting,
    commands: Receiver<Command>,
    tell: Tell,
    news: Receiver<NetEvent>,
    news_from: Sender<NetEvent>,
    account: Option<OpenAccount>,
    /// The account that is signed in, or is to be.
    terms: Option<Terms>,
    /// Unsent messages of an account that failed: its database may not be readable any more.
    unsent: Option<(Account, Unsent)>,
    /// How many connections there have been.
    connections: u64,
    /// How many databases of this account were damaged.
    replaced: u32,
    /// The window wants to see what goes over the wire.
    inspects: bool,
    /// Looks for servers in the local network, while the window wants to list them.
    browser: Option<Browser>,
}

enum Woken {
    Command(Command),
    News(NetEvent),
    Timer,
    Quit,
}

impl Worker {
    pub(super) fn new(
        folder: PathBuf,
        key_place: KeyPlace,
        hosting: Hosting,
        commands: Receiver<Command>,
        tell: Tell,
    ) -> Self {
        let (news_from, news) = bounded(NEWS);
        Self {
            folder,
            key_place,
            hosting,
            commands,
            tell,
            news,
            news_from,
            account: None,
            terms: None,
            unsent: None,
            connections: 0,
            replaced: 0,
            inspects: false,
            browser: None,
        }
    }

    /// Works until [`Command::Quit`], or until the window's side of the channel is gone.
    pub(super) fn run(mut self) {
        loop {
            match self.sleep(true) {
                Woken::Command(Command::Quit) | Woken::Quit => break,
                Woken::Command(command) => self.command(command),
                Woken::News(event) => self.news(event),
                Woken::Timer => self.timer(),
            }
        }
        self.sign_out();
    }

    fn sleep(&self, hears_commands: bool) -> Woken {
        let account = self.account.as_ref();
        let pause = account.and_then(OpenAccount::pause);
        let deadline = account.and_then(OpenAccount::deadline);
        let timer = pause.into_iter().chain(deadline).min();
        let timer = timer.map_or_else(never, at);
        let (deaf, unread) = (never(), never());
        let news = if pause.is_some() { &unread } else { &self.news };
        let commands = if hears_commands {
            &self.commands
        } else {
            &deaf
        };
        select! {
            recv(commands) -> command => command.map_or(Woken::Quit, Woken::Command),
            recv(news) -> event => event.map_or(Woken::Quit, Woken::News),
            recv(timer) -> _ => Woken::Timer,
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::SignIn {
                account,
                fetch_every,
                invite,
            } => self.sign_in(account, fetch_every, invite),
            Command::Trust(fingerprint) => self.with_account(|open| open.trust(fingerprint)),
            Command::Administer(request) => self.administer(request),
            Command::SignOut => self.sign_out(),
            Command::Send { to, text, re } => self.send(to, text, re),
            Command::Change { id, text } => {
                self.with_account(|open| open.change(id, text.as_ref()));
            }
            Command::LoadVersions(id) => self.with_history(|history| {
                let versions = history.versions(id)?;
                Ok(Some(Event::Versions { id, versions }))
            }),
            Command::SendAgain(id) => self.with_account(|open| open.send_again(id)),
            Command::Discard(id) => self.with_account(|open| open.discard(id)),
            Command::FetchNow => self.handle(Instant::now(), Input::FetchNow),
            Command::FetchEvery(every) => {
                if let Some(terms) = &mut self.terms {
                    terms.fetch_every = every;
                }
                self.handle(Instant::now(), Input::FetchEvery(every));
            }
            Command::AllowSpace(bytes) => {
                if let Some(terms) = &mut self.terms {
                    terms.space = bytes;
                }
                self.with_account(|open| open.allow_space(bytes));
            }
            Command::LoadPage {
                with,
                before,
                limit,
            } => self.load(with, Part::Before(before, limit)),
            Command::LoadAround { with, sort_key } => self.load(with, Part::Around(sort_key)),
            Command::FindUnread { with } => self.with_account(|open| open.find_unread(with)),
            Command::LoadNewer { with, after, limit } => {
                self.with_account(|open| open.load_newer(with, after, limit));
            }
            Command::Search { query, before } => self.with_history(|history| {
                let (messages, next) = history.search(&query, before)?;
                Ok(Some(Event::Found {
                    query,
                    before,
                    messages,
                    next,
                }))
            }),
            Command::FindDay { with, begins } => self.with_history(|history| {
                let (message, is_cut_off) = history.first_since(&with, begins)?;
                Ok(Some(Event::DayFound {
                    with,
                    message,
                    is_cut_off,
                }))
            }),
            Command::FindQuoted(quoted) => self.with_history(|history| {
                let found = history.quoted(&quoted)?;
                let event = found.map_or(Event::NotQuoted(quoted.with), Event::Quoted);
                Ok(Some(event))
            }),
            Command::CheckQuote { id, quoted } => self.with_history(|history| {
                let check = match history.quoted(&quoted)? {
                    Some(_) => QuoteCheck::Found,
                    None if history.has_all_of(&quoted.with)? => QuoteCheck::NotFound,
                    None => QuoteCheck::NotHere,
                };
                Ok(Some(Event::QuoteChecked { id, check }))
            }),
            Command::Report { with, format } => self.with_history(|history| {
                let export = history.export(with.clone());
                Ok(Some(Event::Report {
                    with,
                    format,
                    export,
                }))
            }),
            Command::Typing { to } => self.handle(Instant::now(), Input::Typing(to)),
            Command::Inspect(inspects) => {
                self.inspects = inspects;
                self.with_account(|open| open.inspect(inspects));
            }
            Command::Disturb(fault) => self.with_account(|open| open.disturb(fault)),
            Command::LookAround(looks) => self.look_around(looks),
            Command::Status { is_away, note } => {
                self.handle(Instant::now(), Input::Status { is_away, note });
            }
            Command::CountUnread { with } => self.with_history(|history| {
                let unread = history.unread(&with)?;
                Ok(Some(Event::Unread { with, unread }))
            }),
            Command::MarkSeen { with, up_to } => {
                self.with_account(|open| open.mark_seen(with, up_to));
            }
            Command::SaveDraft { with, text } => {
                self.with_account(|open| open.save_draft(with, &text));
            }
            Command::KeepDrafts(drafts) => self.with_history(|history| {
                for (with, text) in &drafts {
                    history.save_draft(with, text)?;
                }
                Ok(Some(Event::DraftsKept))
            }),
            Command::Arrange { with, change } => {
                self.with_account(|open| open.arrange(&with, change))
            }
            Command::Host(command) => self.hosting.follow(command),
            // Taken by `run`.
            Command::Quit => {}
        }
    }

    fn look_around(&mut self, looks: bool) {
        self.browser = None;
        if looks {
            let tell = self.tell.clone();
            self.browser = Browser::start(move |found| tell.event(Event::Nearby(found)))
                .inspect_err(|error| tracing::info!(%error, "servers nearby cannot be found"))
                .ok();
        }
    }

    fn administer(&mut self, request: Request) {
        if self.account.is_none() {
            let answer = Err(RequestProblem::NoConnection);
            return self.tell.event(Event::Administered { request, answer });
        }
        self.handle(Instant::now(), Input::Administer(request));
    }

    fn load(&mut self, with: Peer, part: Part) {
        let wanted = Wanted { with, part };
        self.with_account(|open| open.load(wanted));
    }

    fn sign_in(
        &mut self,
        account: Account,
        fetch_every: Option<Duration>,
        invite: Option<InviteLink>,
    ) {
        self.sign_out();
        self.replaced = 0;
        self.terms = Some(Terms {
            account,
            fetch_every,
            space: USUAL_SPACE,
            invite,
            key_place: self.key_place,
        });
        self.open(false);
    }

    /// Opens the account of the terms. `is_damaged`: a new database is to take the place of its own.
    /// False: it could not be opened, and why is told.
    fn open(&mut self, is_damaged: bool) -> bool {
        let Some(terms) = self.terms.clone() else {
            return false;
        };
        let history = match is_damaged {
            true => History::open_anew(&self.folder, &terms.account),
            false => History::open(&self.folder, &terms.account),
        };
        let unsent = self.unsent.as_ref();
        let unsent = unsent.filter(|(account, _)| *account == terms.account);
        let space = terms.space;
        let opened = history.and_then(|history| {
            if let Some((_, unsent)) = unsent {
                history.take_unsent(unsent)?;
            }
            let (tell, news_from) = (self.tell.clone(), self.news_from.clone());
            let connections = self.connections;
            OpenAccount::open(history, &self.folder, terms, connections, tell, news_from)
        });
        match opened {
            Ok(open) => {
                self.account = Some(open);
                self.unsent = None;
                let inspects = self.inspects;
                self.with_account(|open| open.inspect(inspects));
                self.with_account(|open| open.allow_space(space));
                self.handle(Instant::now(), Input::Start);
                true
            }
            Err(error) if error.is_damage() && self.may_replace() => self.open(true),
            Err(error) => {
                self.tell_failure(&error);
                false
            }
        }
    }

    /// A disk that damages one database after the other is not helped by more of them.
    fn may_replace(&mut self) -> bool {
        self.replaced += 1;
        self.replaced <= REPLACED_AT_MOST
    }

    /// Cuts the connection and closes the database. What had not gone out, if there were any.
    fn close(&mut self) -> Option<(Account, Unsent)> {
        let open = self.account.take()?;
        if let Some(terms) = &mut self.terms {
            terms.invite = open.invite().cloned();
        }
        self.connections = open.connections();
        Some(open.close())
    }

    fn tell_failure(&self, error: &HistoryError) {
        tracing::error!(%error, "the local database failed");
        let problem = error.problem(&self.folder);
        self.tell.event(Event::StorageFailed(problem));
    }

    /// Closes in order; bounded by the time the machine takes to stop.
    fn sign_out(&mut self) {
        if self.account.is_none() {
            return;
        }
        self.with_account(OpenAccount::tell_drafts);
        self.handle(Instant::now(), Input::Stop);
        while self.account.as_ref().is_some_and(|open| !open.is_stopped()) {
            match self.sleep(false) {
                Woken::News(event) => self.news(event),
                Woken::Timer => self.timer(),
                Woken::Command(_) | Woken::Quit => break,
            }
        }
        if self.close().is_some() {
            self.tell.event(Event::SignedOut);
        }
    }

    fn send(&mut self, to: Login, text: Text, re: Option<MessageId>) {
        let bytes = line_bytes(to.as_str(), text.as_str());
        let reason = if text.is_empty() {
            Some(NotSent::Empty)
        } else if bytes > LINE_BYTES {
            Some(NotSent::TooLong {
                bytes,
                limit: LINE_BYTES,
            })
        } else if self.account.is_none() {
            Some(NotSent::SignedOut)
        } else {
            None
        };
        if let Some(reason) = reason {
            return self.tell.event(Event::NotSent { to, text, reason });
        }
        self.with_account(|open| open.send(to, text, re));
    }

    fn news(
        &mut self,
        NetEvent {
            connection,
            at,
            input,
        }: NetEvent,
    ) {
        let Some(open) = &mut self.account else {
            return;
        };
        if !open.is_current(connection) {
            return;
        }
        let chunk;
        let input = match input {
            NetInput::Bytes(bytes) => {
                chunk = bytes;
                Input::Bytes(&chunk)
            }
            NetInput::Closed => Input::Closed,
            NetInput::Reset => Input::Reset,
            NetInput::Broken(problem) => Input::Broken(problem),
            NetInput::ConnectFailed(problem) => Input::ConnectFailed(problem),
            NetInput::WriteFailed { written } => Input::WriteFailed { written },
            NetInput::Distrusted(distrust) => Input::Distrusted(distrust),
            NetInput::Connected(stream, channel) => match open.connected(stream, &channel) {
                Ok(()) => Input::Connected(channel),
                Err(error) => Input::ConnectFailed(LinkProblem::from(&error)),
            },
        };
        self.handle(at, input);
    }

    /// News that came before the deadline is heard before it.
    fn timer(&mut self) {
        let is_paused = |account: &OpenAccount| account.pause().is_some();
        for _ in 0..NEWS {
            if self.account.as_ref().is_some_and(is_paused) {
                break;
            }
            let Ok(event) = self.news.try_recv() else {
                break;
            };
            self.news(event);
        }
        let now = Instant::now();
        self.with_account(|open| open.tell_drafts_in_time(now));
        self.handle(now, Input::Timer);
    }

    fn handle(&mut self, at: Instant, input: Input<'_>) {
        self.with_account(|open| open.handle(at, input));
    }

    /// An account whose database does not take what it must is closed: nothing unwritten may be
    /// acknowledged, and signing in again finds everything as it was left.
    fn with_account(&mut self, work: impl FnOnce(&mut OpenAccount) -> Result<(), Failed>) {
        let Some(open) = &mut self.account else {
            return;
        };
        if let Err(Failed(error)) = work(open) {
            self.unsent = self.close();
            if error.is_damage() && self.may_replace() {
                tracing::error!(%error, "the local database has shown damage");
                if self.open(true) {
                    return;
                }
            } else {
                self.tell_failure(&error);
            }
            self.tell.event(Event::Link(LinkState::Offline));
            self.tell.event(Event::SignedOut);
        }
    }

    /// Work that may fail without harm to any message, unless the database is damaged.
    fn with_history(&mut self, work: impl FnOnce(&History) -> Result<Option<Event>, HistoryError>) {
        let Some(open) = &self.account else {
            return;
        };
        match work(open.history()) {
            Ok(event) => event.into_iter().for_each(|event| self.tell.event(event)),
            Err(error) if error.is_damage() => self.with_account(|_| Err(error.into())),
            Err(error) => self.tell_failure(&error),
        }
    }
}
