//! The rules of the assignment as a pure function: from the lines of one read to what follows from
//! them. No socket, file or clock.

use mensageiro_protocol::{Addressed, Login, classic::Request};

use crate::{
    commit::Draft,
    model::{event::Target, message::MessageId},
    state::Outcome,
};

/// A plan with this many drafts takes no more lines.
const MOST_DRAFTS: usize = 1024;

/// What follows from the lines of one read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    /// The messages to store, in the order of their lines (rule S7).
    pub drafts: Vec<Draft>,
    /// One answer for each line (rule S10), in order.
    pub answers: Vec<Answer>,
    /// Why lines were discarded, one entry for each (rule S8).
    pub discarded: Vec<Discarded>,
}

/// One answer: the user's new messages, then `f`.
///
/// Lines of one read are stored together and answered together. But each answer holds only what it
/// would have held if the lines had arrived one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How many drafts of the plan belong to this line and the lines before it.
    drafts_so_far: usize,
    /// Whether a later line of the plan has a draft.
    more_follow: bool,
}

/// Why a line was discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// The line is neither empty nor `@recipient text`.
    NotAMessage,
    /// There is no such user.
    UnknownRecipient(Login),
}

impl Plan {
    /// Applies rules S6 to S11 to the lines of one user, as far as one plan goes. The remaining
    /// lines belong to the next plan.
    pub fn new(
        requests: &mut impl Iterator<Item = Request>,
        recipient: impl Fn(&Login) -> Option<Target>,
    ) -> Self {
        let most = requests.size_hint().0.min(MOST_DRAFTS);
        let mut plan = Self {
            drafts: Vec::with_capacity(most),
            answers: Vec::with_capacity(most),
            discarded: Vec::new(),
        };
        while plan.drafts.len() < MOST_DRAFTS {
            let Some(request) = requests.next() else {
                break;
            };
            match request {
                Request::Poll => {}
                Request::Discard | Request::Control => plan.discarded.push(Discarded::NotAMessage),
                Request::Send(message) => plan.send(message, &recipient),
            }
            let drafts_so_far = plan.drafts.len();
            plan.answers.push(Answer {
                drafts_so_far,
                more_follow: false,
            });
        }
        let drafts = plan.drafts.len();
        for answer in &mut plan.answers {
            answer.more_follow = answer.drafts_so_far < drafts;
        }
        plan
    }

    fn send(
        &mut self,
        Addressed { login: to, text }: Addressed,
        recipient: impl Fn(&Login) -> Option<Target>,
    ) {
        match recipient(&to) {
            None => self.discarded.push(Discarded::UnknownRecipient(to)),
            Some(to) => self.drafts.push(Draft {
                to,
                tag: None,
                about: None,
                file: None,
                text,
            }),
        }
    }
}

impl Answer {
    /// The answer to a line that sent nothing and that nothing follows.
    pub const ALL: Self = Self {
        drafts_so_far: 0,
        more_follow: false,
    };

    /// The newest message that this answer may hold, given the outcomes of the plan's drafts.
    pub fn last(self, outcomes: &[Outcome]) -> MessageId {
        let later = outcomes.iter().skip(self.drafts_so_far);
        let ids = later.filter_map(|outcome| match outcome {
            Outcome::Accepted { id, .. } => Some(*id),
            Outcome::Repeat { .. } | Outcome::Refused(_) => None,
        });
        let next = ids.take(usize::from(self.more_follow)).next();
        next.map_or(MessageId::MAX, |next| MessageId(next.0 - 1))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::state::Refusal;

    fn plan(lines: &[&str]) -> Plan {
        let mut requests = lines.iter().map(|line| Request::parse(line.as_bytes()));
        Plan::new(&mut requests, |to| match to.as_str() {
            "ana" | "bob" | "carla" => Some(Target::User(to.clone())),
            "class" => Some(Target::Group(to.clone())),
            _ => None,
        })
    }

    /// The outcomes if the drafts get ids from 7 on.
    fn accepted(drafts: usize) -> Vec<Outcome> {
        let ids = (7..).map(MessageId).take(drafts);
        let accepted = ids.map(|id| Outcome::Accepted {
            id,
            sent_at: Timestamp::UNIX_EPOCH,
        });
        accepted.collect()
    }

    fn check(lines: &[&str], drafts: &[&str], last: &[u64]) {
        let plan = plan(lines);
        let texts: Vec<_> = plan
            .drafts
            .iter()
            .map(|draft| draft.text.as_str())
            .collect();
        assert_eq!(texts, drafts);
        let ends: Vec<_> = plan
            .answers
            .iter()
            .map(|answer| answer.last(&accepted(texts.len())).0)
            .collect();
        assert_eq!(ends, last);
    }

    #[test]
    fn each_line_has_one_answer() {
        check(&[""], &[], &[u64::MAX]);
        check(&["@bob hi"], &["hi"], &[u64::MAX]);
        check(&["nonsense", "@nobody hi"], &[], &[u64::MAX, u64::MAX]);
    }

    #[test]
    fn an_answer_never_holds_what_a_later_line_sends() {
        check(
            &["", "@ana 1", "", "@ana 2", ""],
            &["1", "2"],
            &[6, 7, 7, u64::MAX, u64::MAX],
        );
    }

    #[test]
    fn what_goes_nowhere_is_named() {
        let unknown = Discarded::UnknownRecipient(Login::parse("zoe").unwrap());
        assert_eq!(
            plan(&["f", "@zoe hi"]).discarded,
            [Discarded::NotAMessage, unknown]
        );
    }

    #[test]
    fn what_is_refused_later_ends_no_answer() {
        let plan = plan(&["@ana 1", "@class 2", "@bob 3"]);
        let mut outcomes = accepted(3);
        let login = Login::parse("class").unwrap();
        assert_eq!(plan.drafts[1].to, Target::Group(login.clone()));
        outcomes[1] = Outcome::Refused(Refusal::NotAMember(login));
        let ends = plan.answers.iter().map(|answer| answer.last(&outcomes).0);
        assert_eq!(ends.collect::<Vec<_>>(), [8, 8, u64::MAX]);
    }

    #[test]
    fn a_plan_is_bounded_and_the_next_one_goes_on() {
        let mut requests = (0..3_000).map(|_| Request::parse(b"@class hi"));
        let recipient = |to: &Login| Some(Target::Group(to.clone()));
        let mut answers = Vec::new();
        loop {
            let plan = Plan::new(&mut requests, recipient);
            if plan.answers.is_empty() {
                break;
            }
            assert!(plan.drafts.len() <= MOST_DRAFTS);
            answers.push(plan.answers.len());
        }
        assert_eq!(answers.iter().sum::<usize>(), 3_000);
    }
}
