//! Whether the ids that this device knows still mean the same messages at the server (PROTOCOL.md,
//! V3).

use mensageiro_protocol::live::Welcome;

use super::io::StoreEpoch;
use crate::engine::ServerChange;

/// What a `welcome` means for the known ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// They still mean the same.
    Same,
    /// The ids mean other messages from now on.
    Anew {
        /// The id up to which they still mean the same; `None`: none of them does.
        kept: Option<u64>,
        /// What to tell the person; `None`: nothing, since nothing that was known is gone.
        change: Option<ServerChange>,
        /// The messages after this `welcome` are not all that is new: the hello must be repeated
        /// without `after`.
        is_cut_short: bool,
    },
}

/// Compares a `welcome` with what is known. `cursor`: the `after` of the hello. `known`: the store
/// that the cursor belongs to. `highest`: the highest id of any message here.
pub(super) fn meet(
    cursor: Option<u64>,
    known: Option<StoreEpoch>,
    highest: u64,
    welcome: &Welcome,
) -> Meeting {
    let found = StoreEpoch::of(welcome);
    let nothing_kept = |change| Meeting::Anew {
        kept: None,
        change: Some(change),
        is_cut_short: cursor.is_some() && (found.is_none() || welcome.after.is_some()),
    };
    let is_ahead = cursor.max(Some(highest)) > Some(welcome.last);
    let knows_ids = cursor.is_some() || highest > 0;
    match (known, found) {
        // Whoever names no store gives ids of their own, and what they gave is not that of a store.
        (Some(_), None) if !knows_ids => Meeting::Anew {
            kept: None,
            change: None,
            is_cut_short: false,
        },
        (Some(_), None) => nothing_kept(ServerChange::Replaced),
        (None, Some(_)) if knows_ids => nothing_kept(ServerChange::Replaced),
        (Some(known), Some(found)) if known.store != found.store => {
            nothing_kept(ServerChange::Replaced)
        }
        (Some(known), Some(found)) if known.epoch != found.epoch => match welcome.after {
            Some(after) => Meeting::Anew {
                kept: Some(after),
                change: (cursor > Some(after) || highest > after).then_some(ServerChange::Restored),
                is_cut_short: false,
            },
            None => nothing_kept(ServerChange::Restored),
        },
        // It has continued from nothing that is known here.
        (_, Some(_)) if cursor.is_some() && welcome.after.is_none() => {
            nothing_kept(ServerChange::Restored)
        }
        // The server has less than this device, though nothing says that a backup was restored.
        _ if is_ahead => nothing_kept(ServerChange::Restored),
        _ => Meeting::Same,
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod following;

#[cfg(test)]
mod tests {
    use mensageiro_protocol::{Login, live::StoreId};

    use super::*;

    const HERE: StoreEpoch = StoreEpoch {
        store: StoreId(7),
        epoch: 2,
    };

    fn welcome(store: Option<StoreEpoch>, last: u64, after: Option<u64>) -> Welcome {
        Welcome {
            store: store.map(|found| found.store),
            epoch: store.map(|found| found.epoch),
            after,
            ..Welcome::new(Login::parse("ana").unwrap(), last)
        }
    }

    fn anew(kept: Option<u64>, change: Option<ServerChange>, is_cut_short: bool) -> Meeting {
        Meeting::Anew {
            kept,
            change,
            is_cut_short,
        }
    }

    #[test]
    fn ids_of_the_same_store_and_epoch_mean_the_same() {
        let known = welcome(Some(HERE), 90, Some(80));
        assert_eq!(meet(Some(80), Some(HERE), 85, &known), Meeting::Same);
        let fresh = welcome(Some(HERE), 90, None);
        assert_eq!(meet(None, None, 0, &fresh), Meeting::Same);
        assert_eq!(meet(None, Some(HERE), 85, &fresh), Meeting::Same);
        let nameless = welcome(None, 90, None);
        assert_eq!(meet(Some(80), None, 90, &nameless), Meeting::Same);
    }

    #[test]
    fn in_a_later_epoch_they_do_up_to_where_the_server_goes_on() {
        let later = StoreEpoch { epoch: 3, ..HERE };
        let restored = Some(ServerChange::Restored);
        for (cursor, highest, change) in [(80, 80, restored), (70, 71, restored), (70, 60, None)] {
            let told = welcome(Some(later), 90, Some(70));
            let expected = anew(Some(70), change, false);
            assert_eq!(meet(Some(cursor), Some(HERE), highest, &told), expected);
        }
        let unknown = welcome(Some(later), 90, None);
        let expected = anew(None, restored, false);
        assert_eq!(meet(Some(80), Some(HERE), 80, &unknown), expected);
        assert_eq!(meet(None, Some(HERE), 80, &unknown), expected);
    }

    #[test]
    fn those_of_another_store_mean_nothing() {
        let other = StoreEpoch {
            store: StoreId(8),
            ..HERE
        };
        let expected = anew(None, Some(ServerChange::Replaced), false);
        let told = welcome(Some(other), 90, None);
        assert_eq!(meet(Some(80), Some(HERE), 80, &told), expected);
    }

    #[test]
    fn those_of_a_server_that_names_no_store_are_not_those_of_one_that_does() {
        let replaced = Some(ServerChange::Replaced);
        let nameless = welcome(None, 90, None);
        let expected = anew(None, replaced, true);
        assert_eq!(meet(Some(80), Some(HERE), 80, &nameless), expected);
        let expected = anew(None, replaced, false);
        assert_eq!(meet(None, Some(HERE), 80, &nameless), expected);
        let expected = anew(None, None, false);
        assert_eq!(meet(None, Some(HERE), 0, &nameless), expected);
        let named = welcome(Some(HERE), 90, Some(80));
        let expected = anew(None, replaced, true);
        assert_eq!(meet(Some(80), None, 85, &named), expected);
        let fresh = welcome(Some(HERE), 90, None);
        let expected = anew(None, replaced, false);
        assert_eq!(meet(None, None, 85, &fresh), expected);
    }

    #[test]
    fn a_server_that_has_less_than_this_device_says_so_or_not() {
        let restored = Some(ServerChange::Restored);
        let told = welcome(Some(HERE), 60, None);
        let expected = anew(None, restored, false);
        assert_eq!(meet(Some(80), Some(HERE), 80, &told), expected);
        // It cannot know of what was accepted after the cursor.
        let told = welcome(Some(HERE), 60, Some(50));
        let expected = anew(None, restored, true);
        assert_eq!(meet(Some(50), Some(HERE), 61, &told), expected);
        let old_server = welcome(None, 60, None);
        assert_eq!(meet(Some(80), None, 80, &old_server), expected);
    }
}
