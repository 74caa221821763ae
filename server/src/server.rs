//! The server as a whole: opens the files, starts the threads, stops them in order.

use std::{
    fs, io, mem,
    net::{SocketAddr, TcpListener},
    path::{self, Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, bounded};
use socket2::{Domain, Socket, Type};
use thiserror::Error;
use tracing::{info, warn};

use crate::{
    access,
    alarm::{Alarm, Watched},
    archive::ArchiveThread,
    budgets::Budgets,
    clients::{Admission, Online, Patience, Places, Registry, WriteRetry},
    commit::{Committer, Parts, Refused},
    context::{Context, Limits},
    counters::Counters,
    delivery::Push,
    directory::{Directory, Edits, People, ReadError, Watch},
    disk_usage::StoredBytes,
    gate::Gate,
    handover,
    index::Index,
    live::Updater,
    log::{FileLog, LogError},
    mailboxes::Mailboxes,
    metrics::{Exposition, Invitation, Observer, Status},
    migration::MigrationError,
    model::event::Event,
    net::listener::Listener,
    options::Options,
    storage::{Storage, StorageError},
};

/// How long sessions may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running server.
pub struct Server {
    listener: Listener,
    registry: Arc<Registry>,
    context: Arc<Context>,
    watch: Watch,
    commit: JoinHandle<()>,
    archive: ArchiveThread,
    log: Arc<FileLog>,
    index: Arc<Index>,
    files: Files,
    metrics: Option<Exposition>,
    refused: Receiver<()>,
}

/// The files of a server.
#[derive(Clone, Debug)]
pub struct Files {
    /// The registered users (rule S2).
    pub users: PathBuf,
    /// Their groups; may be missing.
    pub groups: PathBuf,
    /// The messages that have been read (rule S3).
    pub messages: PathBuf,
    /// The folder of the store.
    pub store: PathBuf,
}

/// Why a server cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder is not there.
    #[error(
        "{0}: there is no such folder; add --init to make it with sample users, or name another with --data"
    )]
    NoFolder(PathBuf),
    /// Something else is there.
    #[error("{0} is a file; --data names the folder that has users.csv in it")]
    NotAFolder(PathBuf),
    /// Nobody can say what is there.
    #[error(
        "{folder}: cannot be opened: {source}; check who may use it, or name another with --data"
    )]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data folder cannot be made.
    #[error(
        "{folder}: cannot be made with sample users: {source}; with --data name a folder in which you may write"
    )]
    Init {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address} ({option}): {source}; {}",
        advice(option, source)
    )]
    Listen {
        /// The option that names it.
        option: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The users cannot be read.
    #[error(transparent)]
    Users(#[from] ReadError),
    /// The store cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The disk refuses.
    #[error("the store cannot be written; the line before says why")]
    Refused(#[from] Refused),
    /// The system has no thread left.
    #[error(
        "a thread cannot be started: {0}; close other programs, or allow more threads (ulimit -u)"
    )]
    Thread(io::Error),
}

impl StartError {
    /// Whether another server has the store, or what is left of an earlier one.
    pub fn is_in_use(&self) -> bool {
        matches!(
            self,
            Self::Storage(
                StorageError::Log(LogError::InUse(_))
                    | StorageError::Migration(MigrationError::InUse(_))
            )
        )
    }
}

/// What to do about an address that cannot be listened on.
fn advice(option: &str, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse if option == METRICS => {
            "it is taken by another program, or by this one's --listen; choose another port"
        }
        io::ErrorKind::AddrInUse => {
            "it is taken by another program, perhaps by another mensageiro-server; stop that one or choose another port"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this computer has no such address; 0.0.0.0 stands for all it has"
        }
        io::ErrorKind::PermissionDenied if cfg!(unix) => {
            "ports below 1024 are for administrators; choose another one"
        }
        _ => "choose another address or port",
    }
}

