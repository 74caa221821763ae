//! The server as a whole: opens the files, starts the threads, stops them in order.

use std::{
    fs, io,
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
    admission::Admission,
    alarm::Alarm,
    archive_old::{Archive, ArchiveError, Bell},
    connection::Patience,
    directory::{Directory, People, ReadError, Watch},
    hub::Hub,
    journal::{Journal, Parts},
    listener::{Gate, Listener},
    live::{Delivery, Flusher, Online, Teller},
    mailbox::Mailboxes,
    options::Options,
    session::{Limits, Shared},
    status::{Counters, Exposition, Invitation, Observer, Status},
    store::{DiskStore, LastNumbers, Loss, Store, StoreError},
};

/// How long sessions may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running server.
pub struct Server {
    listener: Listener,
    hub: Arc<Hub>,
    shared: Arc<Shared>,
    watch: Watch,
    bell: Bell,
    journal: JoinHandle<()>,
    archive: Archive,
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
    /// The archive cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no thread left.
    #[error(
        "a thread cannot be started: {0}; close other programs, or allow more threads (ulimit -u)"
    )]
    Thread(io::Error),
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
        Self::start_with(options, || ())
    }

    /// The same; what `opening` gives is held while the store is opened.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub fn start_with<T>(
        options: &Options,
        opening: impl FnOnce() -> T,
    ) -> Result<Self, StartError> {
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
        let loss = if options.repair {
            Loss::Accepted
        } else {
            Loss::Refused
        };
        let (refuse, refused) = bounded(1);
        let alarm = Alarm::new(refuse.clone());
        let opening = opening();
        let store = DiskStore::open(&files.store, options.durability, loss)?.alarmed(&alarm);
        let store: Arc<dyn Store> = Arc::new(store);
        let mailboxes = Arc::new(Mailboxes::load(&*store)?);
        let (bell, archive) = Archive::start(files.messages.clone(), store.clone(), &alarm)?;
        let last = last_numbers(&*store, &archive)?;
        let counters = Arc::new(Counters::start());
        let flusher = Flusher::default();
        let jobs = flusher.jobs();
        let teller = Teller::default();
        let online = Online::new(store.seen()?, jobs.clone(), teller.bell());
        drop(opening);
        flusher
            .start(&online, options.dead_link_after, &alarm)
            .map_err(StartError::Thread)?;
        teller
            .start(&online, directory.clone(), &alarm)
            .map_err(StartError::Thread)?;
        let (journal, journal_thread) = Journal::start(Parts {
            store: store.clone(),
            mailboxes: mailboxes.clone(),
            last,
            counters: counters.clone(),
            bell: bell.clone(),
            audience: Box::new(Delivery::new(online.clone())),
            refused: refuse,
        })
        .map_err(StartError::Thread)?;
        let hub = Arc::new(Hub::default());
        let watch = watch(&directory, &hub, &online, &alarm).map_err(StartError::Thread)?;
        let idle = Some(options.idle_timeout).filter(|limit| !limit.is_zero());
        let limits = Limits {
            login: options.login_timeout,
            idle,
            mailbox: options.max_mailbox,
            mailbox_bytes: options.max_mailbox_bytes,
        };
        let observer = Observer {
            directory: directory.clone(),
            hub: hub.clone(),
            mailboxes: mailboxes.clone(),
            counters,
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
        let shared = Arc::new(Shared {
            directory,
            mailboxes,
            store,
            online,
            flusher: jobs,
            journal,
            observer,
            invitation,
            limits,
        });
        let gate = Gate {
            shared: shared.clone(),
            hub: hub.clone(),
            admission: Admission::new(options.max_connections, options.max_connections_per_address),
            longest_line: options.max_line_bytes,
            patience: Patience {
                dead_link: options.dead_link_after,
            },
        };
        let listener = Listener::start(socket, gate, &alarm).map_err(StartError::Thread)?;
        Ok(Self {
            listener,
            hub,
            shared,
            watch,
            bell,
            journal: journal_thread,
            archive,
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
        self.shared.observer.look()
    }

    /// Hangs up on everybody and returns when all that was accepted and read is on disk.
    pub fn stop(self) {
        let Self {
            listener,
            hub,
            shared,
            watch,
            bell,
            journal,
            archive,
            files: _,
            metrics,
            refused: _,
        } = self;
        listener.close();
        metrics.into_iter().for_each(Exposition::close);
        drop(watch);
        let all_left = hub.close(FAREWELL);
        drop((shared, bell));
        // The threads end when the last session has let go of them. One that does not (its
        // client takes nothing) holds nothing that was acknowledged.
        if all_left {
            let _ = journal.join();
            archive.finish();
        }
    }
}

/// How far ahead of the store messages.csv may be believed to be: a person can write any number
/// into it.
const FURTHEST_AHEAD: u64 = 1_000_000_000;

/// The numbers that are taken. After a power cut that took messages of a server with
/// `--durability relaxed`, the archive may know of more than the store.
fn last_numbers(store: &dyn Store, archive: &Archive) -> Result<LastNumbers, StoreError> {
    let mut last = store.last_numbers()?;
    let ahead = archive.newest().0.saturating_sub(last.message.0);
    if (1..=FURTHEST_AHEAD).contains(&ahead) {
        warn!(
            "messages.csv has numbers of messages up to {}, and the store up to {}; none of them is used again",
            archive.newest().0,
            last.message.0
        );
        last.message = archive.newest();
    }
    Ok(last)
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

fn watch(
    directory: &Arc<Directory>,
    hub: &Arc<Hub>,
    online: &Arc<Online>,
    alarm: &Alarm,
) -> io::Result<Watch> {
    let (hub, online) = (hub.clone(), online.clone());
    // Goes with the thread that calls this.
    let watched = alarm.watch();
    let changed = move |_: &People, new: &People| {
        let _ = &watched;
        hub.hang_up_on(|login| !new.users.contains(login));
        online.note_edit();
    };
    Watch::start(directory.clone(), changed)
}

/// Makes the data folder and a sample of users, and leaves alone what is there.
fn init(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        fs::create_dir_all(folder)?;
    }
    match fs::File::create_new(folder.join("users.csv")) {
        Ok(mut file) => io::Write::write_all(&mut file, include_bytes!("../sample/users.csv")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
