//! Live sessions in the connection's state machine: asking for one, falling back to classic, and
//! ending one.

use std::time::{Duration, Instant};

use mensageiro_protocol::{
    Framing, Text,
    live::{Bye, ByeCode, Event, Hello, HistoryRequest, Role, Status, Tag, Welcome},
};

use super::{
    backoff::asked,
    identity::{self, Meeting},
    io::{Effect, LiveUpdate, Outgoing, StoreEpoch, Way},
    live::{self, LiveSession, Turn},
    machine::{CLOSE, Machine, NO_END, Outcome, PROBE, Phase},
    replies::Replies,
};
use crate::engine::{Distrust, LinkProblem, LinkState, Refusal, Request, RequestProblem, Rights};

/// How long a server that was live before may be silent after a hello: its disk may be busy. An
/// unknown server gets less time, since it may be waiting for something else.
pub(super) const GREETING: Duration = Duration::from_secs(8);
/// How long until a server without live sessions is asked for one again: it may have been replaced.
const ASK_LIVE_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How many times a message that is refused for its number gets a new one, until one is accepted.
const RENUMBERED_AT_MOST: usize = 3;
/// The longest first line: a welcome has only a few fields.
pub(super) const LONGEST_WELCOME: usize = 16 * 1024;

impl Machine {
    /// Whether the login about to be sent asks for a live session.
    pub(super) fn wants_live(&mut self, now: Instant) -> bool {
        if self.way == Way::Live {
            return true;
        }
        if self.is_patient() {
            return false;
        }
        if self.is_live_due || self.was_live {
            return self.tried.is_empty();
        }
        // Counted from now on; the account knows earlier times.
        let refused_at = *self.live_refused_at.get_or_insert(now);
        self.tried.is_empty() && now >= refused_at + ASK_LIVE_AGAIN
    }

    pub(super) fn greet(&mut self, now: Instant) {
        let known = self.store.filter(|_| self.cursor.is_some());
        let hello = Hello {
            device: Some(self.session_device()),
            after: self.cursor,
            store: known.map(|known| known.store),
            epoch: known.map(|known| known.epoch),
            about: true,
            ..Hello::new(self.login.clone())
        };
        let mut line = Vec::new();
        hello.encode(&mut line);
        line.push(b'\n');
        self.effects.push(Effect::Write(line));
        let is_known = self.remembered == Some(Way::Live) || self.is_patient();
        let patience = if is_known { GREETING } else { PROBE };
        self.phase = Phase::Greeting {
            answer_by: now + patience,
            heard: Vec::new(),
        };
    }

    pub(super) fn live_bytes(&mut self, now: Instant, bytes: &[u8]) {
        match &mut self.phase {
            Phase::Greeting { heard, .. } => {
                heard.extend_from_slice(bytes);
                self.greeted(now);
            }
            Phase::Live(live) => {
                live.push(now, bytes);
                self.take_live(now);
            }
            _ => {}
        }
    }

