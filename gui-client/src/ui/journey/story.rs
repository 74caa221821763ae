//! The steps of a message's journey, in order.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    engine::{Delivery, Message, MessageFault, Receipt},
    model::{Attempt, AttemptStep, Session},
    texts::Texts,
    ui::{View, peer_name},
};

/// The most readers of a group's message that are shown one by one; the others are counted.
const READERS: usize = 3;

/// A line that one participant sends to another.
#[derive(Clone)]
pub(super) struct Step {
    /// The sender's index among the participants.
    pub(super) from: usize,
    /// The receiver's index among the participants.
    pub(super) to: usize,
    pub(super) words: String,
    /// The most important part of the words.
    pub(super) number: Option<String>,
    /// The line is the message itself, unchanged.
    pub(super) goes_on: bool,
    /// The time, as text.
    pub(super) time: Option<String>,
    pub(super) fate: Fate,
}

/// Whether a line comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    /// It is lost on the way.
    Lost,
    /// It is no line: what happens lies between the two.
    Between,
}

/// The participants and the steps, in order.
pub(super) struct Story {
    /// The person, the server, and the readers.
    pub(super) names: Vec<String>,
    pub(super) steps: Vec<Step>,
    /// The sentence about readers who are not shown.
    pub(super) more: Option<String>,
}

/// The server's index among the participants.
pub(super) const SERVER: usize = 1;

impl Story {
    pub(super) fn of(view: &View<'_>, session: &Session, message: &Message) -> Self {
        let texts = view.texts;
        let receipts = &message.receipts;
        let mut names = vec![
            session.account.login.as_str().to_owned(),
            texts.get("journey.server").to_owned(),
        ];
        let (shown, others) = receipts.split_at(receipts.len().min(READERS));
        names.extend(shown.iter().map(|receipt| receipt.by.as_str().to_owned()));
        let with = peer_name(texts, &message.with);
        if shown.is_empty() {
            names.push(with.to_owned());
        }
        let said = format!("@{with} {}", message.text.as_str());
        // If a message has an id, `at` is the server's time.
        let accepted = message.server_id.map(|_| message.at);
        let sent = match accepted {
            Some(_) => message.written,
            None => Some(message.at),
        };
        let clock = |at: Timestamp| clock(view.zone, at);
        let attempts = view.model.inspector.attempts(message);
        let mut steps = attempt_steps(view, &attempts, &said);
        if steps.is_empty() {
            steps.push(Step {
                time: sent.map(clock),
                ..Step::new(0, SERVER, &said)
            });
        }
        if message.delivery == Delivery::Accepted && attempts.is_empty() {
            steps.push(Step {
                time: accepted.map(clock),
                ..Step::accepted(texts, message.server_id)
            });
        }
        for (reader, receipt) in (SERVER + 1..).zip(shown) {
            if receipt.delivered.or(receipt.read).is_some() {
                steps.push(Step {
                    goes_on: true,
                    ..Step::new(SERVER, reader, &said)
                });
            }
        }
        steps.extend(receipt_steps(view, shown, accepted));
        let more = (!others.is_empty()).then(|| {
            let read = others.iter().filter(|other| other.read.is_some()).count();
            let read = texts.number(read);
            texts.count_with("journey.more", others.len(), &[("read", &read)])
        });
        Self { names, steps, more }
    }

    /// The steps as text for a screen reader.
    pub(super) fn spoken(&self, view: &View<'_>) -> String {
        let steps = self.steps.iter().map(|step| {
            view.texts.fill(
                match step.fate {
                    Fate::Arrives => "journey.step",
                    Fate::Lost => "journey.step_lost",
                    Fate::Between => "journey.step_between",
                },
                &[
                    ("from", &self.names[step.from]),
                    ("to", &self.names[step.to]),
                    ("text", &step.words),
                ],
            )
        });
        let all: Vec<String> = steps.chain(self.more.clone()).collect();
        all.join(" ")
    }
}

impl Step {
    fn new(from: usize, to: usize, words: &str) -> Self {
        Self {
            from,
            to,
            words: words.to_owned(),
            number: None,
            goes_on: false,
            time: None,
            fate: Fate::Arrives,
        }
    }

