//! Presence: for each login its live sessions, and its state and note.

use std::{collections::HashMap, fmt, sync::Arc};

use crossbeam_channel::Sender;
use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Text,
    live::{Event, Presence, PresenceNews},
};
use parking_lot::Mutex;

use super::{
    changes::Changes,
    live_sender::LiveSender,
    portions::{self, Portions},
    write_retry::Job,
};
use crate::{commit::Committer, directory, wake_up::WakeUp};

/// How many changes of presence are appended together.
const TOGETHER: usize = 100;

/// All users who have a session, and when the others were last online.
pub struct Online {
    people: Mutex<People>,
    retry: Sender<Job>,
    /// Wakes the roster's thread when a client knows an older roster.
    roster: WakeUp,
}

#[derive(Debug, Default)]
struct People {
    present: HashMap<Login, Person>,
    /// When users who are offline were last online.
    seen: HashMap<Login, Timestamp>,
    /// The notes that users have set for good (rule V15).
    notes: HashMap<Login, Text>,
    /// Sessions that requested the roster.
    watchers: HashMap<u64, Watcher>,
    /// Whose presence has changed, as long as a watcher was not told.
    changes: Changes,
    /// Changes up to this one have been announced.
    announced: u64,
    /// The lines of the roster that was asked for last.
    portions: Option<Portions>,
}

#[derive(Debug)]
struct Watcher {
    sender: Arc<LiveSender>,
    wants_changes: bool,
    /// The reading of the files that its client knows; `None` while the roster is being sent.
    told: Option<Arc<directory::People>>,
    /// It has been told of the changes of presence up to this one. It is behind the others after too much waited for
    /// its client.
    told_changes: u64,
}

/// A session whose client knows an older reading of the files.
#[derive(Debug)]
pub struct Outdated {
    /// The session.
    pub sender: Arc<LiveSender>,
    /// It wants only changes.
    pub wants_changes: bool,
    /// The reading that its client knows.
    pub told: Arc<directory::People>,
}

#[derive(Debug, Default)]
struct Person {
    senders: LiveSenders,
    /// The number of sessions, of both protocols.
    sessions: usize,
    is_away: bool,
    note: Text,
}

/// The live sessions of one user at a moment.
pub type LiveSenders = Arc<[Arc<LiveSender>]>;

/// A user's session; it ends when this is dropped.
pub struct Stay {
    online: Arc<Online>,
    login: Login,
    sender: Option<Arc<LiveSender>>,
    committer: Committer,
}

impl Online {
    /// Nobody is online yet; `seen` says when users last were, and `notes` what they have set. `retry` is told when presence must
    /// be announced to watchers; `roster` is woken up when an edit must be sent to them.
    pub fn new(
        (seen, notes): (HashMap<Login, Timestamp>, HashMap<Login, Text>),
        retry: Sender<Job>,
        roster: WakeUp,
    ) -> Arc<Self> {
        let people = People {
            seen,
            notes,
            ..People::default()
        };
        Arc::new(Self {
            people: Mutex::new(people),
            retry,
            roster,
        })
    }

    /// Begins a session of a user; a live one has a sender. When the user's last session ends, the
    /// time is noted.
    pub fn enter(
        self: &Arc<Self>,
        login: &Login,
        sender: Option<Arc<LiveSender>>,
        committer: &Committer,
    ) -> Stay {
        let mut locked = self.people.lock();
        let people = &mut *locked;
        let person = people.present.entry(login.clone()).or_default();
        if person.sessions == 0 {
            person.note = people.notes.get(login).cloned().unwrap_or_default();
        }
        person.sessions += 1;
        if let Some(sender) = &sender {
            let senders = person.senders.iter().chain([sender]);
            person.senders = senders.cloned().collect();
        }
        if person.sessions == 1 {
            people.seen.remove(login);
            self.note_change(people, login);
        }
        Stay {
            online: self.clone(),
            login: login.clone(),
            sender,
            committer: committer.clone(),
        }
    }

    /// Sets a user's own state and note.
    pub fn set_status(&self, login: &Login, is_away: bool, note: Text) {
        let mut people = self.people.lock();
        if let Some(person) = people.present.get_mut(login)
            && (person.is_away, &person.note) != (is_away, &note)
        {
            person.is_away = is_away;
            person.note = note;
            self.note_change(&mut people, login);
        }
    }

