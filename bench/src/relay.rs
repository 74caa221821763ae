//! The assignment in memory and nothing else: a thread for each connection, one dictionary, one
//! write for all that one read brought. Live sessions are pushed to, with one write for each
//! receiver of what one read brought. What it does is the limit for a server of this shape.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use socket2::{Domain, Socket, Type};

/// What is shared by all connections.
#[derive(Clone, Default)]
struct Office {
    mailboxes: Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>,
    live: Arc<Mutex<HashMap<Vec<u8>, Arc<Wire>>>>,
    /// Whether live senders get an `ok` for each message.
    acknowledges: bool,
}

/// A connection, for whoever has something for it.
struct Wire {
    stream: TcpStream,
    turn: Mutex<()>,
}

/// Serves on a free port until killed.
pub fn serve(acknowledges: bool) -> anyhow::Result<()> {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX)?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4096)?;
    let listener = TcpListener::from(socket);
    println!("listening on {}", listener.local_addr()?);
    let office = Office {
        acknowledges,
        ..Office::default()
    };
    for stream in listener.incoming() {
        let (stream, office) = (stream?, office.clone());
        thread::Builder::new()
            .stack_size(128 * 1024)
            // A connection that breaks is a client that has measured enough.
            .spawn(move || drop(session(stream, &office)))?;
    }
    Ok(())
}

fn session(stream: TcpStream, office: &Office) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Input {
        wire: Arc::new(Wire {
            stream,
            turn: Mutex::default(),
        }),
        bytes: vec![0; 4096],
        end: 0,
        taken: 0,
    };
    let Some(lines) = input.read()? else {
        return Ok(());
    };
    let end = lines.iter().position(|&byte| byte == b'\n');
    let hello = &lines[..end.unwrap_or(lines.len())];
    match hello.iter().position(|&byte| byte == b' ') {
        None => {
            let login = hello.to_vec();
            input.taken = login.len() + 1;
            classic(input, &login, office)
        }
        Some(space) => {
            let login = hello[..space].to_vec();
            input.taken = hello.len() + 1;
            live(input, login, office)
        }
    }
}

fn classic(mut input: Input, login: &[u8], office: &Office) -> std::io::Result<()> {
    let mut output = b"f\n".to_vec();
    if let Some(mailbox) = lock(&office.mailboxes).get_mut(login) {
        output.splice(..0, mailbox.drain(..));
    }
    input.wire.write(&output)?;
    while let Some(lines) = input.read()? {
        output.clear();
        let mut boxes = lock(&office.mailboxes);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if let Some(space) = line.iter().position(|&byte| byte == b' ') {
                let mailbox = boxes.entry(line[1..space].to_vec()).or_default();
                mailbox.push(b'@');
                mailbox.extend_from_slice(login);
                mailbox.extend_from_slice(&line[space..]);
            }
            if let Some(mailbox) = boxes.get_mut(login) {
                output.append(mailbox);
            }
            output.extend_from_slice(b"f\n");
        }
        drop(boxes);
        input.wire.write(&output)?;
    }
    Ok(())
}

fn live(mut input: Input, login: Vec<u8>, office: &Office) -> std::io::Result<()> {
    let own = input.wire.clone();
    lock(&office.live).insert(login.clone(), own.clone());
    own.write(b"welcome {\"last\":0}\nf\n")?;
    let (mut output, mut oks) = (Vec::new(), Vec::new());
    let mut to: Option<(Vec<u8>, Arc<Wire>)> = None;
    while let Some(lines) = input.read()? {
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let Some((tag, name, text)) = parts(line) else {
                continue;
            };
            if to.as_ref().is_none_or(|(known, _)| known != name) {
                push(&to, &mut output)?;
                let wire = lock(&office.live).get(name).cloned();
                to = wire.map(|wire| (name.to_vec(), wire));
            }
            output.extend_from_slice(b"#1;at=1763843211123 @");
            output.extend_from_slice(&login);
            output.extend_from_slice(text);
            if office.acknowledges {
                oks.extend_from_slice(b"ok {\"tag\":\"");
                oks.extend_from_slice(tag);
                oks.extend_from_slice(b"\",\"id\":1,\"at\":1763843211123}\n");
            }
        }
        push(&to, &mut output)?;
        if !oks.is_empty() {
            own.write(&oks)?;
            oks.clear();
        }
    }
    Ok(())
}

/// Parts `#tag @name text` into tag, name, and the text with the space before it.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let tagged = line.strip_prefix(b"#")?;
    let (tag, message) = tagged.split_at(tagged.iter().position(|&byte| byte == b' ')?);
    let message = message.strip_prefix(b" @")?;
    let (name, text) = message.split_at(message.iter().position(|&byte| byte == b' ')?);
    Some((tag, name, text))
}

/// Writes what has been collected for a receiver; who is not there gets nothing.
fn push(to: &Option<(Vec<u8>, Arc<Wire>)>, output: &mut Vec<u8>) -> std::io::Result<()> {
    if let Some((_, wire)) = to
        && !output.is_empty()
    {
        wire.write(output)?;
    }
    output.clear();
    Ok(())
}

impl Wire {
    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        let _turn = lock(&self.turn);
        (&self.stream).write_all(bytes)
    }
}

/// What a connection brings, as whole lines.
struct Input {
    wire: Arc<Wire>,
    bytes: Vec<u8>,
    end: usize,
    taken: usize,
}

impl Input {
    /// The whole lines there are, after those taken before; `None` at the end.
    fn read(&mut self) -> std::io::Result<Option<&[u8]>> {
        loop {
            self.bytes.copy_within(self.taken..self.end, 0);
            self.end -= self.taken;
            self.taken = 0;
            let whole = self.bytes[..self.end]
                .iter()
                .rposition(|&byte| byte == b'\n');
            if let Some(at) = whole {
                self.taken = at + 1;
                return Ok(Some(&self.bytes[..=at]));
            }
            if self.end == self.bytes.len() {
                self.bytes.resize(2 * self.end, 0);
            }
            match (&self.wire.stream).read(&mut self.bytes[self.end..])? {
                0 => return Ok(None),
                count => self.end += count,
            }
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