    /// A live server begins with `welcome` or `bye`; anything else comes from another kind of
    /// server.
    fn greeted(&mut self, now: Instant) {
        let Phase::Greeting { heard, .. } = &mut self.phase else {
            return;
        };
        let heard = std::mem::take(heard);
        if heard.starts_with(b"@") || Replies::is_end(&heard) {
            return self.let_in_by_first_word(now, &heard);
        }
        let Some(lf) = heard.iter().position(|&byte| byte == b'\n') else {
            let may_become = |word: &[u8]| heard.starts_with(word) || word.starts_with(&heard);
            let is_open = may_become(b"welcome ") || may_become(b"bye ");
            if !is_open || heard.len() > LONGEST_WELCOME {
                return self.not_live(now, said(&heard));
            }
            if let Phase::Greeting { heard: kept, .. } = &mut self.phase {
                *kept = heard;
            }
            return;
        };
        match Event::parse(&heard[..lf]) {
            Ok(Event::Welcome(welcome)) if welcome.you != self.login => {
                self.broken(now, LinkProblem::OtherUser(welcome.you));
            }
            Ok(Event::Welcome(welcome)) => {
                if let Some(unknown) = self.unknown_key(welcome.closed) {
                    return self.distrust(now, unknown);
                }
                self.way = Way::Live;
                self.let_in();
                self.is_tls_asked = false;
                let rights = Rights {
                    is_closed: welcome.closed,
                    is_registered: welcome.device.is_some(),
                    is_administrator: welcome.role == Some(Role::Admin),
                    may_create_groups: welcome.new_groups,
                    may_change_messages: live::knows_changes(&welcome),
                };
                // A connection begins with none.
                if rights != Rights::default() {
                    self.effects.push(Effect::Rights(rights));
                }
                if !self.meet(&welcome) {
                    self.effects.push(Effect::Close);
                    return self.connect();
                }
                self.online_since = Some(now);
                self.effects.push(Effect::BeginLive(welcome.last));
                let rest = &heard[lf + 1..];
                let device = self.session_device();
                if let Some(number) = welcome.number.filter(|_| device == self.device) {
                    self.effects.push(Effect::NumberAbove(number));
                }
                let mut live = LiveSession::new(now, self.login.clone(), device, &welcome, rest);
                live.make_room(self.is_full);
                self.phase = Phase::Live(Box::new(live));
                self.show(LinkState::Live { catching_up: true });
                self.take_live(now);
            }
            Ok(Event::Bye(bye)) => self.bye(now, &bye),
            _ => self.not_live(now, said(&heard)),
        }
    }

    /// Checks whether ids still mean the same. `false`: the messages after this `welcome` are not
    /// all that is new.
    fn meet(&mut self, welcome: &Welcome) -> bool {
        let of = StoreEpoch::of(welcome);
        let is_complete = match identity::meet(self.cursor, self.store, self.highest, welcome) {
            Meeting::Same => {
                let news = of.filter(|_| of != self.store);
                self.effects.extend(news.map(Effect::KeepStore));
                true
            }
            Meeting::Anew {
                kept,
                change,
                is_cut_short,
            } => {
                // More than it had, no device has.
                self.cursor = self.cursor.min(kept);
                self.highest = self.highest.min(kept.unwrap_or(0));
                self.is_listed &= kept.is_some();
                self.effects.push(Effect::BeginIds { kept, of, change });
                !is_cut_short
            }
        };
        self.store = of;
        is_complete
    }

    /// The device of the next session: the one that numbered the first waiting message, else this
    /// one.
    fn session_device(&self) -> Tag {
        let mut numbered = self.outbox.iter();
        let first = numbered.find_map(|message| message.tag.device_and_number());
        first
            .and_then(|(device, _)| Tag::parse(device).ok())
            .unwrap_or_else(|| self.device.clone())
    }

    /// Gives a message its new tag and sends it before later ones.
    pub(super) fn renumbered(&mut self, message: Outgoing) {
        if let Some((device, _)) = message.tag.device_and_number()
            && let Ok(device) = Tag::parse(device)
        {
            self.device = device;
        }
        let after = |waiting: &Outgoing| waiting.id > message.id;
        let at = self.outbox.iter().position(after);
        self.outbox.insert(at.unwrap_or(self.outbox.len()), message);
    }

    /// The server has taken the first word of the hello for a login. What it sends now, it may
    /// never send again.
    fn let_in_by_first_word(&mut self, now: Instant, heard: &[u8]) {
        self.note_no_live(now);
        self.way = Way::Classic(Framing::Line);
        self.phase = Phase::LoggingIn {
            answer_by: now + NO_END,
            is_hello: true,
        };
        self.bytes(now, heard);
    }

