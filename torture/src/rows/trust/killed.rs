//! kill -9 of the server while devices join and are revoked, and while codes and users are made.

use std::{
    collections::BTreeSet, fmt::Debug, fs, path::Path, process::Command, thread, time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use mensageiro_protocol::{
    Name,
    live::{ByeCode, Change, Edit, Event, InviteRequest, Request},
    trust::Secret,
};

use super::{
    lines::{Answer, named},
    office::{Device, Office, revocation},
};
use crate::{
    program::Launch,
    random::Random,
    trial::{Trial, Verdict, users},
};

const COUNT: usize = 1_000;
const USERS: usize = 8;

/// The longest life of a server in microseconds, from when the administrator is there.
const LONGEST: usize = 60_000;

/// With more devices, more are revoked than join.
const DEVICES: usize = 60;

/// What is known of the server. What was not answered is in doubt until the next start.
#[derive(Default)]
struct Model {
    /// Devices that may log in.
    devices: Vec<Device>,
    /// Devices that may not any more.
    revoked: Vec<Device>,
    /// Users that were added.
    users: BTreeSet<String>,
    next_user: usize,
    doubt: Option<Doubt>,
    /// Changes that were answered: joins, revocations, edits.
    answered: [usize; 3],
    /// An answer that a server must not give.
    wrong: Option<String>,
}

/// What was on its way when the server was killed.
enum Doubt {
    Invite,
    Join(Box<Device>, Secret),
    Revoke(Box<Device>),
    Add(String),
    Remove(String),
}

pub fn run(trial: &Trial) -> Result<Verdict> {
    let mut office = Office::new(trial, &users(USERS))?;
    let data = office.server.data.clone();
    let mut random = trial.random();
    let mut model = Model::default();
    let (mut kills, mut done) = (0, 0);
    while trial.goes_on(kills, COUNT) {
        let life = Duration::from_micros(random.within(500..LONGEST) as u64);
        let id = office.server.id();
        let mut choices = random.fork();
        // The moment varies on purpose; nothing is waited for.
        let killer = thread::spawn(move || {
            thread::sleep(life);
            kill(id)
        });
        while model.doubt.is_none() && model.step(&mut office, &mut choices).is_ok() {}
        killer.join().map_err(|_| anyhow!("a thread failed"))?;
        office.server.kill();
        if let Some(wrong) = model.wrong {
            return Ok(Verdict::Broken(wrong));
        }
        kills += 1;
        check_files(&data, &model)?;
        let server = Launch::new(&trial.server, &data)
            .options(&["--closed"])
            .start()?;
        office.go_on_with(server)?;
        done += usize::from(model.settle(&mut office)?);
        model.check_some(&office, &mut random)?;
    }
    for device in &model.devices {
        device.session(office.address())?;
    }
    office.server.stop()?;
    let [joins, revocations, edits] = model.answered;
    Ok(Verdict::Held(format!(
        "{kills} kills; {joins} joins, {revocations} revocations and {edits} edits of users answered: all there; of {kills} in doubt {done} were made, none by half"
    )))
}

fn kill(id: u32) {
    let mut kill = Command::new("kill");
    // It may have ended by itself.
    let _ = kill.args(["-9", &id.to_string()]).status();
}

impl Model {
    /// Makes one change at random. When it fails, it is in doubt.
    fn step(&mut self, office: &mut Office, random: &mut Random) -> Result<()> {
        let login = format!("u{}", random.within(0..USERS));
        let wants_less = self.devices.len() > DEVICES;
        match random.within(0..4) {
            0 | 1 if !wants_less => {
                self.doubt = Some(Doubt::Invite);
                let code = invite(office, &login)?;
                let device = Device::new(&login, office.fingerprint)?;
                self.doubt = Some(Doubt::Join(Box::new(device), code));
                let Some(Doubt::Join(device, code)) = &self.doubt else {
                    return Ok(());
                };
                let answer = device.join(office.address(), code)?;
                let is_right = matches!(answer, Answer::Joined(_) | Answer::HungUp);
                let is_joined = answer.is_joined();
                expect(&mut self.wrong, is_right, &answer)?;
                ensure!(is_joined);
                if let Some(Doubt::Join(device, _)) = self.doubt.take() {
                    self.devices.push(*device);
                }
                self.answered[0] += 1;
            }
            0..=2 if !self.devices.is_empty() => {
                let device = self
                    .devices
                    .swap_remove(random.within(0..self.devices.len()));
                let line = revocation(&device.login, device.id())?;
                self.doubt = Some(Doubt::Revoke(Box::new(device)));
                let answer = office.session.ask(&line)?;
                let is_right = matches!(answer, Event::Devices(_));
                expect(&mut self.wrong, is_right, &answer)?;
                if let Some(Doubt::Revoke(device)) = self.doubt.take() {
                    self.revoked.push(*device);
                }
                self.answered[1] += 1;
            }
            _ => {
                let (doubt, change) = match self.users.first().cloned() {
                    Some(login) if self.users.len() > DEVICES => (
                        Doubt::Remove(login.clone()),
                        Change::RemoveUser {
                            login: named(&login)?,
                        },
                    ),
                    _ => {
                        let login = format!("new{:06}", self.next_user);
                        self.next_user += 1;
                        let change = Change::AddUser {
                            login: named(&login)?,
                            name: Name::from(format!("Name of {login}").as_str()),
                            role: None,
                            keep: false,
                        };
                        (Doubt::Add(login), change)
                    }
                };
                self.doubt = Some(doubt);
                let answer = office
                    .session
                    .ask(&Request::Edit(Edit { tag: None, change }))?;
                let is_right = matches!(answer, Event::Edited(_));
                expect(&mut self.wrong, is_right, &answer)?;
                match self.doubt.take() {
                    Some(Doubt::Add(login)) => drop(self.users.insert(login)),
                    Some(Doubt::Remove(login)) => drop(self.users.remove(&login)),
                    _ => {}
                }
                self.answered[2] += 1;
            }
        }
        Ok(())
    }

    /// Finds out what became of what was in doubt. Returns whether it was made.
    fn settle(&mut self, office: &mut Office) -> Result<bool> {
        let is_made = match self.doubt.take() {
            None | Some(Doubt::Invite) => false,
            Some(Doubt::Join(device, code)) => {
                let before = office.devices(&device.login)?.contains(&device.id());
                // Whether it has joined or not, its code is good for it.
                let answer = device.join(office.address(), &code)?;
                ensure!(answer.is_joined(), "again: {answer:?}");
                device.session(office.address())?;
                self.devices.push(*device);
                before
            }
            Some(Doubt::Revoke(device)) => {
                let is_there = office.devices(&device.login)?.contains(&device.id());
                let (_, answer) = device.log_in(office.address())?;
                ensure!(answer.is_in() == is_there, "revoked by half: {answer:?}");
                match is_there {
                    true => self.devices.push(*device),
                    false => self.revoked.push(*device),
                }
                !is_there
            }
            Some(Doubt::Add(login)) => {
                let is_there = logins(&office.server.data)?.contains(&login);
                if is_there {
                    self.users.insert(login);
                }
                is_there
            }
            Some(Doubt::Remove(login)) => {
                let is_there = logins(&office.server.data)?.contains(&login);
                if !is_there {
                    self.users.remove(&login);
                }
                !is_there
            }
        };
        Ok(is_made)
    }

    /// Devices log in that may, and others do not.
    fn check_some(&self, office: &Office, random: &mut Random) -> Result<()> {
        for device in self
            .devices
            .last()
            .into_iter()
            .chain(some(&self.devices, random))
        {
            device.session(office.address())?;
        }
        for device in self
            .revoked
            .last()
            .into_iter()
            .chain(some(&self.revoked, random))
        {
            let (_, answer) = device.log_in(office.address())?;
            ensure!(answer.is_bye(ByeCode::NeedsKey), "revoked: {answer:?}");
        }
        Ok(())
    }
}

/// Notes an answer that is not the expected one.
fn expect(wrong: &mut Option<String>, is_right: bool, answer: &dyn Debug) -> Result<()> {
    if !is_right {
        *wrong = Some(format!("{answer:?}"));
    }
    ensure!(is_right);
    Ok(())
}

fn some<'a>(devices: &'a [Device], random: &mut Random) -> Option<&'a Device> {
    (!devices.is_empty()).then(|| random.one_of(devices))
}