impl Server {
    /// Opens the files and starts serving.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        if options.init && !options.data.is_file() {
            init(&options.data).map_err(|source| StartError::Init {
                folder: options.data.clone(),
                source,
            })?;
        }
        let files = Files::in_folder(&options.data)?;
        let directory = Arc::new(Directory::open(&files.users, &files.groups)?);
        // The port is taken before the store is opened: of two servers started by mistake, the
        // second one says the more helpful thing.
        let socket = bound(LISTEN, options.listen)?;
        let metrics = options.metrics.map(|at| bound(METRICS, at)).transpose()?;
        let (refuse, refused) = bounded(1);
        let alarm = Alarm::new(refuse.clone());
        let mut storage = Storage::open((&files.store, &files.messages), options, &alarm)?;
        access::tighten(&options.data, options.group_may_read);
        let (store, news) = (storage.id(), storage.news(options));
        let seen = mem::take(&mut storage.seen);
        let Storage {
            log,
            index,
            messages,
            marks,
            state,
            archive,
            last,
            ..
        } = storage;
        let known = state.users().iter().map(|user| &user.login);
        let known: Vec<_> = known.chain(seen.keys()).cloned().collect();
        let mailboxes = Arc::new(Mailboxes::new(state));
        let (wake_up, archive) = archive
            .start(marks.clone(), &alarm)
            .map_err(StorageError::from)?;
        let counters = Arc::new(Counters::start());
        let budgets = Budgets::new(
            options.budget_limits(),
            Box::new(StoredBytes {
                log: Arc::downgrade(&log),
                mailboxes: Arc::downgrade(&mailboxes),
                messages_csv: files.messages.clone(),
                folder: files.store.clone(),
            }),
        );
        let retry = WriteRetry::default();
        let jobs = retry.jobs();
        let updater = Updater::default();
        let online = Online::new(seen, jobs.clone(), updater.wake_up());
        // Held by its own thread it would keep both for ever.
        let present = Arc::downgrade(&online);
        let announce = move || drop(present.upgrade().inspect(|online| online.announce()));
        let patience = Patience {
            time: options.dead_link_after,
            bytes: options.budgets.max_waiting_bytes,
        };
        retry
            .start(announce, patience, budgets.refusals().clone(), &alarm)
            .map_err(StartError::Thread)?;
        updater
            .start(&online, directory.clone(), &alarm)
            .map_err(StartError::Thread)?;
        let (committer, commit) = Committer::start(Parts {
            log: log.clone(),
            mailboxes: mailboxes.clone(),
            index: index.clone(),
            messages: messages.clone(),
            marks,
            counters: counters.clone(),
            last,
            archive: wake_up,
            keep: options.keep,
            audience: Box::new(Push::new(online.clone())),
            refused: refuse,
        })
        .map_err(StartError::Thread)?;
        committer.note(news)?;
        let people = directory.people();
        handover::note(
            (&committer, &mailboxes),
            (&directory, &online),
            known.iter(),
            &people,
        )?;
        drop(known);
        note_groups(&committer, &mailboxes, &people)?;
        let registry = Arc::new(Registry::default());
        let edited = Edited {
            registry: registry.clone(),
            online: online.clone(),
            committer: committer.clone(),
            mailboxes: mailboxes.clone(),
            directory: directory.clone(),
            // Goes with the thread that holds it.
            _alarm: alarm.watch(),
        };
        let watch = Watch::start(directory.clone(), edited).map_err(StartError::Thread)?;
        let idle = Some(options.idle_timeout).filter(|limit| !limit.is_zero());
        let limits = Limits {
            login: options.login_timeout,
            idle,
        };
        let observer = Observer {
            directory: directory.clone(),
            registry: registry.clone(),
            mailboxes: mailboxes.clone(),
            counters,
            budgets: budgets.clone(),
        };
        let metrics = metrics
            .map(|socket| Exposition::start(socket, observer.clone(), &alarm))
            .transpose()
            .map_err(StartError::Thread)?;
        let invitation = socket
            .local_addr()
            .and_then(|address| Invitation::write(&options.data, address))
            .inspect_err(|error| warn!("the status cannot be asked for: {error}"))
            .ok();
        let context = Arc::new(Context {
            directory,
            mailboxes,
            messages,
            online,
            retry: jobs,
            committer,
            observer,
            invitation,
            store,
            budgets,
            limits,
        });
        let gate = Gate {
            context: context.clone(),
            registry: registry.clone(),
            admission: Admission::new(Places {
                logged_in: options.max_connections,
                before_login: options.max_connections_before_login,
                per_network: options.max_connections_per_address,
            }),
            longest_line: options.max_line_bytes,
            dead_link_after: options.dead_link_after,
        };
        let listener =
            Listener::start(socket, move |stream, peer| gate.admit(stream, peer), &alarm)
                .map_err(StartError::Thread)?;
        Ok(Self {
            listener,
            registry,
            context,
            watch,
            commit,
            archive,
            log,
            index,
            files,
            metrics,
            refused,
        })
    }

    /// Where it listens; with port 0 in the options, the port the system chose.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The files it uses.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Where metrics are told, if anywhere.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Exposition::address)
    }

    /// Gives a sign when the disk has refused to store something, or a thread has panicked that the
    /// server cannot do without. Nothing more is accepted from then on, or told: the server should be
    /// stopped, and started again as soon as that succeeds.
    pub fn refused(&self) -> &Receiver<()> {
        &self.refused
    }

    /// Reads users.csv and groups.csv again, whether somebody seems to have edited them or not.
    pub fn reload(&self) {
        info!("asked to read users.csv and groups.csv again");
        self.watch.look_again();
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        self.context.observer.look()
    }

    /// Hangs up on everybody and returns when all that was accepted and read is on disk.
    pub fn stop(self) {
        let Self {
            listener,
            registry,
            context,
            watch,
            commit,
            archive,
            log,
            index,
            files: _,
            metrics,
            refused: _,
        } = self;
        listener.close();
        metrics.into_iter().for_each(Exposition::close);
        drop(watch);
        let all_left = registry.close(FAREWELL);
        drop(context);
        // The threads end when the last session has let go of them. One that does not (its
        // client takes nothing) holds nothing that was acknowledged.
        if all_left {
            let _ = commit.join();
            archive.finish();
            index.close();
            if let Err(error) = log.sync() {
                warn!("what was written last may not survive a power cut: {error}");
            }
        }
    }
}

