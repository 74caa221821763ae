//! Faults on the way between the app and its server: what the machine writes goes in, what leaves and when comes out.
//! Without faults everything leaves at once, as it was written.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::engine::{ActiveFaults, MessageFault};

/// How long the second half of a split line waits.
const BETWEEN_HALVES: Duration = Duration::from_secs(2);
/// The most bytes that wait. A link with more is broken.
const WAITING: usize = 1024 * 1024;

/// The faults of one account's link.
#[derive(Debug, Default)]
pub struct Faults {
    active: ActiveFaults,
    /// Until when only what comes from the server passes.
    second_half_at: Option<Instant>,
    /// The answer to a message is to be lost.
    loses_answer: bool,
    /// When everything began to pass again.
    released_at: Option<Instant>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
}

#[derive(Debug)]
enum Waiting {
    Leaves(Leaving),
    Pause,
}

/// What leaves for the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Leaving {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The end of this direction.
    End,
}

/// What was written, for the inspector, with the fault that changes it on the way.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// As the app wrote it.
    pub bytes: Vec<u8>,
    /// The fault of the line that it then is.
    pub fault: Option<MessageFault>,
}

/// Too much waits.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMuch;

impl Faults {
    /// The faults there are now.
    pub fn active(&self) -> ActiveFaults {
        self.active
    }

    /// Holds the link.
    pub fn hold(&mut self, now: Instant, time: Duration) {
        self.active.held_until = Some(now + time);
    }

    /// Chooses what happens to the next message.
    pub fn arm(&mut self, fault: Option<MessageFault>) {
        self.active.next_message = fault;
    }

    /// No faults any more: everything that waits may leave.
    pub fn end(&mut self, now: Instant) {
        if self.active.held_until.take().is_some() {
            self.released_at = Some(now);
        }
        self.active.next_message = None;
        self.second_half_at = None;
        self.loses_answer = false;
        self.waiting.retain(|one| !matches!(one, Waiting::Pause));
    }

    /// A new connection has nothing to do with what happened to the last one.
    pub fn begin_connection(&mut self) {
        let next_message = self.active.next_message;
        *self = Self::default();
        self.active.next_message = next_message;
    }

    /// When [`Faults::leaving`] has something to do; `None`: nothing waits for a time.
    pub fn deadline(&self) -> Option<Instant> {
        let held_until = self.active.held_until;
        held_until.into_iter().chain(self.second_half_at).max()
    }

    /// Until when nothing is read.
    pub fn held_until(&self, now: Instant) -> Option<Instant> {
        self.active.held_until.filter(|&until| now < until)
    }

    /// When something was heard that has come at this time: not before it passed.
    pub fn heard_at(&self, at: Instant) -> Instant {
        self.released_at.map_or(at, |released| released.max(at))
    }

    /// Ends the holding when its time has come. True if it does now.
    pub fn is_released(&mut self, now: Instant) -> bool {
        let is_over = self.active.held_until.is_some_and(|until| until <= now);
        if is_over {
            self.released_at = self.active.held_until.take();
        }
        is_over
    }

    /// Takes what the app writes. Returns all of it.
    ///
    /// # Errors
    /// Too much waits already: the connection cannot be used any more.
    pub fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<Written>, TooMuch> {
        if self.waiting_bytes + bytes.len() > WAITING {
            return Err(TooMuch);
        }
        let written = self.cut_out(bytes);
        for Written { bytes, fault } in &written {
            match fault {
                None => self.wait(bytes),
                Some(MessageFault::Drop) => {}
                Some(MessageFault::Double) => {
                    self.wait(bytes);
                    self.wait(bytes);
                }
                Some(MessageFault::Split) => {
                    let (first, second) = bytes.split_at(bytes.len() / 2);
                    self.wait(first);
                    self.waiting.push_back(Waiting::Pause);
                    self.wait(second);
                }
                Some(MessageFault::LoseAnswer) => {
                    self.wait(bytes);
                    self.loses_answer = true;
                }
            }
        }
        Ok(written)
    }

