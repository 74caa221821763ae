//! A device is revoked while it sends and receives.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};
use mensageiro_protocol::{
    live::{ByeCode, Event},
    trust::DeviceId,
};

use super::{
    lines::event,
    measure::Person,
    middle::backlog,
    office::{Device, Office, Session, folder, revocation},
};
use crate::{
    program::Launch,
    trial::{Trial, Verdict, users},
};

const COUNT: usize = 1_000;

/// Unread messages, more than are sent.
const MAILBOX: &str = "1000000";

/// Messages that are sent before their answers are read.
const BURST: usize = 16;

/// The longest time until the device is revoked, in microseconds.
const LONGEST: usize = 20_000;

/// What one session saw.
#[derive(Default)]
struct Seen {
    /// Texts that were acknowledged, and all that were sent.
    acknowledged: Vec<String>,
    sent: usize,
    received: Vec<String>,
    farewell: Option<ByeCode>,
}

pub fn run(trial: &Trial) -> Result<Verdict> {
    // All that is sent waits for one reader until the end.
    let data = folder(trial, &users(3))?;
    let launch = Launch::new(&trial.server, &data).options(&["--max-mailbox", MAILBOX]);
    let mut office = Office::start(trial, launch)?;
    let server = office.address();
    let reader = office.device("u1")?;
    let writer = office.device("u2")?;
    let own = office.device("u0")?;
    let mut random = trial.random();
    let (mut count, mut said_so) = (0, 0);
    let mut acknowledged = Vec::new();
    let mut sent = 0;
    while trial.goes_on(count, COUNT) {
        // Every third one is a program, in plain text.
        let (id, person) = match count % 3 {
            2 => program(&own, server)?,
            _ => device(&mut office)?,
        };
        let from = Session(person.log_in([127, 0, 0, 1], server)?);
        let to = writer.session(server)?;
        // By the administrator, or by another device of the same user.
        let mut by = match count % 2 {
            0 => office.boss.session(server)?,
            _ => own.session(server)?,
        };
        let life = Duration::from_micros(random.within(0..LONGEST) as u64);
        let (is_revoked, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let (answer, device_saw, writer_saw) = thread::scope(|scope| {
            let one = scope.spawn(|| talk(from, "u1", &format!("s{count}"), &is_revoked, &is_over));
            let other = scope.spawn(|| talk(to, "u0", &format!("w{count}"), &is_revoked, &is_over));
            // The moment varies on purpose; nothing is waited for.
            thread::sleep(life);
            let answer = revocation("u0", id).and_then(|line| by.ask(&line));
            is_revoked.store(true, Ordering::SeqCst);
            let failed = |_| anyhow!("a thread failed");
            let device_saw = one.join().map_err(failed);
            is_over.store(true, Ordering::SeqCst);
            (answer, device_saw, other.join().map_err(failed))
        });
        let (answer, device_saw, writer_saw) = (answer?, device_saw??, writer_saw??);
        ensure!(matches!(answer, Event::Devices(_)), "{answer:?}");
        let late = |text: &&String| text.ends_with(LATE);
        if let Some(text) = device_saw.acknowledged.iter().find(late) {
            return Ok(Verdict::Broken(format!(
                "accepted after the answer: {text}"
            )));
        }
        if let Some(text) = device_saw.received.iter().find(late) {
            return Ok(Verdict::Broken(format!(
                "delivered after the answer: {text}"
            )));
        }
        ensure!(writer_saw.farewell.is_none(), "another user was hung up on");
        said_so += usize::from(device_saw.farewell == Some(ByeCode::Revoked));
        sent += device_saw.sent;
        acknowledged.extend(device_saw.acknowledged);
        // The answers to a key that is wrong now would come ever later.
        if person.key.is_none() || count == 2 {
            let again = person.log_in([127, 0, 0, 1], server);
            ensure!(again.is_err(), "a revoked device is let in");
        }
        count += 1;
    }
    let received = backlog(&reader, server)?;
    check(&acknowledged, &received)?;
    office.server.check_well()?;
    Ok(Verdict::Held(format!(
        "{count} devices and program keys revoked, {said_so} were told why; {sent} messages sent, {} acknowledged: all there, once, and none from after the revocation",
        acknowledged.len()
    )))
}

/// One more device of the user, and its id.
fn device(office: &mut Office) -> Result<(DeviceId, Person)> {
    let device = office.device("u0")?;
    let person = Person {
        login: device.login.clone(),
        key: None,
        client: Some(device.client.clone()),
    };
    Ok((device.id(), person))
}

/// One more program key, and its id.
fn program(own: &Device, server: SocketAddr) -> Result<(DeviceId, Person)> {
    let key = own.program_key(server)?;
    let id = DeviceId::from(&key.hash());
    let person = Person {
        login: own.login.clone(),
        key: Some(key),
        client: None,
    };
    Ok((id, person))
}

/// What the text of a message ends with that was sent after the answer to `revoke`.
const LATE: &str = " late";

fn check(acknowledged: &[String], received: &BTreeMap<String, usize>) -> Result<()> {
    for text in acknowledged {
        let count = received.get(text);
        ensure!(count == Some(&1), "{text:?} is there {count:?} times");
    }
    for (text, count) in received {
        ensure!(*count == 1, "{text:?} is there {count} times");
        ensure!(!text.ends_with(LATE), "{text:?} was sent too late");
    }
    Ok(())
}

/// Sends without a pause until it is hung up on or the round is over.
fn talk(
    session: Session,
    to: &str,
    name: &str,
    is_revoked: &AtomicBool,
    is_over: &AtomicBool,
) -> Result<Seen> {
    let Session(mut wire) = session;
    let mut seen = Seen::default();
    let mut texts = BTreeMap::new();
    let mut late_bursts = 0;
    // A session that is not hung up on for so long was not revoked.
    while !is_over.load(Ordering::SeqCst) && late_bursts < 50 {
        let is_late = is_revoked.load(Ordering::SeqCst);
        late_bursts += usize::from(is_late);
        let mut lines = String::new();
        for _ in 0..BURST {
            let tag = format!("{name}.{}", seen.sent);
            let text = format!("{tag}{}", if is_late { LATE } else { "" });
            lines += &format!("#{tag} @{to} {text}\n");
            texts.insert(tag, text);
            seen.sent += 1;
        }
        // If it fails, there may still be something to read.
        let _ = wire.write(lines.as_bytes());
        let wanted = seen.acknowledged.len() + BURST;
        while seen.acknowledged.len() < wanted {
            let Ok(line) = wire.line() else {
                return Ok(seen);
            };
            match event(&line)? {
                Event::Accepted(accepted) => {
                    seen.acknowledged
                        .extend(texts.remove(accepted.tag.as_str()));
                }
                Event::Message(message) if message.from.as_str() != message.with.as_str() => {}
                Event::Message(message) => {
                    seen.received.push(message.text.as_str().to_owned());
                }
                Event::Bye(bye) => {
                    seen.farewell = Some(bye.code);
                    return Ok(seen);
                }
                Event::Refused(refused) => return Err(anyhow!("refused: {refused:?}")),
                _ => {}
            }
        }
    }
    Ok(seen)
}
