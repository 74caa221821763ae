//! The limit of a server that keeps everything in one log. Each message is in one file before
//! anybody gets it, with one append and at most one sync for all messages that wait. It speaks just
//! enough of `live/1` to be loaded like the server (hello, `#tag @login text`, `ok`, pushes). It
//! does nothing else that a messenger needs: no tags, mailboxes, history, index or archive.

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    mem,
    net::TcpStream,
    path::Path,
    sync::Arc,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use parking_lot::{Condvar, Mutex, RwLock};
use xxhash_rust::xxh3::xxh3_64;

use super::lines::{Input, tagged};

/// Shared by all connections and the thread that writes the log.
#[derive(Default)]
struct Office {
    users: RwLock<Users>,
    queue: Mutex<Vec<Batch>>,
    wake_up: Condvar,
}

/// The connected users, in the order of their logins.
#[derive(Default)]
struct Users {
    numbers: HashMap<Vec<u8>, usize>,
    all: Vec<Arc<User>>,
}

struct User {
    login: Vec<u8>,
    stream: TcpStream,
}

/// The messages of one read.
struct Batch {
    from: usize,
    lines: Vec<u8>,
    messages: Vec<Message>,
}

/// Where the parts of a message, `#tag @login text`, end in the lines of its batch. One read
/// returns far less than 4 GiB.
struct Message {
    start: u32,
    tag_end: u32,
    to_end: u32,
    end: u32,
}

impl Message {
    /// The tag, the recipient and the text.
    fn parts<'a>(&self, lines: &'a [u8]) -> (&'a [u8], &'a [u8], &'a [u8]) {
        let [start, tag_end, to_end, end] =
            [self.start, self.tag_end, self.to_end, self.end].map(|at| at as usize);
        (
            &lines[start + 1..tag_end],
            &lines[tag_end + 2..to_end],
            &lines[to_end + 1..end],
        )
    }
}

/// Serves on a free port until it is killed, or until the file cannot be written.
pub fn serve(path: &Path, syncs: bool) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let listener = super::listen()?;
    let office = Arc::<Office>::default();
    let shared = office.clone();
    thread::spawn(move || {
        let Err(error) = write_log(file, syncs, &shared);
        eprintln!("the log cannot be written: {error}");
        std::process::exit(1);
    });
    for stream in listener.incoming() {
        let (stream, office) = (stream?, office.clone());
        thread::Builder::new()
            .stack_size(64 * 1024)
            // A client whose connection breaks has measured enough.
            .spawn(move || drop(session(stream, &office)))?;
    }
    Ok(())
}

fn session(stream: TcpStream, office: &Office) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Input::with_capacity(4096);
    let Some(hello) = input.read(&stream)? else {
        return Ok(());
    };
    let login = hello.split(|byte| byte.is_ascii_whitespace()).next();
    let login = login.unwrap_or_default().to_vec();
    let user = Arc::new(User { login, stream });
    let from = office.enter(user.clone());
    (&user.stream).write_all(b"welcome {\"last\":0}\nf\n")?;
    while let Some(lines) = input.read(&user.stream)? {
        let messages = messages(lines);
        if !messages.is_empty() {
            let lines = lines.to_vec();
            office.add(Batch {
                from,
                lines,
                messages,
            });
        }
    }
    Ok(())
}

/// The messages among the lines, as far as they are UTF-8.
fn messages(lines: &[u8]) -> Vec<Message> {
    let mut messages = Vec::with_capacity(16);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', lines) {
        let line = &lines[start..end];
        if let Some((tag, to, _)) = tagged(line)
            && str::from_utf8(line).is_ok()
        {
            let tag_end = start + 1 + tag.len();
            messages.push(Message {
                start: start as u32,
                tag_end: tag_end as u32,
                to_end: (tag_end + 2 + to.len()) as u32,
                end: end as u32,
            });
        }
        start = end + 1;
    }
    messages
}

impl Office {
    fn enter(&self, user: Arc<User>) -> usize {
        let mut users = self.users.write();
        let number = users.all.len();
        users.numbers.insert(user.login.clone(), number);
        users.all.push(user);
        number
    }

