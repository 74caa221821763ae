//! A client of HTTP for tests: it sends exactly what it is told to.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use mensageiro_protocol::live::{Event, FileHash, RefusalCode, Slot};

use super::{PATIENCE, live::LiveClient};

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub content: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            let (is, value) = line.split_once(": ")?;
            is.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn offset(&self) -> Option<usize> {
        self.header("Upload-Offset")?.parse().ok()
    }
}

/// Any connection to a server.
pub struct Http<S> {
    pub stream: S,
    heard: Vec<u8>,
}

impl Http<TcpStream> {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::new(stream)
    }
}

impl<S: Read + Write> Http<S> {
    pub fn new(stream: S) -> Self {
        let heard = Vec::new();
        Self { stream, heard }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends a request with headers, each with its line end.
    pub fn ask(&mut self, method: &str, path: &str, headers: &str, content: &[u8]) -> Answer {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
        self.send(&[head.as_bytes(), content].concat());
        self.hear(method == "HEAD")
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    pub fn head(&mut self, path: &str) -> Answer {
        self.ask("HEAD", path, "", b"")
    }

    pub fn put(&mut self, path: &str, content: &[u8]) -> Answer {
        let headers = format!("Content-Length: {}\r\n", content.len());
        self.ask("PUT", path, &headers, content)
    }

    /// Sends a part of a file from `first` on.
    pub fn put_part(&mut self, path: &str, first: usize, part: &[u8], total: usize) -> Answer {
        let headers = part_headers(first, part.len(), total);
        self.ask("PUT", path, &headers, part)
    }

    pub fn hear(&mut self, is_head: bool) -> Answer {
        self.try_hear(is_head).expect("the server hung up")
    }

    pub fn try_hear(&mut self, is_head: bool) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.heard.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_some()?;
        };
        let head = String::from_utf8(self.heard.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer {
            status,
            head,
            content: Vec::new(),
        };
        let length = answer.header("Content-Length").unwrap_or("0");
        let length = if is_head { 0 } else { length.parse().unwrap() };
        while self.heard.len() < length {
            self.read_some()?;
        }
        answer.content = self.heard.drain(..length).collect();
        Some(answer)
    }

    fn read_some(&mut self) -> Option<()> {
        let mut bytes = [0; 64 * 1024];
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        self.heard.extend_from_slice(&bytes[..count]);
        (count > 0).then_some(())
    }
}

pub fn part_headers(first: usize, length: usize, total: usize) -> String {
    let last = first + length - 1;
    format!("Content-Length: {length}\r\nContent-Range: bytes {first}-{last}/{total}\r\n")
}

/// Bytes that look like nothing.
pub fn content(bytes: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

pub fn hash(content: &[u8]) -> FileHash {
    FileHash(*blake3::hash(content).as_bytes())
}

/// Announces a file.
pub fn slot(client: &mut LiveClient, name: &str, kind: &str, content: &[u8]) -> Slot {
    announce(client, name, kind, content.len(), hash(content)).unwrap()
}

pub fn announce(
    client: &mut LiveClient,
    name: &str,
    kind: &str,
    size: usize,
    hash: FileHash,
) -> Result<Slot, RefusalCode> {
    let name = serde_json::to_string(name).unwrap();
    client.say(&format!(
        r#"slot {{"tag":"s","name":{name},"size":{size},"type":"{kind}","hash":"{hash}"}}"#
    ));
    loop {
        match client.hear() {
            Event::Slot(slot) => return Ok(slot),
            Event::Refused(refused) => return Err(refused.code),
            _ => {}
        }
    }
}

/// Announces and uploads a file.
pub fn upload(
    server: SocketAddr,
    client: &mut LiveClient,
    name: &str,
    kind: &str,
    content: &[u8],
) -> Slot {
    let slot = slot(client, name, kind, content);
    let answer = Http::connect(server).put(&slot.path, content);
    assert_eq!(answer.status, 201, "{}", answer.head);
    slot
}
