//! `mensageiro-server`: reads the command line, serves until it is told to stop.

use std::{
    env,
    io::{self, IsTerminal, Write},
    panic,
    path::Path,
    process::{self, ExitCode},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, select};
use mensageiro_server::{Options, Server, StartError, options::Command, status};
use tracing::{Level, error, info, warn};
use tracing_subscriber::{filter::Targets, fmt, prelude::*};

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With nowhere to say it, the exit code remains.
            let _ = writeln!(io::stderr(), "mensageiro-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut options: Options) -> anyhow::Result<()> {
    if let Some(Command::Status { data, json }) = &options.command {
        return tell_status(data, *json);
    }
    start_log();
    spare_descriptors(&mut options)?;
    let (stop, stopped) = bounded(1);
    ctrlc::set_handler(move || {
        // Asked twice is asked.
        let _ = stop.try_send(());
    })
    .context("Ctrl-C cannot be caught")?;
    let server = start(&options)?;
    // The ports that the system chose stay the same.
    options.listen = server.address();
    options.metrics = server.metrics();
    // A closed standard output is no reason not to serve.
    let _ = write!(io::stdout(), "{}", greeting(&server)).and_then(|()| io::stdout().flush());
    serve(server, &options, &stopped);
    Ok(())
}

fn start(options: &Options) -> Result<Server, StartError> {
    explain_damage(&options.data);
    let server = Server::start(options);
    drop(panic::take_hook());
    server
}

/// Between a refusal of the disk and the new start; longer and longer while it goes on refusing.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Serves until it is told to stop, with a new start whenever the disk has refused to store: what a
/// start does is known to bring everything in order.
fn serve(mut server: Server, options: &Options, stopped: &Receiver<()>) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let begin = Instant::now();
        select! {
            recv(stopped) -> _ => break,
            recv(server.refused()) -> _ => {}
        }
        error!("nothing can be stored; starting again as soon as the disk takes it");
        server.stop();
        if begin.elapsed() > 2 * LONGEST_PAUSE {
            pause = SHORTEST_PAUSE;
        }
        match start_again(options, stopped, &mut pause) {
            Some(again) => server = again,
            None => return,
        }
    }
    info!("stopping");
    server.stop();
    info!("stopped, everything is on disk");
}

/// Tries until it succeeds; `None` when it is told to stop.
fn start_again(options: &Options, stopped: &Receiver<()>, pause: &mut Duration) -> Option<Server> {
    while stopped.recv_timeout(*pause) == Err(RecvTimeoutError::Timeout) {
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        match start(options) {
            Ok(server) => {
                info!("started again");
                return Some(server);
            }
            Err(error) => warn!("not yet: {error}"),
        }
    }
    None
}

fn tell_status(data: &Path, json: bool) -> anyhow::Result<()> {
    let status = status::ask(data)?;
    let text = if json {
        serde_json::to_string(&status)? + "\n"
    } else {
        status.to_string()
    };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// The database panics at some kinds of damage, and once more while it is dropped, which would
/// end in an abort. During the start that is told as what it is.
fn explain_damage(data: &Path) {
    let store = data.join("store").display().to_string();
    panic::set_hook(Box::new(move |panic| {
        let what = panic.payload_as_str().unwrap_or("no reason was given");
        let _ = writeln!(
            io::stderr(),
            "mensageiro-server: the message store in {store} is damaged and cannot be opened \
             ({what}); keep a copy of the folder and restore it from a backup"
        );
        process::exit(1);
    }));
}

/// Raises the number of descriptors as far as the system allows, and keeps some for the files:
/// clients alone must not be able to use them up.
#[cfg(unix)]
fn spare_descriptors(options: &mut Options) -> anyhow::Result<()> {
    const SPARE: u64 = 64;
    let allowed = rlimit::increase_nofile_limit(u64::MAX)
        .context("the number of open files cannot be raised")?;
    let fit = usize::try_from(allowed.saturating_sub(SPARE)).unwrap_or(usize::MAX);
    if fit < options.max_connections {
        warn!("{allowed} open files are allowed (ulimit -n), so at most {fit} connections fit");
        options.max_connections = fit;
    }
    Ok(())
}

/// Windows has no such limit.
#[cfg(not(unix))]
fn spare_descriptors(_options: &mut Options) -> anyhow::Result<()> {
    Ok(())
}

fn greeting(server: &Server) -> String {
    let (files, status) = (server.files(), server.status());
    let metrics = server
        .metrics()
        .map(|at| format!("metrics:   http://{at}/metrics\n"));
    format!(
        "MeuMensageiro server {version}\n\
         listening on {address}\n\
         users:     {users} ({count}; edit it at any time)\n\
         groups:    {groups} ({group_count}; likewise)\n\
         messages:  {messages} (those that have been read)\n\
         mailboxes: {store} ({waiting})\n\
         {metrics}\
         Ctrl-C stops the server.\n",
        version = status.version,
        address = server.address(),
        users = files.users.display(),
        count = counted(status.users, "user registered", "users registered"),
        groups = files.groups.display(),
        group_count = counted(status.groups, "group", "groups"),
        messages = files.messages.display(),
        store = files.store.display(),
        waiting = counted(status.messages_waiting, "message waits", "messages wait"),
        metrics = metrics.unwrap_or_default(),
    )
}

fn counted(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

fn start_log() {
    let asked = env::var("RUST_LOG")
        .ok()
        .and_then(|asked| asked.parse().ok());
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(asked.unwrap_or_else(|| {
            Targets::new()
                .with_default(Level::INFO)
                .with_target("fjall", Level::WARN)
                .with_target("lsm_tree", Level::WARN)
        }))
        .init();
}
