//! Which messages at the start of a session repeat those of the last one.
//!
//! After a link broke, nobody knows how much the server counts as read. It sends the rest again
//! from the start, in the same order. So the first messages of a session are either a suffix of
//! those that were not surely acknowledged (the *unsure* ones), complete, followed by new ones; or
//! all of them are new. Which suffix it is shows only once it is complete.

/// Determines how many of the unsure messages come again.
#[derive(Debug)]
pub(super) struct Repeats {
    /// Ids of the unsure messages, in the order they came.
    unsure: Vec<i64>,
    /// The indices in `unsure` at which the repeat may start: rising, each equal to everything that
    /// came so far.
    starts: Vec<usize>,
    /// How many messages of this session have been compared.
    taken: usize,
    /// The result is known: everything from now on is new.
    settled: bool,
}

/// The result of the comparison.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Not known yet: this message is held back.
    Open,
    /// Known; [`Repeats`] is done.
    Known {
        /// The newest unsure message that did not come again: the server counts it, and all
        /// before it, as read.
        read_up_to: Option<i64>,
        /// Messages that were held back and are new after all: each has the text of the unsure
        /// message with this id.
        new: Vec<i64>,
    },
}

impl Repeats {
    /// `unsure`: ids of the unsure messages in order; `turn`: how many of them came before our
    /// last line, which a server may have taken as the sign that they are read.
    pub(super) fn new(unsure: Vec<i64>, turn: usize) -> Self {
        let starts = match turn {
            _ if unsure.is_empty() => vec![],
            turn if turn == 0 || turn >= unsure.len() => vec![0],
            turn => vec![0, turn],
        };
        Self {
            unsure,
            starts,
            taken: 0,
            settled: false,
        }
    }

    /// Whether the result is still unknown.
    pub(super) fn is_open(&self) -> bool {
        !self.settled
    }

    /// Takes the next message of the session. `same` tells whether it says the same as the
    /// unsure message with this id. A message that makes it [`Finding::Known`] is itself new.
    pub(super) fn next<E>(
        &mut self,
        mut same: impl FnMut(i64) -> Result<bool, E>,
    ) -> Result<Finding, E> {
        let witness = self.starts.first().copied();
        let mut alive = Vec::new();
        for &start in &self.starts {
            let is_alive = match self.unsure.get(start + self.taken) {
                Some(&id) => same(id)?,
                None => true,
            };
            if is_alive {
                alive.push(start);
            }
        }
        self.starts = alive;
        match self.starts.first() {
            Some(&start) if !self.is_complete(start) => {
                self.taken += 1;
                Ok(Finding::Open)
            }
            start => Ok(self.known(start.copied(), witness)),
        }
    }

    /// The end mark of the first round: nothing more is repeated.
    pub(super) fn end(&mut self) -> Finding {
        let complete = self
            .starts
            .iter()
            .copied()
            .find(|&start| self.is_complete(start));
        self.known(complete, self.starts.first().copied())
    }

    fn is_complete(&self, start: usize) -> bool {
        start + self.taken >= self.unsure.len()
    }

    /// `witness`: a start whose messages equal all that was kept back.
    fn known(&mut self, start: Option<usize>, witness: Option<usize>) -> Finding {
        self.settled = true;
        let start = start.unwrap_or(self.unsure.len());
        let repeated = self.unsure.len() - start;
        let kept_back = witness.map_or(&[][..], |witness| {
            &self.unsure[witness..self.unsure.len().min(witness + self.taken)]
        });
        Finding::Known {
            read_up_to: start.checked_sub(1).map(|last| self.unsure[last]),
            new: kept_back.get(repeated..).unwrap_or_default().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// What is shown of `session` if the letters of `unsure` were shown before; `ended`: the
    /// session's first round came to its end mark.
    fn shown(unsure: &str, turn: usize, session: &str, ended: bool) -> String {
        let texts: Vec<char> = unsure.chars().collect();
        let text = |id: i64| texts[usize::try_from(id).unwrap()];
        let mut repeats = Some(Repeats::new((0..).take(texts.len()).collect(), turn));
        let mut shown = String::new();
        for message in session.chars() {
            if let Some(open) = &mut repeats {
                match open
                    .next(|id| Ok::<_, Infallible>(text(id) == message))
                    .unwrap()
                {
                    Finding::Open => continue,
                    Finding::Known { new, .. } => shown.extend(new.into_iter().map(text)),
                }
                repeats = None;
            }
            shown.push(message);
        }
        if let (true, Some(mut open)) = (ended, repeats) {
            let Finding::Known { new, .. } = open.end() else {
                panic!("the end settles it")
            };
            shown.extend(new.into_iter().map(text));
        }
        shown
    }

    #[test]
    fn nothing_unsure_means_all_is_new() {
        assert_eq!(shown("", 0, "abc", true), "abc");
    }

    #[test]
    fn what_comes_again_from_the_start_is_not_shown_twice() {
        assert_eq!(shown("abc", 0, "abc", true), "");
        assert_eq!(shown("abc", 0, "abcde", true), "de");
        assert_eq!(shown("aab", 0, "aabaab", true), "aab");
    }

    #[test]
    fn what_does_not_come_again_was_read() {
        assert_eq!(shown("abc", 0, "xyz", true), "xyz");
        assert_eq!(shown("abc", 0, "ab", true), "ab");
        assert_eq!(shown("abc", 0, "abx", true), "abx");
        assert_eq!(shown("abc", 0, "", true), "");
    }

    #[test]
    fn what_came_before_our_last_line_may_be_read_and_the_rest_not() {
        assert_eq!(shown("abcd", 2, "cdx", true), "x");
        assert_eq!(shown("abcd", 2, "abcdx", true), "x");
        assert_eq!(shown("abcd", 2, "cx", true), "cx");
        assert_eq!(shown("aabaab", 3, "aab", true), "");
        assert_eq!(shown("aabaab", 3, "aabaaby", true), "y");
        assert_eq!(shown("aabaab", 3, "aabaay", true), "aay");
    }

    #[test]
    fn a_session_that_breaks_before_it_is_clear_shows_nothing_yet() {
        assert_eq!(shown("abc", 0, "ab", false), "");
        assert_eq!(shown("abc", 0, "abcd", false), "d");
    }

    proptest! {
        /// Whatever repeats itself inside the messages: a server that sends again all it does
        /// not count as read leads to each message shown once.
        #[test]
        fn a_server_that_repeats_is_shown_once(
            unsure in "[ab]{0,8}", new in "[c]{0,4}", turn in 0_usize..9, is_turn_read: bool,
        ) {
            let read = if is_turn_read && turn < unsure.len() { turn } else { 0 };
            let session = format!("{}{new}", &unsure[read..]);
            prop_assert_eq!(shown(&unsure, turn, &session, true), new);
        }
    }
}
