//! Handles the first line of a connection: a classic login (rule S5), the hello of a live session
//! (V1), a device that joins (A5), or a question of another program on this computer.

use std::{borrow::Cow, fmt::Display, sync::Arc, time::Duration};

use mensageiro_protocol::{
    Framing, Login, LoginError,
    classic::{LoginLine, UNKNOWN_USER, unquoted},
    live::{BadLine, Bye, ByeCode, Event, Hello, HelloError, Join, Joined},
    trust::Secret,
};
use tracing::{debug, info, warn};

use crate::{
    access::{JoinRefusal, LONGEST_WAIT, Refusal},
    budgets::{LoginBudget, OverBudget, cost},
    clients::{Connection, Ended, Full, Known},
    context::Context,
    http, live,
    metrics::Question,
    net::network::Network,
};

/// When somebody may try again for whom there is no place.
const FULL_PAUSE: Duration = Duration::from_secs(10);

/// A user who is let in.
pub enum User {
    /// For a classic session.
    Classic(Login, Arc<LoginBudget>),
    /// For a live session.
    Live(Hello, Arc<LoginBudget>),
    /// No user: a client of HTTP, and the first line of its request.
    Http(Vec<u8>),
}

/// What a first line asks for.
enum Asked {
    Classic(LoginLine),
    Live(Hello),
    Join(Join),
    Question(Question),
    Http(Vec<u8>),
    /// Nothing valid: the beginning of the line, and the reason.
    Nothing(String, LoginError),
    BadHello(String, HelloError),
    BadJoin(BadLine),
}

/// Reads the first line of a new connection and does what it asks for. Returns the user, if there
/// is a session to serve.
pub fn log_in(context: &Context, connection: &mut Connection) -> Option<User> {
    let mut has_joined = false;
    loop {
        let asked = connection.receive_one(context.limits.login, |line| {
            if http::is_first_line(line) {
                return Asked::Http(line.to_vec());
            }
            let unquoted = unquoted(line);
            let line = unquoted.map_or_else(|| String::from_utf8_lossy(line), Cow::Owned);
            understand(context, line.trim())
        });
        match asked {
            Ok(Asked::Join(asked)) if !has_joined => {
                join(context, connection, &asked)?;
                // Its hello may follow.
                has_joined = true;
            }
            asked => return answer(context, connection, asked),
        }
    }
}

fn answer(
    context: &Context,
    connection: &mut Connection,
    asked: Result<Asked, Ended>,
) -> Option<User> {
    match asked {
        Ok(Asked::Classic(LoginLine { login, key })) => {
            match let_in(context, connection, &login, key.as_ref()) {
                Ok(budget) => return Some(User::Classic(login, budget)),
                Err(why @ (NotNow::NoUser | NotNow::Unknown(_))) => {
                    note(context, connection, &login, &why);
                    turn_away(connection);
                }
                // There is no word for it.
                Err(NotNow::Full(_)) => connection.pause_before_end(),
                Err(NotNow::Gone) => {}
            }
        }
        Ok(Asked::Live(hello)) if connection.framing() != Some(Framing::Line) => {
            let login = shown(hello.login.as_str());
            let why = format_args!("{login} asks for a live session without a line end");
            refuse(context, connection, &why);
        }
        Ok(Asked::Live(hello)) => {
            match let_in(context, connection, &hello.login, hello.key.as_ref()) {
                Ok(budget) => return Some(User::Live(hello, budget)),
                Err(NotNow::Full(refusal)) => live::refuse(connection, refusal.bye()),
                Err(NotNow::Gone) => {}
                Err(why) => {
                    note(context, connection, &hello.login, &why);
                    live::refuse(connection, why.bye(&hello.login));
                }
            }
        }
        Ok(Asked::Join(_)) => {
            let why = "a device joins once on a connection";
            refuse(context, connection, &why);
            live::refuse(connection, Bye::new(ByeCode::BadHello, why));
        }
        Ok(Asked::BadHello(line, why)) => {
            refuse(context, connection, &format_args!("{line:?}: {why}"));
            live::refuse(connection, Bye::new(ByeCode::BadHello, why.to_string()));
        }
        Ok(Asked::BadJoin(why)) => {
            refuse(
                context,
                connection,
                &"it joins with a line that cannot be understood",
            );
            live::refuse(connection, Bye::new(ByeCode::BadHello, why.to_string()));
        }
        // A program without line ends cannot mean it.
        Ok(Asked::Http(line)) if connection.framing() != Some(Framing::Line) => {
            let why = format_args!(
                "{:?} without a line end",
                beginning(&String::from_utf8_lossy(&line))
            );
            refuse(context, connection, &why);
            turn_away(connection);
        }
        Ok(Asked::Http(line)) => return Some(User::Http(line)),
        Ok(Asked::Question(Question::Status)) => tell_status(context, connection),
        Ok(Asked::Question(Question::Access)) => follow_access(context, connection),
        Ok(Asked::Question(Question::Stop)) => stop(context, connection),
        Ok(Asked::Nothing(line, why)) => {
            refuse(context, connection, &format_args!("{line:?}: {why}"));
            turn_away(connection);
        }
        Err(Ended::InOrder | Ended::HungUp) => {
            debug!("{} left without a login", connection.peer());
        }
        Err(error) => refuse(context, connection, &error),
    }
    None
}

