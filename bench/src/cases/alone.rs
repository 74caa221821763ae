//! What one message that is sent and read alone costs: how often the server syncs and writes for
//! it.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{Entry, Plan, fill, push::say_read};
use crate::{
    client::{Client, TaggedBlock, Tags},
    results::Table,
    servers::Traced,
};

/// The pause between two messages: 100 per second.
const PAUSE: Duration = Duration::from_millis(10);

/// One user sends, the other receives and sends `read`, 100 times per second.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let messages = plan.count(500, 50);
    let title = format!("{messages} messages of 64 B, 100 a second, each sent and read alone");
    let columns = [("syncs per message", "", 2), ("writes per message", "", 2)];
    let table = Table::new("alone", title, &["server", "text", "clients"], &columns);
    let mut entries = Vec::new();
    for kind in plan.kinds() {
        entries.push(Entry::new(kind.clone(), &["64 B", "-"], false));
        if kind.is_server() {
            entries.push(Entry::new(kind, &["64 B", "say `read`"], true));
        }
    }
    fill(table, plan, &entries, |entry| {
        let Some(traced) = Traced::start(&entry.kind, 2)? else {
            return Ok(vec![None, None]);
        };
        let mut sender = Client::log_in_live(traced.program.address, 0)?;
        let mut reader = Client::log_in_live(traced.program.address, 1)?;
        let mut message = TaggedBlock::new(Tags::Numbered, 1, 64, 1);
        let mut mark = Vec::new();
        let before = traced.calls()?;
        let mut due = Instant::now();
        for _ in 0..messages {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            sender.send(message.bytes())?;
            message.advance();
            let id = reader.take(1, 0)?.last;
            if entry.setting {
                mark.clear();
                say_read(&mut mark, 0, id)?;
                reader.send(&mark)?;
            }
            sender.take(0, 1)?;
            due += PAUSE;
        }
        let after = traced.calls()?;
        let each = |count: u64| Some(count as f64 / messages as f64);
        Ok(vec![
            each(after.syncs - before.syncs),
            each(after.writes - before.writes),
        ])
    })
}
