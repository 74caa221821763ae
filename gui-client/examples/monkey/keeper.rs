//! The server, and who kills it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// About how often the server is killed.
const KILLED_EVERY: Duration = Duration::from_secs(8);

/// How long it stays away at most.
const AWAY: Duration = Duration::from_secs(3);

/// Starts the server and kills it.
pub struct Keeper {
    program: PathBuf,
    data: PathBuf,
    /// `host:port`.
    pub address: String,
    server: Option<Child>,
    next: Instant,
}

impl Keeper {
    pub fn new(program: &Path, data: &Path, users: [&str; 2]) -> Self {
        fs::create_dir_all(data).unwrap();
        let users = users.join(",\n");
        fs::write(data.join("users.csv"), format!("login,name\n{users},\n")).unwrap();
        let mut keeper = Self {
            program: program.to_owned(),
            data: data.to_owned(),
            address: "127.0.0.1:0".to_owned(),
            server: None,
            next: Instant::now() + KILLED_EVERY,
        };
        keeper.serve();
        keeper
    }

    /// Kills the server, or starts it again, when it is time; says what it did.
    pub fn act(&mut self, rng: &mut fastrand::Rng) -> Option<&'static str> {
        if Instant::now() < self.next {
            return None;
        }
        let longest = if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
            AWAY
        } else {
            self.serve();
            2 * KILLED_EVERY
        };
        self.next = Instant::now() + longest.mul_f64(rng.f64());
        self.server.is_none().then_some("the server was killed")
    }

    /// The server is there, and will be for a while.
    pub fn serve(&mut self) {
        self.next = Instant::now() + KILLED_EVERY;
        if self.server.is_some() {
            return;
        }
        let mut server = Command::new(&self.program)
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &self.address])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
        let address = said.find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("listening on ")?;
            Some(address.split_whitespace().next()?.to_owned())
        });
        self.address = address.expect("the server says where it listens");
        thread::spawn(move || said.count());
        self.server = Some(server);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
