use std::time::Instant;

use super::{Failed, OpenAccount};
use crate::engine::{
    Event, FaultNews,
    net::{Effect, Input},
    wire::{self, Crossing, Side, WireNews},
};

/// Reports what goes over the wire, while the inspector is open.
impl OpenAccount {
    /// Starts or stops reporting what goes over the wire. Who does not look, disturbs nothing.
    pub(in crate::engine) fn inspect(&mut self, inspects: bool) -> Result<(), Failed> {
        self.tap = inspects.then(|| self.tap.take().unwrap_or_default());
        match inspects {
            true => Ok(()),
            false => self.end_faults(),
        }
    }

    pub(super) fn inspect_input(&mut self, at: Instant, input: &Input<'_>) {
        let crossing = match input {
            Input::Bytes(bytes) => return self.inspect_bytes(at, Side::Server, bytes),
            Input::Connected(_) => Crossing::Opened,
            Input::Closed => Crossing::Closed(Side::Server),
            Input::Reset | Input::Broken(_) => Crossing::Cut(Side::Server),
            _ => return,
        };
        self.inspect_crossing(at, crossing);
    }

    pub(super) fn inspect_effect(&mut self, effect: &Effect) {
        let now = Instant::now();
        match effect {
            Effect::FinishWriting => self.inspect_crossing(now, Crossing::Closed(Side::Client)),
            Effect::Leave => self.inspect_leaving(now),
            Effect::Close => self.inspect_crossing(now, Crossing::Cut(Side::Client)),
            _ => {}
        }
    }

    pub(super) fn inspect_bytes(&mut self, at: Instant, from: Side, bytes: &[u8]) {
        if let Some(tap) = &mut self.tap {
            let news = tap.bytes(self.connections, at, from, bytes);
            self.tell_wire(news);
        }
    }

    pub(super) fn inspect_fault(&mut self, fault: FaultNews) {
        if let Some(tap) = &mut self.tap {
            let news = tap.fault(self.connections, Instant::now(), fault);
            self.tell_wire(vec![news]);
        }
    }

    fn inspect_leaving(&mut self, at: Instant) {
        if let Some(tap) = &mut self.tap {
            let news = tap.left(self.connections, at);
            self.tell_wire(news);
        }
    }

    fn inspect_crossing(&mut self, at: Instant, crossing: Crossing) {
        if let Some(tap) = &mut self.tap {
            let news = tap.happened(self.connections, at, crossing);
            self.tell_wire(news);
        }
    }

    fn tell_wire(&self, news: Vec<WireNews>) {
        let is_encrypted = self.channel.encryption.is_some();
        for mut news in news {
            news.is_encrypted = is_encrypted;
            if let Crossing::Line { from, bytes, .. } = &mut news.crossing
                && let Some(masked) = wire::masked(*from, bytes)
            {
                *bytes = masked;
            }
            self.tell.event(Event::Wire(news));
        }
    }
}
