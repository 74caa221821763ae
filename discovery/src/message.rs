//! The packets of multicast DNS, as bytes.

use std::{net::Ipv4Addr, time::Duration};

use mensageiro_protocol::Name;
use simple_dns::{
    CLASS, Label, Name as Domain, OPCODE, Packet, PacketFlag, Question, RCODE, ResourceRecord,
    TYPE,
    rdata::{A, PTR, RData, SRV, TXT},
};

use crate::{Announcement, Found, announcement::KEY_CHARS};

/// How long an announcement holds, in seconds.
pub(crate) const TTL: u32 = 120;

/// The same in an answer to a program that knows no multicast DNS and may keep it longer than it should.
const LEGACY_TTL: u32 = 10;

/// Where all servers are listed, and the list of all kinds of services.
const SERVICE: [&str; 3] = ["_mensageiro", "_tcp", "local"];
const KINDS: [&str; 4] = ["_services", "_dns-sd", "_udp", "local"];

/// A packet with more questions and records than these is not read.
const MOST_ITEMS: usize = 256;

/// Servers that are read of one packet, and addresses of each.
const MOST_SERVERS: usize = 16;
const MOST_ADDRESSES: usize = 8;

/// Questions of one packet that are repeated in its answer.
const MOST_QUESTIONS: usize = 4;

/// Bytes of a name that are announced.
const NAME_BYTES: usize = 200;

/// What a packet says about a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is there, for so long.
    Here(String, Found, Duration),
    /// It has gone.
    Gone(String),
}

/// The questions of a packet that concern a server.
pub(crate) struct Asked<'a> {
    id: u16,
    questions: Vec<Question<'a>>,
}

/// Reads a packet. `None`: it is none, or none that anybody would send in earnest.
pub(crate) fn read(bytes: &[u8]) -> Option<Packet<'_>> {
    let counts = bytes.get(4..12)?.chunks_exact(2);
    let counts = counts.map(|count| usize::from(u16::from_be_bytes([count[0], count[1]])));
    if counts.sum::<usize>() > MOST_ITEMS {
        return None;
    }
    let packet = Packet::parse(bytes).ok()?;
    let is_plain = packet.opcode() == OPCODE::StandardQuery && packet.rcode() == RCODE::NoError;
    is_plain.then_some(packet)
}

/// The question which servers there are.
pub(crate) fn ask_for_servers() -> Vec<u8> {
    question(domain(&SERVICE), TYPE::PTR)
}

/// The question for the address of a name of two labels, of which the second is `local`.
pub(crate) fn ask_for_address(label: &str) -> Vec<u8> {
    question(domain(&[label, "local"]), TYPE::A)
}

fn question(name: Domain<'_>, kind: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(0);
    let question = Question::new(name, kind.into(), CLASS::IN.into(), false);
    packet.questions.push(question);
    written(&packet)
}

/// What a question packet asks of this server and does not know yet.
pub(crate) fn asked<'a>(packet: Packet<'a>, of: &Announcement) -> Option<Asked<'a>> {
    if packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let id = packet.id();
    let records = records(of, &[Ipv4Addr::UNSPECIFIED], TTL);
    let knows = |record: &ResourceRecord<'_>| {
        let mut known = packet.answers.iter();
        known.any(|known| known == record && known.ttl >= TTL / 2)
    };
    let is_asked = |question: &Question<'_>| {
        records.iter().any(|record| {
            record.name == question.qname
                && record.match_qtype(question.qtype)
                && record.match_qclass(question.qclass)
                && !knows(record)
        })
    };
    let questions = packet.questions.iter().filter(|one| is_asked(one));
    let questions: Vec<_> = questions.take(MOST_QUESTIONS).cloned().collect();
    (!questions.is_empty()).then_some(Asked { id, questions })
}

/// The announcement for a network in which the server has these addresses.
pub(crate) fn announce(what: &Announcement, addresses: &[Ipv4Addr]) -> Vec<u8> {
    response(records(what, addresses, TTL))
}

/// Says that the server has gone.
pub(crate) fn goodbye(what: &Announcement, addresses: &[Ipv4Addr]) -> Vec<u8> {
    response(records(what, addresses, 0))
}

fn response(records: Vec<ResourceRecord<'_>>) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    // The records that only this server may have replace what others know of them.
    let records = records.into_iter().map(|record| {
        let is_shared = matches!(record.rdata, RData::PTR(_));
        record.with_cache_flush(!is_shared)
    });
    packet.answers = records.collect();
    written(&packet)
}

