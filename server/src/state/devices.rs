//! Devices that number their messages (rule V4): of each, which of its last numbers were accepted. No clock
//! is involved: a number is known until the device has sent [`WINDOW`] messages with higher ones.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use minicbor::{Decoder, Encoder};
use xxhash_rust::xxh3::Xxh3;

use crate::model::{
    event::{Device, Target},
    message::MessageId,
};

/// So many numbers of a device are known, its highest ones.
const WINDOW: usize = 128;

/// So many devices of a login are known, those that sent last.
const MOST_DEVICES: usize = 32;

/// The devices that number their messages.
#[derive(Debug, Default)]
pub(super) struct Devices {
    windows: HashMap<Login, HashMap<Device, Window>>,
}

/// The last numbers of a device.
#[derive(Debug, Default)]
struct Window {
    /// By rising numbers; [`WINDOW`] at most.
    accepted: VecDeque<Numbered>,
    /// The newest message of the device.
    newest: MessageId,
}

/// A message that a device has numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbered {
    number: u64,
    id: MessageId,
    sent_at: Timestamp,
    /// Of text and target: whether it is the same message.
    hash: u32,
}

/// What is known of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: the message is new.
    New,
    /// It was accepted under this number.
    Repeat(MessageId, Timestamp),
    /// Another message was accepted under this number.
    Used,
    /// It is so old that nobody knows any more.
    Old,
}

/// What tells two messages under one number apart.
pub(super) fn hash(to: &Target, text: &Text) -> u32 {
    let (kind, to) = match to {
        Target::User(to) => (b'u', to),
        Target::Group(to) => (b'g', to),
    };
    let mut hasher = Xxh3::new();
    hasher.update(&[kind]);
    hasher.update(to.as_str().as_bytes());
    // No login holds it.
    hasher.update(&[0]);
    hasher.update(text.as_str().as_bytes());
    hasher.digest() as u32
}

impl Devices {
    /// The highest number of a device; `since`: what came up to this message was sent by somebody else, who had the
    /// login before.
    pub(super) fn highest(&self, login: &Login, device: &str, since: MessageId) -> Option<u64> {
        let window = self.of(login, device, since)?;
        Some(window.accepted.back()?.number)
    }

    pub(super) fn look_up(
        &self,
        (login, device): (&Login, &str),
        number: u64,
        hash: u32,
        since: MessageId,
    ) -> Known {
        let window = self.of(login, device, since);
        window.map_or(Known::New, |window| window.look_up(number, hash))
    }

    fn of(&self, login: &Login, device: &str, since: MessageId) -> Option<&Window> {
        let window = self.windows.get(login)?.get(device)?;
        (window.newest > since).then_some(window)
    }

    pub(super) fn accept(
        &mut self,
        login: &Login,
        device: &Device,
        number: u64,
        (id, sent_at): (MessageId, Timestamp),
        hash: u32,
        since: MessageId,
    ) {
        let devices = match self.windows.get_mut(login) {
            Some(devices) => devices,
            None => self.windows.entry(login.clone()).or_default(),
        };
        let window = match devices.get_mut(device) {
            Some(window) => window,
            None => devices.entry(device.clone()).or_default(),
        };
        if window.newest <= since {
            window.accepted.clear();
        }
        window.accept(Numbered {
            number,
            id,
            sent_at,
            hash,
        });
    }

    /// Forgets the device of a login that has sent nothing for longest, if there are too many.
    pub(super) fn forget_one(&mut self, login: &Login) -> Option<Device> {
        let devices = self.windows.get_mut(login)?;
        if devices.len() <= MOST_DEVICES {
            return None;
        }
        let oldest = devices.iter().min_by_key(|(_, window)| window.newest);
        let oldest = oldest.map(|(device, _)| device.clone())?;
        devices.remove(&oldest);
        Some(oldest)
    }

    /// A window as it stands in a checkpoint: a list of lists of four numbers. Empty for a device that was forgotten.
    pub(super) fn window(&self, login: &Login, device: &str) -> Vec<u8> {
        let devices = self.windows.get(login);
        let Some(window) = devices.and_then(|devices| devices.get(device)) else {
            return Vec::new();
        };
        let mut out = Encoder::new(Vec::new());
        // Memory takes everything.
        let mut written = out.array(window.accepted.len() as u64).map(drop);
        for one in &window.accepted {
            let numbers = (one.number, one.id.0, one.sent_at.as_millisecond(), one.hash);
            written = written.and_then(|()| out.encode(numbers).map(drop));
        }
        debug_assert!(written.is_ok());
        out.into_writer()
    }

    /// Takes in a window of a checkpoint. What cannot be read is left out; the index has a checksum over it.
    pub(super) fn load(&mut self, login: Login, device: Device, window: &[u8]) {
        let mut input = Decoder::new(window);
        let numbers = input.array_iter::<(u64, u64, i64, u32)>();
        let accepted = numbers.into_iter().flatten().map_while(Result::ok);
        let accepted = accepted.filter_map(|(number, id, sent_at, hash)| {
            Some(Numbered {
                number,
                id: MessageId(id),
                sent_at: Timestamp::from_millisecond(sent_at).ok()?,
                hash,
            })
        });
        let accepted: VecDeque<Numbered> = accepted.collect();
        // That of a device that was forgotten is empty.
        if let Some(newest) = accepted.iter().map(|one| one.id).max() {
            let window = Window { accepted, newest };
            self.windows
                .entry(login)
                .or_default()
                .insert(device, window);
        }
    }
}

