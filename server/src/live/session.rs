//! One user's live session: welcome, backlog, then whatever the client asks (rules V1 to V14).
//! Run by the thread that reads from the client.

use std::{io, sync::Arc};

use mensageiro_protocol::{
    Login,
    live::{Bye, ByeCode, Event, Hello, Limits, Request, Welcome},
};
use thiserror::Error;
use tracing::{debug, info};

use super::{
    answers::Answers,
    backlog,
    outlet::{self, Outlet},
};
use crate::{
    connection::{Connection, Ended},
    journal::{Entry, Read},
    message::MessageId,
    session::Shared,
    store::StoreError,
};

/// Why a live session ends.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Ended(#[from] Ended),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("it said bye")]
    Bye,
}

/// Turns away who cannot have a session.
pub fn refuse(connection: &mut Connection, code: ByeCode, detail: &str) {
    let bye = Event::Bye(Bye {
        code,
        detail: detail.to_owned(),
    });
    let told = connection.send(|line| bye.encode(line));
    if let Err(error) = told.and_then(|()| connection.flush()) {
        debug!("who was turned away had left: {error}");
    }
}

/// Serves a user until something ends it.
pub fn run(shared: &Arc<Shared>, mut connection: Connection, hello: &Hello) {
    let (login, peer) = (&hello.login, connection.peer());
    match &hello.device {
        None => info!("{login} logged in from {peer} (live)"),
        Some(device) => info!("{login} logged in from {peer} (live, device {device})"),
    }
    connection.take_whole_lines_only();
    let outlet = Outlet::new(login.clone(), connection.stream(), shared.flusher.clone());
    connection.place().set_outlet(outlet.clone());
    let _stay = shared
        .online
        .enter(login, Some(outlet.clone()), &shared.journal);
    let Err(failure) = serve(shared, &mut connection, hello, &outlet);
    match failure {
        Failure::Ended(Ended::InOrder) | Failure::Bye => {
            outlet.close(ByeCode::Bye, "you said it");
            info!("{login} logged out");
        }
        Failure::Ended(Ended::HungUp) => info!("{login} disconnected by the server"),
        failure => {
            let (code, detail) = reason(&failure);
            outlet.close(code, detail);
            info!("{login} disconnected: {failure}");
        }
    }
}

fn reason(failure: &Failure) -> (ByeCode, &'static str) {
    match failure {
        Failure::Ended(Ended::TimedOut(_)) => (ByeCode::Idle, "you said nothing for too long"),
        Failure::Ended(Ended::LineTooLong(_)) => (ByeCode::TooLong, "your line is too long"),
        _ => (
            ByeCode::Internal,
            "the server has a problem; try again later",
        ),
    }
}

fn serve(
    shared: &Arc<Shared>,
    connection: &mut Connection,
    hello: &Hello,
    outlet: &Arc<Outlet>,
) -> Result<std::convert::Infallible, Failure> {
    let login = &hello.login;
    // A device may know a number that this server has not reached, as its store was restored from a
    // backup: what is new is above the newest there is.
    let last = shared.mailboxes.last();
    let after = hello.after.map(|after| MessageId(after).min(last));
    welcome(shared, connection, login)?;
    if let Some(up_to) = after {
        confirm(shared, login, up_to, outlet);
    }
    backlog::send(shared, connection, login, after, outlet)?;
    outlet::prepare(outlet.stream())?;
    let mut answers = Answers::new(shared, login, outlet);
    loop {
        let requests = connection.receive(shared.limits.idle, Request::parse)?;
        answers.give(requests)?;
    }
}

fn welcome(shared: &Shared, connection: &mut Connection, login: &Login) -> io::Result<()> {
    let welcome = Event::Welcome(Welcome {
        server: "MeuMensageiro".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        you: login.clone(),
        last: shared.mailboxes.last().0,
        store: None,
        epoch: None,
        after: None,
        number: None,
        limits: Limits {
            line_bytes: connection.longest_line(),
        },
    });
    connection.send(|line| welcome.encode(line))
}

/// What a device names in its hello, it has (rule V7).
fn confirm(shared: &Shared, login: &Login, up_to: MessageId, outlet: &Arc<Outlet>) {
    let entry = Entry {
        from: login.clone(),
        reads: vec![Read::Delivered { up_to }],
        drafts: Vec::new(),
    };
    shared.journal.submit(entry, outlet.clone());
}
