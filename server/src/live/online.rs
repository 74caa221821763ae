//! Who is there: for each login its live sessions, and what it says of itself.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crossbeam_channel::Sender;
use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Text,
    live::{Presence, PresenceNews},
};

use super::{flusher::Job, outlet::Outlet};
use crate::journal::Journal;

/// All users who have a session, and when the others had their last one.
pub struct Online {
    people: Mutex<People>,
    flusher: Sender<Job>,
}

#[derive(Debug, Default)]
struct People {
    present: HashMap<Login, Person>,
    /// When those who are absent were last there.
    seen: HashMap<Login, Timestamp>,
    /// Sessions that asked for the roster.
    watchers: HashMap<u64, Arc<Outlet>>,
    /// Whose presence changed since the watchers were told.
    changed: HashSet<Login>,
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
    journal: Journal,
}

impl Online {
    /// Nobody is there; `seen` tells who was when. The flusher is called when there are watchers
    /// to be told something.
    pub fn new(seen: HashMap<Login, Timestamp>, flusher: Sender<Job>) -> Arc<Self> {
        let people = People {
            seen,
            ..People::default()
        };
        Arc::new(Self {
            people: Mutex::new(people),
            flusher,
        })
    }

    /// A session of a user begins; a live one has an outlet. When the user's last one ends, the
    /// journal notes when that was.
    pub fn enter(
        self: &Arc<Self>,
        login: &Login,
        outlet: Option<Arc<Outlet>>,
        journal: &Journal,
    ) -> Stay {
        let mut people = self.lock();
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
            journal: journal.clone(),
        }
    }

    /// What a user says of being there.
    pub fn set_status(&self, login: &Login, is_away: bool, note: Text) {
        let mut people = self.lock();
        if let Some(person) = people.present.get_mut(login)
            && (person.is_away, &person.note) != (is_away, &note)
        {
            person.is_away = is_away;
            person.note = note;
            self.note_change(&mut people, login);
        }
    }

    /// From now on the session is told who comes and goes.
    pub fn watch(&self, outlet: &Arc<Outlet>) {
        self.lock().watchers.insert(outlet.key(), outlet.clone());
    }

    /// Everybody who is told who comes and goes.
    pub fn watchers(&self) -> Vec<Arc<Outlet>> {
        self.lock().watchers.values().cloned().collect()
    }

    /// Those whose presence changed since this was last called, as it is now.
    pub fn take_changes(&self) -> Vec<PresenceNews> {
        let mut people = self.lock();
        let changed = std::mem::take(&mut people.changed);
        changed.iter().map(|login| people.presence(login)).collect()
    }

    /// Where these users are.
    pub fn presences<'a>(&self, logins: impl Iterator<Item = &'a Login>) -> Vec<PresenceNews> {
        let people = self.lock();
        logins.map(|login| people.presence(login)).collect()
    }

    /// The live sessions of a user.
    pub fn outlets(&self, login: &Login) -> Outlets {
        let people = self.lock();
        people
            .present
            .get(login)
            .map(|person| person.outlets.clone())
            .unwrap_or_default()
    }

    /// Returns when it was, if it was the user's last session.
    fn leave(&self, login: &Login, outlet: Option<&Outlet>) -> Option<Timestamp> {
        let mut people = self.lock();
        let person = people.present.get_mut(login)?;
        person.sessions -= 1;
        if let Some(outlet) = outlet {
            let stay = person
                .outlets
                .iter()
                .filter(|one| one.key() != outlet.key());
            person.outlets = stay.cloned().collect();
        }
        let is_last = person.sessions == 0;
        if let Some(outlet) = outlet {
            people.watchers.remove(&outlet.key());
        }
        if !is_last {
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

    /// No code panics while it holds the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
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
            self.journal.seen(self.login.clone(), now);
        }
    }
}

impl fmt::Debug for Online {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Online").finish_non_exhaustive()
    }
}
