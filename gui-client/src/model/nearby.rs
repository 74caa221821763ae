use std::collections::HashMap;

use crate::{
    engine::Found,
    matching::{fold, skeletons},
};

/// The list of servers in the local network. What it says is what somebody in the network has announced, and proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nearby {
    /// Those on this computer first, then by name.
    pub servers: Vec<NearbyServer>,
    /// Whether the names of some could be taken for each other.
    pub has_lookalikes: bool,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearbyServer {
    /// What it is called.
    pub name: String,
    /// What the server field would hold.
    pub address: String,
    /// It runs on this computer.
    pub is_here: bool,
    /// An invite or a key is needed.
    pub is_closed: bool,
}

impl Nearby {
    /// The list of what was found.
    pub fn new(found: &[Found]) -> Self {
        let mut servers: Vec<_> = found.iter().map(row).collect();
        servers.sort_by_cached_key(|row| (!row.is_here, fold(&row.name), row.address.clone()));
        servers.dedup();
        let mut looks = HashMap::<_, Vec<_>>::new();
        for (at, row) in servers.iter().enumerate() {
            for look in skeletons(&row.name).into_iter().flatten() {
                looks.entry(look).or_default().push(at);
            }
        }
        let has_lookalikes = looks.values_mut().any(|rows| {
            rows.dedup();
            rows.len() > 1
        });
        Self {
            servers,
            has_lookalikes,
        }
    }
}

fn row(found: &Found) -> NearbyServer {
    let host = match found.is_here {
        true => "localhost",
        false => found.host.as_str(),
    };
    NearbyServer {
        name: found.name.to_string(),
        address: format!("{host}:{}", found.port),
        is_here: found.is_here,
        is_closed: found.is_closed,
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Name;

    use super::*;

    fn found(name: &str, host: &str) -> Found {
        Found {
            name: Name::from(name),
            host: format!("{host}.local"),
            port: 3333,
            is_closed: false,
            key: String::new(),
            is_here: false,
        }
    }

    fn names(list: &Nearby) -> Vec<&str> {
        list.servers.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn servers_are_in_the_order_of_their_names_and_this_computer_is_first() {
        let here = Found {
            is_here: true,
            ..found("Zoe's", "zoe-xj4b")
        };
        let list = [
            found("sala 2", "b"),
            found("Ágora", "c"),
            here,
            found("Sala 1", "a"),
        ];
        let list = Nearby::new(&list);
        assert_eq!(names(&list), ["Zoe's", "Ágora", "Sala 1", "sala 2"]);
        assert_eq!(list.servers[0].address, "localhost:3333");
        assert_eq!(list.servers[1].address, "c.local:3333");
        assert!(!list.has_lookalikes);
    }

    #[test]
    fn names_that_look_alike_are_noticed_and_the_same_server_is_listed_once() {
        for (other, is_alike) in [
            ("Sala 3", true),
            ("sаla 3", true),
            ("SALA-3", true),
            ("Sala 4", false),
            ("…", false),
        ] {
            let list = Nearby::new(&[found("Sala 3", "a"), found(other, "b"), found("…", "c")]);
            assert_eq!(list.has_lookalikes, is_alike, "{other}");
            assert_eq!(list.servers.len(), 3);
        }
        let list = Nearby::new(&[found("Sala 3", "a"), found("Sala 3", "a")]);
        assert!(list.servers.len() == 1 && !list.has_lookalikes);
    }
}
