//! The assignment in memory and nothing else: a thread for each connection, one dictionary, one
//! write for all that one read brought. What it does is the limit for a server of this shape.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use socket2::{Domain, Socket, Type};

type Mailboxes = Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>;

/// Serves on a free port until killed.
pub fn serve() -> anyhow::Result<()> {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX)?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4096)?;
    let listener = TcpListener::from(socket);
    println!("listening on {}", listener.local_addr()?);
    let mailboxes = Mailboxes::default();
    for stream in listener.incoming() {
        let (stream, mailboxes) = (stream?, mailboxes.clone());
        thread::Builder::new()
            .stack_size(128 * 1024)
            // A connection that breaks is a client that has measured enough.
            .spawn(move || drop(session(stream, &mailboxes)))?;
    }
    Ok(())
}

fn session(mut stream: TcpStream, mailboxes: &Mailboxes) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut login = Vec::new();
    let mut input = Vec::new();
    let mut buffer = vec![0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..count]);
        let Some(end) = input.iter().rposition(|&byte| byte == b'\n') else {
            continue;
        };
        let rest = input.split_off(end + 1);
        let lines = std::mem::replace(&mut input, rest);
        let mut output = Vec::new();
        let mut boxes = mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if login.is_empty() {
                login = line[..line.len() - 1].to_vec();
            } else if let Some(space) = line.iter().position(|&byte| byte == b' ') {
                let mailbox = boxes.entry(line[1..space].to_vec()).or_default();
                mailbox.push(b'@');
                mailbox.extend_from_slice(&login);
                mailbox.extend_from_slice(&line[space..]);
            }
            if let Some(mailbox) = boxes.get_mut(&login) {
                output.append(mailbox);
            }
            output.extend_from_slice(b"f\n");
        }
        drop(boxes);
        stream.write_all(&output)?;
    }
}
