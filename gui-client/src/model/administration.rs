//! The pages of the settings about devices, people and groups.

use std::time::Duration;

use mensageiro_protocol::{Login, LoginError, Name, trust::Secret};

use super::login_name::login_of;
use crate::engine::{Answer, Device, Invited, Request, RequestProblem};

/// How long an invite can be used, to choose from.
pub const VALID_CHOICES: [Duration; 4] = [
    Duration::from_secs(60 * 60),
    Duration::from_secs(24 * 60 * 60),
    Duration::from_secs(7 * 24 * 60 * 60),
    Duration::from_secs(30 * 24 * 60 * 60),
];

/// One page of the settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Page {
    /// The devices of a user.
    Devices {
        /// Whose.
        of: Login,
        /// The list, once it has come.
        devices: Option<Vec<Device>>,
    },
    /// Asks whether to take a device its access.
    Revoke {
        /// Whose it is.
        of: Login,
        /// Which.
        device: Device,
    },
    /// How long an invite is to be valid.
    Invite {
        /// For whom.
        of: Login,
        /// How long: one of [`VALID_CHOICES`].
        valid: Duration,
    },
    /// An invite that was made.
    Invited {
        /// For whom.
        of: Login,
        /// The invite.
        invited: Invited,
        /// The link is on the clipboard.
        is_copied: bool,
    },
    /// Asks what a program is called that gets a key.
    AddKey {
        /// What is typed.
        name: String,
    },
    /// The key of a program.
    Key {
        /// The key.
        key: Secret,
        /// It is on the clipboard.
        is_copied: bool,
    },
    /// All users.
    Users {
        /// What is typed: users whose login or name matches are shown.
        typed: String,
    },
    /// Asks for a new user.
    AddUser {
        /// The login that is typed.
        login: String,
        /// The full name that is typed.
        name: String,
    },
    /// Asks for many new users.
    AddUsers {
        /// The full names that are typed, one in a line; those that were added are gone.
        typed: String,
        /// They are being added, one after the other.
        is_adding: bool,
    },
    /// One user.
    User {
        /// Who.
        login: Login,
        /// The full name that is typed; `None`: as it is.
        name: Option<String>,
    },
    /// Asks whether to remove a user.
    RemoveUser(Login),
    /// The groups that this user administers.
    Groups {
        /// What is typed: groups whose name matches are shown.
        typed: String,
    },
    /// Asks for a new group.
    AddGroup {
        /// The name that is typed.
        name: String,
    },
    /// One group, with its members.
    Group {
        /// Its name.
        name: Login,
        /// What is typed: members whose login or name matches are shown.
        typed: String,
    },
    /// Users who can be added to a group.
    AddMembers {
        /// The group.
        group: Login,
        /// What is typed: users whose login or name matches are shown.
        typed: String,
    },
    /// Asks whether to remove a group.
    RemoveGroup(Login),
}

/// The fields of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageField {
    /// The first one: a login, the name of a group, or a search.
    First,
    /// The full name of a user.
    Name,
}

/// What a person does on a page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageAction {
    /// Opens a page over this one.
    Open(Page),
    /// Goes back to the page before, or to the settings.
    Back,
    /// Types into a field.
    Type(PageField, String),
    /// Chooses how long an invite is valid.
    Valid(Duration),
    /// Has copied the link of the invite, or the key.
    Copied,
    /// Sends what the fields hold.
    Submit,
    /// Asks the server for something.
    Ask(Request),
}

/// Why a page could not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageProblem {
    /// The first field is no login.
    Login(LoginError),
    /// The server did not do it.
    Request(RequestProblem),
}

/// The open page and those below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Administration {
    below: Vec<Page>,
    page: Page,
    waiting: Option<Request>,
    problem: Option<PageProblem>,
}

impl Administration {
    /// Begins with a page, which has to be filled with what the server tells.
    pub fn new(page: Page) -> Self {
        Self {
            below: Vec::new(),
            page,
            waiting: None,
            problem: None,
        }
    }

    /// The open page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Whether the server is still being asked for something: then nothing else can be asked for.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Why the last thing was not done.
    pub fn problem(&self) -> Option<&PageProblem> {
        self.problem.as_ref()
    }

    /// Opens a page over this one.
    pub(super) fn open(&mut self, page: Page) {
        self.problem = None;
        self.below.push(std::mem::replace(&mut self.page, page));
    }

    /// Goes back to the page before. False: this was the first one.
    pub(super) fn back(&mut self) -> bool {
        self.problem = None;
        match self.below.pop() {
            Some(page) => {
                self.page = page;
                true
            }
            None => false,
        }
    }