/// The answer to a program that asked from a port of its own (RFC 6762, 6.7).
pub(crate) fn answer(what: &Announcement, addresses: &[Ipv4Addr], asked: Asked<'_>) -> Vec<u8> {
    let mut packet = Packet::new_reply(asked.id);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet.questions = asked.questions;
    packet.answers = records(what, addresses, LEGACY_TTL);
    written(&packet)
}

fn written(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec_compressed().unwrap_or_else(|error| {
        // No label and no text here is longer than DNS allows.
        tracing::error!("a packet cannot be written: {error}");
        Vec::new()
    })
}

fn records<'a>(
    what: &'a Announcement,
    addresses: &[Ipv4Addr],
    ttl: u32,
) -> Vec<ResourceRecord<'a>> {
    let label = what.label();
    let labels = [
        &[Label::new_unchecked(label.into_bytes())],
        domain(&SERVICE).get_labels(),
    ]
    .concat();
    let instance = Domain::new_with_labels(&labels);
    let host = domain(&[what.host.as_str(), "local"]);
    let record = |name: &Domain<'a>, data| ResourceRecord::new(name.clone(), CLASS::IN, ttl, data);
    let place = SRV {
        priority: 0,
        weight: 0,
        port: what.port,
        target: host.clone(),
    };
    let mut records = vec![
        record(&domain(&SERVICE), RData::PTR(PTR(instance.clone()))),
        record(&domain(&KINDS), RData::PTR(PTR(domain(&SERVICE)))),
        record(&instance, RData::SRV(place)),
        record(&instance, RData::TXT(attributes(what))),
    ];
    let addresses = addresses.iter().map(|address| RData::A(A::from(*address)));
    records.extend(addresses.map(|address| record(&host, address)));
    records
}

fn attributes(what: &Announcement) -> TXT<'static> {
    let name = what.name.as_str();
    let name = &name[..name.floor_char_boundary(NAME_BYTES)];
    let closed = if what.is_closed { "1" } else { "0" };
    let all = [
        ("txtvers", "1"),
        ("name", name),
        ("version", &what.version),
        ("closed", closed),
        ("key", &what.key),
    ];
    let mut text = TXT::new();
    for (key, value) in all {
        // All of them fit.
        let _ = text.add_attribute(key, Some(value.as_bytes()));
    }
    text
}

/// The servers that a packet from this address announces or bids farewell to.
pub(crate) fn heard(packet: &Packet<'_>, from: Ipv4Addr) -> Vec<Heard> {
    if !packet.has_flags(PacketFlag::RESPONSE) {
        return Vec::new();
    }
    let service = domain(&SERVICE);
    let pointers = all_records(packet).filter(|record| record.name == service);
    let heard = pointers.filter_map(|record| match &record.rdata {
        RData::PTR(PTR(instance)) => said_of(packet, instance, record.ttl, from),
        _ => None,
    });
    heard.take(MOST_SERVERS).collect()
}

fn said_of(packet: &Packet<'_>, instance: &Domain<'_>, ttl: u32, from: Ipv4Addr) -> Option<Heard> {
    let label = instance.get_labels().first()?;
    let label = String::from_utf8_lossy(label.as_ref()).to_lowercase();
    if ttl == 0 {
        return Some(Heard::Gone(label));
    }
    let of_it = || all_records(packet).filter(|record| record.name == *instance);
    let (host, port) = of_it().find_map(|record| match &record.rdata {
        RData::SRV(place) => Some((host_name(&place.target)?, place.port)),
        _ => None,
    })?;
    let addresses = addresses(packet, &host);
    // What comes from this computer alone may be about this computer alone.
    let is_here = from.is_loopback();
    let is_reached = addresses
        .iter()
        .any(|address| address.is_loopback() == is_here);
    if port == 0 || !is_reached {
        return None;
    }
    let mut server = Found {
        name: Name::default(),
        host: format!("{host}.local"),
        port,
        is_closed: false,
        key: String::new(),
        is_here,
    };
    if let Some(text) = of_it().find_map(|record| match &record.rdata {
        RData::TXT(text) => Some(text),
        _ => None,
    }) {
        for (key, value) in text.iter_raw() {
            let value = String::from_utf8_lossy(value.unwrap_or_default());
            match key {
                b"name" => server.name = Name::from(&*value),
                b"closed" => server.is_closed = value == "1",
                b"key" => {
                    let letters = value.chars().filter(char::is_ascii_alphanumeric);
                    server.key = letters.take(KEY_CHARS).collect();
                }
                _ => {}
            }
        }
    }
    if server.name.is_empty() {
        server.name = Name::from(label.as_str());
    }
    if server.name.is_empty() {
        server.name = Name::from(host.as_str());
    }
    let ttl = Duration::from_secs(ttl.min(TTL).into());
    Some(Heard::Here(label, server, ttl))
}

