//! The name of an account's file: safe on every system, and the same for the same account.

use std::fmt::Write;

use crate::engine::{Account, net::ServerAddress};

/// Longest readable part of each half of the name.
const READABLE: usize = 32;

/// The file name without its ending. The readable half is for people; the number tells apart
/// what looks the same on a disk without upper case or other scripts.
pub(in crate::engine) fn name(account: &Account) -> String {
    let server = ServerAddress::parse(&account.server)
        .map_or_else(|_| account.server.trim().to_lowercase(), |a| a.to_string());
    let login = account.login.as_str();
    let number = fnv1a(format!("{login}\n{server}").as_bytes());
    let mut name = format!("{}-at-{}", readable(login), readable(&server));
    // Writing to a String cannot fail.
    let _ = write!(name, "-{number:016x}");
    name
}

fn readable(text: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    text.chars().map(safe).take(READABLE).collect()
}

/// FNV-1a: must give the same number for ever, which the standard library's hashes do not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Login;

    use super::*;

    fn of(login: &str, server: &str) -> String {
        name(&Account {
            server: server.to_owned(),
            login: Login::parse(login).unwrap(),
        })
    }

    #[test]
    fn the_name_never_changes() {
        assert_eq!(
            of("alice", "localhost"),
            "alice-at-localhost_3333-9e5fecaec1b6352a"
        );
    }

    #[test]
    fn one_account_has_one_name_however_its_server_is_written() {
        assert_eq!(of("ana", "Host"), of("ana", " host:3333 "));
        assert_ne!(of("ana", "host"), of("ana", "host:4000"));
    }

    #[test]
    fn accounts_that_look_alike_on_a_disk_are_told_apart() {
        assert_ne!(of("ana", "h"), of("Ana", "h"));
        assert_ne!(of("joão", "h"), of("joao", "h"));
    }

    #[test]
    fn only_harmless_characters_are_in_a_name() {
        let name = of("maria@escola.br", "[fe80::1%eth0]:3333");
        assert!(
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
            "{name}"
        );
        assert!(of(&"x".repeat(64), &"y".repeat(200)).len() < 100);
    }
}