fn invite(office: &mut Office, login: &str) -> Result<Secret> {
    let request = InviteRequest {
        login: Some(named(login)?),
        ..InviteRequest::default()
    };
    match office.session.ask(&Request::Invite(request))? {
        Event::Invited(invited) => Ok(invited.code),
        other => bail!("no code: {other:?}"),
    }
}

/// The files are whole, and have what was answered.
fn check_files(data: &Path, model: &Model) -> Result<()> {
    let register = fs::read(data.join("access.json"))?;
    serde_json::from_slice::<serde_json::Value>(&register).context("access.json is not whole")?;
    let all = logins(data)?;
    let doubtful = |login: &String| match &model.doubt {
        Some(Doubt::Add(one) | Doubt::Remove(one)) => one == login,
        _ => false,
    };
    let added: BTreeSet<_> = all
        .iter()
        .filter(|login| login.starts_with("new"))
        .collect();
    for login in &model.users {
        let is_there = added.contains(login) || doubtful(login);
        ensure!(is_there, "{login} was added and is not in users.csv");
    }
    for login in added {
        let is_known = model.users.contains(login) || doubtful(login);
        ensure!(is_known, "{login} is in users.csv");
    }
    Ok(())
}

/// The logins in users.csv, every row of which is as it was written.
fn logins(data: &Path) -> Result<BTreeSet<String>> {
    let file = fs::read_to_string(data.join("users.csv"))?;
    ensure!(
        file.ends_with('\n'),
        "users.csv ends in the middle of a row"
    );
    let mut rows = file.lines();
    ensure!(
        rows.next() == Some("login,name,role"),
        "users.csv has lost its header"
    );
    let mut logins = BTreeSet::new();
    for row in rows {
        let (login, rest) = row.split_once(',').context("a row without a comma")?;
        let is_whole = match login {
            "boss" => rest == "The boss,admin",
            new if new.starts_with("new") => rest == format!("Name of {new},"),
            _ => rest == ",",
        };
        ensure!(is_whole, "not a row: {row:?}");
        logins.insert(login.to_owned());
    }
    let count = logins.iter().filter(|login| login.starts_with('u')).count();
    ensure!(count == USERS, "only {count} of the first users are left");
    Ok(logins)
}