    fn accepted(texts: &Texts, id: Option<u64>) -> Self {
        let number = id.map(|id| format!("#{id}"));
        let mut words = texts.get("delivery.accepted").to_owned();
        if let Some(number) = &number {
            words = format!("{words} {number}");
        }
        Self {
            number,
            ..Self::new(SERVER, 0, &words)
        }
    }
}

/// The steps of sending it more than once, or with a fault on the way.
fn attempt_steps(view: &View<'_>, attempts: &[Attempt], said: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for Attempt { at, step } in attempts {
        let step = match step {
            AttemptStep::Sent { tag, fault } => {
                let tag = format!("#{tag}");
                let words = format!("{tag} {said}");
                let sent = Step {
                    number: Some(tag),
                    fate: match fault {
                        Some(MessageFault::Drop) => Fate::Lost,
                        _ => Fate::Arrives,
                    },
                    ..Step::new(0, SERVER, &words)
                };
                if *fault == Some(MessageFault::Double) {
                    steps.push(Step {
                        time: Some(clock(view.zone, *at)),
                        ..sent.clone()
                    });
                }
                sent
            }
            AttemptStep::Accepted { id, is_lost } => Step {
                fate: match is_lost {
                    true => Fate::Lost,
                    false => Fate::Arrives,
                },
                ..Step::accepted(view.texts, Some(*id))
            },
            AttemptStep::ConnectionLost => Step {
                fate: Fate::Between,
                ..Step::new(0, SERVER, view.texts.get("journey.connection_lost"))
            },
        };
        let time = Some(clock(view.zone, *at));
        steps.push(Step { time, ..step });
    }
    steps
}

/// The steps of receipts, from each reader through the server to the person, in the order of their times.
fn receipt_steps(
    view: &View<'_>,
    shown: &[Receipt],
    accepted: Option<Timestamp>,
) -> impl Iterator<Item = Step> {
    let mut steps = Vec::new();
    for (reader, receipt) in (SERVER + 1..).zip(shown) {
        for (key, at) in [
            ("delivery.delivered", receipt.delivered),
            ("delivery.read", receipt.read),
        ] {
            let Some(at) = at else {
                continue;
            };
            for (from, to) in [(reader, SERVER), (SERVER, 0)] {
                let time = Some(later_words(view, at, accepted));
                let step = Step::new(from, to, view.texts.get(key));
                steps.push((at, Step { time, ..step }));
            }
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    steps.into_iter().map(|(_, step)| step)
}

/// The time since the acceptance. Both times are by the server's clock.
fn later_words(view: &View<'_>, at: Timestamp, accepted: Option<Timestamp>) -> String {
    let later = accepted.map(|accepted| at.duration_since(accepted).as_millis());
    later
        .and_then(|later| duration(view.texts, later))
        .unwrap_or_else(|| clock(view.zone, at))
}

fn clock(zone: &TimeZone, at: Timestamp) -> String {
    zone.to_datetime(at).strftime("%H:%M:%S%.3f").to_string()
}

/// A short duration as text; `None` if it is so long that the time of day says more.
fn duration(texts: &Texts, milliseconds: i128) -> Option<String> {
    Some(match milliseconds {
        0..1000 => texts.fill("journey.later_ms", &[("count", &milliseconds.to_string())]),
        1000..10_000 => {
            let tenths = milliseconds / 100;
            let point = texts.get("number.decimal");
            let seconds = format!("{}{point}{}", tenths / 10, tenths % 10);
            texts.fill("journey.later_s", &[("count", &seconds)])
        }
        10_000..600_000 => {
            let seconds = (milliseconds / 1000).to_string();
            texts.fill("journey.later_s", &[("count", &seconds)])
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;

    #[test]
    fn seconds_have_the_decimal_sign_of_the_language() {
        let (english, portuguese) = (
            Texts::of(Language::English),
            Texts::of(Language::Portuguese),
        );
        assert_eq!(duration(english, 12).unwrap(), "+12 ms");
        assert_eq!(duration(english, 999).unwrap(), "+999 ms");
        assert_eq!(duration(english, 4_100).unwrap(), "+4.1 s");
        assert_eq!(duration(portuguese, 4_100).unwrap(), "+4,1 s");
        assert_eq!(duration(portuguese, 61_000).unwrap(), "+61 s");
        assert_eq!(duration(english, 600_000), None);
        assert_eq!(duration(english, -1), None);
    }
}
