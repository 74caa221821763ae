//! Many messages to a user who is offline, and the login of that user.

use std::time::Instant;

use super::{Entry, Plan, fill};
use crate::{
    client::{Client, TaggedBlock, Tags, block},
    results::{Table, grouped},
    servers::{Kind, Program},
};

const WINDOW: usize = 250;

/// Stores from a classic and from a live sender; a classic and a live reader drain.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let messages = plan.count(50_000, 2_500);
    let title = format!(
        "{} messages of 64 B to an absent user",
        grouped(messages as f64, 0)
    );
    let columns = [
        ("stored", "/s", 0),
        ("drained by live", "/s", 0),
        ("drained by classic", "/s", 0),
    ];
    let table = Table::new("absent", title, &["server", "sender"], &columns);
    let mut entries = Vec::new();
    for (style, store) in [("classic", store_classic as Store), ("live", store_live)] {
        for kind in plan.kinds() {
            // For offline users the relay speaks only classic, and the bare log only live.
            let speaks = match kind {
                Kind::Relay => style == "classic",
                Kind::BareLog(_) => style == "live",
                Kind::Server(..) => true,
            };
            if speaks {
                entries.push(Entry::new(kind, &[style], store));
            }
        }
    }
    fill(table, plan, &entries, |entry| {
        let program = Program::start(&entry.kind, 2)?;
        let begin = Instant::now();
        (entry.setting)(&program, messages)?;
        let stored = messages as f64 / begin.elapsed().as_secs_f64();
        // A reader who breaks off has read nothing, so the next one gets everything again.
        let drained = |connect: Connect, begin: Instant| {
            let got = connect(program.address, 1)?.take_answers(1)?;
            anyhow::ensure!(got == messages as u64, "{got} of {messages} messages came");
            Ok(got as f64 / begin.elapsed().as_secs_f64())
        };
        let (live, classic) = match entry.kind {
            Kind::Relay => (None, Some(drained(Client::connect, Instant::now())?)),
            Kind::BareLog(_) => (None, None),
            Kind::Server(..) => (
                Some(drained(Client::connect_live, Instant::now())?),
                Some(drained(Client::connect, Instant::now())?),
            ),
        };
        Ok(vec![Some(stored), live, classic])
    })
}

type Store = fn(&Program, usize) -> anyhow::Result<()>;
type Connect = fn(std::net::SocketAddr, usize) -> std::io::Result<Client>;

/// Two blocks are on the way at any time.
fn store_classic(program: &Program, messages: usize) -> anyhow::Result<()> {
    let mut sender = Client::log_in(program.address, 0)?;
    let block = block(1, 64, WINDOW);
    sender.send(&block)?;
    for _ in 1..messages / WINDOW {
        sender.send(&block)?;
        sender.take_answers(WINDOW)?;
    }
    sender.take_answers(WINDOW)?;
    Ok(())
}

/// The same with live messages, each with a tag and an `ok`.
fn store_live(program: &Program, messages: usize) -> anyhow::Result<()> {
    let mut sender = Client::log_in_live(program.address, 0)?;
    let mut block = TaggedBlock::new(Tags::Numbered, 1, 64, WINDOW);
    sender.send(block.bytes())?;
    for _ in 1..messages / WINDOW {
        block.advance();
        sender.send(block.bytes())?;
        sender.take(0, WINDOW as u64)?;
    }
    sender.take(0, WINDOW as u64)?;
    Ok(())
}
