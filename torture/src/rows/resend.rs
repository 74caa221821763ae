//! The same tags again and again, also after the server was killed.

use anyhow::{Result, ensure};

use crate::{
    crowd::Crowd,
    live::Stop,
    trial::{Trial, Verdict, users},
};

const RESENDS: usize = 100_000;

/// Messages of one round. Each is then sent again that often.
const MESSAGES: usize = 200;
const TIMES: usize = 5;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(2);
    let data = trial.data("resend", &users)?;
    let mut random = trial.random();
    let mut crowd = Crowd::new(&users, 2, random.fork());
    let (mut resends, mut restarts) = (0, 0);
    while trial.goes_on(resends, RESENDS) {
        let mut server = trial.start(&data, &[])?;
        let sender = &mut crowd.live[0];
        let before = sender.acknowledged.len();
        let to = users[1].as_str();
        let done = sender.log_in(server.address, None).and_then(|mut wire| {
            sender.send(&mut wire, MESSAGES, || to.into())?;
            sender.hear_answers(&mut wire)?;
            for _ in 0..TIMES {
                // A new session each time; old and new messages, in any order.
                let mut wire = sender.log_in(server.address, None)?;
                for _ in 0..MESSAGES {
                    let number = random.within(0..sender.acknowledged.len()) as u64;
                    sender.send_again(&mut wire, number)?;
                }
                // A different id, or a message that arrives as a new one, is an error there.
                for _ in 0..MESSAGES {
                    sender.hear_ok(&mut wire)?;
                }
                resends += MESSAGES;
            }
            Ok(())
        });
        done.map_err(Stop::unexpected)?;
        ensure!(
            sender.acknowledged.len() == before + MESSAGES,
            "too few were accepted"
        );
        server.kill();
        restarts += 1;
    }
    let server = trial.start(&data, &[])?;
    crowd.settle(server.address)?;
    let found = crowd.reckon(&data)?;
    server.stop()?;
    Ok(Verdict::Held(format!(
        "{} messages sent again {resends} times, {restarts} kills: {} received, one each",
        found.acknowledged, found.received
    )))
}