    fn add(&self, batch: Batch) {
        let mut queue = self.queue.lock();
        let was_empty = queue.is_empty();
        queue.push(batch);
        drop(queue);
        if was_empty {
            self.wake_up.notify_one();
        }
    }

    /// Waits for batches and takes all of them.
    fn take(&self) -> Vec<Batch> {
        let mut queue = self.queue.lock();
        self.wake_up
            .wait_while(&mut queue, |queue| queue.is_empty());
        mem::take(&mut *queue)
    }
}

/// Lines of the log thread for one user.
type Lines = Vec<u8>;

/// Bytes of a record before its messages: checksum and length.
const HEADER: usize = 16;

fn write_log(
    mut file: File,
    syncs: bool,
    office: &Office,
) -> std::io::Result<std::convert::Infallible> {
    let mut record = Vec::new();
    let mut lines: Vec<Lines> = Vec::new();
    let mut touched = Vec::new();
    let mut last_id = 0;
    loop {
        let batches = office.take();
        let users = office.users.read();
        lines.resize_with(users.all.len(), Lines::new);
        let mut commit = Commit {
            users: &users,
            record: &mut record,
            lines: &mut lines,
            touched: &mut touched,
            last_id: &mut last_id,
            at: itoa::Buffer::new().format(now()).to_owned(),
        };
        commit.record.clear();
        commit.record.resize(HEADER, 0);
        batches.iter().for_each(|batch| commit.add(batch));
        let length = record.len() - HEADER;
        record[8..HEADER].copy_from_slice(&(length as u64).to_le_bytes());
        let checksum = xxh3_64(&record[8..]);
        record[..8].copy_from_slice(&checksum.to_le_bytes());
        file.write_all(&record)?;
        if syncs {
            file.sync_data()?;
        }
        for user in touched.drain(..) {
            // A user who is gone gets nothing.
            let _ = (&users.all[user].stream).write_all(&lines[user]);
            lines[user].clear();
        }
    }
}

/// What becomes durable together: the record, and the lines that go out afterwards.
struct Commit<'a> {
    users: &'a Users,
    record: &'a mut Vec<u8>,
    lines: &'a mut [Lines],
    touched: &'a mut Vec<usize>,
    last_id: &'a mut u64,
    at: String,
}

impl Commit<'_> {
    fn add(&mut self, batch: &Batch) {
        let sender = &self.users.all[batch.from].login;
        let at = self.at.as_bytes();
        let mut digits = itoa::Buffer::new();
        let mut receiver: (&[u8], Option<usize>) = (b"", None);
        for message in &batch.messages {
            let (tag, to, text) = message.parts(&batch.lines);
            *self.last_id += 1;
            self.record.extend_from_slice(&self.last_id.to_le_bytes());
            let from = (batch.from as u32).to_le_bytes();
            self.record.extend_from_slice(&from);
            for part in [tag, to, text] {
                let length = (part.len() as u32).to_le_bytes();
                self.record.extend_from_slice(&length);
                self.record.extend_from_slice(part);
            }
            if receiver.0 != to {
                receiver = (to, self.users.numbers.get(to).copied());
            }
            let id = digits.format(*self.last_id).as_bytes();
            if let Some(receiver) = receiver.1 {
                let lines = lines_for(receiver, self.lines, self.touched);
                lines.push(b'#');
                lines.extend_from_slice(id);
                lines.extend_from_slice(b";at=");
                lines.extend_from_slice(at);
                lines.extend_from_slice(b" @");
                lines.extend_from_slice(sender);
                lines.push(b' ');
                lines.extend_from_slice(text);
                lines.push(b'\n');
            }
            let lines = lines_for(batch.from, self.lines, self.touched);
            lines.extend_from_slice(b"ok {\"tag\":\"");
            lines.extend_from_slice(tag);
            lines.extend_from_slice(b"\",\"id\":");
            lines.extend_from_slice(id);
            lines.extend_from_slice(b",\"at\":");
            lines.extend_from_slice(at);
            lines.extend_from_slice(b"}\n");
        }
    }
}

/// The lines for a user, to be extended.
fn lines_for<'a>(user: usize, lines: &'a mut [Lines], touched: &mut Vec<usize>) -> &'a mut Lines {
    let lines = &mut lines[user];
    if lines.is_empty() {
        touched.push(user);
    }
    lines
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