fn understand(context: &Context, line: &str) -> Asked {
    if let Some(question) = context.question(line) {
        return Asked::Question(question);
    }
    match Join::parse(line) {
        Some(Ok(join)) => return Asked::Join(join),
        Some(Err(why)) => return Asked::BadJoin(why),
        None => {}
    }
    match Hello::parse(line) {
        Some(Ok(hello)) => Asked::Live(hello),
        Some(Err(why)) => Asked::BadHello(beginning(line), why),
        None => match LoginLine::parse(line) {
            Ok(login) => Asked::Classic(login),
            Err(why) => Asked::Nothing(beginning(line), why),
        },
    }
}

/// What the log shows of a line that is refused: its first word. What follows may be a key with a mistake in it.
fn beginning(line: &str) -> String {
    let word = shown(line.split_whitespace().next().unwrap_or_default());
    let mut shown: String = word.chars().take(40).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

/// Counts and logs a refusal.
fn refuse(context: &Context, connection: &Connection, why: &dyn Display) {
    context.counters().refusal();
    info!("{} refused: {why}", connection.peer());
}

/// The same for somebody who has said who it is.
fn note(context: &Context, connection: &Connection, login: &Login, why: &NotNow) {
    match why {
        NotNow::Unknown(refusal) => {
            let login = shown(login.as_str());
            refuse(context, connection, &format_args!("{login}: {refusal}"));
        }
        _ => refuse(context, connection, &no_user(login)),
    }
}

fn no_user(login: &Login) -> String {
    format!("there is no user {}", shown(login.as_str()))
}

/// The login of somebody who is not let in: it may be a key that was typed without a login, perhaps with a mistake in it.
fn shown(login: &str) -> &str {
    match Secret::is_resembled_by(login) {
        true => "(what looks like a key)",
        false => login,
    }
}

/// In bare framing an unknown user gets an answer that the assignment does not have (rule S5).
fn turn_away(connection: &mut Connection) {
    if connection.framing() == Some(Framing::Bare) {
        connection.say_last(UNKNOWN_USER.as_bytes());
    }
}

fn is_user(context: &Context, login: &Login) -> bool {
    context.directory.people().users.contains(login)
}

/// Why somebody does not come in.
enum NotNow {
    NoUser,
    /// A closed server does not know the device or key.
    Unknown(Refusal),
    Full(OverBudget),
    /// Another connection has taken its place, or it has left.
    Gone,
}

impl NotNow {
    /// What a live client is told.
    fn bye(&self, login: &Login) -> Bye {
        match self {
            Self::Unknown(refusal) => refusal_bye(*refusal),
            Self::Full(refusal) => refusal.bye(),
            Self::NoUser | Self::Gone => Bye::new(ByeCode::UnknownUser, no_user(login)),
        }
    }
}

fn refusal_bye(refusal: Refusal) -> Bye {
    match refusal {
        Refusal::NeedsTls => Bye::new(
            ByeCode::NeedsTls,
            "this server needs an encrypted connection",
        ),
        Refusal::NeedsKey | Refusal::Gone => Bye::new(
            ByeCode::NeedsKey,
            "this server is closed: the device needs an invitation, or the login a program key after it",
        ),
    }
}

/// Finds out who somebody is, and notes the connection's user, if there is a place for it.
fn let_in(
    context: &Context,
    connection: &mut Connection,
    login: &Login,
    key: Option<&Secret>,
) -> Result<Arc<LoginBudget>, NotNow> {
    let wait = |time| connection.wait_to_answer(time);
    let known = match context
        .access
        .identify(&connection.peer(), login, key, wait)
    {
        Ok(known) => known,
        Err(Refusal::Gone) => return Err(NotNow::Gone),
        Err(refusal) => return Err(NotNow::Unknown(refusal)),
    };
    if !is_user(context, login) {
        return Err(NotNow::NoUser);
    }
    let session = context.budgets.enter(login).map_err(NotNow::Full)?;
    // Everybody who watches is told.
    session.charge(cost::fan_out(context.online.watching()));
    let budget = session.budget().clone();
    match connection.log_in(session) {
        Ok(()) => {}
        Err(Full::Replaced) => return Err(NotNow::Gone),
        Err(full) => {
            let refusals = context.budgets.refusals();
            let network = Network::of(connection.address().ip());
            refusals.note(full.reason(), &network);
            return Err(NotNow::Full(OverBudget {
                reason: full.reason(),
                retry_after: FULL_PAUSE,
            }));
        }
    }
    connection.place().set_login(login.clone(), known);
    // A list that was read between the check above and now hangs up on users who are not in it, and on devices that were
    // revoked. One that was read before this line is seen here.
    if !is_user(context, login) {
        return Err(NotNow::NoUser);
    }
    if known.is_some_and(|Known { id, .. }| !context.access.use_now(login, id)) {
        return Err(NotNow::Unknown(Refusal::NeedsKey));
    }
    context.counters().login();
    Ok(budget)
}

/// Registers a device (rule A5). `None`: it was refused.
fn join(context: &Context, connection: &mut Connection, join: &Join) -> Option<()> {
    if connection.framing() != Some(Framing::Line) {
        let login = shown(join.login.as_str());
        let why = format_args!("a device of {login} joins without a line end");
        refuse(context, connection, &why);
        return None;
    }
    let (peer, login) = (connection.peer(), &join.login);
    let wait = |time| connection.wait_to_answer(time);
    let is_user = is_user(context, login);
    let refusal = match context.access.join(&peer, join, is_user, wait) {
        Ok(id) => {
            info!(
                "{login} has a new device {id} ({:?}) from {peer}",
                join.name.as_str()
            );
            let joined = Event::Joined(Joined {
                login: login.clone(),
                id,
            });
            let told = connection.send(|line| joined.encode(line));
            return told.and_then(|()| connection.flush()).ok();
        }
        Err(refusal) => refusal,
    };
    match &refusal {
        // The disk is the operator's.
        JoinRefusal::NotStored(error) => warn!("a device of {login} cannot join: {error}"),
        _ => {
            let login = shown(login.as_str());
            refuse(context, connection, &format_args!("{login}: {refusal}"));
        }
    }
    let bye = match refusal {
        JoinRefusal::Refused(Refusal::Gone) => return None,
        JoinRefusal::Refused(refusal) => refusal_bye(refusal),
        JoinRefusal::BadCode => Bye::new(
            ByeCode::NeedsKey,
            "the code is not valid: mistyped, used before, too old, or for another user",
        ),
        JoinRefusal::NoCertificate => Bye::new(
            ByeCode::BadHello,
            "a device joins with a certificate of its own (TLS client certificate)",
        ),
        JoinRefusal::TooMany => Bye::new(ByeCode::Busy, refusal.to_string()),
        JoinRefusal::NotStored(_) => Bye {
            retry_after: u32::try_from(LONGEST_WAIT.as_secs()).ok(),
            ..Bye::new(ByeCode::Internal, "the server could not store it")
        },
    };
    live::refuse(connection, bye);
    None
}

/// Answers the question for the status (PROTOCOL.md, "Asking for the status").
fn tell_status(context: &Context, connection: &mut Connection) {
    let status = serde_json::to_vec(&context.observer.look()).unwrap_or_default();
    tell(connection, &status);
}

/// A command has changed who may log in.
fn follow_access(context: &Context, connection: &mut Connection) {
    context.access.refresh();
    tell(connection, b"{}");
}

/// The command `stop` wants the server to stop.
fn stop(context: &Context, connection: &mut Connection) {
    info!("asked to stop");
    tell(connection, b"{}");
    // If it is stopping already, that is enough.
    let _ = context.stop.try_send(());
}

fn tell(connection: &mut Connection, answer: &[u8]) {
    let told = connection.send(|line| line.extend_from_slice(answer));
    if let Err(error) = told.and_then(|()| connection.flush()) {
        debug!("who asked for the status left: {error}");
    }
}
