//! What a client of HTTP sends.

use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

use thiserror::Error;

use super::{BadRequest, HEAD_BYTES, Request};
use crate::net::transport::{Transport, is_read_limit};

/// Bytes that are read at a time of a head.
const READ_BYTES: usize = 2 * 1024;

/// Requests and their contents on one connection, one after the other.
#[derive(Debug)]
pub struct Incoming<'a> {
    transport: &'a Transport,
    /// What was read and not taken.
    buffer: Vec<u8>,
    /// How long the transport's reads wait.
    patience: Option<Duration>,
}

/// Why there is no request.
#[derive(Debug, Error)]
pub enum NoRequest {
    /// The client has left, or the connection broke.
    #[error("it left: {0}")]
    Gone(#[from] io::Error),
    /// Nothing came in time.
    #[error("it did not ask for anything in time")]
    TimedOut,
    /// What came cannot be answered.
    #[error(transparent)]
    Bad(#[from] BadRequest),
}

impl<'a> Incoming<'a> {
    /// On a connection from which `buffer` was read already.
    pub fn new(transport: &'a Transport, buffer: Vec<u8>) -> Self {
        Self {
            transport,
            buffer,
            patience: None,
        }
    }

    /// Waits for the head of a request, at most until `deadline`.
    ///
    /// # Errors
    /// [`NoRequest`] says why there is none.
    pub fn request(&mut self, deadline: Instant) -> Result<Request, NoRequest> {
        let mut bytes = [0; READ_BYTES];
        loop {
            if let Some((request, length)) = Request::parse(&self.buffer)? {
                self.buffer.drain(..length);
                return Ok(request);
            }
            // More would be too long a head.
            debug_assert!(self.buffer.len() < HEAD_BYTES);
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoRequest::TimedOut);
            }
            match self.read(&mut bytes, left) {
                Ok(0) => return Err(NoRequest::Gone(ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                // Something of TLS may have come.
                Err(error) if is_read_limit(&error) || is_interrupted(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for bytes of a content, at most `patience`; 0 is the end of the client's input.
    ///
    /// # Errors
    /// The connection's error; [`ErrorKind::Interrupted`] if something has come, but nothing of the content.
    pub fn content(&mut self, bytes: &mut [u8], patience: Duration) -> io::Result<usize> {
        if !self.buffer.is_empty() {
            let count = bytes.len().min(self.buffer.len());
            bytes[..count].copy_from_slice(&self.buffer[..count]);
            self.buffer.drain(..count);
            return Ok(count);
        }
        self.read(bytes, patience)
    }

    fn read(&mut self, bytes: &mut [u8], patience: Duration) -> io::Result<usize> {
        if self.patience != Some(patience) {
            self.transport.set_read_limit(Some(patience))?;
            self.patience = Some(patience);
        }
        self.transport.read(bytes)
    }
}

/// Whether something has come, but nothing for the reader.
fn is_interrupted(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Interrupted
}
