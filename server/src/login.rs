//! The first line of a connection: a classic login (rule S5), the hello of a live session (V1), or
//! the question for the status. Whoever is let in gets a thread of their own.

use std::{sync::Arc, thread};

use mensageiro_protocol::{
    Framing, Login, LoginError,
    live::{ByeCode, Hello, HelloError},
};
use tracing::{debug, info, warn};

use crate::{
    connection::{Connection, Ended},
    live,
    session::{Session, Shared},
};

/// Enough for a session's deepest call, in debug builds too; only what is touched is used.
const STACK_BYTES: usize = 256 * 1024;

/// What a first line asks for.
enum Asked {
    Classic(Login),
    Live(Hello),
    Status,
    /// Nothing that makes sense; the line, and why.
    Nothing(String, LoginError),
    BadHello(String, HelloError),
}

/// Takes a new connection: reads its first line and does what it asks for.
pub fn log_in(shared: &Arc<Shared>, mut connection: Connection) {
    let peer = connection.peer();
    let asked = connection.receive_one(shared.limits.login, |line| {
        understand(shared, String::from_utf8_lossy(line).trim())
    });
    let refused = |why: &dyn std::fmt::Display| {
        shared.counters().refusal();
        info!("{peer} refused: {why}");
    };
    match asked {
        Ok(Asked::Classic(login)) if is_user(shared, &login) => {
            let_in(
                shared,
                connection,
                &login.clone(),
                move |shared, connection| {
                    Session::new(shared, connection, login).run();
                },
            );
        }
        Ok(Asked::Classic(login)) => refused(&format_args!("there is no user {login}")),
        Ok(Asked::Live(hello)) if connection.framing() != Some(Framing::Line) => {
            refused(&format_args!(
                "{} asks for a live session without a line end",
                hello.login
            ));
        }
        Ok(Asked::Live(hello)) if is_user(shared, &hello.login) => {
            let_in(
                shared,
                connection,
                &hello.login.clone(),
                move |shared, connection| {
                    live::run(&shared, connection, &hello);
                },
            );
        }
        Ok(Asked::Live(Hello { login, .. })) => {
            let why = format!("there is no user {login}");
            refused(&why);
            live::refuse(&mut connection, ByeCode::UnknownUser, &why);
        }
        Ok(Asked::BadHello(line, why)) => {
            refused(&format_args!("{line:?}: {why}"));
            live::refuse(&mut connection, ByeCode::BadHello, &why.to_string());
        }
        Ok(Asked::Status) => tell_status(shared, &mut connection),
        Ok(Asked::Nothing(line, why)) => refused(&format_args!("{line:?}: {why}")),
        Err(Ended::InOrder | Ended::HungUp) => debug!("{peer} left without a login"),
        Err(error) => refused(&error),
    }
}

fn understand(shared: &Shared, line: &str) -> Asked {
    let beginning = || line.chars().take(40).collect();
    if shared.is_invited(line) {
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

fn is_user(shared: &Shared, login: &Login) -> bool {
    shared.directory.people().users.contains(login)
}

/// Gives a user a thread (rule S1).
fn let_in(
    shared: &Arc<Shared>,
    connection: Connection,
    login: &Login,
    run: impl FnOnce(Arc<Shared>, Connection) + Send + 'static,
) {
    let peer = connection.peer();
    connection.place().set_login(login.clone());
    // A list that was read between the question above and now hangs up on whoever is not in it;
    // one that is read before this line is seen here.
    if !is_user(shared, login) {
        return info!("{peer} refused: there is no user {login} any more");
    }
    shared.counters().login();
    let shared = shared.clone();
    let spawned = thread::Builder::new()
        .name(format!("user {login}"))
        .stack_size(STACK_BYTES)
        .spawn(move || run(shared, connection));
    if let Err(error) = spawned {
        warn!("{peer} turned away: no thread to be had: {error}");
    }
}

/// Answers the question that is no login (PROTOCOL.md, "Asking for the status").
fn tell_status(shared: &Shared, connection: &mut Connection) {
    let status = serde_json::to_vec(&shared.observer.look()).unwrap_or_default();
    let told = connection.send(|line| line.extend_from_slice(&status));
    if let Err(error) = told.and_then(|()| connection.flush()) {
        debug!("who asked for the status left: {error}");
    }
}