impl Files {
    fn in_folder(folder: &Path) -> Result<Self, StartError> {
        // Whoever starts it elsewhere than intended sees where that is.
        let whole = || path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(StartError::NotAFolder(whole())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StartError::NoFolder(whole()));
            }
            Err(source) => {
                let folder = whole();
                return Err(StartError::Folder { folder, source });
            }
        }
        Ok(Self {
            users: folder.join("users.csv"),
            groups: folder.join("groups.csv"),
            messages: folder.join("messages.csv"),
            store: folder.join("store"),
        })
    }
}

/// Connections that may wait to be accepted: a class that logs in at the same moment. With too
/// few, the system makes clients try again after a second. The system may allow fewer.
const BACKLOG: i32 = 4096;

const LISTEN: &str = "--listen";
const METRICS: &str = "--metrics";

/// A socket that listens where an option says.
fn bound(option: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    bind(address).map_err(|source| StartError::Listen {
        option,
        address,
        source,
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Elsewhere this would let a second server take the same port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Who is told when the files of the directory are edited.
struct Edited {
    registry: Arc<Registry>,
    online: Arc<Online>,
    committer: Committer,
    mailboxes: Arc<Mailboxes>,
    directory: Arc<Directory>,
    _alarm: Watched,
}

impl Edits for Edited {
    fn prepare(&self, old: &People, new: &People) -> bool {
        let known = old.users.not_in(&new.users);
        let noted = handover::note(
            (&self.committer, &self.mailboxes),
            (&self.directory, &self.online),
            known,
            new,
        );
        // If the disk refuses, the server starts anew, and reads the files then.
        noted.is_ok()
    }

    fn done(&self, _: &People, new: &People) {
        self.registry.hang_up_on(|login| !new.users.contains(login));
        // If the disk refuses, the server starts anew, and notes it then.
        let _ = note_groups(&self.committer, &self.mailboxes, new);
        self.online.note_edit();
    }
}

/// Says in the log who belongs to which group, as far as it says something else.
fn note_groups(
    committer: &Committer,
    mailboxes: &Mailboxes,
    people: &People,
) -> Result<(), Refused> {
    let changes = mailboxes.lock().difference(people.groups.iter());
    let changes = changes.into_iter();
    let events = changes.map(|(group, members)| Event::Group { group, members });
    committer.note(events.collect())
}

/// Makes the data folder and a sample of users, and leaves alone what is there.
fn init(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        access::create_folder(folder)?;
    }
    match fs::File::create_new(folder.join("users.csv")) {
        Ok(mut file) => io::Write::write_all(&mut file, include_bytes!("../sample/users.csv")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
