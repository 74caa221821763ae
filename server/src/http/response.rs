//! The head of an answer.

use std::fmt::Write as _;

/// A browser loads nothing for a content, and runs nothing of it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// What an answer says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All is well.
    Ok,
    /// The whole content is stored.
    Created,
    /// It is stored so far, and more is expected.
    Accepted,
    /// There is nothing to show, but headers say something.
    NoContent,
    /// A part of the content follows.
    PartialContent,
    /// The request cannot be understood.
    BadRequest,
    /// It is not allowed like this.
    Forbidden,
    /// There is nothing here.
    NotFound,
    /// Not with this method.
    MethodNotAllowed,
    /// The client sent nothing for too long.
    Timeout,
    /// It does not fit what is here.
    Conflict,
    /// A length is needed.
    LengthRequired,
    /// There is no such part.
    RangeNotSatisfiable,
    /// The content is not what was announced.
    Unprocessable,
    /// The server failed.
    ServerError,
    /// Later, perhaps.
    Unavailable,
    /// There is no room.
    InsufficientStorage,
}

/// An answer without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    head: String,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::Created => "201 Created",
            Self::Accepted => "202 Accepted",
            Self::NoContent => "204 No Content",
            Self::PartialContent => "206 Partial Content",
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::Timeout => "408 Request Timeout",
            Self::Conflict => "409 Conflict",
            Self::LengthRequired => "411 Length Required",
            Self::RangeNotSatisfiable => "416 Range Not Satisfiable",
            Self::Unprocessable => "422 Unprocessable Content",
            Self::ServerError => "500 Internal Server Error",
            Self::Unavailable => "503 Service Unavailable",
            Self::InsufficientStorage => "507 Insufficient Storage",
        }
    }
}

impl Response {
    /// An answer without headers.
    pub fn new(status: Status) -> Self {
        Self {
            head: format!("HTTP/1.1 {}\r\n", status.line()),
        }
    }

    /// Adds a header. The value is one line of ASCII.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        // Writing to a string cannot fail.
        let _ = write!(self.head, "{name}: {value}\r\n");
        self
    }

    /// The head with the length of the content, and with what keeps a browser from running any (rule H6). `keeps_alive`: the
    /// connection stays for another request.
    pub fn head(self, length: Option<u64>, keeps_alive: bool) -> Vec<u8> {
        let connection = if keeps_alive { "keep-alive" } else { "close" };
        let whole = match length {
            Some(length) => self.with("Content-Length", length),
            None => self,
        };
        let mut head = whole
            .with("X-Content-Type-Options", "nosniff")
            .with("Content-Security-Policy", POLICY)
            .with("Connection", connection)
            .head;
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The whole answer with a short text.
    pub fn text(self, kind: &str, text: &str, keeps_alive: bool) -> Vec<u8> {
        let mut all = self
            .with("Content-Type", kind)
            .head(Some(text.len() as u64), keeps_alive);
        all.extend_from_slice(text.as_bytes());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_runs_nothing_of_any_answer() {
        let text = Response::new(Status::NotFound).text("text/plain", "no\n", false);
        for status in [Status::Created, Status::Accepted, Status::NoContent] {
            for answer in [Response::new(status).head(Some(0), true), text.clone()] {
                let answer = String::from_utf8(answer).unwrap();
                assert!(
                    answer.contains("\r\nX-Content-Type-Options: nosniff\r\n"),
                    "{answer}"
                );
                assert!(answer.contains("default-src 'none'"), "{answer}");
                assert!(answer.contains("; sandbox\r\n"), "{answer}");
            }
        }
    }
}
