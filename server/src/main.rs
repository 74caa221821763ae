//! `mensageiro-server`: reads the command line, serves until it is told to stop.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    thread,
};

use anyhow::anyhow;
use clap::Parser;
use crossbeam_channel::bounded;
use mensageiro_server::{
    Options, Server, StartError,
    commands::{self, UserCommand},
    data_folder::{self, FirstStart, Purpose},
    file_rights,
    logging::{Log, one_line_each},
    metrics::{self, Status},
    options::{Command, DevicesCommand},
    service_manager, signals, supervisor,
};
use tracing::warn;

/// Signals that may wait to be followed; more of them say nothing new.
const SIGNALS: usize = 16;

/// The program.
pub fn main() -> ExitCode {
    let options = Options::parse();
    file_rights::limit(options.group_may_read);
    let data = match &options.command {
        Some(Command::Check {
            folder: Some(named),
        }) => named,
        _ => &options.data,
    };
    let first = match data_folder::prepare(data, options.init, purpose(&options)) {
        Ok(first) => first,
        Err(error) => return complain(&error),
    };
    let told = match &options.command {
        Some(Command::Status { json }) => tell_status(&options.data, *json),
        Some(Command::Backup { to }) => commands::backup(&options.data, to).map_err(Into::into),
        Some(Command::Check { folder }) => {
            let folder = folder.as_ref().unwrap_or(&options.data);
            commands::check(folder).map_err(Into::into)
        }
        Some(Command::Stop) => commands::stop(&options.data).map_err(Into::into),
        Some(Command::User(command)) => {
            commands::user(&options.data, command.clone()).map_err(Into::into)
        }
        Some(Command::Group(command)) => {
            commands::group(&options.data, command.clone()).map_err(Into::into)
        }
        Some(Command::Invite { login, valid, host }) => commands::invite(&commands::Invitation {
            data: &options.data,
            pem: options.pem_files().as_ref(),
            listen: options.listen,
            login,
            valid: *valid,
            host: host.as_ref(),
        })
        .map_err(Into::into),
        Some(Command::Devices { action }) => match action {
            DevicesCommand::List { login } => commands::list_devices(&options.data, login.as_ref()),
            DevicesCommand::Revoke { login, id } => commands::revoke(&options.data, login, id),
        }
        .map_err(Into::into),
        Some(Command::Key { login, name }) => {
            commands::key(&options.data, login, name).map_err(Into::into)
        }
        None => match Log::start(options.log_lines) {
            Ok(log) => return serve(options, first, &log),
            Err(error) => Err(StartError::Thread(error).into()),
        },
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn complain(error: &dyn fmt::Display) -> ExitCode {
    // With nowhere to say it, the exit code remains.
    let error = one_line_each(format_args!("mensageiro-server: {error}"));
    let _ = writeln!(io::stderr(), "{error}");
    ExitCode::FAILURE
}

/// What the data folder is for.
fn purpose(options: &Options) -> Purpose {
    match options.command {
        None => Purpose::Serve,
        Some(Command::User(UserCommand::Add { .. })) => Purpose::AddUser,
        Some(_) => Purpose::Use,
    }
}

fn serve(options: Options, first: Option<FirstStart>, log: &Log) -> ExitCode {
    let result = run(options, first);
    if let Err(error) = &result {
        log.say(format_args!("mensageiro-server: {error}"));
    }
    log.finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = error.downcast_ref::<supervisor::Failure>();
            failure.map_or(ExitCode::FAILURE, |failure| failure.exit_code().into())
        }
    }
}

fn run(mut options: Options, first: Option<FirstStart>) -> anyhow::Result<()> {
    spare_descriptors(&mut options)?;
    let (ask, asked) = bounded(SIGNALS);
    let listening = signals::listen(move |signal| {
        let _ = ask.try_send(signal);
    });
    listening.map_err(|error| anyhow!("Ctrl-C cannot be caught: {error}; close other programs, or allow more threads and open files (ulimit)"))?;
    Ok(supervisor::run(options, &asked, move |server| {
        if let Err(error) = service_manager::serves() {
            warn!("systemd ($NOTIFY_SOCKET) cannot be told that the server has started: {error}");
        }
        let greeting = greeting(server, first.as_ref());
        // Neither a standard output that is closed nor one that nobody reads is a reason not to serve.
        let greet = thread::Builder::new().name("greeting".into());
        let greeted = greet.spawn(move || tell(&greeting));
        if let Err(error) = greeted {
            warn!("nobody can be greeted: {error}");
        }
    })?)
}

