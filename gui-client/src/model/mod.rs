//! Everything the window shows, as plain values: events and actions go in, commands come out.
//!
//! Nothing here uses egui, sockets, files or clocks, so all of it can be tested directly.

mod account_preferences;
mod action;
mod administration;
mod completion;
mod compose;
mod confusables;
mod conversations;
mod hosting;
mod inspector;
mod login;
mod login_name;
mod lookalikes;
mod nearby;
mod news;
mod overlay;
mod people;
mod preferences;
mod receipt;
mod search;
mod session;
mod timeline;

pub use account_preferences::{
    AccountPreferences, FETCH_CHOICES, NotifyOf, RECENT_EMOJI_AT_MOST, SPACE_CHOICES,
};
pub use action::{Action, SaveAction};
pub use administration::{Administration, Page, PageAction, PageField, PageProblem, VALID_CHOICES};
pub use completion::{Choice, Completion, complete, named_emoji};
pub use compose::{ComposeProblem, MOST_PASTED, MOST_TYPED, Outgoing, characters_in, cut_to};
pub use conversations::Conversations;
pub use hosting::{HostAction, HostState, Hosted, Hosting};
pub use inspector::{Attempt, AttemptStep, InspectAction, InspectedLine, Inspector, Meaning};
pub use login::{LoginForm, LoginProblem};
pub use nearby::{Nearby, NearbyServer};
pub use news::{Announcement, News};
pub use overlay::{DayUse, Notice, Overlay, SaveProblem, SavedFile, SettingsProblem};
pub use people::{People, Person};
pub use preferences::{
    ACCOUNTS_AT_MOST, Preferences, REMEMBERED_AT_MOST, RememberedAccount, ThemeChoice, WindowPlace,
    ZOOM_RANGE, account_key,
};
pub use receipt::ReceiptNews;
pub use search::{Day, Search};
pub use session::{FoundRow, MOST_SELECTED, PAGE, Progress, Selection, Session};
pub use timeline::{MOST_LOADED, NotLoaded, Timeline};

use mensageiro_protocol::Login;

use crate::{
    engine::{Account, Command, Distrust, Event, LinkState, Request, StorageProblem, USUAL_SPACE},
    texts::{Texts, isolate},
};

/// The whole state of the app.
#[derive(Debug, Default)]
pub struct Model {
    /// The preferences, kept from one start to the next.
    pub preferences: Preferences,
    /// The sign-in screen.
    pub login: LoginForm,
    /// The session of the account in use; `None` shows the sign-in screen.
    pub session: Option<Session>,
    /// The server on this computer.
    pub hosting: Hosting,
    /// The dialog over everything else.
    pub overlay: Option<Overlay>,
    /// The servers of the local network; `None`: they are not looked for.
    pub nearby: Option<Nearby>,
    /// The protocol inspector.
    pub inspector: Inspector,
    /// The notice, until it is dismissed or replaced.
    pub notice: Option<Notice>,
    /// The background threads have not confirmed yet that they left the last account: their events
    /// are about that one.
    is_leaving: bool,
}

impl Model {
    /// A model that starts at the sign-in screen.
    pub fn new(preferences: Preferences) -> Self {
        let login = LoginForm::new(&preferences);
        let hosting = Hosting::new(preferences.hosted.as_ref());
        Self {
            preferences,
            login,
            hosting,
            ..Self::default()
        }
    }