    /// A user has set a note: it is shown from now on, whenever the user is online.
    pub fn set_note(&self, login: &Login, note: &Text) {
        let mut people = self.people.lock();
        match note.is_empty() {
            true => drop(people.notes.remove(login)),
            false => drop(people.notes.insert(login.clone(), note.clone())),
        }
        if let Some(person) = people.present.get_mut(login)
            && person.note != *note
        {
            person.note = note.clone();
            self.note_change(&mut people, login);
        }
    }

    /// A login is somebody else's now: when the one before was last there is not known of this one.
    pub fn forget(&self, login: &Login) {
        let mut people = self.people.lock();
        people.seen.remove(login);
        people.notes.remove(login);
        if let Some(person) = people.present.get_mut(login) {
            person.is_away = false;
            person.note = Text::default();
        }
        self.note_change(&mut people, login);
    }

    /// From now on the session is told who comes and goes. After `true` the caller sends the roster
    /// and then calls [`Online::told`]; `false`: somebody else is sending it.
    pub fn watch(&self, sender: &Arc<LiveSender>, wants_changes: bool) -> bool {
        let mut people = self.people.lock();
        // The others are told a little later what has changed by now; it will see that in the roster.
        let told_changes = people.announced;
        match people.watchers.get_mut(&sender.key()) {
            None => {
                let watcher = Watcher {
                    sender: sender.clone(),
                    wants_changes,
                    told: None,
                    told_changes,
                };
                people.watchers.insert(sender.key(), watcher);
                true
            }
            Some(watcher) => {
                watcher.wants_changes = wants_changes;
                watcher.told.take().is_some()
            }
        }
    }

    /// Notes that a session has got all of a roster.
    pub fn told(&self, sender: &LiveSender, of: Arc<directory::People>) {
        if let Some(watcher) = self.people.lock().watchers.get_mut(&sender.key()) {
            watcher.told = Some(of);
        }
    }

    /// Sessions whose clients know other people than these. The caller sends the difference.
    pub fn take_outdated(&self, now: &Arc<directory::People>) -> Vec<Outdated> {
        let mut people = self.people.lock();
        let watchers = people.watchers.values_mut();
        let outdated = watchers.filter_map(|watcher| {
            let told = watcher.told.take_if(|told| !Arc::ptr_eq(told, now))?;
            Some(Outdated {
                sender: watcher.sender.clone(),
                wants_changes: watcher.wants_changes,
                told,
            })
        });
        outdated.collect()
    }

    /// Notes that the files were edited, or that somebody has just been sent an older reading.
    pub fn note_edit(&self) {
        self.roster.wake();
    }

    /// Sessions that have missed something.
    pub fn behind(&self) -> Vec<Arc<LiveSender>> {
        let people = self.people.lock();
        let watchers = people.watchers.values();
        let behind = watchers.filter(|watcher| watcher.told_changes < people.announced);
        behind.map(|watcher| watcher.sender.clone()).collect()
    }

    /// Some of the users whose presence a session has missed, to be sent by the caller; none: that was all.
    pub fn take_missed(&self, sender: &LiveSender, most: usize) -> Vec<Login> {
        let mut people = self.people.lock();
        let people = &mut *people;
        let Some(watcher) = people.watchers.get_mut(&sender.key()) else {
            return Vec::new();
        };
        let changes = &people.changes;
        let (missed, up_to) = changes.between(watcher.told_changes, people.announced, most);
        watcher.told_changes = up_to;
        missed
    }