/// What `status --json` prints.
#[derive(serde::Serialize)]
struct Told {
    /// Where it listens.
    address: SocketAddr,
    #[serde(flatten)]
    status: Status,
}

fn tell_status(data: &Path, json: bool) -> anyhow::Result<()> {
    let (address, status) = metrics::find(data)?;
    let text = if json {
        serde_json::to_string(&Told { address, status })? + "\n"
    } else {
        status.to_string()
    };
    match tell(&text) {
        // Who has read enough, as `head` does, misses nothing.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told.map_err(|error| anyhow!("the status cannot be written: {error}")),
    }
}

fn tell(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())?;
    io::stdout().flush()
}

/// Raises the number of descriptors as far as the system allows, and keeps some for the files:
/// clients alone must not be able to use them up.
#[cfg(unix)]
fn spare_descriptors(options: &mut Options) -> anyhow::Result<()> {
    const SPARE: u64 = 64;
    let allowed = rlimit::increase_nofile_limit(u64::MAX)
        .map_err(|error| anyhow!("the number of open files cannot be raised: {error}"))?;
    let fit = usize::try_from(allowed.saturating_sub(SPARE)).unwrap_or(usize::MAX);
    if fit == 0 {
        return Err(anyhow!(
            "only {allowed} open files are allowed, and its own files need {SPARE}; raise the limit (ulimit -n)"
        ));
    }
    let wanted = options.max_connections + options.max_connections_before_login;
    if fit < wanted {
        warn!("{allowed} open files are allowed (ulimit -n), so at most {fit} connections fit");
        let before_login = options.max_connections_before_login.min(fit.div_ceil(4));
        options.max_connections_before_login = before_login;
        options.max_connections = options.max_connections.min(fit - before_login).max(1);
    }
    Ok(())
}

/// Windows has no such limit.
#[cfg(not(unix))]
fn spare_descriptors(_options: &mut Options) -> anyhow::Result<()> {
    Ok(())
}

fn greeting(server: &Server, first: Option<&FirstStart>) -> String {
    let (files, status) = (server.files(), server.status());
    let metrics = server
        .metrics()
        .map(|at| format!("metrics:   http://{at}/metrics\n"));
    let nearby = server.announced().map(|what| {
        let (name, address) = (&what.name, what.address());
        format!("nearby:    {name} ({address}; --no-announce hides it)\n")
    });
    format!(
        "MeuMensageiro server {version}\n\
         listening on {address}\n\
         users:     {users} ({count}; edit it at any time)\n\
         groups:    {groups} ({group_count}; likewise)\n\
         messages:  {messages} (those that have been read)\n\
         mailboxes: {store} ({waiting})\n\
         key:       {fingerprint}\n\
         access:    {access}\n\
         {nearby}\
         {metrics}\
         {first}\
         Ctrl-C stops the server.\n",
        version = status.version,
        address = server.address(),
        users = files.users.display(),
        count = counted(status.users as u64, "user registered", "users registered"),
        groups = files.groups.display(),
        group_count = counted(status.groups as u64, "group", "groups"),
        messages = files.messages.display(),
        store = files.store.display(),
        fingerprint = server.fingerprint(),
        access = access(server),
        waiting = counted(status.messages_waiting, "message waits", "messages wait"),
        nearby = nearby.unwrap_or_default(),
        metrics = metrics.unwrap_or_default(),
        first = first.map(|first| format!("{first}\n")).unwrap_or_default(),
    )
}

fn access(server: &Server) -> String {
    match server.access() {
        (false, _) => {
            "open; a name is enough to log in, so whoever reaches the port can be anybody (--closed)".into()
        }
        (true, (devices, keys)) => format!(
            "closed; {} and {} may log in (--open ends that)",
            counted(devices as u64, "device", "devices"),
            counted(keys as u64, "program key", "program keys"),
        ),
    }
}

fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}
