//! Messages delivered per second between classic users.

use super::{
    Entry, Plan, fill,
    pairs::{self, COLUMNS, PAIRS, Turn, WINDOW},
    push::{self, SIZES, Talk},
    size,
};
use crate::{
    client::{Client, block},
    results::Table,
    servers::{Kind, Program},
};

/// The bare log does not speak classic, so the table shows its pushes.
pub fn measure(plan: &Plan) -> anyhow::Result<Table> {
    let title = format!("Classic exchange, {PAIRS} pairs, both ways, window {WINDOW}");
    let table = Table::new("exchange", title, &["server", "text", "clients"], &COLUMNS);
    let mut entries = Vec::new();
    for bytes in SIZES {
        for &durability in plan.durabilities() {
            let kind = Kind::BareLog(durability);
            entries.push(Entry::new(kind, &[&size(bytes), "live, one way"], bytes));
        }
        for kind in plan.classic_kinds() {
            entries.push(Entry::new(kind, &[&size(bytes), "classic"], bytes));
        }
    }
    fill(table, plan, &entries, |entry| {
        let bytes = entry.setting;
        pairs::measure(&entry.kind, plan.time, |program, users| match &entry.kind {
            Kind::BareLog(_) => push::talk(program, users, Talk::of(bytes)),
            Kind::Relay | Kind::Server(..) => talk(program, users, bytes),
        })
    })
}

fn talk(program: &Program, users: [usize; 2], bytes: usize) -> anyhow::Result<Turn> {
    let mut clients = [
        Client::log_in(program.address, users[0])?,
        Client::log_in(program.address, users[1])?,
    ];
    let blocks = [
        block(users[1], bytes, WINDOW),
        block(users[0], bytes, WINDOW),
    ];
    Ok(Box::new(move || {
        for (client, block) in clients.iter_mut().zip(&blocks) {
            client.send(block)?;
        }
        let mut messages = 0;
        for client in &mut clients {
            messages += client.take_answers(WINDOW)?;
        }
        Ok(messages)
    }))
}
