//! The command line.

mod access;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Span, SpanRelativeTo};

use crate::{
    access::Rules,
    budgets::BudgetLimits,
    commands::{GroupCommand, UserCommand},
    data_folder,
    files::FileLimits,
    model::event::MailboxLimits,
    net::tls::{HandshakeLimits, PemFiles},
};
use mensageiro_protocol::{Login, Name, limits};

pub use self::access::DevicesCommand;
use self::access::{host, login, validity};
pub use crate::log::Durability;

/// A small instant messenger server for a classroom, a lab, an office.
///
/// Users are the lines of DIR/users.csv, groups (if any) the lines of DIR/groups.csv. Messages that
/// have been read are appended to DIR/messages.csv. Any program that opens a TCP connection and
/// writes lines is a client.
#[derive(Clone, Debug, Parser)]
#[command(name = "mensageiro-server", version = env!("MENSAGEIRO_VERSION"), after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct Options {
    /// Do something else instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The address and port to listen on.
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SocketAddr::from(([0, 0, 0, 0], limits::PORT)), value_parser = address)]
    pub listen: SocketAddr,

    /// The data folder, with users.csv and messages.csv. Without it, the system's place for such data: ~/.local/share/mensageiro-server,
    /// on Windows %LOCALAPPDATA%\MeuMensageiro\server, for root /var/lib/mensageiro, for a service $STATE_DIRECTORY. It is
    /// made at the first start.
    #[arg(long, value_name = "DIR", default_value_os_t = data_folder::standard(), hide_default_value = true, global = true)]
    pub data: PathBuf,

    /// Make the folder of --data if it is not there, with some people and a group as an example; with `user add`, only with
    /// that user.
    #[arg(long)]
    pub init: bool,

    /// Let the group of the account that runs the server read its files. Otherwise nobody else on this computer can.
    #[arg(long, global = true)]
    pub group_may_read: bool,

    /// What the server is called in the list that the app shows of servers nearby. Without it, like this computer.
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<Name>,

    /// Do not announce the server in the local network (mDNS, UDP port 5353). Then the app does not list it, and people type its
    /// address.
    #[arg(long)]
    pub no_announce: bool,

    /// Serve metrics to Prometheus at http://ADDR:PORT/metrics, and to people at http://ADDR:PORT/.
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    pub metrics: Option<SocketAddr>,

    /// The certificate to show to clients that use TLS, and those that lead to a root, in PEM. Read again when it changes.
    /// Without it, the server makes its own, in DIR/tls.
    #[arg(long, value_name = "FILE", global = true, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert, in PEM.
    #[arg(long, value_name = "FILE", global = true, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Close the server: only devices that were invited and program keys may log in. It stays closed at later starts.
    #[arg(long, conflicts_with = "open", help_heading = "Access")]
    pub closed: bool,

    /// Open a closed server again: a name is enough to log in.
    #[arg(long, help_heading = "Access")]
    pub open: bool,

    /// Let a closed server accept connections from other computers that are not encrypted, for program keys. Whoever is on
    /// the way can read the keys.
    #[arg(long, help_heading = "Access")]
    pub allow_plain: bool,
    /// Who may create groups in the app. Whoever does so administers the group.
    #[arg(long, value_name = "WHO", value_enum, default_value_t = GroupCreators::Everybody)]
    pub groups: GroupCreators,

    /// What is guaranteed for a message when it is acknowledged.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Durability::Sync)]
    pub durability: Durability,

    /// Start even if acknowledged messages are missing from the store, and continue without them.
    #[arg(long)]
    pub repair: bool,

    /// Longest line of a client in bytes; a longer one ends the connection.
    #[arg(long, value_name = "BYTES", default_value_t = limits::LINE_BYTES, help_heading = "Limits", value_parser = line_bytes)]
    pub max_line_bytes: usize,

    /// Unread messages that a user may have of one other user; further ones of that user are refused.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100_000,
        help_heading = "Limits",
        value_parser = some
    )]
    pub max_mailbox: usize,

    /// Total size in bytes of the texts of these.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 64 * 1024 * 1024,
        help_heading = "Limits",
        value_parser = some
    )]
    pub max_mailbox_bytes: usize,

    /// How long messages are kept that everybody has read, such as 90d, 12w or 36h; without it, for ever. messages.csv
    /// keeps its rows.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub keep: Option<SignedDuration>,

    /// How long files are kept that were sent with messages, such as 90d; without it, for ever.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub keep_files: Option<SignedDuration>,

    /// The name or address under which others reach the server, and perhaps another port: links to files begin with it.
    /// Without it, the address at which the sender has reached the server.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = host)]
    pub host: Option<(String, Option<u16>)>,

    /// Bytes of the largest file that may be sent; 0: no files are taken.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 100 * 1024 * 1024,
        help_heading = "Limits"
    )]
    pub max_file_bytes: u64,

    /// Connections with a login, in total.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 10_000,
        help_heading = "Limits",
        value_parser = some
    )]
    pub max_connections: usize,

    /// Connections from one address, or one /64 of IPv6, with or without a login; 0: any number. A school or an office
    /// often has one address for everybody.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 0,
        help_heading = "Limits"
    )]
    pub max_connections_per_address: usize,

    /// Connections that have not sent their login yet. Beyond that, a new one takes the place of the oldest one of the
    /// address that has most.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 512,
        help_heading = "Limits",
        value_parser = some
    )]
    pub max_connections_before_login: usize,

    /// Seconds until a new connection must have sent its login.
    #[arg(long, value_name = "SECONDS", default_value = "60", help_heading = "Limits", value_parser = some_seconds)]
    pub login_timeout: Duration,

    /// Seconds that a TLS handshake may take.
    #[arg(long, value_name = "SECONDS", default_value = "10", help_heading = "Limits", value_parser = some_seconds)]
    pub handshake_timeout: Duration,

    /// TLS handshakes that are computed at a time; further ones wait for their turn. Without it, as many as half of the
    /// processors.
    #[arg(long, value_name = "COUNT", help_heading = "Limits", value_parser = some)]
    pub max_handshakes: Option<usize>,

    /// Seconds of silence after which a user is disconnected; 0: never.
    #[arg(long, value_name = "SECONDS", default_value = "0", help_heading = "Limits", value_parser = seconds)]
    pub idle_timeout: Duration,

    /// Seconds until a dead link, or a client that reads nothing, is disconnected.
    #[arg(long, value_name = "SECONDS", default_value = "30", help_heading = "Limits", value_parser = some_seconds)]
    pub dead_link_after: Duration,

    /// Lines that the log takes in a second, of errors, of warnings and of everything else; ten seconds' worth may come at once. 0: all lines.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 200,
        help_heading = "Limits"
    )]
    pub log_lines: u32,

    /// Budgets: what each login may use, and all together.
    #[command(flatten, next_help_heading = "Budgets (0: no limit)")]
    pub budgets: BudgetOptions,
}

