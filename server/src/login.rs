//! Handles the first line of a connection: a classic login (rule S5), the hello of a live session
//! (V1), or the question for the status.

use std::borrow::Cow;

use mensageiro_protocol::{
    Framing, Login, LoginError,
    classic::{UNKNOWN_USER, unquoted},
    live::{ByeCode, Hello, HelloError},
};
use tracing::{debug, info};

use crate::{
    clients::{Connection, Ended},
    context::Context,
    live,
};

/// A user who is let in.
pub enum User {
    /// For a classic session.
    Classic(Login),
    /// For a live session.
    Live(Hello),
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
    let peer = connection.peer();
    let asked = connection.receive_one(context.limits.login, |line| {
        let unquoted = unquoted(line);
        let line = unquoted.map_or_else(|| String::from_utf8_lossy(line), Cow::Owned);
        understand(context, line.trim())
    });
    let refused = |why: &dyn std::fmt::Display| {
        context.counters().refusal();
        info!("{peer} refused: {why}");
    };
    match asked {
        Ok(Asked::Classic(login)) if is_user(context, &login) => {
            if let_in(context, connection, &login) {
                return Some(User::Classic(login));
            }
            turn_away(connection);
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
            return let_in(context, connection, &hello.login).then_some(User::Live(hello));
        }
        Ok(Asked::Live(Hello { login, .. })) => {
            let why = format!("there is no user {login}");
            refused(&why);
            live::refuse(connection, ByeCode::UnknownUser, &why);
        }
        Ok(Asked::BadHello(line, why)) => {
            refused(&format_args!("{line:?}: {why}"));
            live::refuse(connection, ByeCode::BadHello, &why.to_string());
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

/// Notes the connection's user. Returns whether that is still a registered user.
fn let_in(context: &Context, connection: &Connection, login: &Login) -> bool {
    connection.place().set_login(login.clone());
    // A list that was read between the check above and now hangs up on users who are not in it. One
    // that was read before this line is seen here.
    let is_user = is_user(context, login);
    if is_user {
        context.counters().login();
    } else {
        let peer = connection.peer();
        info!("{peer} refused: there is no user {login} any more");
    }
    is_user
}

/// Answers the question for the status (PROTOCOL.md, "Asking for the status").
fn tell_status(context: &Context, connection: &mut Connection) {
    let status = serde_json::to_vec(&context.observer.look()).unwrap_or_default();
    let told = connection.send(|line| line.extend_from_slice(&status));
    if let Err(error) = told.and_then(|()| connection.flush()) {
        debug!("who asked for the status left: {error}");
    }
}