    /// Sets a field of the page, and clears the problem.
    pub(super) fn type_in(&mut self, field: PageField, text: String) {
        self.problem = None;
        match (&mut self.page, field) {
            (Page::Users { typed }, PageField::First)
            | (Page::Groups { typed }, PageField::First)
            | (Page::Group { typed, .. }, PageField::First)
            | (Page::AddMembers { typed, .. }, PageField::First)
            | (Page::AddKey { name: typed }, PageField::First)
            | (Page::AddUser { login: typed, .. }, PageField::First)
            | (Page::AddUsers { typed, .. }, PageField::First)
            | (Page::AddUser { name: typed, .. }, PageField::Name)
            | (Page::AddGroup { name: typed }, PageField::First) => *typed = text,
            (Page::User { name, .. }, PageField::Name) => *name = Some(text),
            _ => {}
        }
    }

    /// Chooses how long an invite is valid.
    pub(super) fn choose_valid(&mut self, chosen: Duration) {
        if let Page::Invite { valid, .. } = &mut self.page {
            *valid = chosen;
        }
    }

    /// Notes that what the page shows was copied.
    pub(super) fn note_copied(&mut self) {
        if let Page::Invited { is_copied, .. } | Page::Key { is_copied, .. } = &mut self.page {
            *is_copied = true;
        }
    }

    /// What the fields ask the server for; if a field is wrong, the page says why.
    pub(super) fn read(&mut self) -> Option<Request> {
        let login = |typed: &str| {
            let typed = typed.trim();
            Login::parse(typed.strip_prefix('@').unwrap_or(typed))
        };
        let request = match &self.page {
            Page::AddUser { login: typed, name } => login(typed).map(|login| Request::AddUser {
                login,
                name: Name::from(name.as_str()),
            }),
            Page::AddUsers { .. } => match next_user(&self.page)? {
                Ok(request) => {
                    self.go_on_adding(true);
                    return Some(request);
                }
                Err(error) => Err(error),
            },
            Page::User { login, name } => Ok(Request::RenameUser {
                login: login.clone(),
                name: Name::from(name.as_deref()?),
            }),
            Page::AddGroup { name } => login(name).map(Request::CreateGroup),
            Page::AddKey { name } => Ok(Request::ProgramKey {
                name: Name::from(name.as_str()),
            }),
            Page::Invite { of, valid } => Ok(Request::Invite {
                login: of.clone(),
                valid: *valid,
            }),
            Page::Revoke { of, device } => Ok(Request::Revoke {
                login: of.clone(),
                id: device.id,
            }),
            Page::RemoveUser(login) => Ok(Request::RemoveUser(login.clone())),
            Page::RemoveGroup(name) => Ok(Request::RemoveGroup(name.clone())),
            _ => return None,
        };
        request
            .map_err(|error| self.problem = Some(PageProblem::Login(error)))
            .ok()
    }

    /// What the server has to be asked for to fill the page.
    pub(super) fn needs(&self) -> Option<Request> {
        match &self.page {
            Page::Devices { of, devices: None } => Some(Request::Devices(of.clone())),
            Page::AddUsers {
                is_adding: true, ..
            } => next_user(&self.page)?.ok(),
            _ => None,
        }
    }

    /// Notes that this is being asked for. False: something else still is.
    pub(super) fn begin(&mut self, request: &Request) -> bool {
        if self.is_waiting() {
            return false;
        }
        self.problem = None;
        self.waiting = Some(request.clone());
        true
    }

    /// Takes in what the request led to, if it was one of these pages'.
    pub(super) fn take(&mut self, request: &Request, answer: Result<Answer, RequestProblem>) {
        if self.waiting.as_ref() != Some(request) {
            return;
        }
        self.waiting = None;
        match answer {
            Ok(Answer::Devices(found)) => {
                if matches!(self.page, Page::Revoke { .. }) {
                    self.back();
                }
                let (Request::Devices(login) | Request::Revoke { login, .. }) = request else {
                    return;
                };
                // The person may have gone on.
                for page in self.below.iter_mut().chain([&mut self.page]) {
                    match page {
                        Page::Devices { of, devices } if of == login => {
                            *devices = Some(found.clone());
                        }
                        _ => {}
                    }
                }
            }
            Ok(Answer::ProgramKey(key)) => {
                if let Page::AddKey { .. } = &self.page {
                    let is_copied = false;
                    self.page = Page::Key { key, is_copied };
                    // The program is in the list now.
                    for page in &mut self.below {
                        if let Page::Devices { devices, .. } = page {
                            *devices = None;
                        }
                    }
                }
            }
            Ok(Answer::Invited(invited)) => {
                if let Page::Invite { of, .. } = &self.page {
                    let of = of.clone();
                    self.page = Page::Invited {
                        of,
                        invited,
                        is_copied: false,
                    };
                }
            }
            Ok(Answer::Done) => self.go_on(request),
            // Whoever gives a whole list again means those who are new in it.
            Err(RequestProblem::Exists) if self.is_adding() => self.go_on(request),
            Err(problem) => {
                self.go_on_adding(false);
                self.problem = Some(PageProblem::Request(problem));
            }
        }
    }

