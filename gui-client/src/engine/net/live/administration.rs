//! Requests about devices, users and groups. Each has a tag, which its answer repeats.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use mensageiro_protocol::live::{
    self, Change, DevicesRequest, Edit, Event, InviteRequest, KeyRequest, RefusalCode, Refused,
    Revoke, Role, Tag,
};

use super::{LiveSession, in_its_words};
use crate::engine::{Request, RequestProblem, net::io::Effect};

/// The most requests that wait for their answers.
const REQUESTS: usize = 8;

/// How long a request may wait: its server may not know it.
const ANSWERED: Duration = Duration::from_secs(60);

/// The requests that wait for their answers, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<(Tag, Request, Instant)>,
    /// How many there have been.
    count: u64,
}

impl Requests {
    /// When the oldest one has waited too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(_, _, at)| *at + ANSWERED)
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn take(&mut self, tag: &Tag) -> Option<Request> {
        let at = self.waiting.iter().position(|(of, _, _)| of == tag)?;
        self.waiting.remove(at).map(|(_, request, _)| request)
    }
}

impl LiveSession {
    /// Asks the server, or answers at once that too much is asked.
    pub fn administer(&mut self, now: Instant, request: Request) {
        if self.requested.waiting.len() >= REQUESTS {
            return self.administered(request, Err(RequestProblem::Busy));
        }
        self.requested.count += 1;
        let Ok(tag) = Tag::parse(&format!("q{}", self.requested.count)) else {
            return self.administered(request, Err(RequestProblem::Other));
        };
        self.say(&line(&request, tag.clone()));
        self.requested.waiting.push_back((tag, request, now));
    }

    /// Takes the answer to a request; nothing else, whatever a server sends.
    pub(super) fn take_answer(&mut self, event: Event) {
        let tag = match &event {
            Event::Devices(live::Devices { tag, .. })
            | Event::Invited(live::Invited { tag, .. })
            | Event::NewKey(live::NewKey { tag, .. })
            | Event::Edited(live::Edited { tag }) => tag.as_ref(),
            _ => None,
        };
        if let Some(request) = tag.and_then(|tag| self.requested.take(tag)) {
            self.administered(request, Ok(event));
        }
    }

    /// Takes a refusal, if it is the answer to a request.
    pub(super) fn take_refusal(&mut self, refused: &Refused) -> bool {
        let request = refused
            .tag
            .as_ref()
            .and_then(|tag| self.requested.take(tag));
        let is_of_request = request.is_some();
        if let Some(request) = request {
            let problem = match refused.code {
                RefusalCode::NotAllowed => RequestProblem::NotAllowed,
                RefusalCode::Unknown | RefusalCode::UnknownRecipient => RequestProblem::Unknown,
                RefusalCode::Busy | RefusalCode::SlowDown => RequestProblem::Busy,
                RefusalCode::Quota => RequestProblem::Quota,
                RefusalCode::Internal => RequestProblem::NotStored,
                RefusalCode::Exists => RequestProblem::Exists,
                RefusalCode::BadName => RequestProblem::BadName,
                RefusalCode::LastAdmin => RequestProblem::LastAdministrator,
                RefusalCode::CannotEdit => {
                    RequestProblem::CannotEdit(in_its_words(&refused.detail))
                }
                _ => RequestProblem::Other,
            };
            self.administered(request, Err(problem));
        }
        is_of_request
    }

    /// Gives up the requests that have waited too long.
    pub(super) fn give_up_requests(&mut self, now: Instant) {
        while self.requested.deadline().is_some_and(|by| by <= now) {
            if let Some((_, request, _)) = self.requested.waiting.pop_front() {
                self.administered(request, Err(RequestProblem::NoConnection));
            }
        }
    }

    /// The session ends.
    pub(super) fn give_up_all_requests(&mut self) {
        for (_, request, _) in std::mem::take(&mut self.requested.waiting) {
            self.administered(request, Err(RequestProblem::NoConnection));
        }
    }

    fn administered(&mut self, request: Request, answer: Result<Event, RequestProblem>) {
        self.effects.push(Effect::Administered { request, answer });
    }
}

/// The line of a request.
fn line(request: &Request, tag: Tag) -> live::Request {
    let tag = Some(tag);
    let change = match request.clone() {
        Request::Devices(login) => {
            let login = Some(login);
            return live::Request::Devices(DevicesRequest { tag, login });
        }
        Request::Revoke { login, id } => {
            let login = Some(login);
            return live::Request::Revoke(Revoke { tag, id, login });
        }
        Request::Invite { login, valid } => {
            let (login, valid) = (Some(login), Some(valid.as_secs()));
            return live::Request::Invite(InviteRequest { tag, login, valid });
        }
        Request::ProgramKey { name } => return live::Request::Key(KeyRequest { tag, name }),
        Request::AddUser { login, name } => Change::AddUser {
            login,
            name,
            role: None,
            keep: false,
        },
        Request::RenameUser { login, name } => Change::RenameUser { login, name },
        Request::SetRole {
            login,
            is_administrator,
        } => Change::SetRole {
            login,
            role: role(is_administrator),
        },
        Request::RemoveUser(login) => Change::RemoveUser { login },
        Request::CreateGroup(group) => Change::CreateGroup {
            group,
            members: Vec::new(),
        },
        Request::RemoveGroup(group) => Change::RemoveGroup { group },
        Request::AddMember { group, login } => Change::AddMembers {
            group,
            members: vec![login],
        },
        Request::RemoveMember { group, login } => Change::RemoveMembers {
            group,
            members: vec![login],
        },
        Request::SetMemberRole {
            group,
            login: member,
            is_administrator,
        } => Change::SetMemberRole {
            group,
            member,
            role: role(is_administrator),
        },
    };
    live::Request::Edit(Edit { tag, change })
}

fn role(is_administrator: bool) -> Option<Role> {
    is_administrator.then_some(Role::Admin)
}
