//! Who is there: for each login its live sessions, and what it says of itself.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use crossbeam_channel::Sender;
use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Text,
    live::{Presence, PresenceNews},
};
use parking_lot::Mutex;

use super::{flusher::Job, outlet::Outlet, roster::Bell};
use crate::{commit::Committer, directory};

/// All users who have a session, and when the others had their last one.
pub struct Online {
    people: Mutex<People>,
    flusher: Sender<Job>,
    /// Rung when somebody knows an older roster.
    bell: Bell,
}

#[derive(Debug, Default)]
struct People {
    present: HashMap<Login, Person>,
    /// When those who are absent were last there.
    seen: HashMap<Login, Timestamp>,
    /// Sessions that asked for the roster.
    watchers: HashMap<u64, Watcher>,
    /// Whose presence changed since the watchers were told.
    changed: HashSet<Login>,
}

#[derive(Debug)]
struct Watcher {
    outlet: Arc<Outlet>,
    wants_changes: bool,
    /// What its client knows of the roster; `None` while it is being told.
    told: Option<Arc<directory::People>>,
    /// Whose presence changed when too much was waiting for the client.
    missed: BTreeSet<Login>,
}

/// A session that was told of people who are others now.
#[derive(Debug)]
pub struct Outdated {
    /// The session.
    pub outlet: Arc<Outlet>,
    /// It asked for no more than what has changed.
    pub wants_changes: bool,
    /// What it was told.
    pub told: Arc<directory::People>,
}

#[derive(Debug, Default)]
struct Person {
    outlets: Outlets,
    /// Sessions of any kind.
    sessions: usize,
    is_away: bool,
    note: Text,
}

/// The live sessions of one user at a moment.
pub type Outlets = Arc<[Arc<Outlet>]>;

/// A session's stay; it ends when this is dropped.
pub struct Stay {
    online: Arc<Online>,
    login: Login,
    outlet: Option<Arc<Outlet>>,
    committer: Committer,
}

impl Online {
    /// Nobody is there; `seen` tells who was when. The flusher is called when there are watchers
    /// to be told who came or went; the bell is rung when they are to be told of an edit.
    pub fn new(seen: HashMap<Login, Timestamp>, flusher: Sender<Job>, bell: Bell) -> Arc<Self> {
        let people = People {
            seen,
            ..People::default()
        };
        Arc::new(Self {
            people: Mutex::new(people),
            flusher,
            bell,
        })
    }

    /// A session of a user begins; a live one has an outlet. When the user's last one ends, it is
    /// noted when that was.
    pub fn enter(
        self: &Arc<Self>,
        login: &Login,
        outlet: Option<Arc<Outlet>>,
        committer: &Committer,
    ) -> Stay {
        let mut people = self.people.lock();
        let person = people.present.entry(login.clone()).or_default();
        person.sessions += 1;
        if let Some(outlet) = &outlet {
            let outlets = person.outlets.iter().chain([outlet]);
            person.outlets = outlets.cloned().collect();
        }
        if person.sessions == 1 {
            people.seen.remove(login);
            self.note_change(&mut people, login);
        }
        drop(people);
        Stay {
            online: self.clone(),
            login: login.clone(),
            outlet,
            committer: committer.clone(),
        }
    }

    /// What a user says of being there.
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

    /// From now on the session is told who comes and goes. Whoever gets `true` tells it the
    /// roster, and then [`Online::told`]; `false`: somebody else is at it.
    pub fn watch(&self, outlet: &Arc<Outlet>, wants_changes: bool) -> bool {
        let mut people = self.people.lock();
        match people.watchers.get_mut(&outlet.key()) {
            None => {
                let watcher = Watcher {
                    outlet: outlet.clone(),
                    wants_changes,
                    told: None,
                    missed: BTreeSet::new(),
                };
                people.watchers.insert(outlet.key(), watcher);
                true
            }
            Some(watcher) => {
                watcher.wants_changes = wants_changes;
                watcher.told.take().is_some()
            }
        }
    }