/// The addresses that a packet gives for `LABEL.local`; none of them is for many computers.
pub(crate) fn addresses(packet: &Packet<'_>, label: &str) -> Vec<Ipv4Addr> {
    if !packet.has_flags(PacketFlag::RESPONSE) {
        return Vec::new();
    }
    let name = domain(&[label, "local"]);
    let of_it = all_records(packet).filter(|record| record.name == name && record.ttl > 0);
    let addresses = of_it.filter_map(|record| match &record.rdata {
        RData::A(a) => Some(Ipv4Addr::from(a.address)),
        _ => None,
    });
    let is_one = |a: &Ipv4Addr| !a.is_unspecified() && !a.is_multicast() && !a.is_broadcast();
    addresses.filter(is_one).take(MOST_ADDRESSES).collect()
}

/// The first label of a host name of two labels, in small letters.
fn host_name(name: &Domain<'_>) -> Option<String> {
    let [first, second] = name.get_labels() else {
        return None;
    };
    let is_local = second.as_ref().eq_ignore_ascii_case(b"local") && first.is_valid_hostname();
    is_local.then(|| String::from_utf8_lossy(first.as_ref()).to_lowercase())
}

fn all_records<'a, 'b>(packet: &'b Packet<'a>) -> impl Iterator<Item = &'b ResourceRecord<'a>> {
    packet.answers.iter().chain(&packet.additional_records)
}

