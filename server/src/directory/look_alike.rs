//! Finds logins that people could confuse.

use std::collections::{HashMap, HashSet};

use mensageiro_protocol::Login;
use unicode_security::confusable_detection::skeleton;

use super::table::BadLine;

/// Logins that a person could mistake for one another: they differ only in case, or in letters of
/// another script that look the same. The later line is the bad one.
pub(super) fn look_alikes(lines: &HashMap<Login, u64>) -> Vec<BadLine> {
    let mut ordered: Vec<_> = lines.iter().collect();
    ordered.sort_unstable_by_key(|&(_, line)| line);
    // Within ASCII, people who have such logins can tell similar letters apart (1 and l, rn and m).
    // Across scripts nobody can. So skeletons count only when another script is involved.
    let other_script: HashSet<String> = ordered
        .iter()
        .filter(|(login, _)| !login.as_str().is_ascii())
        .map(|(login, _)| looks_of(login))
        .collect();
    let mut seen: HashMap<String, (&Login, u64)> = HashMap::with_capacity(ordered.len());
    let mut bad = Vec::new();
    for (login, &line) in ordered {
        let mut keys = vec![login.as_str().to_lowercase()];
        if !other_script.is_empty() {
            let looks = looks_of(login);
            if other_script.contains(&looks) && looks != keys[0] {
                keys.push(looks);
            }
        }
        match keys.iter().find_map(|key| seen.get(key)) {
            Some((earlier, earlier_line)) => bad.push(BadLine::new(
                line,
                format!(
                    "{login} looks like {earlier} on line {earlier_line}; people would mix them up"
                ),
            )),
            None => seen.extend(keys.into_iter().map(|key| (key, (login, line)))),
        }
    }
    bad
}

/// The first of these logins that a person could mistake for this one.
pub(super) fn looks_like<'a>(
    login: &Login,
    mut others: impl Iterator<Item = &'a Login>,
) -> Option<&'a Login> {
    let (lower, looks) = (login.as_str().to_lowercase(), looks_of(login));
    others.find(|other| {
        let is_other_script = !login.as_str().is_ascii() || !other.as_str().is_ascii();
        other.as_str().to_lowercase() == lower || (is_other_script && looks_of(other) == looks)
    })
}

/// A value that is equal for all logins that look alike (Unicode TR 39).
fn looks_of(login: &Login) -> String {
    skeleton(&login.as_str().to_lowercase())
        .collect::<String>()
        .to_lowercase()
}