/// What each login may use, with all its sessions, and all logins together. 0 stands for no limit.
#[derive(Clone, Copy, Debug, Args)]
pub struct BudgetOptions {
    /// Sessions of one login at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub max_sessions_per_login: usize,

    /// Lines that a login sends, and what its requests cost beyond a line. Whoever sends more is read more slowly,
    /// and then refused.
    #[arg(long, value_name = "COUNT", default_value_t = 120_000)]
    pub max_requests_per_minute: u64,

    /// Bytes that a login sends.
    #[arg(long, value_name = "BYTES", default_value_t = 120 * 1024 * 1024)]
    pub max_bytes_per_minute: u64,

    /// The same for all logins together, besides those that send little.
    #[arg(long, value_name = "COUNT", default_value_t = 2_400_000)]
    pub max_total_requests_per_minute: u64,

    /// The same for all logins together, besides those that send little.
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024 * 1024)]
    pub max_total_bytes_per_minute: u64,

    /// Bytes that wait in memory for all clients together. Beyond that, the server hangs up on the slowest client of
    /// the login for which most waits.
    #[arg(long, value_name = "BYTES", default_value_t = 128 * 1024 * 1024)]
    pub max_waiting_bytes: usize,

    /// Bytes that a login may have in the store; further messages are refused until --keep drops older ones.
    #[arg(long, value_name = "BYTES", default_value_t = 2 * 1024 * 1024 * 1024)]
    pub quota: u64,

    /// Bytes that the store and messages.csv may have together.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub total_quota: u64,

    /// Bytes of files that a login may have on the server.
    #[arg(long, value_name = "BYTES", default_value_t = 2 * 1024 * 1024 * 1024)]
    pub files_quota: u64,

    /// Bytes that all files may have together.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub total_files_quota: u64,

    /// Bytes that must stay free on the disk; with fewer, messages and files are refused.
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024 * 1024)]
    pub min_free_bytes: u64,
}

