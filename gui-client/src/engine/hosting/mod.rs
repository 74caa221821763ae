//! A server on this computer: the program `mensageiro-server`, which the app starts as a process of its own and which goes on
//! without the app. All that the app wants of it (a first user, an invite, its status, a stop) it asks by the commands that
//! people have too.

mod addresses;
mod place;
mod program;
mod start;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

pub use self::{addresses::own_addresses, place::HostPlace};
use self::{
    program::Program,
    start::{last_words, start},
};
use super::{
    Event, Tell,
    host::{HostCommand, HostNews, HostProblem, HostTerms},
};

/// Does what a person wants with the server. Each command has a thread of its own, as it waits for programs; that of
/// [`HostCommand::Start`] stays until the server ends.
pub(super) struct Hosting {
    place: Arc<HostPlace>,
    /// A thread waits for the end of a server that this app has started, and tells it.
    is_awaited: Arc<AtomicBool>,
    tell: Tell,
}

impl Hosting {
    pub(super) fn new(place: HostPlace, tell: Tell) -> Self {
        Self {
            place: Arc::new(place),
            is_awaited: Arc::default(),
            tell,
        }
    }

    pub(super) fn follow(&self, command: HostCommand) {
        let (place, tell) = (Arc::clone(&self.place), self.tell.clone());
        let is_awaited = Arc::clone(&self.is_awaited);
        let thread = thread::Builder::new().name("mensageiro-hosting".into());
        let spawned = thread.spawn(move || {
            let say = |news| tell.event(Event::Host(news));
            if let Err(problem) = obey(&place, command, &is_awaited, &say) {
                tracing::warn!(?problem, "the server on this computer");
                say(HostNews::Failed(problem));
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for the server on this computer");
            let problem = HostProblem::NoThread;
            self.tell.event(Event::Host(HostNews::Failed(problem)));
        }
    }
}

fn obey(
    place: &HostPlace,
    command: HostCommand,
    is_awaited: &AtomicBool,
    say: &dyn Fn(HostNews),
) -> Result<(), HostProblem> {
    let data = place.data.clone().ok_or(HostProblem::NoPlace)?;
    let has_data = || users(&data).exists();
    let program = place.program().map(|path| Program::new(path, &data));
    match command {
        // A server that cannot be asked does not run as far as the app knows: a start will say more.
        HostCommand::Look => match program.ok().as_ref().and_then(Program::look) {
            Some(told) => say(HostNews::Running(told.host(&data))),
            None => {
                let has_data = has_data();
                say(HostNews::NotRunning { has_data });
            }
        },
        HostCommand::Start(terms) => return run(&program?, &terms, is_awaited, say),
        HostCommand::Stop => {
            let program = program?;
            let is_told = is_awaited.load(Ordering::SeqCst);
            if is_told || program.look().is_some() {
                program.stop()?;
            }
            if !is_told {
                let has_data = has_data();
                say(HostNews::NotRunning { has_data });
            }
        }
    }
    Ok(())
}

/// Starts the server unless it runs, and waits for the end of one that was started.
fn run(
    program: &Program,
    terms: &HostTerms,
    is_awaited: &AtomicBool,
    say: &dyn Fn(HostNews),
) -> Result<(), HostProblem> {
    program.let_administer(terms)?;
    let mut running = None;
    let told = match program.look() {
        Some(told) => told,
        None => {
            let (server, told) = start(program, terms)?;
            running = Some(server);
            told
        }
    };
    let host = told.host(&program.data);
    let invite = program.invite(&terms.login, host.port)?;
    is_awaited.fetch_or(running.is_some(), Ordering::SeqCst);
    say(HostNews::Started(host, invite));
    let Some(mut server) = running else {
        return Ok(());
    };
    let ended = server.child.wait();
    is_awaited.store(false, Ordering::SeqCst);
    match ended {
        // Somebody has told it to, perhaps on the command line.
        Ok(status) if status.success() => say(HostNews::NotRunning { has_data: true }),
        Ok(status) => {
            tracing::warn!(%status, "the server on this computer has ended");
            say(HostNews::Crashed {
                said: last_words(&server.log, server.log_begin),
                log: server.log,
            });
        }
        Err(error) => tracing::error!(%error, "nobody knows whether the server still runs"),
    }
    Ok(())
}

fn users(data: &Path) -> PathBuf {
    // In two parts, as the name of a text would be written like the whole.
    data.join("users").with_extension("csv")
}

/// The system does not run the program.
fn not_run(program: &Path, error: &io::Error) -> HostProblem {
    HostProblem::NotRun {
        program: program.to_owned(),
        why: error.to_string(),
    }
}
