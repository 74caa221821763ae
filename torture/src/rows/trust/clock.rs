//! A server whose clock is wrong by years.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use mensageiro_protocol::live::ByeCode;

use super::{
    measure::Person,
    office::{Device, Office, folder},
};
use crate::{
    program::Launch,
    rows::clock::LIBRARIES,
    trial::{Trial, Verdict, users},
};

const COUNT: usize = 100;

/// How the clock is wrong.
const OFFSETS: [&str; 6] = ["-40y", "-10y", "+0", "+1y", "+10y", "+60y"];

/// The clock of a server, from libfaketime.
pub struct Clock {
    library: &'static str,
    setting: PathBuf,
}

impl Clock {
    /// For the server on a folder. `None`: libfaketime is not installed.
    pub fn new(data: &Path) -> Result<Option<Self>> {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let setting = data.with_extension("clock");
        fs::write(&setting, "+0")?;
        Ok(library.map(|library| Self { library, setting }))
    }

    /// Starts it with this clock.
    pub fn faked(&self, launch: Launch) -> Launch {
        launch
            .variable("LD_PRELOAD", self.library)
            .variable("FAKETIME_TIMESTAMP_FILE", &self.setting)
            .variable("FAKETIME_NO_CACHE", "1")
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    /// Sets it, as `+2d`.
    pub fn set(&self, offset: &str) -> Result<()> {
        // It is read at any time.
        let new = self.setting.with_extension("new");
        fs::write(&new, offset)?;
        Ok(fs::rename(new, &self.setting)?)
    }
}

/// The server is set up, and used, in different decades.
pub fn wrong(trial: &Trial) -> Result<Verdict> {
    let data = folder(trial, &users(1))?;
    let Some(clock) = Clock::new(&data)? else {
        return Ok(Verdict::Skipped("needs the package faketime".into()));
    };
    // Its own certificate is made now.
    clock.set("-40y")?;
    let mut office = Office::start(trial, clock.faked(Launch::new(&trial.server, &data)))?;
    let device = office.device("u0")?;
    let key = device.program_key(office.address())?;
    let (mut logins, mut codes) = (0, 0);
    let mut random = trial.random();
    while trial.goes_on(logins, COUNT) {
        let offset = random.one_of(&OFFSETS);
        clock.set(offset)?;
        if random.once_in(8) {
            office.server.kill();
            let launch = Launch::new(&trial.server, &data);
            let server = clock.faked(launch).start()?;
            office.go_on_with(server)?;
        }
        device.session(office.address())?;
        let person = Person {
            login: "u0".into(),
            client: None,
            key: Some(key.clone()),
        };
        person.log_in([127, 0, 0, 1], office.address())?;
        logins += 1;
        // A code is valid for a week of this clock.
        let code = office.invite("u0")?;
        let newcomer = Device::new("u0", office.fingerprint)?;
        let joined = newcomer.join(office.address(), &code)?;
        ensure!(joined.is_joined(), "{offset}: {joined:?}");
        let revoked = office.revoke("u0", newcomer.id())?;
        ensure!(!revoked.contains(&newcomer.id()), "{offset}: {revoked:?}");
        let (_, answer) = newcomer.log_in(office.address())?;
        ensure!(answer.is_bye(ByeCode::NeedsKey), "{offset}: {answer:?}");
        codes += 1;
    }
    clock.set("-40y")?;
    let last = office.invite("u0")?;
    clock.set("+60y")?;
    let late = Device::new("u0", office.fingerprint)?;
    let answer = late.join(office.address(), &last)?;
    ensure!(
        answer.is_bye(ByeCode::NeedsKey),
        "a century later: {answer:?}"
    );
    office.server.check_well()?;
    Ok(Verdict::Held(format!(
        "{logins} logins with a device and a program key each, {codes} codes used at once, with the clock wrong by -40 to +60 years; a code of a century ago is expired"
    )))
}
