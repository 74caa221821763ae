//! What TLS costs: the same work over plain connections and inside TLS, in the same run.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use super::{
    Entry, Plan, fill,
    idle::{self, Connect},
    pairs,
    push::{self, Talk},
    quantile,
};
use crate::{
    client::Client,
    results::Table,
    servers::Program,
    stream::{Layer, client_hello},
};

/// Strangers that begin handshakes as fast as they can, and the address from which they do.
const STRANGERS: usize = 16;
const FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Time between two logins while they do so.
const LOGIN_EVERY: Duration = Duration::from_millis(20);

/// Push, idle users, and logins during a flood of handshakes.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let users = plan.count(1_000, 20);
    let columns = [
        ("messages/s", "", 0),
        ("CPU per message", " µs", 2),
        ("all logged in after", " s", 2),
        ("memory per user", " KiB", 1),
        ("p99 of a login in a flood", " ms", 0),
        ("handshakes/s in it", "", 0),
    ];
    let title = format!("TLS beside plain: push of 64 B, {users} idle live users, handshake flood");
    let table = Table::new("tls", title, &["server", "connections"], &columns);
    let layers = [("plain", Layer::Plain), ("TLS", Layer::Tls)];
    let entries = layers.map(|(name, layer)| Entry::new(plan.server_that_syncs(), &[name], layer));
    let mut table = fill(table, plan, &entries, |entry| {
        let (kind, layer) = (&entry.kind, entry.setting);
        let talk = Talk {
            layer,
            ..Talk::of(push::SIZES[0])
        };
        let mut figures = pairs::measure(kind, plan.time, |program, users| {
            push::talk(program, users, talk)
        })?;
        figures.truncate(2);
        let connect: Connect = match layer {
            Layer::Plain => Client::connect_live,
            Layer::Tls => Client::connect_live_inside_tls,
        };
        figures.extend(idle::log_in_all(kind, users, connect)?.figures());
        let program = Program::start(kind, users)?;
        figures.extend(flood(&program, plan.time, users, connect)?);
        Ok(figures)
    })?;
    // The plain row is what the other one is compared with.
    table.rows[1].limit = Some(0);
    Ok(table)
}

/// The p99 of logins while strangers begin handshakes, in milliseconds, and how many of those there are in a
/// second.
fn flood(
    program: &Program,
    time: Duration,
    users: usize,
    connect: Connect,
) -> anyhow::Result<[Option<f64>; 2]> {
    let (is_over, handshakes) = (&AtomicBool::new(false), &AtomicU64::new(0));
    let (address, hello) = (program.address, &client_hello()?);
    thread::scope(|scope| {
        for _ in 0..STRANGERS {
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    // Whoever is not let in tries again, as a stranger would.
                    let answered = begin_handshake(address, hello).is_ok();
                    handshakes.fetch_add(u64::from(answered), Relaxed);
                }
            });
        }
        let begin = Instant::now();
        let mut waits = Vec::new();
        let mut logged_in = Ok(());
        while begin.elapsed() < time && logged_in.is_ok() {
            let at = Instant::now();
            logged_in = connect(address, waits.len() % users)
                .and_then(|mut client| client.take_answers(1))
                .map(drop);
            waits.push(at.elapsed());
            thread::sleep(LOGIN_EVERY);
        }
        is_over.store(true, Relaxed);
        let rate = handshakes.load(Relaxed) as f64 / begin.elapsed().as_secs_f64();
        logged_in?;
        Ok([quantile(&mut waits, 0.99), Some(rate)])
    })
}

/// Lets the server compute its part of a handshake, and leaves.
fn begin_handshake(server: SocketAddr, hello: &[u8]) -> std::io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Elsewhere the only address of this machine is the one that users have.
    #[cfg(target_os = "linux")]
    socket.bind(&SocketAddr::from((FROM, 0)).into())?;
    socket.connect(&server.into())?;
    let mut stream = TcpStream::from(socket);
    stream.write_all(hello)?;
    stream.read_exact(&mut [0; 1])
}