    fn is_adding(&self) -> bool {
        matches!(
            self.page,
            Page::AddUsers {
                is_adding: true,
                ..
            }
        )
    }

    fn go_on_adding(&mut self, goes_on: bool) {
        if let Page::AddUsers { is_adding, .. } = &mut self.page {
            *is_adding = goes_on;
        }
    }

    /// The page after this was done.
    fn go_on(&mut self, done: &Request) {
        match (done, &self.page) {
            (Request::AddUser { login, .. }, Page::AddUser { .. }) => {
                self.page = Page::user(login.clone());
            }
            (Request::AddUser { .. }, Page::AddUsers { typed, .. }) => {
                let left = without_first_name(typed).to_owned();
                match first_name(&left).map(login_of) {
                    None => {
                        self.back();
                    }
                    Some(login) => {
                        self.problem = login.as_ref().err().cloned().map(PageProblem::Login);
                        let is_adding = login.is_ok();
                        self.page = Page::AddUsers {
                            typed: left,
                            is_adding,
                        };
                    }
                }
            }
            (Request::RenameUser { .. }, Page::User { login, .. }) => {
                self.page = Page::user(login.clone());
            }
            (Request::CreateGroup(name), Page::AddGroup { .. }) => {
                self.page = Page::group(name.clone());
            }
            (Request::RemoveUser(_), Page::RemoveUser(_))
            | (Request::RemoveGroup(_), Page::RemoveGroup(_)) => {
                // Neither the question nor whom it was about.
                self.back();
                self.back();
            }
            _ => {}
        }
    }
}

/// The first of the names, one in a line. What follows a tab is another column of a table.
fn first_name(typed: &str) -> Option<&str> {
    let mut names = typed.lines().map(|line| line.split('\t').next());
    names.find_map(|name| name.map(str::trim).filter(|name| !name.is_empty()))
}

fn without_first_name(typed: &str) -> &str {
    let mut rest = typed;
    while let Some((line, after)) = rest.split_once('\n') {
        if first_name(line).is_some() {
            return after;
        }
        rest = after;
    }
    ""
}

/// The request for the first of the typed names; `None`: there is none.
fn next_user(page: &Page) -> Option<Result<Request, LoginError>> {
    let Page::AddUsers { typed, .. } = page else {
        return None;
    };
    let name = first_name(typed)?;
    Some(login_of(name).map(|login| Request::AddUser {
        name: match login.as_str() == name {
            true => Name::default(),
            false => Name::from(name),
        },
        login,
    }))
}

impl Page {
    /// The devices of a user.
    pub fn devices(of: Login) -> Self {
        Self::Devices { of, devices: None }
    }

    /// The question how long an invite is to be valid. A device of one's own joins at once; others
    /// may be asleep.
    pub fn invite(of: Login, is_own: bool) -> Self {
        let [hour, _, week, _] = VALID_CHOICES;
        let valid = if is_own { hour } else { week };
        Self::Invite { of, valid }
    }

    /// All users.
    pub fn users() -> Self {
        Self::Users {
            typed: String::new(),
        }
    }

    /// The question for many new users.
    pub fn add_users() -> Self {
        Self::AddUsers {
            typed: String::new(),
            is_adding: false,
        }
    }

    /// How many names are typed.
    pub fn names_in(typed: &str) -> usize {
        typed
            .lines()
            .filter(|line| first_name(line).is_some())
            .count()
    }

    /// One user.
    pub fn user(login: Login) -> Self {
        Self::User { login, name: None }
    }

    /// The groups that this user administers.
    pub fn groups() -> Self {
        Self::Groups {
            typed: String::new(),
        }
    }

    /// One group.
    pub fn group(name: Login) -> Self {
        let typed = String::new();
        Self::Group { name, typed }
    }

    /// Users who can be added to a group.
    pub fn add_members(group: Login) -> Self {
        let typed = String::new();
        Self::AddMembers { group, typed }
    }
}
