//! A server that keeps everything in memory and stores nothing: one thread for each connection, one
//! table, one write per receiver and read. It shows the limit of the machine's sockets and threads.

use std::{collections::HashMap, io::Write, net::TcpStream, sync::Arc, thread};

use parking_lot::Mutex;

use super::lines::{Input, tagged};

/// Shared by all connections.
#[derive(Clone, Default)]
struct Office {
    mailboxes: Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>,
    live: Arc<Mutex<HashMap<Vec<u8>, Arc<Wire>>>>,
}

/// A connection, for threads that write to it.
struct Wire {
    stream: TcpStream,
    turn: Mutex<()>,
}

/// Serves on a free port until it is killed.
pub fn serve() -> anyhow::Result<()> {
    let listener = super::listen()?;
    let office = Office::default();
    for stream in listener.incoming() {
        let (stream, office) = (stream?, office.clone());
        thread::Builder::new()
            .stack_size(128 * 1024)
            // A client whose connection breaks has measured enough.
            .spawn(move || drop(session(stream, &office)))?;
    }
    Ok(())
}

fn session(stream: TcpStream, office: &Office) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let wire = Arc::new(Wire {
        stream,
        turn: Mutex::default(),
    });
    let mut input = Input::with_capacity(4096);
    let Some(lines) = input.read(&wire.stream)? else {
        return Ok(());
    };
    let end = memchr::memchr(b'\n', lines).unwrap_or(lines.len());
    let hello = &lines[..end];
    match memchr::memchr(b' ', hello) {
        None => {
            let login = hello.to_vec();
            input.put_back_after(end + 1);
            classic(input, &wire, &login, office)
        }
        Some(space) => {
            let login = hello[..space].to_vec();
            input.put_back_after(end + 1);
            live(input, wire, login, office)
        }
    }
}

fn classic(mut input: Input, wire: &Wire, login: &[u8], office: &Office) -> std::io::Result<()> {
    let mut output = b"f\n".to_vec();
    if let Some(mailbox) = office.mailboxes.lock().get_mut(login) {
        output.splice(..0, mailbox.drain(..));
    }
    wire.write(&output)?;
    while let Some(lines) = input.read(&wire.stream)? {
        output.clear();
        let mut boxes = office.mailboxes.lock();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if let Some(space) = memchr::memchr(b' ', line) {
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
        wire.write(&output)?;
    }
    Ok(())
}

fn live(mut input: Input, own: Arc<Wire>, login: Vec<u8>, office: &Office) -> std::io::Result<()> {
    office.live.lock().insert(login.clone(), own.clone());
    own.write(b"welcome {\"last\":0}\nf\n")?;
    let (mut output, mut oks) = (Vec::new(), Vec::new());
    let mut to: Option<(Vec<u8>, Arc<Wire>)> = None;
    while let Some(lines) = input.read(&own.stream)? {
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let Some((tag, name, text)) = tagged(line) else {
                continue;
            };
            if to.as_ref().is_none_or(|(known, _)| known != name) {
                push(&to, &mut output)?;
                let wire = office.live.lock().get(name).cloned();
                to = wire.map(|wire| (name.to_vec(), wire));
            }
            output.extend_from_slice(b"#1;at=1763843211123 @");
            output.extend_from_slice(&login);
            output.push(b' ');
            output.extend_from_slice(text);
            oks.extend_from_slice(b"ok {\"tag\":\"");
            oks.extend_from_slice(tag);
            oks.extend_from_slice(b"\",\"id\":1,\"at\":1763843211123}\n");
        }
        push(&to, &mut output)?;
        if !oks.is_empty() {
            own.write(&oks)?;
            oks.clear();
        }
    }
    Ok(())
}

/// Writes the collected lines for a receiver. A user who is offline gets nothing.
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
        let _turn = self.turn.lock();
        (&self.stream).write_all(bytes)
    }
}