    /// The app ends its direction.
    pub fn finish(&mut self) {
        self.waiting.push_back(Waiting::Leaves(Leaving::End));
    }

    /// What leaves now.
    pub fn leaving(&mut self, now: Instant) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        if self.held_until(now).is_some() || self.second_half_at.is_some_and(|at| now < at) {
            return leaving;
        }
        self.second_half_at = None;
        while let Some(next) = self.waiting.pop_front() {
            match next {
                Waiting::Leaves(next) => {
                    if let Leaving::Bytes(bytes) = &next {
                        self.waiting_bytes -= bytes.len();
                    }
                    leaving.push(next);
                }
                Waiting::Pause => {
                    self.second_half_at = Some(now + BETWEEN_HALVES);
                    break;
                }
            }
        }
        leaving
    }

    /// The server says something. True if it is to be lost, with the connection.
    pub fn loses_answer(&mut self) -> bool {
        std::mem::take(&mut self.loses_answer)
    }

    fn wait(&mut self, bytes: &[u8]) {
        self.waiting_bytes += bytes.len();
        // One write for many lines; what has no end would run into the next one.
        if let Some(Waiting::Leaves(Leaving::Bytes(before))) = self.waiting.back_mut()
            && before.ends_with(b"\n")
        {
            return before.extend_from_slice(bytes);
        }
        let leaving = Leaving::Bytes(bytes.to_vec());
        self.waiting.push_back(Waiting::Leaves(leaving));
    }

    /// Parts the line that the fault is for from what is before and after it.
    fn cut_out(&mut self, mut bytes: Vec<u8>) -> Vec<Written> {
        let whole = |bytes| Written { bytes, fault: None };
        let Some(fault) = self.active.next_message else {
            return vec![whole(bytes)];
        };
        let needs_end = matches!(fault, MessageFault::Double | MessageFault::Split);
        let mut start = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            if is_message(line) && (line.ends_with(b"\n") || !needs_end) {
                let end = start + line.len();
                let after = bytes.split_off(end);
                let line = bytes.split_off(start);
                self.active.next_message = None;
                let faulty = Written {
                    bytes: line,
                    fault: Some(fault),
                };
                let all = [whole(bytes), faulty, whole(after)];
                return all
                    .into_iter()
                    .filter(|part| !part.bytes.is_empty())
                    .collect();
            }
            start += line.len();
        }
        vec![whole(bytes)]
    }
}