impl Window {
    fn look_up(&self, number: u64, hash: u32) -> Known {
        let at = self.accepted.partition_point(|one| one.number < number);
        match self.accepted.get(at).filter(|one| one.number == number) {
            Some(known) if known.hash == hash => Known::Repeat(known.id, known.sent_at),
            Some(_) => Known::Used,
            None if at == 0 && self.accepted.len() >= WINDOW => Known::Old,
            None => Known::New,
        }
    }

    fn accept(&mut self, one: Numbered) {
        self.newest = one.id;
        let at = self
            .accepted
            .partition_point(|before| before.number < one.number);
        self.accepted.insert(at, one);
        if self.accepted.len() > WINDOW {
            self.accepted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody had the login before.
    const NOBODY: MessageId = MessageId(0);

    #[test]
    fn a_number_is_known_until_the_device_has_sent_a_window_of_higher_ones() {
        let mut window = Window::default();
        let numbered = |number| Numbered {
            number,
            id: MessageId(number + 1000),
            sent_at: Timestamp::UNIX_EPOCH,
            hash: 7,
        };
        let repeat = |number: u64| Known::Repeat(MessageId(number + 1000), Timestamp::UNIX_EPOCH);
        assert_eq!(window.look_up(5, 7), Known::New);
        for number in [5, 8, 1 << 50] {
            window.accept(numbered(number));
        }
        assert_eq!(window.look_up(5, 7), repeat(5));
        assert_eq!(window.look_up(8, 9), Known::Used);
        assert_eq!(window.look_up(2, 7), Known::New, "there are few");
        window.accept(numbered(7));
        assert_eq!(window.look_up(7, 7), repeat(7));
        for number in 1..=WINDOW as u64 - 4 {
            window.accept(numbered(100 * number));
        }
        assert_eq!(
            (window.look_up(5, 7), window.look_up(4, 7)),
            (repeat(5), Known::Old)
        );
        assert_eq!(window.look_up(6, 7), Known::New);
        window.accept(numbered(6));
        assert_eq!(
            (window.look_up(5, 7), window.look_up(6, 7)),
            (Known::Old, repeat(6))
        );
        assert_eq!(window.accepted.len(), WINDOW);
    }

    #[test]
    fn a_window_is_the_same_from_a_checkpoint_and_old_devices_are_forgotten() {
        let mut devices = Devices::default();
        let ana = Login::parse("ana").unwrap();
        let device = |n: u64| Device::from(format!("laptop{n}"));
        for n in 0..=MOST_DEVICES as u64 {
            for number in [3, 9, 4, 1 << 60] {
                let told = (MessageId(1_000 * n + number % 10), Timestamp::UNIX_EPOCH);
                devices.accept(&ana, &device(n), number, told, number as u32, NOBODY);
            }
        }
        let mut loaded = Devices::default();
        for n in 0..=MOST_DEVICES as u64 {
            loaded.load(ana.clone(), device(n), &devices.window(&ana, &device(n)));
        }
        for devices in [&mut devices, &mut loaded] {
            assert_eq!(devices.highest(&ana, &device(0), NOBODY), Some(1 << 60));
            assert_eq!(devices.forget_one(&ana), Some(device(0)));
            assert_eq!(devices.forget_one(&ana), None);
        }
        let forgotten = devices.window(&ana, &device(0));
        assert!(forgotten.is_empty(), "the index keeps no row of it");
        loaded.load(ana.clone(), device(0), &forgotten);
        loaded.load(ana.clone(), device(0), b"no CBOR");
        assert_eq!(loaded.highest(&ana, &device(0), NOBODY), None);
    }

    #[test]
    fn numbers_of_an_earlier_holder_of_the_login_are_nobodys_and_may_be_undone() {
        let mut devices = Devices::default();
        let (ana, pc) = (Login::parse("ana").unwrap(), Device::from("pc"));
        let at = Timestamp::UNIX_EPOCH;
        for id in 1..=WINDOW as u64 {
            devices.accept(&ana, &pc, 1_000 + id, (MessageId(id), at), 7, NOBODY);
        }
        let since = MessageId(WINDOW as u64);
        let look_up =
            |devices: &Devices, number, since| devices.look_up((&ana, &pc), number, 7, since);
        assert_eq!(look_up(&devices, 1_001, since), Known::New);
        assert_eq!(devices.highest(&ana, &pc, since), None);
        // It began by mistake.
        let known = Known::Repeat(MessageId(1), at);
        assert_eq!(look_up(&devices, 1_001, NOBODY), known);
        let first = since.next();
        devices.accept(&ana, &pc, 1, (first, at), 7, since);
        assert_eq!(look_up(&devices, 1, since), Known::Repeat(first, at));
        assert_eq!(devices.highest(&ana, &pc, since), Some(1));
    }
}
