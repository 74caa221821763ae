//! The cases, each in a file of its own.

mod absent;
mod alone;
mod exchange;
mod files;
mod growth;
mod history;
mod idle;
mod latency;
mod pairs;
mod push;
mod tls;

use std::time::Duration;

use crate::{
    results::{Row, Table},
    servers::{Durability, Kind, Measured},
};

/// What to measure, and how.
pub struct Plan {
    /// The server to measure.
    pub server: Measured,
    /// The time for each figure that is a rate.
    pub time: Duration,
    /// How often each figure is measured; the median counts.
    pub rounds: usize,
    /// Everything is small, only to check that every case runs.
    pub is_quick: bool,
    /// Also run what takes minutes.
    pub is_long: bool,
}

/// A case: something that can be measured.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name on the command line.
    pub name: &'static str,
    /// Measures it.
    pub measure: fn(&Plan) -> anyhow::Result<Table>,
    /// Whether it takes so long that it must be requested.
    pub is_long: bool,
}

/// Every case.
pub const ALL: [Case; 12] = [
    case("push", push::one_way),
    case("both-ways", push::both_ways),
    case("exchange", exchange::measure),
    case("latency", latency::live),
    case("classic-latency", latency::classic),
    case("alone", alone::measure),
    case("absent", absent::measure),
    case("idle", idle::measure),
    case("history", history::measure),
    case("tls", tls::measure),
    case("files", files::measure),
    Case {
        is_long: true,
        ..case("growth", growth::measure)
    },
];

const fn case(name: &'static str, measure: fn(&Plan) -> anyhow::Result<Table>) -> Case {
    Case {
        name,
        measure,
        is_long: false,
    }
}

impl Plan {
    /// A number of messages or users, or the smaller one for a quick run.
    fn count(&self, full: usize, quick: usize) -> usize {
        if self.is_quick { quick } else { full }
    }

    /// The server with its default options.
    fn server_that_syncs(&self) -> Kind {
        Kind::Server(self.server.clone(), Durability::Sync)
    }

    /// The server with each durability.
    fn servers(&self) -> Vec<Kind> {
        let kind = |durability| Kind::Server(self.server.clone(), durability);
        self.durabilities().iter().copied().map(kind).collect()
    }

    /// All servers that speak `live/1`.
    fn kinds(&self) -> Vec<Kind> {
        let bare_logs = self.durabilities().iter().copied().map(Kind::BareLog);
        let others = bare_logs.chain(self.servers());
        std::iter::once(Kind::Relay).chain(others).collect()
    }

    /// All servers that also speak classic.
    fn classic_kinds(&self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Relay];
        kinds.extend(self.servers());
        kinds
    }

    fn durabilities(&self) -> &'static [Durability] {
        let all = &[Durability::Relaxed, Durability::Sync];
        if self.is_quick { &all[1..] } else { all }
    }
}

/// One row to be measured.
struct Entry<S> {
    kind: Kind,
    /// The words beside the server's name. Rows with the same first word are compared.
    words: Vec<String>,
    setting: S,
}

impl<S> Entry<S> {
    fn new(kind: Kind, words: &[&str], setting: S) -> Self {
        Self {
            kind,
            words: words.iter().map(|&word| word.to_owned()).collect(),
            setting,
        }
    }
}

/// Measures all rows in turn, as often as the plan says, and puts the medians into the table. In
/// turn, so that a slow moment of the machine hits all of them.
fn fill<S>(
    mut table: Table,
    plan: &Plan,
    entries: &[Entry<S>],
    measure: impl Fn(&Entry<S>) -> anyhow::Result<Vec<Option<f64>>>,
) -> anyhow::Result<Table> {
    let mut found = vec![Vec::new(); entries.len()];
    for round in 1..=plan.rounds {
        for (entry, found) in entries.iter().zip(&mut found) {
            let (name, words) = (entry.kind.name(), entry.words.join(", "));
            let progress = format!("{} {round}/{}: {name}, {words}", table.case, plan.rounds);
            if plan.server.profiles.is_some() {
                println!("\n{progress}\n");
            } else {
                eprintln!("{progress}");
            }
            found.push(measure(entry)?);
        }
    }
    for (entry, found) in entries.iter().zip(found) {
        let is_limit = |other: &&Entry<S>| {
            Some(&other.kind) == entry.kind.limit().as_ref()
                && other.words.first() == entry.words.first()
        };
        let limit = entries.iter().find(is_limit);
        let limit = limit.and_then(|limit| entries.iter().position(|one| std::ptr::eq(one, limit)));
        let mut words = vec![entry.kind.name()];
        words.extend_from_slice(&entry.words);
        let columns = 0..table.columns.len();
        table.rows.push(Row {
            words,
            figures: columns.map(|column| median(&found, column)).collect(),
            limit,
        });
    }
    Ok(table)
}

/// The median of a figure's values; the lower one of two.
fn median(found: &[Vec<Option<f64>>], column: usize) -> Option<f64> {
    let mut values: Vec<f64> = found.iter().filter_map(|figures| figures[column]).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// The quantile (0 to 1) of the times, in milliseconds.
fn quantile(waits: &mut [Duration], part: f64) -> Option<f64> {
    waits.sort_unstable();
    let at = (waits.len().saturating_sub(1) as f64 * part) as usize;
    waits.get(at).map(|wait| wait.as_secs_f64() * 1e3)
}

/// The name of a text size in the tables.
fn size(bytes: usize) -> String {
    match bytes {
        1024 => "1 KiB".into(),
        _ => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_what_was_told() {
        let found = [Some(9.0), None, Some(1.0), Some(5.0)].map(|value| vec![value]);
        assert_eq!(median(&found, 0), Some(5.0));
        assert_eq!(median(&found[..2], 0), Some(9.0));
        assert_eq!(median(&found[1..2], 0), None);
    }

    #[test]
    fn rows_are_compared_with_the_bare_log_of_the_same_durability() {
        let plan = Plan {
            server: Measured {
                program: "server".into(),
                profiles: None,
            },
            time: Duration::ZERO,
            rounds: 3,
            is_quick: false,
            is_long: false,
        };
        let entries: Vec<_> = ["64 B", "1 KiB"]
            .into_iter()
            .flat_map(|text| {
                plan.kinds()
                    .into_iter()
                    .map(move |kind| Entry::new(kind, &[text], ()))
            })
            .collect();
        let table = Table::new(
            "push",
            "Push".into(),
            &["server", "text"],
            &[("rate", "", 0)],
        );
        let table = fill(table, &plan, &entries, |_| Ok(vec![Some(1.0)])).unwrap();
        let limits: Vec<_> = table.rows.iter().map(|row| row.limit).collect();
        let small = [None, Some(1), Some(2), Some(1), Some(2)];
        assert_eq!(limits[..5], small);
        assert_eq!(limits[5..], small.map(|limit| limit.map(|row| row + 5)));
    }
}
