//! Which store a server has, and what the message ids that a device knows still mean there (rule
//! V3).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

use super::Hello;

/// The random number that a store gets when it is created. It is written as 32 hexadecimal digits
/// in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId(pub u128);

/// A [`StoreId`] is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a store's identity is 32 hexadecimal digits in lower case")]
pub struct BadStoreId;

/// Digits of a written [`StoreId`].
const DIGITS: usize = 32;

impl StoreId {
    /// Parses 32 digits.
    ///
    /// # Errors
    /// [`BadStoreId`] for anything else.
    pub fn parse(digits: &str) -> Result<Self, BadStoreId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != DIGITS || !digits.bytes().all(is_digit) {
            return Err(BadStoreId);
        }
        u128::from_str_radix(digits, 16)
            .map(Self)
            .map_err(|_| BadStoreId)
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for StoreId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A period of a store in which no id is assigned twice. A new one begins when a backup replaces
/// the store, or when damage is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number, higher than that of every earlier epoch. The first one is 1.
    pub number: u64,
    /// The newest id when the epoch began. Up to this id, ids keep their meaning. Higher ids were
    /// assigned again. 0 in the first epoch.
    pub after: u64,
}

/// The id after which the backlog of a device begins (rule V3). `None`: the device knows no id, or
/// none of the ids that it knows is certain, so the backlog is the unread messages.
///
/// `epochs`: all epochs of the store `store`, oldest first. `last`: its newest id.
pub fn resume(hello: &Hello, store: StoreId, epochs: &[Epoch], last: u64) -> Option<u64> {
    let after = hello.after?;
    if hello.store.is_some_and(|known| known != store) {
        return None;
    }
    let Some(number) = hello.epoch else {
        // A program that does not know epochs gets everything that is new from now on.
        return Some(after.min(last));
    };
    let known = epochs.iter().position(|epoch| epoch.number == number)?;
    let later = &epochs[known + 1..];
    if later.is_empty() {
        // The device knows more than there is, and no epoch explains it: a copy has replaced the
        // store unnoticed. Nobody knows which ids it has assigned again.
        return (after <= last).then_some(after);
    }
    let common = later.iter().map(|epoch| epoch.after).min();
    Some(common.map_or(after, |common| after.min(common)).min(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Login;

    const STORE: StoreId = StoreId(0x9f3a);
    const EPOCHS: [Epoch; 3] = [
        Epoch {
            number: 1,
            after: 0,
        },
        Epoch {
            number: 2,
            after: 800,
        },
        Epoch {
            number: 5,
            after: 700,
        },
    ];

    fn check(store: Option<u128>, epoch: Option<u64>, after: Option<u64>, expected: Option<u64>) {
        let hello = Hello {
            store: store.map(StoreId),
            epoch,
            after,
            ..Hello::new(Login::parse("ana").unwrap())
        };
        let resumed = resume(&hello, STORE, &EPOCHS, 900);
        assert_eq!(resumed, expected, "{hello:?}");
    }

    #[test]
    fn a_device_goes_on_from_the_newest_id_that_means_the_same() {
        let here = Some(STORE.0);
        check(here, Some(5), Some(850), Some(850));
        check(here, Some(2), Some(850), Some(700));
        check(here, Some(1), Some(750), Some(700));
        check(here, Some(1), Some(600), Some(600));
        check(here, Some(1), None, None);
    }

    #[test]
    fn ids_of_another_store_or_of_an_epoch_that_it_never_had_mean_nothing() {
        check(Some(7), Some(5), Some(850), None);
        check(Some(7), None, Some(850), None);
        check(Some(STORE.0), Some(3), Some(600), None);
        check(Some(STORE.0), Some(6), Some(600), None);
    }

    #[test]
    fn an_id_above_the_newest_one_means_nothing_in_the_same_epoch() {
        check(Some(STORE.0), Some(5), Some(900), Some(900));
        check(Some(STORE.0), Some(5), Some(901), None);
        check(None, Some(5), Some(901), None);
    }

    #[test]
    fn a_device_that_names_no_epoch_goes_on_from_the_newest_id_at_most() {
        check(None, None, Some(850), Some(850));
        check(Some(STORE.0), None, Some(950), Some(900));
    }

    #[test]
    fn an_identity_is_read_as_it_is_written() {
        let written = "00ff00000000000000000000000000a1";
        let store = StoreId::parse(written).unwrap();
        assert_eq!(store.to_string(), written);
        for bad in [
            "",
            "ff",
            "+0ff00000000000000000000000000a1",
            "00FF00000000000000000000000000a1",
        ] {
            assert_eq!(StoreId::parse(bad), Err(BadStoreId), "{bad}");
        }
    }
}