    fn take_live(&mut self, now: Instant) {
        loop {
            let Phase::Live(live) = &mut self.phase else {
                return;
            };
            match live.next(now, &mut self.outbox) {
                Ok(None) => break,
                Ok(Some(Turn::GoesOn)) => {}
                Ok(Some(Turn::Accepted)) => {
                    self.backoff.reset();
                    self.renumbered.clear();
                }
                Ok(Some(Turn::CaughtUp)) => {
                    live.ask_roster();
                    live.ask_list(self.is_listed);
                    if self.status != Status::default() {
                        live.tell_status(self.status.clone());
                    }
                    self.unanswered.clear();
                    let effects = live.effects(now);
                    self.absorb(effects);
                    self.remember();
                    self.show(LinkState::Live { catching_up: false });
                }
                Ok(Some(Turn::Ended(bye))) => {
                    return self.bye(now, &bye);
                }
                Err(_) => return self.broken(now, LinkProblem::NotThisProtocol),
            }
        }
        if let Phase::Live(live) = &mut self.phase {
            live.end_of_read();
        }
    }

    /// Called at the end of each turn: sends messages, after storing what must be stored first.
    pub(super) fn go_on_live(&mut self, now: Instant) {
        let Phase::Live(live) = &mut self.phase else {
            return;
        };
        live.fill(&mut self.outbox);
        let effects = live.effects(now);
        let is_of_another = live.waits_for_another(&self.outbox);
        self.absorb(effects);
        if is_of_another {
            // Messages numbered by another device are sent in a session of that device.
            self.end_live(now);
            self.effects.push(Effect::Close);
            self.connect();
        }
    }