    /// The presence of these users.
    pub fn presences<'a>(&self, logins: impl Iterator<Item = &'a Login>) -> Vec<PresenceNews> {
        let people = self.people.lock();
        logins.map(|login| people.presence(login)).collect()
    }

    /// Tells the watchers who came and went. Those that are behind get the current presence later.
    pub fn announce(&self) {
        let last = self.people.lock().changes.last();
        while let Some((changes, watchers, before)) = self.next_changes(last) {
            let mut lines = Vec::new();
            for news in changes {
                if !lines.is_empty() {
                    lines.push(b'\n');
                }
                Event::Presence(news).encode(&mut lines);
            }
            let mut is_somebody_behind = false;
            for sender in &watchers {
                if !sender.has_room() {
                    self.leave_behind(sender, before);
                    is_somebody_behind = true;
                    continue;
                }
                sender.tell(|out| out.extend_from_slice(&lines));
                sender.flush();
            }
            if is_somebody_behind {
                self.roster.wake();
            }
        }
    }

    /// The next changes up to `last`, the watchers to be told, and what these were told before; `None`: there are no more
    /// changes.
    fn next_changes(&self, last: u64) -> Option<(Vec<PresenceNews>, Vec<Arc<LiveSender>>, u64)> {
        let mut people = self.people.lock();
        let before = people.announced;
        let (changed, up_to) = people.changes.between(before, last, TOGETHER);
        if changed.is_empty() {
            people.forget_changes();
            return None;
        }
        people.announced = up_to;
        let news = changed.iter().map(|login| people.presence(login)).collect();
        let watchers = people.watchers.values_mut();
        let up_to_date = watchers.filter(|watcher| watcher.told_changes == before);
        let watchers = up_to_date.map(|watcher| {
            watcher.told_changes = up_to;
            watcher.sender.clone()
        });
        let watchers = watchers.collect();
        Some((news, watchers, before))
    }

    /// A session must be told later about the changes after this one, when its client has read something.
    fn leave_behind(&self, sender: &LiveSender, told: u64) {
        if let Some(watcher) = self.people.lock().watchers.get_mut(&sender.key()) {
            watcher.told_changes = watcher.told_changes.min(told);
        }
    }

    /// The lines of a whole roster with one portion of the users: each with its line end but the last one, and all of them
    /// say that more follow. `None`: there are no more portions.
    pub fn roster_lines(
        &self,
        people: &Arc<directory::People>,
        portion: usize,
    ) -> Option<Arc<[u8]>> {
        let users = portions::users(people, portion);
        if users.is_empty() {
            return None;
        }
        let mut state = self.people.lock();
        let known = state.portions.take_if(|known| !known.is_of(people));
        let known_portions = state
            .portions
            .get_or_insert_with(|| Portions::new(people.clone()));
        let (lines, version) = known_portions.lines(portion);
        if lines.is_some() {
            return lines;
        }
        let presences = users.iter().map(|login| state.presence(login)).collect();
        drop(state);
        // It may be large.
        drop(known);
        let lines = portions::encode(people, presences);
        if let Some(portions) = &mut self.people.lock().portions
            && portions.is_of(people)
        {
            portions.keep(portion, version, &lines);
        }
        Some(lines)
    }

    /// How many sessions are told who comes and goes.
    pub fn watching(&self) -> usize {
        self.people.lock().watchers.len()
    }

    /// The live sessions of a user.
    pub fn senders(&self, login: &Login) -> LiveSenders {
        let people = self.people.lock();
        people
            .present
            .get(login)
            .map(|person| person.senders.clone())
            .unwrap_or_default()
    }

    /// Returns the time, if it was the user's last session.
    fn leave(&self, login: &Login, sender: Option<&LiveSender>) -> Option<Timestamp> {
        // What it knows may be large, and is dropped only when nobody waits any more.
        let _watcher;
        let mut people = self.people.lock();
        if let Some(sender) = sender {
            _watcher = people.watchers.remove(&sender.key());
        }
        let person = people.present.get_mut(login)?;
        person.sessions -= 1;
        if let Some(sender) = sender {
            let stay = person
                .senders
                .iter()
                .filter(|one| one.key() != sender.key());
            person.senders = stay.cloned().collect();
        }
        if person.sessions > 0 {
            return None;
        }
        let now = Timestamp::now();
        people.present.remove(login);
        people.seen.insert(login.clone(), now);
        self.note_change(&mut people, login);
        Some(now)
    }

    fn note_change(&self, people: &mut People, login: &Login) {
        if let Some(portions) = &mut people.portions {
            portions.note_change(login);
        }
        if people.watchers.is_empty() {
            return;
        }
        people.changes.note(login);
        // A full channel means that the thread is about to look anyway.
        let _ = self.retry.try_send(Job::Announce);
    }
}

impl People {
    /// Forgets the changes of which every watcher was told.
    fn forget_changes(&mut self) {
        let told = self.watchers.values().map(|watcher| watcher.told_changes);
        let told = told.min().unwrap_or(self.announced);
        self.changes.forget(told);
    }

    fn presence(&self, login: &Login) -> PresenceNews {
        let (state, note) = match self.present.get(login) {
            None => (Presence::Offline, Text::default()),
            Some(person) if person.is_away => (Presence::Away, person.note.clone()),
            Some(person) => (Presence::Online, person.note.clone()),
        };
        PresenceNews {
            login: login.clone(),
            state,
            note,
            seen: self.seen.get(login).map(|seen| seen.as_millisecond()),
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(now) = self.online.leave(&self.login, self.sender.as_deref()) {
            self.committer.seen(self.login.clone(), now);
        }
    }
}

impl fmt::Debug for Online {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Online").finish_non_exhaustive()
    }
}
