//! The server as a whole: opens the files, starts the threads, stops them in order.

mod bind;
mod edits;
mod error;
mod files;

use std::{mem, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use crossbeam_channel::{Receiver, bounded};
use mensageiro_discovery::Announcement;
use mensageiro_protocol::trust::Fingerprint;
use tracing::{info, warn};

use self::{
    bind::bound,
    edits::{Edited, note_groups},
    error::{LISTEN, METRICS},
};
pub use self::{error::StartError, files::Files};
use crate::{
    access::{Access, Keeper},
    alarm::Alarm,
    archive::ArchiveThread,
    budgets::Budgets,
    clients::{Admission, Online, Patience, Places, Registry, WriteRetry},
    commit::{Committer, Parts},
    context::{Context, Limits},
    copies,
    counters::Counters,
    delivery::Push,
    directory::{Directory, Watch},
    disk_usage::StoredBytes,
    file_rights,
    files::{FileStore, Sweeper},
    gate::Gate,
    handover,
    index::Index,
    live::Updater,
    log::FileLog,
    mailboxes::Mailboxes,
    metrics::{Exposition, Invitation, Observer, Status},
    nearby::Nearby,
    net::{
        listener::Listener,
        tls::{Identity, Reload, Tls},
    },
    options::{GroupCreators, Options},
    storage::{Storage, StorageError},
};

/// How long sessions may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running server.
pub struct Server {
    listener: Listener,
    nearby: Option<Nearby>,
    registry: Arc<Registry>,
    context: Arc<Context>,
    watch: Watch,
    reload: Option<Reload>,
    commit: JoinHandle<()>,
    archive: ArchiveThread,
    log: Arc<FileLog>,
    index: Arc<Index>,
    files: Files,
    metrics: Option<Exposition>,
    keeper: Keeper,
    sweeper: Sweeper,
    refused: Receiver<()>,
    asked_to_stop: Receiver<()>,
}

impl Server {
    /// Opens the files and starts serving.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let files = Files::in_folder(&options.data)?;
        let directory = Arc::new(Directory::open(&files.users, &files.groups)?);
        // The port is taken before the store is opened: of two servers started by mistake, the
        // second one says the more helpful thing.
        let socket = bound(LISTEN, options.listen)?;
        let metrics = options.metrics.map(|at| bound(METRICS, at)).transpose()?;
        let (refuse, refused) = bounded(1);
        let alarm = Alarm::new(refuse.clone());
        let mut storage = Storage::open((&files.store, &files.messages), options, &alarm)?;
        file_rights::tighten(&options.data, options.group_may_read);
        let file_store = FileStore::open(&options.data, options.file_limits());
        let file_store = file_store.map_err(|source| StartError::SentFiles {
            folder: options.data.join(crate::files::FOLDER),
            source,
        })?;
        let pem = options.pem_files();
        let identity = Identity::load(pem.as_ref(), &options.data)?;
        let tls = Tls::new(identity, options.handshake_limits());
        let (store, news) = (storage.id(), storage.news(options));
        let seen = mem::take(&mut storage.seen);
        let notes = storage.state.notes();
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
        let online = Online::new((seen, notes), jobs.clone(), updater.wake_up());
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
        let registry = Arc::new(Registry::default());
        let access = Access::open(&options.data, options.access_rules(), registry.clone())?;
        access.follow(&people.users)?;
        handover::note(
            (&committer, &mailboxes),
            (&directory, &online),
            known.iter(),
            &people,
        )?;
        drop(known);
        note_groups(&committer, &mailboxes, &people)?;
        let edited = Edited {
            access: access.clone(),
            registry: registry.clone(),
            online: online.clone(),
            committer: committer.clone(),
            mailboxes: mailboxes.clone(),
            directory: directory.clone(),
            // Goes with the thread that holds it.
            _alarm: alarm.watch(),
        };
        let watch = Watch::start(directory.clone(), edited).map_err(StartError::Thread)?;
        let reload = pem
            .map(|files| Reload::start(tls.clone(), files, &alarm))
            .transpose()
            .map_err(StartError::Thread)?;
        let keeper = Keeper::start(access.clone(), &alarm).map_err(StartError::Thread)?;
        let idle = Some(options.idle_timeout).filter(|limit| !limit.is_zero());
        let limits = Limits {
            login: options.login_timeout,
            idle,
            new_groups: options.groups == GroupCreators::Everybody,
            dead_link_after: options.dead_link_after,
            listens: socket.local_addr().unwrap_or(options.listen),
            host: options.host.clone(),
        };
        let sweeper = Sweeper::start(file_store.clone(), &alarm).map_err(StartError::Thread)?;
        let observer = Observer {
            directory: directory.clone(),
            registry: registry.clone(),
            mailboxes: mailboxes.clone(),
            counters,
            budgets: budgets.clone(),
            tls: tls.clone(),
            files: file_store.clone(),
            is_closed: access.is_closed(),
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
        let (stop, asked_to_stop) = bounded(1);
        let context = Arc::new(Context {
            access,
            directory,
            editor: watch.editor(),
            mailboxes,
            messages,
            online,
            retry: jobs,
            committer,
            observer,
            invitation,
            stop,
            store,
            backlog_turn: parking_lot::Mutex::default(),
            budgets,
            files: file_store,
            limits,
        });
        let (is_closed, key) = (context.access.is_closed(), tls.fingerprint());
        let gate = Gate {
            context: context.clone(),
            registry: registry.clone(),
            admission: Admission::new(Places {
                logged_in: options.max_connections,
                before_login: options.max_connections_before_login,
                per_network: options.max_connections_per_address,
            }),
            tls,
            longest_line: options.max_line_bytes,
            dead_link_after: options.dead_link_after,
        };
        // Whoever finds it can connect: the socket listens already.
        let nearby = Nearby::start(options, &socket, is_closed, key);
        let listener =
            Listener::start(socket, move |stream, peer| gate.admit(stream, peer), &alarm)
                .map_err(StartError::Thread)?;
        copies::remove_old(&options.data, &files.store);
        Ok(Self {
            listener,
            nearby,
            registry,
            context,
            watch,
            reload,
            commit,
            archive,
            log,
            index,
            files,
            metrics,
            keeper,
            sweeper,
            refused,
            asked_to_stop,
        })
    }

    /// Where it listens; with port 0 in the options, the port the system chose.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What clients that use TLS know it by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.context.observer.tls.fingerprint()
    }

    /// Whether a login needs a device or a program key, and how many devices and program keys are registered.
    pub fn access(&self) -> (bool, (usize, usize)) {
        let access = &self.context.access;
        (access.is_closed(), access.counts())
    }

    /// The files it uses.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What is announced in the local network, if it is.
    pub fn announced(&self) -> Option<&Announcement> {
        self.nearby.as_ref().map(Nearby::what)
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

    /// Gives a sign when the command `stop` has asked it to stop.
    pub fn asked_to_stop(&self) -> &Receiver<()> {
        &self.asked_to_stop
    }

    /// Reads users.csv and groups.csv again, and the files of --tls-cert and --tls-key, whether somebody seems to have
    /// edited them or not.
    pub fn reload(&self) {
        info!("asked to read users.csv and groups.csv again");
        self.watch.look_again();
        if let Some(reload) = &self.reload {
            reload.look_again();
        }
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        self.context.observer.look()
    }

    /// Hangs up on everybody and returns when all that was accepted and read is on disk.
    pub fn stop(self) {
        let Self {
            listener,
            nearby,
            registry,
            context,
            watch,
            reload,
            commit,
            archive,
            log,
            index,
            files: _,
            metrics,
            keeper,
            sweeper,
            refused: _,
            asked_to_stop: _,
        } = self;
        nearby.into_iter().for_each(Nearby::close);
        listener.close();
        metrics.into_iter().for_each(Exposition::close);
        drop((watch, reload));
        let all_left = registry.close(FAREWELL);
        drop((keeper, sweeper));
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