    fn absorb(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match &effect {
                Effect::StoreLive { updates, cursor } => {
                    self.cursor = self.cursor.max(*cursor);
                    let ids = updates.iter().filter_map(LiveUpdate::server_id);
                    self.highest = self.highest.max(ids.max().unwrap_or(0));
                }
                Effect::StoreList { is_last: true, .. } => self.is_listed = true,
                Effect::Renumber(id) => {
                    self.renumbered.push(*id);
                    let times = self.renumbered.iter().filter(|&one| one == id).count();
                    if times > RENUMBERED_AT_MOST {
                        let (id, why) = (*id, Refusal::Other);
                        let updates = vec![LiveUpdate::Refused { id, why }];
                        let cursor = None;
                        self.effects.push(Effect::StoreLive { updates, cursor });
                        continue;
                    }
                }
                _ => {}
            }
            self.effects.push(effect);
        }
    }

    pub(super) fn with_live(&mut self, tell: impl FnOnce(&mut LiveSession)) {
        if let Phase::Live(live) = &mut self.phase {
            tell(live);
        }
    }

    pub(super) fn ask_older(&mut self, request: HistoryRequest) {
        let with = request.with.clone();
        let is_asked = match &mut self.phase {
            Phase::Live(live) => live.ask_older(request),
            _ => false,
        };
        if !is_asked {
            self.effects.push(Effect::NoOlder(with));
        }
    }

    /// Asks a live server for something about devices, users or groups.
    pub(super) fn administer(&mut self, now: Instant, request: Request) {
        match &mut self.phase {
            Phase::Live(live) => live.administer(now, request),
            _ => self.effects.push(Effect::Administered {
                request,
                answer: Err(RequestProblem::NoConnection),
            }),
        }
    }

    pub(super) fn live_timer(&mut self, now: Instant) {
        if let Phase::Live(live) = &mut self.phase
            && !live.timer(now)
        {
            self.broken(now, LinkProblem::TimedOut);
        }
    }

    /// The server hung up on the hello, or answered like one without live sessions.
    pub(super) fn not_live(&mut self, now: Instant, outcome: Outcome) {
        self.effects.push(Effect::Leave);
        self.note_no_live(now);
        self.tried(now, outcome);
    }

    fn note_no_live(&mut self, now: Instant) {
        if self.remembered != Some(Way::Live) && !self.was_live {
            self.is_live_due = false;
            self.live_refused_at = Some(now);
            self.effects.push(Effect::LiveRefused);
        }
    }

    pub(super) fn greeting_unanswered(&mut self, now: Instant) {
        if self.remembered == Some(Way::Live) {
            return self.broken(now, LinkProblem::TimedOut);
        }
        self.effects.push(Effect::Leave);
        self.tried(now, Outcome::Silent);
    }

    fn bye(&mut self, now: Instant, bye: &Bye) {
        match bye.code {
            ByeCode::UnknownUser | ByeCode::Removed => {
                self.end_live(now);
                self.effects.push(Effect::Leave);
                self.refuse(now, LinkProblem::UnknownUser(self.login.clone()));
            }
            ByeCode::NeedsTls => {
                self.end_live(now);
                self.needs_tls(now);
            }
            ByeCode::NeedsKey => self.distrust(now, Distrust::NeedsKey),
            ByeCode::Revoked => self.distrust(now, Distrust::Revoked),
            ByeCode::BadHello if matches!(self.phase, Phase::Greeting { .. }) => {
                self.not_live(now, Outcome::HungUp);
            }
            _ => {
                let problem = match bye.code {
                    ByeCode::Busy | ByeCode::SlowDown => LinkProblem::Busy,
                    // A newer server has reasons that this app does not know. It says them for people, too.
                    ByeCode::Other if !bye.detail.is_empty() => {
                        LinkProblem::Ended(live::in_its_words(&bye.detail))
                    }
                    _ => LinkProblem::Broken,
                };
                self.broken(now, problem);
                if let Some(retry_after) = bye.retry_after {
                    self.wait_until(now + asked(retry_after));
                }
            }
        }
    }

    /// Whether there is room for what others write. A live server keeps what there is no room for. A classic one
    /// may not, so there is no session with it.
    pub(super) fn fill_up(&mut self, now: Instant, is_full: bool) {
        self.is_full = is_full;
        if let Phase::Live(live) = &mut self.phase {
            if !live.make_room(is_full) {
                // What has stayed there comes with a new session.
                self.end_live(now);
                self.effects.push(Effect::Close);
                self.connect();
            }
            return;
        }
        match &self.phase {
            Phase::Waiting { .. } if !is_full => self.connect(),
            Phase::Idle { .. } | Phase::Sending { .. } | Phase::LoggingIn { .. } if is_full => {
                self.broken(now, LinkProblem::NoRoom);
            }
            _ => {}
        }
    }

    /// The server's ids mean other messages than before: two messages cannot have one. Whoever is wrong, now or
    /// before: nothing of it is stored, everything waits again, and a new session begins with new ids.
    pub(super) fn contradicted(&mut self, now: Instant, outbox: Vec<Outgoing>) {
        if let Phase::Live(live) = &mut self.phase {
            live.forget_updates();
        }
        self.end_live(now);
        self.outbox = outbox.into();
        self.cursor = None;
        self.highest = 0;
        self.is_listed = false;
        let (kept, of, change) = (None, self.store, None);
        self.effects.push(Effect::BeginIds { kept, of, change });
        if !matches!(self.phase, Phase::Stopped) {
            self.effects.push(Effect::Close);
            self.wait(now, LinkProblem::Contradicts);
        }
    }

    /// Stores the updates; unanswered messages are sent again first, in order.
    pub(super) fn end_live(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Live(_)) {
            return;
        }
        if let Phase::Live(live) = std::mem::replace(&mut self.phase, Phase::Closing { until: now })
        {
            let (in_flight, unasked, effects) = live.end();
            for message in in_flight.into_iter().rev() {
                self.unanswered.push(message.id);
                self.outbox.push_front(message);
            }
            self.absorb(effects);
            self.effects
                .extend(unasked.into_iter().map(Effect::NoOlder));
            self.phase = Phase::Idle { next_fetch: None };
        }
    }

    /// Sends `bye` and waits a little for the server to close.
    pub(super) fn leave_live(&mut self, now: Instant) {
        self.with_live(LiveSession::say_bye);
        if let Phase::Live(live) = &mut self.phase {
            let effects = live.effects(now);
            self.absorb(effects);
        }
        self.end_live(now);
        let until = self.stop_by.unwrap_or(now + CLOSE);
        self.phase = Phase::Closing { until };
    }
}

/// How a server without live sessions answered the hello.
fn said(heard: &[u8]) -> Outcome {
    Outcome::Spoke(Text::decode(heard.trim_ascii()))
}