/// Who may create groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupCreators {
    /// Every user.
    Everybody,
    /// Administrators of the server.
    Admins,
}

/// What to do instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show what the server on a data folder is doing.
    Status {
        /// Print one JSON object, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Stop the server on a data folder in order, and wait until it has stopped.
    Stop,
    /// Copy the data folder, also while a server uses it. A server can be started on the copy.
    Backup {
        /// The new data folder: one that does not exist yet, or is empty.
        #[arg(value_name = "DIR")]
        to: PathBuf,
    },
    /// Print an invite link for a user, as text and as a QR code. The app opens it and registers itself. It works once.
    Invite {
        /// Who is invited.
        #[arg(value_name = "LOGIN", value_parser = login)]
        login: Login,
        /// How long the link works, such as 7d, 12h or 30m.
        #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = validity)]
        valid: Duration,
        /// The name or address under which devices reach the server, if it is not this computer's address.
        #[arg(long, value_name = "HOST[:PORT]", value_parser = host)]
        host: Option<(String, Option<u16>)>,
    },
    /// List and revoke devices and program keys.
    Devices {
        /// What to do.
        #[command(subcommand)]
        action: DevicesCommand,
    },
    /// Make a program key for a user: typed after the login, it lets programs into a closed server that know only a name.
    Key {
        /// Whose key it is.
        #[arg(value_name = "LOGIN", value_parser = login)]
        login: Login,
        /// What it is for, as `devices list` shows it.
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
    },
    /// Read all messages in a data folder or a backup, and list what is damaged.
    Check {
        /// Which folder; the one of --data if none is named.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Add, rename, remove and list users, and make administrators, also while a server runs. users.csv stays as you wrote it,
    /// except for the rows concerned.
    #[command(subcommand)]
    User(UserCommand),
    /// Make, remove, edit and list groups, likewise.
    #[command(subcommand)]
    Group(GroupCommand),
}

const EXAMPLES: &str = "\
Examples:
  mensageiro-server                         start; the first time, it says where its files are
  mensageiro-server --init --data try       make the folder ./try with some people as an example, and start
  mensageiro-server --listen 127.0.0.1:4000 serve this machine only, on port 4000
  mensageiro-server status                  tell what the running server is doing
  mensageiro-server stop                    stop it in order
  mensageiro-server backup /mnt/monday      copy the data folder, also while a server uses it
  mensageiro-server --closed                let in only invited devices and program keys, from now on
  mensageiro-server invite ana              print a link that lets in one device of ana's
  mensageiro-server check /mnt/monday       read all of a data folder and list what is damaged
  mensageiro-server user add ana 'Ana Lima' add a user; also rename, role, remove, list
  mensageiro-server group create lab ana    make a group; also add-member, remove-member, role, remove, list
  nc localhost 3333                         be a client: type a login, then @bruno hello

Exit codes: 0 it has ended in order or done what it should; 3 another program listens at the address of
--listen; 4 another server uses the data folder; 2 the command line is wrong; 1 anything else.

What is logged is chosen by RUST_LOG: error, warn, info (default), debug, or of a part of the program
only, as in mensageiro_server::commit=debug.";

/// The longest time limit in seconds.
const DAY: u64 = 24 * 60 * 60;

fn address(text: &str) -> Result<SocketAddr, String> {
    let wanted = "an address and a port are needed, such as 0.0.0.0:4000 (for everybody) or 127.0.0.1:4000 (for this computer)";
    text.parse().map_err(|_| wanted.into())
}

fn name(text: &str) -> Result<Name, String> {
    let name = Some(Name::from(text)).filter(|name| !name.is_empty());
    name.ok_or_else(|| "a name is needed that people can read".into())
}

/// A count of at least 1: with 0, nobody could be served.
fn some(text: &str) -> Result<usize, String> {
    let some = text.parse().ok().filter(|&some| some > 0);
    some.ok_or_else(|| "a whole number is needed, at least 1".into())
}

/// A span of time as people write it. Days have 24 hours.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let advice = "a duration such as 90d, 12w or 36h is needed, at least 1h";
    let span: Span = text.parse().map_err(|_| advice)?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| advice)?;
    match duration >= SignedDuration::from_hours(1) {
        true => Ok(duration),
        false => Err(advice.into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if seconds <= DAY => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "a whole number of seconds is needed, at most {DAY}"
        )),
    }
}

