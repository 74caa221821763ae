use std::{
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use jiff::Timestamp;
use mensageiro_protocol::{live, trust::InviteLink};

use super::OpenAccount;
use crate::engine::{
    Answer, Device, Event, Invited, Request, RequestProblem, ServerAddress, hosting::own_addresses,
};

/// A connection within this computer takes much less.
const LOCAL: Duration = Duration::from_millis(200);

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
                        host: seen_by_others(server.host, server.port),
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

/// How others reach a host. Who calls it `localhost` is at the server's own computer: then it is an address of this
/// computer at which the server answers, if there is one.
fn seen_by_others(host: String, port: u16) -> String {
    let is_here = match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    let own = is_here
        .then(own_addresses)
        .and_then(|own| own.into_iter().find(|own| is_reached(*own, port)));
    own.map_or(host, |own| own.to_string())
}

fn is_reached(own: IpAddr, port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::new(own, port), LOCAL).is_ok()
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
