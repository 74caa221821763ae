//! When a server announces itself, and whom it answers.

use std::time::{Duration, Instant};

use crate::{
    Announcement,
    message::{self, Asked},
};

/// The shortest time between two announcements, whoever asks and however often.
const PAUSE: Duration = Duration::from_secs(1);

/// How long an answer waits at most: others may ask the same meanwhile, and many servers may answer.
const DELAY: (u64, u64) = (20, 120);

/// Answers a second to programs that ask from a port of their own.
const ANSWERS: u32 = 20;

/// See the module. Keeps nothing of what others send.
#[derive(Debug)]
pub(crate) struct Responder {
    what: Announcement,
    /// When to announce next, if that was asked for.
    due: Option<Instant>,
    last: Option<Instant>,
    /// Announcements to be made unasked, a second apart.
    unasked: u8,
    answers: u32,
    answers_since: Option<Instant>,
}

impl Responder {
    pub(crate) fn new(what: Announcement) -> Self {
        Self {
            what,
            due: None,
            last: None,
            unasked: 0,
            answers: 0,
            answers_since: None,
        }
    }

    pub(crate) fn what(&self) -> &Announcement {
        &self.what
    }

    /// The server or a network is new: announces it twice, as one packet may be lost.
    pub(crate) fn announce(&mut self, now: Instant) {
        self.unasked = 2;
        self.due = Some(now);
    }

    /// Takes in a packet. Gives what is to be answered to its sender alone, who `has_own_port`.
    pub(crate) fn hear<'a>(
        &mut self,
        packet: &'a [u8],
        has_own_port: bool,
        now: Instant,
    ) -> Option<Asked<'a>> {
        let asked = message::asked(message::read(packet)?, &self.what)?;
        if has_own_port {
            return self.may_answer(now).then_some(asked);
        }
        self.due
            .get_or_insert_with(|| now + Duration::from_millis(fastrand::u64(DELAY.0..=DELAY.1)));
        None
    }

    fn may_answer(&mut self, now: Instant) -> bool {
        let is_over = |since| now.saturating_duration_since(since) >= PAUSE;
        if self.answers_since.is_none_or(is_over) {
            self.answers_since = Some(now);
            self.answers = 0;
        }
        self.answers += 1;
        self.answers <= ANSWERS
    }

    /// When to announce next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let earliest = self.last.map(|last| last + PAUSE);
        self.due
            .map(|due| earliest.map_or(due, |earliest| due.max(earliest)))
    }

    /// Whether to announce now; then it counts as done.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return false;
        }
        self.last = Some(now);
        self.unasked = self.unasked.saturating_sub(1);
        self.due = (self.unasked > 0).then_some(now + PAUSE);
        true
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::{Name, trust::Fingerprint};

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn responder() -> Responder {
        let key = Fingerprint::of(b"abc");
        Responder::new(Announcement::new(
            "sala3",
            &Name::default(),
            3333,
            false,
            key,
        ))
    }

    #[test]
    fn it_announces_itself_twice_and_then_rests() {
        let (now, mut responder) = (Instant::now(), responder());
        assert_eq!(responder.deadline(), None);
        responder.announce(now);
        assert!(responder.take_due(now) && !responder.take_due(now));
        assert_eq!(responder.deadline(), Some(now + PAUSE));
        assert!(responder.take_due(now + PAUSE));
        assert_eq!(responder.deadline(), None);
    }

    #[test]
    fn however_many_ask_it_is_announced_once_a_second() {
        let (begin, mut responder) = (Instant::now(), responder());
        let question = message::ask_for_servers();
        let mut announced = 0;
        for passed in 0..10_000 {
            let now = begin + passed * MILLISECOND;
            assert!(responder.hear(&question, false, now).is_none());
            announced += u32::from(responder.take_due(now));
        }
        assert_eq!(announced, 10);
    }

    #[test]
    fn a_question_about_others_wakes_nothing() {
        let mut responder = responder();
        let question = message::ask_for_address("printer");
        assert!(responder.hear(&question, false, Instant::now()).is_none());
        assert!(responder.hear(b"hello", true, Instant::now()).is_none());
        assert_eq!(responder.deadline(), None);
    }

    #[test]
    fn who_asks_alone_is_answered_alone_and_not_without_limit() {
        let (now, mut responder) = (Instant::now(), responder());
        let question = message::ask_for_servers();
        let answered = |responder: &mut Responder, now| {
            (0..1000)
                .filter(|_| responder.hear(&question, true, now).is_some())
                .count()
        };
        assert_eq!(answered(&mut responder, now), ANSWERS as usize);
        assert_eq!(answered(&mut responder, now + PAUSE), ANSWERS as usize);
        assert_eq!(responder.deadline(), None);
    }
}
