//! A server in this process on a port of its own, and clients that speak either framing.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

pub mod http;
pub mod live;

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use mensageiro_protocol::{Framing, trust::Fingerprint};
use mensageiro_server::{Options, Server};
use tempfile::TempDir;

/// Longer than anything takes on a slow day.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestServer {
    pub folder: TempDir,
    arguments: Vec<String>,
    server: Option<Server>,
    /// Clients that stay connected as long as it runs.
    kept: Vec<Client>,
}

impl TestServer {
    pub fn start(users: &[&str]) -> Self {
        Self::with_arguments(users, &[])
    }

    pub fn with_arguments(users: &[&str], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("users.csv"), users.join("\n")).unwrap();
        let arguments = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        let mut server = Self {
            folder,
            arguments,
            server: None,
            kept: Vec::new(),
        };
        server.restart();
        server
    }

    pub fn restart(&mut self) {
        self.stop();
        let data = self.folder.path().to_str().unwrap().to_owned();
        let listens = self.arguments.iter().any(|argument| argument == "--listen");
        let listen: &[&str] = if listens {
            &[]
        } else {
            &["--listen", "127.0.0.1:0"]
        };
        let fixed = ["mensageiro-server", "--data", &data];
        let fixed = fixed.iter().chain(listen).map(|&one| one.to_owned());
        let arguments = fixed.chain(self.arguments.clone());
        let options = Options::parse_from(arguments);
        let until = Instant::now() + PATIENCE;
        self.server = Some(loop {
            match Server::start(&options) {
                // A session that was still busy when the server stopped lets go of the store later. A program would have ended.
                Err(error) if error.is_in_use() && Instant::now() < until => {
                    thread::sleep(Duration::from_millis(20));
                }
                started => break started.unwrap(),
            }
        });
    }

    /// What it is started with from the next start on.
    pub fn set_arguments(&mut self, arguments: &[&str]) {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        self.arguments = arguments.collect();
    }

    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().address()
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.server.as_ref().unwrap().fingerprint()
    }

    pub fn reload(&self) {
        self.server.as_ref().unwrap().reload();
    }

    pub fn metrics(&self) -> Option<SocketAddr> {
        self.server.as_ref().unwrap().metrics()
    }

    pub fn connect(&self, framing: Framing) -> Client {
        Client::connect(self.address(), framing)
    }

    pub fn keep(mut self, client: Client) -> Self {
        self.kept.push(client);
        self
    }

    /// A line framed client that has logged in and taken its messages.
    pub fn log_in(&self, login: &str) -> Client {
        let mut client = self.connect(Framing::Line);
        client.say(login);
        client.hear_all();
        client
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The rows of messages.csv as (from, to, text), once there are so many.
    pub fn archive(&self, rows: usize) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        eventually(|| {
            found = archive_rows(&self.file("messages.csv"));
            found.len() >= rows
        });
        assert_eq!(found.len(), rows);
        found
            .into_iter()
            .map(|row| (row.from, row.to, row.text))
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: u64,
    pub from: String,
    pub to: String,
    pub text: String,
}

/// Every row of messages.csv, with the protection of its texts undone.
///
/// The file is there, and empty, a moment before its first row is.
pub fn archive_rows(file: &Path) -> Vec<Row> {
    if fs::metadata(file).unwrap().len() == 0 {
        return Vec::new();
    }
    let mut reader = csv::Reader::from_path(file).unwrap();
    assert_eq!(
        reader.headers().unwrap(),
        &mensageiro_server::archive::HEADER[..]
    );
    let plain = |field: &str| mensageiro_protocol::spreadsheet::unprotected(field).into_owned();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let times = [&row[1], &row[2]].map(|time| time.parse::<jiff::Timestamp>().unwrap());
        assert!(times[0] <= times[1]);
        Row {
            id: row[0].parse().unwrap(),
            from: plain(&row[3]),
            to: plain(&row[4]),
            text: plain(&row[5]),
        }
    });
    rows.collect()
}

/// The ids in messages.csv, as docs/STORAGE.md says to read it while it is written: a last line
/// without its line end is not there yet.
pub fn whole_row_ids(file: &Path) -> Vec<u64> {
    let content = fs::read(file).unwrap();
    let whole = content
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let mut reader = csv::Reader::from_reader(&content[..whole]);
    reader
        .records()
        .map(|row| row.unwrap()[0].parse().unwrap())
        .collect()
}

/// Waits until it holds, looking every few milliseconds.
pub fn eventually(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to hold");
        thread::sleep(Duration::from_millis(5));
    }
}

pub struct Client {
    pub stream: TcpStream,
    framing: Framing,
    heard: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr, framing: Framing) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            framing,
            heard: Vec::new(),
        }
    }

    pub fn say(&mut self, line: impl AsRef<[u8]>) {
        let mut bytes = line.as_ref().to_vec();
        // In bare framing nothing cannot be sent; a line end alone stands for it.
        if self.framing == Framing::Line || bytes.is_empty() {
            bytes.push(b'\n');
        }
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next line, or in bare framing what one `recv(1024)` brings; `None` at the end.
    pub fn hear(&mut self) -> Option<Vec<u8>> {
        self.try_hear()
            .unwrap_or_else(|error| panic!("nothing heard: {error}"))
    }

    /// The same, with an error when nothing comes in time.
    pub fn try_hear(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(lf) = self.heard.iter().position(|&byte| byte == b'\n') {
                let rest = self.heard.split_off(lf + 1);
                let mut line = std::mem::replace(&mut self.heard, rest);
                line.pop();
                return Ok(Some(line));
            }
            let mut bytes = [0; 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) if self.framing == Framing::Bare => {
                    return Ok(Some(bytes[..count].to_vec()));
                }
                Ok(count) => self.heard.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// All messages up to the end mark.
    pub fn hear_all(&mut self) -> Vec<String> {
        let mut messages = Vec::new();
        loop {
            let line = self.hear().expect("the server hung up before the end mark");
            if line == b"f" {
                return messages;
            }
            messages.push(String::from_utf8(line).unwrap());
        }
    }

    /// Sends one line and takes the next that comes.
    pub fn hear_after(&mut self, line: &str) -> Option<Vec<u8>> {
        self.say(line);
        self.hear()
    }

    /// Sends one line and takes the answer.
    pub fn exchange(&mut self, line: &str) -> Vec<String> {
        self.say(line);
        self.hear_all()
    }

    /// Closes in order, and waits until the server has noticed.
    pub fn close(mut self) {
        self.close_own_side();
        assert_eq!(self.hear(), None);
    }

    pub fn close_own_side(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Breaks the connection.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}
