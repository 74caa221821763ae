//! The rules of the assignment as a pure function: what one read of the socket brought, and what
//! follows from it. No socket, file or clock.

use mensageiro_protocol::{Addressed, Login, classic::Request};

use crate::message::{Draft, MessageId, Recipient};

/// A plan with this many drafts takes no more lines.
const MOST_DRAFTS: usize = 1024;

/// What follows from the lines that one read brought.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    /// The messages to store, in the order of their lines (rule S7).
    pub drafts: Vec<Draft>,
    /// For each line one answer (rule S10), in order.
    pub answers: Vec<Answer>,
    /// Why a message went nowhere, one for each line that was discarded (rule S8).
    pub discarded: Vec<Discarded>,
}

/// One answer: the user's new messages, then `f`.
///
/// Lines that come in one read are stored together and answered together, but each answer
/// holds only what it would have held had the lines come one by one.
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
    /// There is such a group, but the sender does not belong to it.
    NotAMember(Login),
}

impl Plan {
    /// Applies rules S6 to S11 to the lines of one user, as far as one plan goes; lines that are
    /// left belong to the next plan.
    pub fn new(
        from: &Login,
        requests: &mut impl Iterator<Item = Request>,
        recipient: impl Fn(&Login) -> Option<Recipient>,
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
                Request::Send(message) => plan.send(from, message, &recipient),
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
        from: &Login,
        Addressed { login: to, text }: Addressed,
        recipient: impl Fn(&Login) -> Option<Recipient>,
    ) {
        match recipient(&to) {
            None => self.discarded.push(Discarded::UnknownRecipient(to)),
            Some(Recipient::Group(group, members)) if !members.contains(from) => {
                self.discarded.push(Discarded::NotAMember(group));
            }
            Some(to) => self.drafts.push(Draft {
                from: from.clone(),
                to,
                missed_by: None,
                tag: None,
                text,
            }),
        }
    }
}

impl Answer {
    /// To a line that nothing follows and that sent nothing.
    pub const ALL: Self = Self {
        drafts_so_far: 0,
        more_follow: false,
    };

    /// The newest message this answer may hold, when the first draft of the plan became `first`.
    pub fn last(self, first: MessageId) -> MessageId {
        if self.more_follow {
            MessageId(first.0 + self.drafts_so_far as u64 - 1)
        } else {
            MessageId::MAX
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn plan(lines: &[&str]) -> Plan {
        let login = |name: &str| Login::parse(name).unwrap();
        let mut requests = lines.iter().map(|line| Request::parse(line.as_bytes()));
        Plan::new(&login("ana"), &mut requests, |to| match to.as_str() {
            "ana" | "bob" | "carla" => Some(Recipient::User(to.clone())),
            "class" => Some(group(to, &["ana", "bob", "carla"])),
            "others" => Some(group(to, &["bob", "carla"])),
            _ => None,
        })
    }

    fn group(name: &Login, members: &[&str]) -> Recipient {
        let members = members
            .iter()
            .map(|name| Login::parse(name).unwrap())
            .collect();
        Recipient::Group(name.clone(), Arc::new(members))
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
            .map(|answer| answer.last(MessageId(7)).0)
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
    fn a_group_message_is_one_draft_and_only_members_write_one() {
        let plan = plan(&["@class hi", "@others hi"]);
        let class = Login::parse("class").unwrap();
        let to: Vec<_> = plan.drafts.iter().map(|draft| &draft.to).collect();
        assert_eq!(to, [&group(&class, &["ana", "bob", "carla"])]);
        let not_a_member = Discarded::NotAMember(Login::parse("others").unwrap());
        assert_eq!(plan.discarded, [not_a_member]);
        assert_eq!(plan.answers[0].last(MessageId(7)), MessageId::MAX);
    }

    #[test]
    fn a_plan_is_bounded_and_the_next_one_goes_on() {
        let ana = Login::parse("ana").unwrap();
        let mut requests = (0..3_000).map(|_| Request::parse(b"@class hi"));
        let recipient = |to: &Login| Some(group(to, &["ana", "bob", "carla"]));
        let mut answers = Vec::new();
        loop {
            let plan = Plan::new(&ana, &mut requests, recipient);
            if plan.answers.is_empty() {
                break;
            }
            assert!(plan.drafts.len() <= MOST_DRAFTS);
            answers.push(plan.answers.len());
        }
        assert_eq!(answers.iter().sum::<usize>(), 3_000);
    }
}
