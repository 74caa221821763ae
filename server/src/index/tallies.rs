//! The encoding of what waits in a conversation: each id as the difference to the previous one.

use std::collections::VecDeque;

use super::pack::{Unpack, put, put_login, put_option};
use crate::model::{
    message::MessageId,
    tally::{Bucket, Tally},
    waiting::{Membership, Share, Waiting, Written},
};

const SHARE: u64 = 0;
const MEMBERSHIP: u64 = 1;

pub(super) fn put_waiting(out: &mut Vec<u8>, waiting: &Waiting) {
    match waiting {
        Waiting::Share(share) => {
            put(out, SHARE);
            put(out, share.undelivered.0);
            put_tally(out, &share.tally);
        }
        Waiting::Membership(member) => {
            put(out, MEMBERSHIP);
            put(out, member.settled);
            put(out, member.newest_own.0);
            put_option(out, member.away);
            put(out, member.before.0);
            put(out, member.since.0);
            put_tally(out, &member.skipped);
        }
    }
}

pub(super) fn waiting(bytes: &mut Unpack<'_>) -> Option<Waiting> {
    Some(match bytes.int()? {
        SHARE => Waiting::Share(Share {
            undelivered: MessageId(bytes.int()?),
            tally: tally(bytes)?,
        }),
        MEMBERSHIP => Waiting::Membership(Box::new(Membership {
            settled: bytes.int()?,
            newest_own: MessageId(bytes.int()?),
            away: bytes.option()?,
            before: MessageId(bytes.int()?),
            since: MessageId(bytes.int()?),
            skipped: tally(bytes)?,
        })),
        _ => return None,
    })
}

pub(super) fn put_written(out: &mut Vec<u8>, written: &Written) {
    put_tally(out, &written.tally);
    put(out, written.recent.len() as u64);
    let mut before = 0;
    for (id, author) in &written.recent {
        put(out, id.0.wrapping_sub(before));
        put_login(out, author);
        before = id.0;
    }
}

pub(super) fn written(bytes: &mut Unpack<'_>) -> Option<Written> {
    let tally = tally(bytes)?;
    let count = bytes.int()?;
    let mut before = 0_u64;
    let recent = (0..count).map(|_| {
        before = before.wrapping_add(bytes.int()?);
        Some((MessageId(before), bytes.login()?))
    });
    let recent = recent.collect::<Option<_>>()?;
    Some(Written { tally, recent })
}

fn put_tally(out: &mut Vec<u8>, tally: &Tally) {
    put(out, tally.levels().len() as u64);
    for level in tally.levels() {
        put(out, level.len() as u64);
        let mut before = 0;
        for Bucket {
            first,
            last,
            count,
            bytes,
        } in level
        {
            put(out, first.0.wrapping_sub(before));
            put(out, last.0.wrapping_sub(first.0));
            put(out, *count);
            put(out, *bytes);
            before = last.0;
        }
    }
}

fn tally(bytes: &mut Unpack<'_>) -> Option<Tally> {
    let levels = bytes.int()?;
    let levels: Option<Vec<_>> = (0..levels).map(|_| level(bytes)).collect();
    Some(Tally::from_levels(levels?))
}

fn level(bytes: &mut Unpack<'_>) -> Option<VecDeque<Bucket>> {
    let count = bytes.int()?;
    let mut before = 0_u64;
    let buckets = (0..count).map(|_| {
        let first = before.wrapping_add(bytes.int()?);
        before = first.wrapping_add(bytes.int()?);
        Some(Bucket {
            first: MessageId(first),
            last: MessageId(before),
            count: bytes.int()?,
            bytes: bytes.int()?,
        })
    });
    buckets.collect()
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Login;

    use super::*;

    fn tally_of(messages: u64) -> Tally {
        let mut tally = Tally::default();
        for id in 1..=messages {
            tally.add(MessageId(id * id), id as usize % 9);
        }
        tally.take_up_to(MessageId(messages * 3));
        tally
    }

    #[test]
    fn what_waits_comes_back_as_it_was() {
        for messages in [0, 1, 5, 70, 2_000] {
            let tally = tally_of(messages);
            let all = [
                Waiting::Share(Share {
                    tally: tally.clone(),
                    undelivered: MessageId(messages),
                }),
                Waiting::Membership(Box::new(Membership {
                    settled: 7,
                    skipped: tally.clone(),
                    newest_own: MessageId(1 << 60),
                    away: (messages > 5).then_some(messages),
                    before: MessageId(3),
                    since: MessageId(0),
                })),
            ];
            for one in all {
                let mut out = Vec::new();
                put_waiting(&mut out, &one);
                let mut bytes = Unpack(&out);
                assert_eq!(waiting(&mut bytes), Some(one));
                assert_eq!(bytes.end(), Some(()));
            }
            let ana = Login::parse("ana").unwrap();
            let one = Written {
                tally,
                recent: (1..=messages)
                    .map(|id| (MessageId(id * 7), ana.clone()))
                    .collect(),
            };
            let mut out = Vec::new();
            put_written(&mut out, &one);
            assert_eq!(written(&mut Unpack(&out)), Some(one));
        }
    }

    #[test]
    fn a_hundred_thousand_waiting_messages_take_less_than_two_kib() {
        let mut tally = Tally::default();
        (1..=100_000).for_each(|id| tally.add(MessageId(id * 3), 40));
        let share = Share {
            tally,
            undelivered: MessageId(3),
        };
        let mut out = Vec::new();
        put_waiting(&mut out, &Waiting::Share(share));
        assert!(out.len() < 2_048, "{}", out.len());
    }
}