/// Whether a client's line is a message: `@login text`, or the same after its tag (rule V4). Nothing else begins so.
fn is_message(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'@' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[u8] = b"typing {}\n#a1 @bob one\n#a2 @bob two\n";

    fn text(leaving: Vec<Leaving>) -> String {
        let bytes = leaving.into_iter().flat_map(|leaving| match leaving {
            Leaving::Bytes(bytes) => bytes,
            Leaving::End => b"<end>".to_vec(),
        });
        String::from_utf8(bytes.collect()).unwrap()
    }

    fn armed(fault: MessageFault) -> Faults {
        let mut faults = Faults::default();
        faults.arm(Some(fault));
        faults
    }

    #[test]
    fn without_faults_everything_leaves_as_it_was_written() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        let written = faults.write(LINES.to_vec()).unwrap();
        assert_eq!((written.len(), written[0].fault), (1, None));
        faults.finish();
        let expected = format!("{}<end>", String::from_utf8_lossy(LINES));
        assert_eq!(text(faults.leaving(now)), expected);
        assert_eq!(faults.deadline(), None);
    }

    #[test]
    fn only_the_next_message_is_dropped_or_doubled() {
        let now = Instant::now();
        for (fault, expected) in [
            (MessageFault::Drop, "typing {}\n#a2 @bob two\n"),
            (
                MessageFault::Double,
                "typing {}\n#a1 @bob one\n#a1 @bob one\n#a2 @bob two\n",
            ),
        ] {
            let mut faults = armed(fault);
            let written = faults.write(LINES.to_vec()).unwrap();
            let said: Vec<u8> = written.iter().flat_map(|part| part.bytes.clone()).collect();
            assert_eq!(said, LINES, "the app has said all of it");
            assert_eq!(written[1].bytes, b"#a1 @bob one\n");
            assert_eq!(written[1].fault, Some(fault));
            assert_eq!(text(faults.leaving(now)), expected);
            assert_eq!(faults.active(), ActiveFaults::default(), "once");
        }
    }

    #[test]
    fn the_second_half_of_a_line_and_all_after_it_come_later() {
        let now = Instant::now();
        let mut faults = armed(MessageFault::Split);
        faults.write(b"#a1 @bob\n".to_vec()).unwrap();
        faults.write(b"ping\n".to_vec()).unwrap();
        assert_eq!(text(faults.leaving(now)), "#a1 ");
        assert_eq!(text(faults.leaving(now)), "");
        let later = faults.deadline().unwrap();
        assert_eq!(later, now + BETWEEN_HALVES);
        assert_eq!(text(faults.leaving(later)), "@bob\nping\n");
    }

    #[test]
    fn lines_without_an_end_are_neither_split_nor_doubled() {
        let now = Instant::now();
        for fault in [MessageFault::Split, MessageFault::Double] {
            let mut faults = armed(fault);
            faults.write(b"@bob one".to_vec()).unwrap();
            assert_eq!(text(faults.leaving(now)), "@bob one");
            assert_eq!(faults.active().next_message, Some(fault));
        }
        let mut faults = armed(MessageFault::Drop);
        faults.write(b"@bob one".to_vec()).unwrap();
        assert_eq!(text(faults.leaving(now)), "");
    }

    #[test]
    fn what_is_held_passes_in_order_when_its_time_has_come() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        let time = Duration::from_secs(5);
        faults.hold(now, time);
        faults.write(b"#a1 @bob one\n".to_vec()).unwrap();
        faults.finish();
        assert_eq!(text(faults.leaving(now)), "");
        assert_eq!(faults.held_until(now), Some(now + time));
        assert!(!faults.is_released(now));
        let then = faults.deadline().unwrap();
        assert!(faults.is_released(then) && !faults.is_released(then));
        assert_eq!(faults.held_until(then), None);
        assert_eq!(text(faults.leaving(then)), "#a1 @bob one\n<end>");
        assert_eq!(faults.heard_at(now), then);
    }

    #[test]
    fn what_waits_has_a_bound() {
        let (mut faults, now) = (Faults::default(), Instant::now());
        faults.hold(now, Duration::from_secs(5));
        assert!(faults.write(vec![b'x'; WAITING]).is_ok());
        assert_eq!(faults.write(b"ping\n".to_vec()), Err(TooMuch));
    }

    #[test]
    fn a_new_connection_is_not_held_and_gets_nothing_of_the_last_one() {
        let (mut faults, now) = (armed(MessageFault::LoseAnswer), Instant::now());
        faults.write(b"#a1 @bob one\n".to_vec()).unwrap();
        faults.arm(Some(MessageFault::Drop));
        faults.hold(now, Duration::from_secs(5));
        faults.begin_connection();
        assert!(!faults.loses_answer() && faults.leaving(now).is_empty());
        assert_eq!(faults.deadline(), None);
        assert_eq!(faults.active().next_message, Some(MessageFault::Drop));
    }

    #[test]
    fn when_the_faults_end_everything_passes_at_once() {
        let (mut faults, now) = (armed(MessageFault::Split), Instant::now());
        faults.hold(now, Duration::from_secs(5));
        faults.write(LINES.to_vec()).unwrap();
        faults.end(now);
        assert_eq!(
            text(faults.leaving(now)).as_bytes(),
            LINES,
            "nothing is lost"
        );
        assert_eq!(faults.deadline(), None);
    }
}
