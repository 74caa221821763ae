//! Admits connections. Each one gets a thread, which serves a session (rule S1).

use std::{
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use mensageiro_protocol::Login;

use crate::{
    budgets::Reason,
    classic::Session,
    clients::{Admission, Connection, Registry},
    context::Context,
    live,
    login::{self, User},
    net::{network::Network, tls::Tls, transport::Transport},
    transfers,
};

/// Enough for a session's deepest call, in debug builds too. Only pages that are used take memory.
const STACK_BYTES: usize = 256 * 1024;

/// Admits connections, and knows what each session gets.
pub struct Gate {
    /// Shared by all sessions.
    pub context: Arc<Context>,
    /// The connections.
    pub registry: Arc<Registry>,
    /// The limits on connections.
    pub admission: Arc<Admission>,
    /// For those who speak TLS.
    pub tls: Arc<Tls>,
    /// Longest line in bytes.
    pub longest_line: usize,
    /// How long a write may be stuck, and how long a dead link may go unnoticed.
    pub dead_link_after: Duration,
}

impl Gate {
    /// Admits a connection and gives it a thread, or hangs up.
    ///
    /// # Errors
    /// When the connection is gone, or the system has no thread left.
    pub fn admit(&self, stream: TcpStream, peer: SocketAddr) -> anyhow::Result<()> {
        let (patience, tls) = (self.dead_link_after, self.tls.clone());
        let transport = Arc::new(Transport::with_tls(stream, peer, patience, tls)?);
        let refusals = self.context.budgets.refusals();
        let (permit, replaced) = match self.admission.admit(transport.clone()) {
            Ok(admitted) => admitted,
            Err(full) => {
                refusals.note(full.reason(), &Network::of(peer.ip()));
                return Ok(());
            }
        };
        if let Some(network) = replaced {
            refusals.note(Reason::BeforeLogin, &network);
        }
        let place = self.registry.enter(transport.clone());
        // On the heap: on the stack of its thread it would move from call to call, and each move is one more copy.
        let connection = Box::new(Connection::new(transport, self.longest_line, place, permit));
        let context = self.context.clone();
        thread::Builder::new()
            .name("session".into())
            .stack_size(STACK_BYTES)
            .spawn(move || serve(context, connection))?;
        Ok(())
    }
}

/// The work of a connection's thread (rule S1).
fn serve(context: Arc<Context>, mut connection: Box<Connection>) {
    match login::log_in(&context, &mut connection) {
        Some(User::Classic(login, budget)) => {
            name_thread(&login);
            Session::new(context, connection, login, budget).run();
        }
        Some(User::Live(hello, budget)) => {
            name_thread(&hello.login);
            live::run(&context, connection, &hello, &budget);
        }
        Some(User::Http(line)) => transfers::serve(&context, &mut connection, &line),
        None => {}
    }
}

/// Names this thread after its user, so that `ps -L` and `top -H` show it.
#[cfg(target_os = "linux")]
fn name_thread(login: &Login) {
    // Without /proc the thread keeps its name.
    let _ = std::fs::write("/proc/thread-self/comm", format!("user {login}"));
}

/// On other systems a thread can only be named when it starts.
#[cfg(not(target_os = "linux"))]
fn name_thread(_login: &Login) {}
