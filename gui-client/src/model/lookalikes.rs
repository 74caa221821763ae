use std::collections::BTreeMap;

use mensageiro_protocol::Login;

use crate::matching::fold;

/// Logins indexed by their folded form, to find those that differ only in accents and case.
#[derive(Debug, Default)]
pub struct Lookalikes(BTreeMap<String, Login>);

impl Lookalikes {
    /// Adds a login.
    pub fn put(&mut self, login: Login) {
        self.0.insert(begin(&login) + login.as_str(), login);
    }

    /// Removes a login.
    pub fn remove(&mut self, login: &Login) {
        self.0.remove(&(begin(login) + login.as_str()));
    }

    /// The login that differs from this one only in accents and case, if there is exactly one.
    pub fn only(&self, login: &Login) -> Option<&Login> {
        let begin = begin(login);
        let all = self.0.range(begin.clone()..);
        let mut alike = all.take_while(|(key, _)| key.starts_with(&begin));
        match (alike.next(), alike.next()) {
            (Some((_, only)), None) => Some(only),
            _ => None,
        }
    }
}

/// The common prefix of the keys of similar logins. A login contains no line break.
fn begin(login: &Login) -> String {
    fold(login.as_str()) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear_time;

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn of(all: &[&str]) -> Lookalikes {
        let mut alike = Lookalikes::default();
        all.iter().for_each(|name| alike.put(login(name)));
        alike
    }

    #[test]
    fn a_login_is_found_by_what_it_is_without_accents_and_case() {
        let mut alike = of(&["joão", "Ana", "aná", "anabel", "ana.b"]);
        for (typed, expected) in [
            ("JOAO", Some("joão")),
            ("joão", Some("joão")),
            ("ana", None),
            ("Anabel", Some("anabel")),
            ("anab", None),
            ("ANA.B", Some("ana.b")),
        ] {
            let found = alike.only(&login(typed));
            assert_eq!(found, expected.map(login).as_ref(), "{typed}");
        }
        alike.remove(&login("Ana"));
        assert_eq!(alike.only(&login("ana")), Some(&login("aná")));
        alike.remove(&login("aná"));
        alike.remove(&login("nobody"));
        assert_eq!(alike.only(&login("ana")), None);
    }

    #[test]
    fn a_look_takes_no_longer_among_many() {
        let named = |at: usize| login(&format!("José{at}"));
        // Different logins that are all alike.
        let cased = |at: usize| {
            let letters = (0..13).map(|bit| if at >> bit & 1 == 1 { 'A' } else { 'a' });
            login(&letters.collect::<String>())
        };
        for name in [&named as &dyn Fn(usize) -> Login, &cased] {
            linear_time::check("aaaa", |text| {
                let count = text.len() / 4;
                let mut alike = Lookalikes::default();
                (0..count).for_each(|at| alike.put(name(at)));
                let found = (0..count).filter(|at| {
                    let typed = name(*at).as_str().to_uppercase();
                    alike.only(&login(&typed)).is_some()
                });
                assert!([0, count].contains(&found.count()));
                (0..count).for_each(|at| alike.remove(&name(at)));
            });
        }
    }
}
