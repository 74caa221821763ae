//! Files over HTTP, on the port of the chat (PROTOCOL.md, rules H1 to H9). It runs in the thread of its connection.

mod download;
mod pace;
mod upload;

use std::{
    io,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use mensageiro_protocol::live::FileToken;
use tracing::debug;

use crate::{
    clients::Connection,
    context::Context,
    http::{Incoming, Method, NoRequest, Request, Response, Status},
    net::transport::Transport,
};

/// How long a client may take until its next request.
const NEXT_REQUEST: Duration = Duration::from_secs(15);

/// How long a client may take to read why its request is refused, and how much it may send meanwhile.
const LAST_WORD: Duration = Duration::from_secs(1);
const LAST_WORD_READS: usize = 64;

/// Bytes of a content that are in memory at a time.
const BLOCK_BYTES: usize = 64 * 1024;

const PLAIN: &str = "text/plain; charset=utf-8";

/// What a connection's requests need.
struct Transfer<'a> {
    context: &'a Context,
    connection: &'a mut Connection,
    transport: Arc<Transport>,
}

/// How a request was answered: whether another one may follow on the connection.
type Answered = io::Result<ControlFlow<()>>;

/// Answers requests, the first of which begins with this line, until the client has no more.
pub fn serve(context: &Context, connection: &mut Connection, first_line: &[u8]) {
    let transport = connection.transport();
    let rest = connection.take_rest();
    let begin = [first_line, b"\r\n", &rest].concat();
    let mut incoming = Incoming::new(&transport, begin);
    let mut deadline = Instant::now() + context.limits.login;
    let mut transfer = Transfer {
        context,
        connection,
        transport: transport.clone(),
    };
    loop {
        let answered = match incoming.request(deadline) {
            Ok(request) => transfer.answer(&request, &mut incoming),
            Err(NoRequest::Bad(why)) => transfer.refuse(Status::BadRequest, &why.to_string()),
            Err(NoRequest::TimedOut) => return,
            Err(NoRequest::Gone(error)) => Err(error),
        };
        match answered {
            Ok(ControlFlow::Continue(())) => deadline = Instant::now() + NEXT_REQUEST,
            Ok(ControlFlow::Break(())) => return say_goodbye(&transport),
            Err(error) => {
                debug!("{} left: {error}", transport.peer());
                return;
            }
        }
    }
}

impl Transfer<'_> {
    fn answer(&mut self, request: &Request, incoming: &mut Incoming<'_>) -> Answered {
        if self.context.access.needs_tls(&self.transport.peer()) {
            let why = "this server needs an encrypted connection: use https\n";
            return self.refuse(Status::Forbidden, why);
        }
        let Some(token) = token(&request.path) else {
            let why = "This is a MeuMensageiro server. Its files have links of their own.\n";
            return self.say(request, Response::new(Status::NotFound), why);
        };
        match request.method {
            Method::Get | Method::Head => self.send(request, &token),
            Method::Put => self.receive(request, &token, incoming),
            Method::Other => {
                let response = Response::new(Status::MethodNotAllowed);
                let response = response.with("Allow", "GET, HEAD, PUT");
                self.say_last(response, "only GET, HEAD and PUT are known here\n")
            }
        }
    }

    /// Answers with a line for people.
    fn say(&self, request: &Request, response: Response, text: &str) -> Answered {
        // What a request sends and nobody takes would be read as the next request.
        let is_clean = request.length.unwrap_or(0) == 0;
        let keeps_alive = request.keeps_alive && is_clean;
        let answer = match request.method {
            Method::Head => response.head(Some(text.len() as u64), keeps_alive),
            _ => response.text(PLAIN, text, keeps_alive),
        };
        self.transport.write_all(&answer)?;
        Ok(flow(keeps_alive))
    }

    fn refuse(&self, status: Status, why: &str) -> Answered {
        self.say_last(Response::new(status), why)
    }

    /// The same as the last answer on the connection.
    fn say_last(&self, response: Response, text: &str) -> Answered {
        self.transport
            .write_all(&response.text(PLAIN, text, false))?;
        Ok(ControlFlow::Break(()))
    }
}

fn flow(keeps_alive: bool) -> ControlFlow<()> {
    match keeps_alive {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    }
}

/// The file that a path names: `/f/TOKEN`, and perhaps `/` and anything.
fn token(path: &str) -> Option<FileToken> {
    let rest = path.strip_prefix("/f/")?;
    FileToken::parse(rest.split('/').next()?)
}

/// Ends the connection so that the client receives what was said last: unread input would make the system discard it.
fn say_goodbye(transport: &Transport) {
    if transport.close_own_side().is_err() {
        return;
    }
    let until = Instant::now() + LAST_WORD;
    let mut bytes = vec![0; BLOCK_BYTES];
    for _ in 0..LAST_WORD_READS {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || transport.set_read_limit(Some(left)).is_err() {
            return;
        }
        match transport.read(&mut bytes) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_whatever_follows() {
        let name = "gaytemzugu3doobzmfrggzdfmy";
        for path in [
            "/f/NAME",
            "/f/NAME/",
            "/f/NAME/photo.png",
            "/f/NAME/../../x",
        ] {
            let path = path.replace("NAME", name);
            assert_eq!(token(&path), FileToken::parse(name), "{path}");
        }
        for path in [
            "/", "/f/", "/f", "/f/../x", "/f/NAMEx", "/g/NAME", "/f//NAME",
        ] {
            assert_eq!(token(&path.replace("NAME", name)), None, "{path}");
        }
    }
}