fn domain<'a>(labels: &[&'a str]) -> Domain<'a> {
    let labels = labels
        .iter()
        .map(|label| Label::new_unchecked(label.as_bytes()));
    Domain::new_with_labels(&labels.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::trust::Fingerprint;
    use proptest::prelude::*;

    use super::*;

    const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
    const THERE: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 7);

    fn said(name: &str) -> Announcement {
        let key = Fingerprint::of(b"abc");
        Announcement::new("sala3", &Name::from(name), 4000, true, key)
    }

    fn found(name: &str) -> Found {
        Found {
            name: Name::from(name),
            host: "sala3-xj4b.local".into(),
            port: 4000,
            is_closed: true,
            key: "XJ4BNP4PAHH6UQKB".into(),
            is_here: false,
        }
    }

    fn heard_in(bytes: &[u8], from: Ipv4Addr) -> Vec<Heard> {
        heard(&read(bytes).unwrap(), from)
    }

    #[test]
    fn an_announcement_is_heard_as_it_was_made() {
        for name in ["Sala 3", "Turma da Ana.local \\ (2)", "教室", "👩‍🏫 1"] {
            let bytes = announce(&said(name), &[THERE]);
            let label = said(name).label().to_lowercase();
            let here = Heard::Here(label.clone(), found(name), Duration::from_secs(120));
            assert_eq!(heard_in(&bytes, THERE), [here]);
            assert_eq!(addresses(&read(&bytes).unwrap(), "SALA3-xj4b"), [THERE]);
            assert!(addresses(&read(&bytes).unwrap(), "sala3").is_empty());
            let bytes = goodbye(&said(name), &[THERE]);
            assert_eq!(heard_in(&bytes, THERE), [Heard::Gone(label)]);
            // Its packets fit into any network.
            assert!(bytes.len() < 512, "{}", bytes.len());
        }
    }

    #[test]
    fn only_this_computer_can_say_what_is_on_this_computer() {
        let bytes = announce(&said("Sala 3"), &[HERE]);
        assert_eq!(heard_in(&bytes, THERE), []);
        let [Heard::Here(_, server, _)] = &heard_in(&bytes, HERE)[..] else {
            panic!("not heard");
        };
        assert!(server.is_here);
        let bytes = announce(&said("Sala 3"), &[THERE]);
        assert_eq!(heard_in(&bytes, HERE), []);
    }

    #[test]
    fn names_of_strangers_are_made_safe() {
        let mut hostile = said("x");
        for (name, host, port, expected) in [
            ("a\u{202e}b\u{7}\n c", "h", 1, Some("a\u{fffd}b␇ c")),
            ("\u{200b}", "h", 1, Some("\u{200b} (xj4b)")),
            ("x", "h", 0, None),
            ("x", "a.b", 1, None),
            ("x", "-h", 1, None),
            ("x", "h\n", 1, None),
        ] {
            hostile.name = Name::from("x");
            (hostile.host, hostile.port) = (host.into(), port);
            let bytes = announce(&hostile, &[THERE]);
            // A program that makes nothing safe.
            let mut packet = read(&bytes).unwrap();
            for record in &mut packet.answers {
                if let RData::TXT(text) = &mut record.rdata {
                    *text = TXT::new();
                    let _ = text.add_attribute("name", Some(name.as_bytes()));
                }
            }
            let heard = heard_in(&written(&packet), THERE);
            let names: Vec<_> = heard
                .iter()
                .map(|heard| match heard {
                    Heard::Here(_, server, _) => server.name.as_str(),
                    Heard::Gone(_) => "gone",
                })
                .collect();
            let expected = expected.map(|name| match name.contains('\u{200b}') {
                true => "x (xj4b)",
                false => name,
            });
            assert_eq!(
                names,
                expected.into_iter().collect::<Vec<_>>(),
                "{name:?} {host:?}"
            );
        }
    }

    #[test]
    fn a_server_is_asked_for_by_its_kind_its_name_and_its_address() {
        let me = said("Sala 3");
        let label = me.label();
        let ask = |labels: &[&str], kind| question(domain(labels), kind);
        let service = ["_Mensageiro", "_TCP", "Local"];
        let instance = [label.as_str(), "_mensageiro", "_tcp", "local"];
        for (bytes, is_for_me) in [
            (ask_for_servers(), true),
            (ask(&service, TYPE::PTR), true),
            (ask(&service, TYPE::SRV), false),
            (ask(&KINDS, TYPE::PTR), true),
            (ask(&instance, TYPE::SRV), true),
            (ask(&instance, TYPE::TXT), true),
            (ask(&instance, TYPE::A), false),
            (ask_for_address("sala3-xj4b"), true),
            (ask(&["sala3-xj4b", "local"], TYPE::AAAA), false),
            (ask_for_address("sala3"), false),
            (ask(&["_ipp", "_tcp", "local"], TYPE::PTR), false),
            (announce(&me, &[THERE]), false),
        ] {
            let asked = asked(read(&bytes).unwrap(), &me);
            assert_eq!(asked.is_some(), is_for_me);
        }
    }

    #[test]
    fn who_knows_the_server_is_not_told_again() {
        let me = said("Sala 3");
        for (ttl, is_asked) in [(TTL, false), (TTL / 2, false), (TTL / 2 - 1, true)] {
            let mut packet = Packet::new_query(0);
            let name = domain(&SERVICE);
            let question = Question::new(name, TYPE::PTR.into(), CLASS::IN.into(), false);
            packet.questions.push(question);
            packet.answers = records(&me, &[THERE], ttl);
            let bytes = written(&packet);
            assert_eq!(asked(read(&bytes).unwrap(), &me).is_some(), is_asked);
        }
    }

    #[test]
    fn a_packet_that_says_it_holds_more_than_anybody_sends_is_not_read() {
        let mut bytes = announce(&said("Sala 3"), &[THERE]);
        bytes[4] = 0xff;
        assert!(read(&bytes).is_none());
        assert!(read(&[]).is_none() && read(&[0; 11]).is_none());
    }

    proptest! {
        #[test]
        fn nothing_that_is_received_is_too_much(bytes: Vec<u8>, from: u32) {
            check(&bytes, from.into());
        }

        #[test]
        fn damaged_announcements_are_no_more(
            changes in prop::collection::vec((0..400_usize, any::<u8>()), 1..20),
            from: u32,
        ) {
            let mut bytes = announce(&said("Sala 3"), &[THERE, HERE]);
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            check(&bytes, from.into());
        }
    }

    fn check(bytes: &[u8], from: Ipv4Addr) {
        let Some(packet) = read(bytes) else {
            return;
        };
        addresses(&packet, "sala3-xj4b");
        for heard in heard(&packet, from) {
            if let Heard::Here(_, server, time) = heard {
                let label = server.host.strip_suffix(".local").unwrap();
                assert!((1..=63).contains(&label.len()) && label.is_ascii());
                assert!(!server.name.is_empty() && server.port > 0);
                assert!(server.key.len() <= KEY_CHARS && time <= Duration::from_secs(120));
            }
        }
        let me = said("Sala 3");
        if let Some(asked) = asked(packet, &me) {
            assert!(answer(&me, &[THERE], asked).len() < 2048);
        }
    }
}
