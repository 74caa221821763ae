//! Handles the first line of a connection: a classic login (rule S5), the hello of a live session
//! (V1), or the question for the status.

use std::{borrow::Cow, sync::Arc, time::Duration};

use mensageiro_protocol::{
    Framing, Login, LoginError,
    classic::{UNKNOWN_USER, unquoted},
    live::{Bye, ByeCode, Hello, HelloError},
};
use tracing::{debug, info};

use crate::{
    budgets::{LoginBudget, OverBudget, cost},
    clients::{Connection, Ended, Full, Network},
    context::Context,
    live,
};

/// When somebody may try again for whom there is no place.
const FULL_PAUSE: Duration = Duration::from_secs(10);

/// A user who is let in.
pub enum User {
    /// For a classic session.
    Classic(Login, Arc<LoginBudget>),
    /// For a live session.
    Live(Hello, Arc<LoginBudget>),
}

/// What a first line asks for.
enum Asked {
    Classic(Login),
    Live(Hello),
    Status,
    /// Nothing valid: the line, and the reason.
    Nothing(String, LoginError),
    BadHello(String, HelloError),
}

/// Reads the first line of a new connection and does what it asks for. Returns the user, if there
/// is a session to serve.
pub fn log_in(context: &Context, connection: &mut Connection) -> Option<User> {
    let asked = connection.receive_one(context.limits.login, |line| {
        let unquoted = unquoted(line);
        let line = unquoted.map_or_else(|| String::from_utf8_lossy(line), Cow::Owned);
        understand(context, line.trim())
    });
    let peer = connection.peer();
    let refused = |why: &dyn std::fmt::Display| {
        context.counters().refusal();
        info!("{peer} refused: {why}");
    };
    match asked {
        Ok(Asked::Classic(login)) if is_user(context, &login) => {
            match let_in(context, connection, &login) {
                Ok(budget) => return Some(User::Classic(login, budget)),
                Err(NotNow::NoUser) => turn_away(connection),
                // There is no word for it.
                Err(NotNow::Refused(_)) => connection.pause_before_end(),
                Err(NotNow::Gone) => {}
            }
        }
        Ok(Asked::Classic(login)) => {
            refused(&format_args!("there is no user {login}"));
            turn_away(connection);
        }
        Ok(Asked::Live(hello)) if connection.framing() != Some(Framing::Line) => {
            refused(&format_args!(
                "{} asks for a live session without a line end",
                hello.login
            ));
        }
        Ok(Asked::Live(hello)) if is_user(context, &hello.login) => {
            match let_in(context, connection, &hello.login) {
                Ok(budget) => return Some(User::Live(hello, budget)),
                Err(NotNow::Refused(refusal)) => live::refuse(connection, refusal.bye()),
                Err(NotNow::NoUser | NotNow::Gone) => {}
            }
        }
        Ok(Asked::Live(Hello { login, .. })) => {
            let why = format!("there is no user {login}");
            refused(&why);
            live::refuse(connection, Bye::new(ByeCode::UnknownUser, why));
        }
        Ok(Asked::BadHello(line, why)) => {
            refused(&format_args!("{line:?}: {why}"));
            live::refuse(connection, Bye::new(ByeCode::BadHello, why.to_string()));
        }
        Ok(Asked::Status) => tell_status(context, connection),
        Ok(Asked::Nothing(line, why)) => {
            refused(&format_args!("{line:?}: {why}"));
            turn_away(connection);
        }
        Err(Ended::InOrder | Ended::HungUp) => debug!("{peer} left without a login"),
        Err(error) => refused(&error),
    }
    None
}

fn understand(context: &Context, line: &str) -> Asked {
    let beginning = || line.chars().take(40).collect();
    if context.is_invited(line) {
        return Asked::Status;
    }
    match Hello::parse(line) {
        Some(Ok(hello)) => Asked::Live(hello),
        Some(Err(why)) => Asked::BadHello(beginning(), why),
        None => match Login::parse(line) {
            Ok(login) => Asked::Classic(login),
            Err(why) => Asked::Nothing(beginning(), why),
        },
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

/// Why somebody who is a user does not come in.
enum NotNow {
    NoUser,
    Refused(OverBudget),
    /// Another connection has taken its place.
    Gone,
}

/// Notes the connection's user, if there is a place for it.
fn let_in(
    context: &Context,
    connection: &mut Connection,
    login: &Login,
) -> Result<Arc<LoginBudget>, NotNow> {
    let session = context.budgets.enter(login).map_err(NotNow::Refused)?;
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
            return Err(NotNow::Refused(OverBudget {
                reason: full.reason(),
                retry_after: FULL_PAUSE,
            }));
        }
    }
    connection.place().set_login(login.clone());
    // A list that was read between the check above and now hangs up on users who are not in it. One
    // that was read before this line is seen here.
    if !is_user(context, login) {
        let peer = connection.peer();
        info!("{peer} refused: there is no user {login} any more");
        return Err(NotNow::NoUser);
    }
    context.counters().login();
    Ok(budget)
}

/// Answers the question for the status (PROTOCOL.md, "Asking for the status").
fn tell_status(context: &Context, connection: &mut Connection) {
    let status = serde_json::to_vec(&context.observer.look()).unwrap_or_default();
    let told = connection.send(|line| line.extend_from_slice(&status));
    if let Err(error) = told.and_then(|()| connection.flush()) {
        debug!("who asked for the status left: {error}");
    }
}