    /// Takes in an event of the background threads.
    pub fn apply(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::SignedOut => {
                let was_leaving = std::mem::take(&mut self.is_leaving);
                match &mut self.session {
                    // The end of the last account does not undo a sign-in that was requested
                    // meanwhile.
                    _ if was_leaving => {}
                    // Its database failed: the person is told why, and may try again.
                    Some(session) if session.storage_problem.is_some() => session.ready = false,
                    Some(session) if session.ready => self.forget_session(),
                    _ => {}
                }
                Vec::new()
            }
            Event::Nearby(found) => {
                // What comes late is of no use any more.
                if let Some(nearby) = &mut self.nearby {
                    *nearby = Nearby::new(&found);
                }
                Vec::new()
            }
            Event::Host(news) => self.apply_host(news),
            // The threads themselves are of no account.
            Event::StorageFailed(StorageProblem::NoThread | StorageProblem::Stopped) => {
                let session = self.session.as_mut();
                session.map_or_else(Vec::new, |session| session.apply(event))
            }
            // The next one has come.
            Event::SignedIn { .. } if self.is_leaving => {
                self.is_leaving = false;
                self.apply(event)
            }
            _ if self.is_leaving => Vec::new(),
            Event::NotQuoted(with) => {
                let session = self.session.as_ref();
                if session.is_some_and(|session| session.open == Some(with)) {
                    self.notice = Some(Notice::NotQuoted);
                }
                Vec::new()
            }
            Event::DayFound {
                with,
                message,
                is_cut_off,
            } => {
                let Some(session) = self.session.as_mut().filter(|s| s.open == Some(with)) else {
                    return Vec::new();
                };
                if is_cut_off {
                    self.notice = Some(Notice::OlderElsewhere);
                }
                message.map_or_else(Vec::new, |message| session.jump_to(&message))
            }
            Event::NotChanged(why) => {
                self.notice = Some(Notice::NotChanged(why));
                Vec::new()
            }
            Event::Versions { id, versions } => {
                if let Some(Overlay::Versions(of, known)) = &mut self.overlay
                    && *of == id
                {
                    *known = versions;
                }
                Vec::new()
            }
            Event::SetAside(to) => {
                self.notice = Some(Notice::DamagedSetAside(to));
                Vec::new()
            }
            Event::ServerChanged(change) => {
                self.notice = Some(Notice::ServerChanged(change));
                Vec::new()
            }
            Event::Faults(faults) => {
                self.inspector.faults = faults;
                Vec::new()
            }
            Event::Wire(news) => {
                self.inspector.take(news);
                Vec::new()
            }
            Event::Administered { request, answer } => {
                if let Some(Overlay::Administration(pages)) = &mut self.overlay {
                    pages.take(&request, answer);
                }
                self.fill_page()
            }
            Event::Link(link) if self.is_entering() && has_failed(&link) => self.turn_back(link),
            other => {
                let Some(session) = &mut self.session else {
                    return Vec::new();
                };
                let was_online = session.link.is_online();
                let mut commands = session.apply(other);
                let is_online = session.link.is_online();
                if !was_online && is_online {
                    self.preferences
                        .remember(&session.account, session.stay_signed_in);
                }
                if was_online && !is_online {
                    commands.extend(self.look_after_host());
                }
                commands
            }
        }
    }

    /// Carries out an action. Returns the commands for the background threads.
    pub fn act(&mut self, action: Action) -> Vec<Command> {
        match action {
            Action::EditUser(user) => self.login.edit_user(user),
            Action::EditServer(server) => self.login.edit_server(server),
            Action::DropInvite => self.login.invite = None,
            Action::StaySignedIn(stay) => self.login.stay_signed_in = stay,
            Action::SignIn => {
                return match self.login.read() {
                    Ok(account) => self.sign_in(account),
                    Err(_) => Vec::new(),
                };
            }
            Action::SignInAs(account) => return self.sign_in(account),
            Action::Forget(account) => self.preferences.forget(&account),
            Action::SignOut => return self.sign_out(),
            Action::Theme(theme) => self.preferences.theme = theme,
            Action::Language(language) => self.preferences.language = language,
            Action::Zoom(zoom) => {
                self.preferences.zoom = zoom.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
            }
            Action::ChoseEmoji(sign) => self.choose(|own| own.chose_emoji(sign)),
            Action::NotifyOf(of) => self.choose(|own| own.notify_of = of),
            Action::Sound(sound) => self.choose(|own| own.sound = sound),
            Action::EditNote(note) => self.choose(|own| own.write_note(&note)),
            Action::FetchEvery(seconds) => {
                self.choose(|own| own.fetch_every = seconds);
                return vec![Command::FetchEvery(self.own().fetch_interval())];
            }
            Action::AllowSpace(gigabytes) => {
                self.choose(|own| own.space = gigabytes);
                return vec![Command::AllowSpace(self.own().space_bytes())];
            }
            Action::Show(overlay) => {
                self.overlay = Some(overlay);
                return match self.overlay {
                    // It may have been stopped, or this computer may be in another network now.
                    Some(Overlay::Hosting) => self.hosting.look().into_iter().collect(),
                    _ => self.fill_page(),
                };
            }
            Action::Host(action) => return self.act_on_host(action),
            Action::Page(action) => return self.act_on_page(action),
            // The app has opened it.
            Action::OpenLink(_) => {
                self.overlay
                    .take_if(|overlay| matches!(overlay, Overlay::Link(_)));
            }
            Action::CloseOverlay => {
                self.overlay = None;
                return self.tell_note();
            }
            Action::EditOverlay(text) => {
                if let Some(overlay) = &mut self.overlay {
                    overlay.edit(text);
                }
            }
            Action::GoToOffered(at) => {
                if let Some(overlay) = &mut self.overlay {
                    overlay.go_to(at);
                }
            }
            Action::ChooseDay(day) => return self.choose_day(day),
            Action::StartConversation => return self.start_conversation(),
            Action::StartWith(login) => return self.start_with(login),
            Action::Inspect(action) => {
                let is_live = self.session.as_ref().is_some_and(|session| session.live);
                return self.inspector.act(action, is_live).into_iter().collect();
            }
            Action::ForwardSelected => {
                if let Some(selection) = self.session.as_ref().and_then(Session::selection) {
                    self.overlay = Some(Overlay::forward(selection.said()));
                }
            }
            Action::Tell(notice) => self.notice = Some(notice),
            Action::DismissNotice => self.notice = None,
            Action::Save(SaveAction::Take(SavedFile::Report(format))) => {
                let session = self.session.as_ref();
                return session
                    .and_then(|session| session.report(format))
                    .into_iter()
                    .collect();
            }
            // Only the app can do these; it has done so before the model is called.
            Action::CopySelected => {
                if let Some(session) = &mut self.session {
                    session.end_selection();
                }
            }
            Action::Save(_) | Action::ShowOther | Action::Quit => {}
            Action::ShowVersions(id) => {
                self.overlay = Some(Overlay::Versions(id, Vec::new()));
                return vec![Command::LoadVersions(id)];
            }
            other => {
                if matches!(other, Action::Delete(_)) {
                    self.overlay = None;
                }
                if matches!(other, Action::OpenQuoted(_)) {
                    self.notice.take_if(|told| *told == Notice::NotQuoted);
                }
                return self
                    .session
                    .as_mut()
                    .map(|session| session.act(other))
                    .unwrap_or_default();
            }
        }
        Vec::new()
    }

    /// Looks for servers in the local network while the sign-in screen is shown, and not any longer.
    pub fn look_around(&mut self) -> Option<Command> {
        let is_wanted = self.session.is_none();
        if is_wanted == self.nearby.is_some() {
            return None;
        }
        self.nearby = is_wanted.then(Nearby::default);
        Some(Command::LookAround(is_wanted))
    }

    /// The preferences of the account in use.
    pub fn own(&self) -> &AccountPreferences {
        static USUAL: AccountPreferences = AccountPreferences::USUAL;
        let session = self.session.as_ref();
        session.map_or(&USUAL, |session| self.preferences.of(&session.account))
    }

    fn choose(&mut self, choose: impl FnOnce(&mut AccountPreferences)) {
        if let Some(session) = &self.session {
            choose(self.preferences.of_mut(&session.account));
        }
    }

    /// Whether there is anything for [`Model::take_unsaved_drafts`].
    pub fn has_unsaved_drafts(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(Session::has_unsaved_drafts)
    }

    /// Drafts that changed since the last call, to be kept by the database.
    pub fn take_unsaved_drafts(&mut self) -> Vec<Command> {
        self.session
            .as_mut()
            .map(Session::take_unsaved_drafts)
            .unwrap_or_default()
    }

    /// The window's title: unread messages, the app, the person's name.
    pub fn title(&self) -> String {
        let Some(session) = &self.session else {
            return "MeuMensageiro".into();
        };
        let login = session.account.login.as_str();
        let me = isolate(session.people.title(login).unwrap_or(login));
        match session.conversations.unread() {
            0 => format!("MeuMensageiro - {me}"),
            unread => {
                let unread = Texts::of(self.preferences.language).number(unread);
                format!("({unread}) MeuMensageiro - {me}")
            }
        }
    }

    fn sign_in(&mut self, account: Account) -> Vec<Command> {
        let invite = self.login.take_invite(&account);
        let mut commands = self.sign_out();
        self.notice = None;
        self.login.fill(&account);
        let is_new = !self.preferences.remembers(&account);
        let stay_signed_in = self.login.stay_signed_in;
        let mut session = Session::new(account.clone(), stay_signed_in, is_new);
        session.is_joining = invite.is_some();
        self.session = Some(session);
        commands.push(Command::SignIn {
            account,
            fetch_every: self.own().fetch_interval(),
            invite,
        });
        let space = self.own().space_bytes();
        if space != USUAL_SPACE {
            commands.push(Command::AllowSpace(space));
        }
        commands.extend(self.tell_note());
        commands
    }

    /// Whether the sign-in screen waits for the server to accept a first login.
    pub fn is_entering(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.is_entering && session.storage_problem.is_none())
    }

    /// Ends a failed first sign-in: the sign-in screen says why.
    fn turn_back(&mut self, link: LinkState) -> Vec<Command> {
        let Some(session) = self.session.take() else {
            return Vec::new();
        };
        self.is_leaving |= session.ready;
        let problem = session.why_not_in(link);
        self.login.fill(&session.account);
        self.login.fail(problem);
        vec![Command::SignOut]
    }

    /// The note is sent when its dialog closes.
    fn tell_note(&mut self) -> Vec<Command> {
        let Some(session) = &mut self.session else {
            return Vec::new();
        };
        let note = &self.preferences.of(&session.account).note;
        session.tell_note(note).into_iter().collect()
    }

    fn sign_out(&mut self) -> Vec<Command> {
        let Some(session) = &mut self.session else {
            return Vec::new();
        };
        let mut commands = session.take_unsaved_drafts();
        self.login.fill(&session.account);
        if is_turned_away(&session.link) {
            self.login.fail(session.why_not_in(session.link.clone()));
        }
        self.preferences.signed_in = None;
        self.is_leaving |= session.ready;
        self.forget_session();
        commands.push(Command::SignOut);
        commands
    }

    /// The next account sees nothing of this one.
    fn forget_session(&mut self) {
        self.session = None;
        self.overlay = None;
        self.notice = None;
        self.inspector.leave();
    }

    fn act_on_page(&mut self, action: PageAction) -> Vec<Command> {
        let Some(Overlay::Administration(pages)) = &mut self.overlay else {
            return Vec::new();
        };
        match action {
            PageAction::Open(page) => pages.open(page),
            PageAction::Back => {
                if !pages.back() {
                    self.overlay = Some(Overlay::Settings);
                }
            }
            PageAction::Type(field, text) => pages.type_in(field, text),
            PageAction::Valid(valid) => pages.choose_valid(valid),
            PageAction::Copied => pages.note_copied(),
            PageAction::Submit => {
                let request = pages.read();
                return request.map_or_else(Vec::new, |request| self.administer(request));
            }
            PageAction::Ask(request) => return self.administer(request),
        }
        self.fill_page()
    }

    /// Asks for what the open page shows.
    fn fill_page(&mut self) -> Vec<Command> {
        match &self.overlay {
            Some(Overlay::Administration(pages)) if pages.problem().is_none() => {
                let request = pages.needs();
                request.map_or_else(Vec::new, |request| self.administer(request))
            }
            _ => Vec::new(),
        }
    }

    fn administer(&mut self, request: Request) -> Vec<Command> {
        let Some(Overlay::Administration(pages)) = &mut self.overlay else {
            return Vec::new();
        };
        match pages.begin(&request) {
            true => vec![Command::Administer(request)],
            false => Vec::new(),
        }
    }

    fn choose_day(&mut self, day: Day) -> Vec<Command> {
        let (Some(session), Some(Overlay::Day { of, .. })) = (&mut self.session, &self.overlay)
        else {
            return Vec::new();
        };
        let search = &mut session.search;
        let commands = match of {
            DayUse::GoTo => session.go_to_day(day),
            // Days that are the wrong way round find nothing.
            DayUse::Since => {
                let until = search.until.filter(|until| until.date >= day.date);
                search.set_days(Some(day), until)
            }
            DayUse::Until => {
                let since = search.since.filter(|since| since.date <= day.date);
                search.set_days(since, Some(day))
            }
        };
        self.overlay = None;
        commands
    }

    fn start_conversation(&mut self) -> Vec<Command> {
        let (Some(session), Some(overlay)) = (&mut self.session, &mut self.overlay) else {
            return Vec::new();
        };
        let Overlay::NewConversation { login, gone_to, .. } = &*overlay else {
            return Vec::new();
        };
        if session.is_nobody(login) {
            return Vec::new();
        }
        let chosen = session.chosen(login, *gone_to);
        match chosen.or_else(|| overlay.read_login()) {
            Some(login) => self.start_with(login),
            None => Vec::new(),
        }
    }

    /// Opens a conversation; what is forwarded comes along.
    fn start_with(&mut self, login: Login) -> Vec<Command> {
        let forwarded = match self.overlay.take() {
            Some(Overlay::NewConversation { forwarded, .. }) => forwarded,
            _ => None,
        };
        let Some(session) = &mut self.session else {
            return Vec::new();
        };
        let commands = session.start(login);
        if let Some(text) = forwarded {
            session.add_to_draft(&text);
            session.end_selection();
        }
        commands
    }
}

/// Whether this event ends a first sign-in. A question about the server's key does not.
fn has_failed(link: &LinkState) -> bool {
    matches!(link, LinkState::Waiting { .. }) || is_turned_away(link)
}

/// Whether the server does not let this user or this device in.
fn is_turned_away(link: &LinkState) -> bool {
    match link {
        LinkState::Refused => true,
        LinkState::Untrusted(distrust) => match distrust {
            Distrust::NeedsKey
            | Distrust::Revoked
            | Distrust::NeedsTls
            | Distrust::BadCode
            | Distrust::TooManyTries => true,
            Distrust::Unknown { .. }
            | Distrust::Changed { .. }
            | Distrust::NotInvited { .. }
            | Distrust::Plain { .. } => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests;