    /// A session has been told all of a roster.
    pub fn told(&self, outlet: &Outlet, of: Arc<directory::People>) {
        if let Some(watcher) = self.people.lock().watchers.get_mut(&outlet.key()) {
            watcher.told = Some(of);
        }
    }

    /// Those who were told of others than these people, and are to be told of these by who calls.
    pub fn take_outdated(&self, now: &Arc<directory::People>) -> Vec<Outdated> {
        let mut people = self.people.lock();
        let watchers = people.watchers.values_mut();
        let outdated = watchers.filter_map(|watcher| {
            let told = watcher.told.take_if(|told| !Arc::ptr_eq(told, now))?;
            Some(Outdated {
                outlet: watcher.outlet.clone(),
                wants_changes: watcher.wants_changes,
                told,
            })
        });
        outdated.collect()
    }

    /// The files were edited, or somebody was just told of what they held before.
    pub fn note_edit(&self) {
        self.bell.ring();
    }

    /// A session is to be told later how these are, when its client has taken something.
    pub fn miss<'a>(&self, outlet: &Outlet, logins: impl Iterator<Item = &'a Login>) {
        if let Some(watcher) = self.people.lock().watchers.get_mut(&outlet.key()) {
            watcher.missed.extend(logins.cloned());
        }
        self.bell.ring();
    }

    /// Sessions that have missed something.
    pub fn behind(&self) -> Vec<Arc<Outlet>> {
        let people = self.people.lock();
        let watchers = people.watchers.values();
        let behind = watchers.filter(|watcher| !watcher.missed.is_empty());
        behind.map(|watcher| watcher.outlet.clone()).collect()
    }

    /// Some of what a session has missed, to be told by who calls; none: that was all.
    pub fn take_missed(&self, outlet: &Outlet, most: usize) -> Vec<Login> {
        let mut people = self.people.lock();
        let Some(watcher) = people.watchers.get_mut(&outlet.key()) else {
            return Vec::new();
        };
        (0..most)
            .map_while(|_| watcher.missed.pop_first())
            .collect()
    }

    /// Everybody who is told who comes and goes.
    pub fn watchers(&self) -> Vec<Arc<Outlet>> {
        let people = self.people.lock();
        let watchers = people.watchers.values();
        watchers.map(|watcher| watcher.outlet.clone()).collect()
    }

    /// Those whose presence changed since this was last called, as it is now.
    pub fn take_changes(&self) -> Vec<PresenceNews> {
        let mut people = self.people.lock();
        let changed = std::mem::take(&mut people.changed);
        changed.iter().map(|login| people.presence(login)).collect()
    }

    /// Where these users are.
    pub fn presences<'a>(&self, logins: impl Iterator<Item = &'a Login>) -> Vec<PresenceNews> {
        let people = self.people.lock();
        logins.map(|login| people.presence(login)).collect()
    }

    /// The live sessions of a user.
    pub fn outlets(&self, login: &Login) -> Outlets {
        let people = self.people.lock();
        people
            .present
            .get(login)
            .map(|person| person.outlets.clone())
            .unwrap_or_default()
    }

    /// Returns when it was, if it was the user's last session.
    fn leave(&self, login: &Login, outlet: Option<&Outlet>) -> Option<Timestamp> {
        // What it was told may be large, and is let go of when nobody waits any more.
        let _watcher;
        let mut people = self.people.lock();
        if let Some(outlet) = outlet {
            _watcher = people.watchers.remove(&outlet.key());
        }
        let person = people.present.get_mut(login)?;
        person.sessions -= 1;
        if let Some(outlet) = outlet {
            let stay = person
                .outlets
                .iter()
                .filter(|one| one.key() != outlet.key());
            person.outlets = stay.cloned().collect();
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
        if people.watchers.is_empty() {
            return;
        }
        people.changed.insert(login.clone());
        // A full channel means that it is about to look anyway.
        let _ = self.flusher.try_send(Job::Announce);
    }
}

impl People {
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
        if let Some(now) = self.online.leave(&self.login, self.outlet.as_deref()) {
            self.committer.seen(self.login.clone(), now);
        }
    }
}

impl fmt::Debug for Online {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Online").finish_non_exhaustive()
    }
}
