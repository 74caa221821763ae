//! A power cut must take nothing that was acknowledged: every acknowledgement is sent after a sync
//! of everything that was written for it. This traces the server's system calls.

use std::{collections::HashMap, fs};

use anyhow::{Result, ensure};

use crate::{
    live::{Live, Stop},
    program::Launch,
    trace,
    trial::{Trial, Verdict, users},
};

const MESSAGES: usize = 1_000;

/// A file of the store's log ends so.
const LOG: &str = ".log>";

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(2);
    let data = trial.data("power", &users)?;
    let calls = data.with_extension("calls");
    // As a child of the server, so that we can end the server.
    let watch = ["strace", "-D", "-f", "-y", "-s", "16", "-o"];
    let watched = "trace=write,writev,pwrite64,pwritev,fdatasync,fsync,sendto,sendmsg";
    let file = calls.to_string_lossy();
    let words = [&watch[..], &[&file, "-e", watched]].concat();
    if !trace::is_possible() {
        return Ok(Verdict::Skipped(trace::NEEDED.into()));
    }
    let mut server = Launch::new(&trial.server, &data).through(&words).start()?;
    let mut sender = Live::new(&users[0]);
    let mut wire = sender
        .log_in(server.address, None)
        .map_err(Stop::unexpected)?;
    let mut sent = 0;
    while trial.goes_on(sent, MESSAGES) {
        // One at a time: everything written before an answer was written for it.
        sender
            .send(&mut wire, 1, || users[1].clone())
            .and_then(|()| sender.hear_answers(&mut wire))
            .map_err(Stop::unexpected)?;
        sent += 1;
    }
    server.check_well()?;
    server.stop()?;
    let answers = check(&fs::read_to_string(&calls)?)?;
    ensure!(
        answers == sent,
        "{answers} of {sent} acknowledgements were seen"
    );
    Ok(Verdict::Held(format!(
        "{sent} acknowledgements, each after a sync of all that was written to the log"
    )))
}

/// Checks the calls in their order. Returns the number of acknowledgements.
fn check(calls: &str) -> Result<usize> {
    let (mut written, mut synced, mut answers) = (0, 0, 0);
    let mut syncs = HashMap::new();
    for call in calls.lines() {
        let (thread, call) = call.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        let is_sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        let is_synced = call.contains("sync resumed>");
        if is_sync && call.contains(LOG) {
            // A returned sync covers everything that was written before it began.
            syncs.insert(thread, written);
        }
        if (is_sync && !call.contains("<unfinished")) || is_synced {
            let covered = syncs.remove(thread).unwrap_or(0);
            if call.ends_with("= 0") {
                synced = synced.max(covered);
            }
        } else if call.contains("write") && call.contains(LOG) {
            written += 1;
        } else if call.starts_with("send") && call.contains("\"ok {") {
            ensure!(
                written > 0,
                "nothing was written to the log before an answer"
            );
            ensure!(
                synced == written,
                "an answer went out before the sync: {call}"
            );
            answers += 1;
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = "7 write(9</d/store/log/0.log>, \"x\", 1) = 1\n";
    const SYNC: &str = "7 fdatasync(9</d/store/log/0.log>) = 0\n";
    const ANSWER: &str =
        "8 sendto(4<socket:[1]>, \"ok {\\\"tag\\\":\\\"1\\\"\"..., 20, 0, NULL, 0) = 20\n";

    #[test]
    fn an_answer_before_the_sync_of_what_was_written_is_seen() {
        let good = [WRITE, SYNC, ANSWER, WRITE, WRITE, SYNC, ANSWER].concat();
        assert_eq!(check(&good).ok(), Some(2));
        assert!(check(&[WRITE, ANSWER, SYNC].concat()).is_err());
        assert!(check(&[WRITE, SYNC, WRITE, ANSWER].concat()).is_err());
        // A sync that has not returned covers nothing, and neither does one that began before the
        // write.
        let begun = "7 fdatasync(9</d/store/log/0.log> <unfinished ...>\n";
        let back = "7 <... fdatasync resumed>) = 0\n";
        assert!(check(&[WRITE, begun, ANSWER].concat()).is_err());
        assert!(check(&[begun, WRITE, back, ANSWER].concat()).is_err());
        assert_eq!(check(&[WRITE, begun, back, ANSWER].concat()).ok(), Some(1));
    }
}
