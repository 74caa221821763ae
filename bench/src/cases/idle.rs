//! Users who are logged in and send nothing.

use std::{
    io, net, thread,
    time::{Duration, Instant},
};

use super::{Entry, Plan, fill};
use crate::{
    client::Client,
    results::{Table, grouped},
    servers::{Kind, Program},
};

/// Connects a user, who then waits for the answer.
pub type Connect = fn(net::SocketAddr, usize) -> io::Result<Client>;

/// How long nobody sends anything.
const SILENCE: Duration = Duration::from_secs(5);

/// Measures the logins, and memory and CPU time once all are logged in.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let counts = [plan.count(1_000, 20), plan.count(10_000, 100)];
    let styles: [(&str, Connect); 2] =
        [("live", Client::connect_live), ("classic", Client::connect)];
    let columns = [
        ("logged in after", " s", 2),
        ("memory per user", " KiB", 1),
        ("CPU in 5 s", " s", 2),
    ];
    let table = Table::new("idle", "Idle users".into(), &["server", "users"], &columns);
    let mut entries = Vec::new();
    for (style, connect) in styles {
        for count in counts {
            for kind in plan.kinds() {
                if matches!(kind, Kind::BareLog(_)) && style == "classic" {
                    continue;
                }
                let words = format!("{} {style}", grouped(count as f64, 0));
                entries.push(Entry::new(kind, &[&words], (connect, count)));
            }
        }
    }
    let silence = SILENCE.min(plan.time);
    fill(table, plan, &entries, |entry| {
        let (connect, count) = entry.setting;
        let crowd = log_in_all(&entry.kind, count, connect)?;
        let [seconds, memory] = crowd.figures();
        let before = crowd.program.usage();
        thread::sleep(silence);
        let cpu = crowd.program.usage().cpu_seconds_since(before);
        Ok(vec![seconds, memory, cpu])
    })
}

/// Users who are logged in.
pub struct Crowd {
    program: Program,
    seconds: f64,
    memory_kib: Option<f64>,
    _clients: Vec<Client>,
}

impl Crowd {
    /// After how many seconds all were logged in, and how many KiB of the server's memory each of them takes.
    pub fn figures(&self) -> [Option<f64>; 2] {
        [Some(self.seconds), self.memory_kib]
    }
}

/// Starts a server on which this many users log in.
pub fn log_in_all(kind: &Kind, count: usize, connect: Connect) -> anyhow::Result<Crowd> {
    let program = Program::start(kind, count)?;
    let empty = program.memory_kib();
    let begin = Instant::now();
    let mut clients = Vec::with_capacity(count);
    for user in 0..count {
        clients.push(connect(program.address, user)?);
    }
    for client in &mut clients {
        client.take_answers(1)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let memory = program.memory_kib().zip(empty);
    Ok(Crowd {
        program,
        seconds,
        memory_kib: memory.map(|(full, empty)| (full - empty) / count as f64),
        _clients: clients,
    })
}