fn some_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("at least 1 second is needed".into()),
        some => Ok(some),
    }
}

fn line_bytes(text: &str) -> Result<usize, String> {
    let bytes = text
        .parse()
        .map_err(|_| "a whole number of bytes is needed")?;
    if (256..=16 * 1024 * 1024).contains(&bytes) {
        return Ok(bytes);
    }
    Err("between 256 and 16777216 bytes are needed".into())
}

impl Options {
    /// The files of --tls-cert and --tls-key.
    pub fn pem_files(&self) -> Option<PemFiles> {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        files.map(|(certificate, key)| PemFiles { certificate, key })
    }

    /// What TLS handshakes may cost.
    pub fn handshake_limits(&self) -> HandshakeLimits {
        HandshakeLimits {
            at_a_time: self.max_handshakes,
            time: self.handshake_timeout,
        }
    }

    /// What each login may use.
    pub fn budget_limits(&self) -> BudgetLimits {
        let BudgetOptions {
            max_sessions_per_login: sessions,
            max_requests_per_minute: requests_per_minute,
            max_bytes_per_minute: bytes_per_minute,
            max_total_requests_per_minute: total_requests_per_minute,
            max_total_bytes_per_minute: total_bytes_per_minute,
            max_waiting_bytes: _,
            quota,
            total_quota,
            files_quota: _,
            total_files_quota: _,
            min_free_bytes: min_free,
        } = self.budgets;
        BudgetLimits {
            sessions,
            requests_per_minute,
            bytes_per_minute,
            total_requests_per_minute,
            total_bytes_per_minute,
            quota,
            total_quota,
            min_free,
        }
    }

    /// What files may take.
    pub fn file_limits(&self) -> FileLimits {
        FileLimits {
            file_bytes: self.max_file_bytes,
            quota: self.budgets.files_quota,
            total_quota: self.budgets.total_files_quota,
            min_free: self.budgets.min_free_bytes,
            keep: self.keep_files,
        }
    }

    /// Who may log in.
    pub fn access_rules(&self) -> Rules {
        Rules {
            closed: (self.closed || self.open).then_some(self.closed),
            allow_plain: self.allow_plain,
        }
    }

    /// What may wait of one user in the mailbox of another.
    pub fn mailbox_limits(&self) -> MailboxLimits {
        MailboxLimits {
            messages: self.max_mailbox as u64,
            bytes: self.max_mailbox_bytes as u64,
        }
    }
}
