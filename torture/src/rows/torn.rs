//! The last records of the store, torn at every byte: as a power cut tears what was not
//! acknowledged, and as only a lying disk tears what was.

use std::{path::Path, thread, time::Duration};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    live::{Live, Stop},
    program::{Launch, Program, Refusal},
    snapshot::Snapshot,
    trial::{Trial, Verdict, users},
};

/// Messages before those whose records are torn.
const MESSAGES: usize = 50;

/// How many records are torn.
const RECORDS: usize = 3;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(2);
    let data = trial.data("torn", &users)?;
    let server = trial.start(&data, &[])?;
    let mut sender = Live::new(&users[0]);
    let mut states = Vec::new();
    let sent = sender.log_in(server.address, None).and_then(|mut wire| {
        for messages in [MESSAGES].into_iter().chain([1; RECORDS]) {
            sender.send(&mut wire, messages, || users[1].clone())?;
            sender.hear_answers(&mut wire)?;
            states.push(still(&server)?);
        }
        Ok(())
    });
    sent.map_err(Stop::unexpected)?;
    drop(server);
    let (mut torn, mut cut, mut refused) = (0, 0, 0);
    let mut pairs = Vec::new();
    for (at, pair) in states.windows(2).enumerate() {
        for place in places(&pair[0], &pair[1])? {
            pairs.push((at, place));
        }
    }
    // In random order, so that a short run still covers all of them.
    let mut random = trial.random();
    let mut done = 0;
    while !pairs.is_empty() && trial.goes_on(done, usize::MAX) {
        let (at, (file, byte)) = pairs.swap_remove(random.within(0..pairs.len()));
        let (before, after) = (&states[at], &states[at + 1]);
        done += 1;
        // Not acknowledged: everything else is as it was before the record.
        tear(before, after, &file, byte)?.restore(&data)?;
        let known = MESSAGES + at;
        let found = backlog(trial, &data, &users[1])
            .with_context(|| format!("{} torn at {byte}", file.display()))?
            .map_err(|refusal| anyhow::anyhow!("{} torn at {byte}: {refusal}", file.display()))?;
        ensure!(
            (known..=known + 1).contains(&found),
            "{} torn at {byte}: {found} of {known} messages are left",
            file.display()
        );
        torn += 1;
        // Acknowledged: everything else knows of the record. It is all there, or the server reports
        // the loss.
        tear(after, after, &file, byte)?.restore(&data)?;
        match backlog(trial, &data, &users[1])? {
            Ok(found) if found == known + 1 => {}
            Ok(found) => bail!(
                "{} cut at {byte}: {found} of {} messages are left, without a word",
                file.display(),
                known + 1
            ),
            Err(refusal) => {
                ensure!(refusal.is_clear(), "not a clear report: {refusal}");
                refused += 1;
            }
        }
        cut += 1;
    }
    let all = if pairs.is_empty() {
        "every byte"
    } else {
        "some bytes"
    };
    Ok(Verdict::Held(format!(
        "{all} of the last {RECORDS} records: torn before the acknowledgement {torn} times, 0 lost; \
         after it {cut} times, {refused} refused to start with a report, 0 lost silently"
    )))
}

/// The folder of a server that is stopped while it is idle.
fn still(server: &Program) -> Result<Snapshot> {
    loop {
        thread::sleep(Duration::from_millis(150));
        server.signal("STOP")?;
        let first = Snapshot::take(&server.data)?;
        server.signal("CONT")?;
        thread::sleep(Duration::from_millis(50));
        if Snapshot::take(&server.data)? == first {
            return Ok(first);
        }
    }
}

/// Where the log changed: from the first byte that differs to the last one.
fn places(before: &Snapshot, after: &Snapshot) -> Result<Vec<(std::path::PathBuf, usize)>> {
    let (mut before, mut after) = (before.clone(), after.clone());
    let mut places = Vec::new();
    for entry in after.store() {
        let old = before.file(&entry.path);
        let old = old.map_or(&[][..], |old| &old.content);
        let is_log = entry.path.extension().is_some_and(|end| end == "log");
        if is_log {
            // Behind the last record are zeros, room for the next ones.
            let is_new = |at: &usize| entry.content[*at] != old.get(*at).copied().unwrap_or(0);
            let first = (0..entry.content.len()).find(is_new);
            let last = (0..entry.content.len()).rfind(is_new);
            let bytes = first.zip(last).map(|(first, last)| first..=last);
            places.extend(
                bytes
                    .into_iter()
                    .flatten()
                    .map(|byte| (entry.path.clone(), byte)),
            );
        }
    }
    ensure!(
        !places.is_empty(),
        "the log of the store is not where it was expected"
    );
    Ok(places)
}

/// A state with one file of another, cut off at that byte.
fn tear(state: &Snapshot, with: &Snapshot, file: &Path, byte: usize) -> Result<Snapshot> {
    let (mut state, mut with) = (state.clone(), with.clone());
    let torn = with.file(file).context("a file that is there")?;
    let entry = state.file(file).context("a file that was there before")?;
    entry.content = torn.content[..byte].to_vec();
    Ok(state)
}

/// How many messages wait for a user after a start, or the report of a server that refused to start
/// in an orderly way.
pub fn backlog(trial: &Trial, data: &Path, login: &str) -> Result<Result<usize, Refusal>> {
    let mut server = match Launch::new(&trial.server, data).start() {
        Ok(server) => server,
        Err(refusal) => {
            return Ok(Err(refusal));
        }
    };
    let mut reader = Live::new(login);
    match reader.log_in(server.address, None) {
        Ok(_) => {}
        Err(Stop::Broken) => bail!("the server hangs up: {}", server.said()),
        Err(Stop::Wrong(error)) => return Err(error),
    }
    for (at, message) in reader.received.iter().enumerate() {
        let expected = crate::live::text(&message.from, at as u64);
        if message.text != expected {
            return Ok(Ok(at));
        }
    }
    server.check_well()?;
    Ok(Ok(reader.received.len()))
}
