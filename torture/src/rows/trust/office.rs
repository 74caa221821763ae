//! A closed server, an administrator who is always there, and the devices and program keys of others.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use mensageiro_protocol::{
    live::{DevicesRequest, Event, InviteRequest, KeyRequest, Request, Revoke},
    trust::{DeviceId, Fingerprint, InviteLink, Secret},
};

use super::lines::{Answer, event, first_line, hello, join_line, named};
use crate::{
    program::{Launch, Program},
    tls::{Client, Identity},
    trial::Trial,
    wire::Wire,
};

/// The administrator.
pub const BOSS: &str = "boss";

/// A closed server.
pub struct Office {
    pub server: Program,
    pub program: PathBuf,
    pub fingerprint: Fingerprint,
    pub boss: Device,
    /// The administrator's session.
    pub session: Session,
}

/// A device that has joined.
pub struct Device {
    pub login: String,
    pub identity: Identity,
    pub client: Client,
}

/// A live session that asks and is answered.
pub struct Session(pub Wire);

impl Office {
    /// Starts it on a new folder with these users, besides the administrator.
    pub fn new(trial: &Trial, users: &[String]) -> Result<Self> {
        let data = folder(trial, users)?;
        Self::start(trial, Launch::new(&trial.server, &data))
    }

    /// Starts it as said, closed, and lets the administrator join.
    pub fn start(trial: &Trial, launch: Launch) -> Result<Self> {
        let server = launch.options(&["--closed"]).start()?;
        let program = trial.server.clone();
        let link = invited(&program, &server.data, BOSS)?;
        let boss = Device::new(BOSS, link.key)?;
        let joined = boss.join(server.address, &link.code)?;
        ensure!(joined.is_joined(), "{joined:?}");
        let session = boss.session(server.address)?;
        Ok(Self {
            fingerprint: link.key,
            server,
            program,
            boss,
            session,
        })
    }

    /// Takes a server that was started again.
    pub fn go_on_with(&mut self, server: Program) -> Result<()> {
        self.server = server;
        self.session = self.boss.session(self.address())?;
        Ok(())
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// A code for a user.
    pub fn invite(&mut self, login: &str) -> Result<Secret> {
        let invite = InviteRequest {
            login: Some(named(login)?),
            ..InviteRequest::default()
        };
        match self.ask(&Request::Invite(invite))? {
            Event::Invited(invited) => Ok(invited.code),
            other => bail!("no code for {login}: {other:?}"),
        }
    }

    /// One more device of a user, which has joined.
    pub fn device(&mut self, login: &str) -> Result<Device> {
        let code = self.invite(login)?;
        let device = Device::new(login, self.fingerprint)?;
        match device.join(self.address(), &code)? {
            Answer::Joined(_) => Ok(device),
            other => bail!("{login} cannot join: {other:?}"),
        }
    }

    /// What the administrator's request is answered. An idle session may have been hung up on, as it reads nothing.
    pub fn ask(&mut self, request: &Request) -> Result<Event> {
        if let Ok(answer) = self.session.ask(request) {
            return Ok(answer);
        }
        self.session = self.boss.session(self.address())?;
        self.session.ask(request)
    }

    /// The devices and program keys of a user.
    pub fn devices(&mut self, login: &str) -> Result<Vec<DeviceId>> {
        let asked = DevicesRequest {
            login: Some(named(login)?),
            ..DevicesRequest::default()
        };
        let answer = self.ask(&Request::Devices(asked))?;
        ids(&answer).with_context(|| format!("no devices of {login}: {answer:?}"))
    }

    /// Revokes a device, and returns what is left.
    pub fn revoke(&mut self, login: &str, id: DeviceId) -> Result<Vec<DeviceId>> {
        let answer = self.ask(&revocation(login, id)?)?;
        ids(&answer).with_context(|| format!("{id} of {login} is not revoked: {answer:?}"))
    }
}

impl Device {
    /// A new device that knows the server.
    pub fn new(login: &str, server: Fingerprint) -> Result<Self> {
        let identity = Identity::new()?;
        Ok(Self {
            login: login.into(),
            client: Client::new(Some(&identity), &[server])?,
            identity,
        })
    }

    pub fn id(&self) -> DeviceId {
        self.identity.public_key().id()
    }

    pub fn join(&self, server: SocketAddr, code: &Secret) -> Result<Answer> {
        let mut wire = self.client.connect(server)?;
        first_line(&mut wire, &join_line(&self.login, code)?)
    }

    pub fn join_from(&self, source: [u8; 4], server: SocketAddr, code: &Secret) -> Result<Answer> {
        let mut wire = self.client.connect_from(source, server)?;
        first_line(&mut wire, &join_line(&self.login, code)?)
    }

    /// What a login is answered.
    pub fn log_in(&self, server: SocketAddr) -> Result<(Wire, Answer)> {
        let mut wire = self.client.connect(server)?;
        let answer = first_line(&mut wire, &hello(&self.login, None)?)?;
        Ok((wire, answer))
    }

    /// A session of a device that must be let in.
    pub fn session(&self, server: SocketAddr) -> Result<Session> {
        match self.log_in(server)? {
            (wire, Answer::In) => Ok(Session(wire)),
            (_, other) => bail!("{} is not let in: {other:?}", self.login),
        }
    }

    /// A program key of the user.
    pub fn program_key(&self, server: SocketAddr) -> Result<Secret> {
        let mut session = self.session(server)?;
        match session.ask(&Request::Key(KeyRequest::default()))? {
            Event::NewKey(new) => Ok(new.key),
            other => bail!("no program key for {}: {other:?}", self.login),
        }
    }
}

impl Session {
    /// Sends a request and returns its answer. What comes besides is not of interest.
    pub fn ask(&mut self, request: &Request) -> Result<Event> {
        let mut line = Vec::new();
        request.encode(&mut line);
        line.push(b'\n');
        self.0.write(&line)?;
        loop {
            let event = event(&self.0.line()?)?;
            match event {
                Event::Devices(_)
                | Event::Invited(_)
                | Event::NewKey(_)
                | Event::Edited(_)
                | Event::Refused(_) => return Ok(event),
                Event::Bye(bye) => bail!("hung up: {bye:?}"),
                _ => {}
            }
        }
    }
}

/// The request to revoke a device of a user.
pub fn revocation(login: &str, id: DeviceId) -> Result<Request> {
    Ok(Request::Revoke(Revoke {
        tag: None,
        id,
        login: Some(named(login)?),
    }))
}

fn ids(answer: &Event) -> Option<Vec<DeviceId>> {
    match answer {
        Event::Devices(list) => Some(list.devices.iter().map(|one| one.id).collect()),
        _ => None,
    }
}

/// users.csv with these users and the administrator, in a new folder.
pub fn folder(trial: &Trial, users: &[String]) -> Result<PathBuf> {
    let data = trial.data("office", &[])?;
    let mut file = fs::File::create(data.join("users.csv"))?;
    writeln!(file, "login,name,role\n{BOSS},The boss,admin")?;
    for login in users {
        writeln!(file, "{login},,")?;
    }
    Ok(data)
}

/// The link that the command `invite` prints.
pub fn invited(program: &Path, data: &Path, login: &str) -> Result<InviteLink> {
    let mut invite = Command::new(program);
    let invite = invite.args(["invite", login, "--data"]).arg(data);
    let output = invite.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut words = said.split_whitespace();
    let link = words.find(|word| word.starts_with("mensageiro://"));
    let link = link.with_context(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!("no invitation for {login}: {complaint}")
    })?;
    Ok(InviteLink::parse(link)?)
}
