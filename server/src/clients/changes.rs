//! Whose presence has changed, for sessions that are told at different times.

use std::collections::{BTreeMap, HashMap};

use mensageiro_protocol::Login;

/// Changes in their order, of each user only the last one. So it takes no more memory the longer somebody waits.
#[derive(Debug, Default)]
pub(super) struct Changes {
    last: u64,
    logins: BTreeMap<u64, Login>,
    numbers: HashMap<Login, u64>,
}

impl Changes {
    /// The number of the last change.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Notes a change.
    pub(super) fn note(&mut self, login: &Login) {
        self.last += 1;
        if let Some(earlier) = self.numbers.insert(login.clone(), self.last) {
            self.logins.remove(&earlier);
        }
        self.logins.insert(self.last, login.clone());
    }

    /// The users of the first changes after one and not after another, at most so many, and the number of the last of these.
    pub(super) fn between(&self, after: u64, up_to: u64, most: usize) -> (Vec<Login>, u64) {
        if after >= up_to {
            return (Vec::new(), up_to);
        }
        let mut changes = self.logins.range(after + 1..=up_to);
        let mut last = up_to;
        let mut logins = Vec::new();
        for (number, login) in changes.by_ref().take(most) {
            logins.push(login.clone());
            last = *number;
        }
        if changes.next().is_none() {
            last = up_to;
        }
        (logins, last)
    }

    /// Everybody has been told of the changes up to this one.
    pub(super) fn forget(&mut self, up_to: u64) {
        let rest = self.logins.split_off(&(up_to + 1));
        for login in std::mem::replace(&mut self.logins, rest).into_values() {
            self.numbers.remove(&login);
        }
        if self.logins.is_empty() {
            *self = Self {
                last: self.last,
                ..Self::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(changes: &Changes, after: u64, most: usize) -> (String, u64) {
        let (logins, last) = changes.between(after, changes.last(), most);
        (
            logins
                .iter()
                .map(Login::as_str)
                .collect::<Vec<_>>()
                .join(" "),
            last,
        )
    }

    #[test]
    fn each_user_comes_once_whoever_looks_when() {
        let mut changes = Changes::default();
        for name in ["ana", "bob", "ana", "eva", "bob"] {
            changes.note(&Login::parse(name).unwrap());
        }
        assert_eq!(names(&changes, 0, 2), ("ana eva".into(), 4));
        assert_eq!(names(&changes, 4, 2), ("bob".into(), 5));
        assert_eq!(names(&changes, 0, 3), ("ana eva bob".into(), 5));
        assert_eq!(names(&changes, 5, 3), (String::new(), 5));
        changes.forget(4);
        assert_eq!(names(&changes, 0, 9), ("bob".into(), 5));
        changes.note(&Login::parse("ana").unwrap());
        assert_eq!(names(&changes, 4, 9), ("bob ana".into(), 6));
        changes.forget(6);
        assert_eq!(names(&changes, 0, 9), (String::new(), 6));
        assert!(changes.numbers.is_empty());
    }
}
