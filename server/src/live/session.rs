//! One user's live session: welcome, backlog, then requests (rules V1 to V15). It runs in the
//! thread that reads from the client.

use std::{io, sync::Arc};

use mensageiro_protocol::{
    Login,
    live::{ABOUT_KNOWN, Bye, ByeCode, Event, Hello, Limits, Request, Role, Welcome, resume},
};
use tracing::{debug, info};

use super::{access::Asker, backlog, failure::Failure, requests::Requests};
use crate::{
    budgets::LoginBudget,
    clients::{Connection, Ended},
    clients::{Farewell, LiveSender},
    commit::Entry,
    context::Context,
    model::{
        event::{Device, Read},
        message::MessageId,
    },
};

/// Refuses a session.
pub fn refuse(connection: &mut Connection, bye: Bye) {
    let bye = Event::Bye(bye);
    let told = connection.send(|line| bye.encode(line));
    if let Err(error) = told.and_then(|()| connection.flush()) {
        debug!("who was turned away had left: {error}");
    }
}

/// Serves a user until something ends the session.
pub fn run(
    context: &Arc<Context>,
    mut connection: Box<Connection>,
    hello: &Hello,
    budget: &Arc<LoginBudget>,
) {
    let (login, peer) = (&hello.login, connection.peer());
    match &hello.device {
        None => info!("{login} logged in from {peer} (live)"),
        Some(device) => info!("{login} logged in from {peer} (live, device {device})"),
    }
    connection.take_whole_lines_only();
    let (transport, retry) = (connection.transport(), context.retry.clone());
    let sender = LiveSender::new(login.clone(), hello.about, transport, retry);
    connection.place().set_farewell(sender.clone());
    let _stay = context
        .online
        .enter(login, Some(sender.clone()), &context.committer);
    let Err(failure) = serve(context, &mut connection, hello, (&sender, budget));
    match failure {
        Failure::Ended(Ended::InOrder) | Failure::Bye => {
            sender.close(Bye::new(ByeCode::Bye, "you said it"));
            info!("{login} logged out");
        }
        Failure::Ended(Ended::HungUp) => info!("{login} disconnected by the server"),
        failure => {
            sender.close(reason(&failure));
            info!("{login} disconnected: {failure}");
        }
    }
}

fn reason(failure: &Failure) -> Bye {
    match failure {
        Failure::Ended(Ended::TimedOut(_)) => {
            Bye::new(ByeCode::Idle, "you said nothing for too long")
        }
        Failure::Ended(Ended::LineTooLong(_)) => {
            Bye::new(ByeCode::TooLong, "your line is too long")
        }
        Failure::Ended(Ended::SentTooMuch(refusal)) => refusal.bye(),
        _ => Bye::new(
            ByeCode::Internal,
            "the server has a problem; try again later",
        ),
    }
}

fn serve(
    context: &Arc<Context>,
    connection: &mut Connection,
    hello: &Hello,
    (sender, budget): (&Arc<LiveSender>, &Arc<LoginBudget>),
) -> Result<std::convert::Infallible, Failure> {
    let login = &hello.login;
    // What the user has just read in another session is not given again.
    context.committer.settle();
    let after = welcome(context, connection, hello)?;
    if let Some(up_to) = after {
        confirm(context, login, up_to, sender);
    }
    backlog::send(context, connection, login, after, (sender, budget))?;
    let device = hello
        .device
        .as_ref()
        .map(|device| Device::from(device.as_str()));
    let asker = Asker {
        login,
        known: connection.place().known(),
    };
    let reached_at = connection.transport().local_address().ok();
    let mut answers = Requests::new(context, asker, device, (sender, budget), reached_at);
    loop {
        let requests = connection.receive(context.limits.idle, Request::parse)?;
        answers.give(requests)?;
    }
}

/// Sends the welcome. Returns the id after which the backlog begins (rule V3).
fn welcome(
    context: &Context,
    connection: &mut Connection,
    hello: &Hello,
) -> io::Result<Option<MessageId>> {
    let last = context.mailboxes.last();
    let (epoch, after, number, settings) = {
        let state = context.mailboxes.lock();
        let epochs = state.epochs();
        let device = hello.device.as_ref();
        (
            epochs.last().map(|epoch| epoch.number),
            resume(hello, context.store, epochs, last.0),
            device.and_then(|device| state.device_number(&hello.login, device.as_str())),
            state.last_setting(&hello.login),
        )
    };
    let asker = Asker {
        login: &hello.login,
        known: connection.place().known(),
    };
    let is_admin = asker.is_administrator(&context.directory.people());
    let device = asker.known.filter(|known| known.is_device);
    let welcome = Event::Welcome(Welcome {
        server: "MeuMensageiro".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        store: Some(context.store),
        epoch,
        after,
        number,
        closed: context.access.is_closed(),
        device: device.map(|known| known.id),
        role: is_admin.then_some(Role::Admin),
        settings: Some(settings),
        new_groups: is_admin || context.limits.new_groups,
        about: ABOUT_KNOWN.map(str::to_owned).to_vec(),
        limits: Limits {
            line_bytes: connection.longest_line(),
            file_bytes: context.files.file_bytes(),
        },
        ..Welcome::new(hello.login.clone(), last.0)
    });
    connection.send(|line| welcome.encode(line))?;
    Ok(after.map(MessageId))
}

/// Notes that the device has everything up to the id in its hello (rule V7).
fn confirm(context: &Context, login: &Login, up_to: MessageId, sender: &Arc<LiveSender>) {
    let entry = Entry {
        from: login.clone(),
        device: None,
        reads: vec![Read::Delivered { up_to }],
        sets: Vec::new(),
        drafts: Vec::new(),
    };
    context.committer.submit(entry, sender.clone());
}
