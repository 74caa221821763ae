use jiff::Timestamp;
use mensageiro_protocol::{live, trust::InviteLink};

use super::OpenAccount;
use crate::engine::{Answer, Device, Event, Invited, Request, RequestProblem, ServerAddress};

/// What a server answers to requests about devices, users and groups.
impl OpenAccount {
    pub(super) fn tell_answer(
        &self,
        request: Request,
        answer: Result<live::Event, RequestProblem>,
    ) {
        let answer = answer.and_then(|event| self.answer(event).ok_or(RequestProblem::Other));
        self.tell.event(Event::Administered { request, answer });
    }

    /// `None`: it makes no sense.
    fn answer(&self, event: live::Event) -> Option<Answer> {
        Some(match event {
            live::Event::Devices(listed) => {
                Answer::Devices(listed.devices.into_iter().map(device).collect())
            }
            live::Event::Invited(invited) => {
                let server = ServerAddress::parse(&self.account.server).ok()?;
                Answer::Invited(Invited {
                    link: InviteLink {
                        host: server.host,
                        port: server.port,
                        login: invited.login,
                        // What is not encrypted has no devices.
                        key: self.channel.encryption.as_ref()?.fingerprint,
                        code: invited.code,
                    },
                    until: timestamp(invited.until),
                })
            }
            live::Event::NewKey(key) => Answer::ProgramKey(key.key),
            _ => Answer::Done,
        })
    }
}

fn device(device: live::Device) -> Device {
    Device {
        id: device.id,
        name: device.name,
        is_program: device.program,
        added: timestamp(device.added),
        seen: device.seen.map(timestamp),
        is_this: device.you,
    }
}

/// A time of the server; one that cannot be is in the past.
fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}
