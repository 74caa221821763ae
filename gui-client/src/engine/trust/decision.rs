//! Whether to go on with a server, from what is known of it and what it shows. Pure.

use jiff::Timestamp;
use mensageiro_protocol::trust::Fingerprint;

use super::{Distrust, Verified};

/// The key of a server, as it is remembered with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Of the key.
    pub fingerprint: Fingerprint,
    /// How it is known that the key belongs to the server.
    pub verified: Verified,
    /// The system trusted the certificate for this address when the key was first seen.
    pub is_certified: bool,
    /// When the key was first seen.
    pub since: Timestamp,
}

/// What a server shows in its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Of its key.
    pub fingerprint: Fingerprint,
    /// The system trusts its certificate for this address. Not looked at where [`needs_system`] says so.
    pub is_certified: bool,
    /// The server is on this computer: nobody can be in between.
    pub is_here: bool,
}

/// Whether it matters if the system trusts the certificate. It takes time to find out.
pub fn needs_system(pin: Option<&Pin>, fingerprint: Fingerprint) -> bool {
    pin.is_none_or(|pin| pin.fingerprint != fingerprint || pin.verified == Verified::FirstContact)
}

/// What to remember of a server from now on, if the app may talk to it. `invited`: the key that an invite names.
///
/// # Errors
/// Why it may not.
pub fn meet(
    pin: Option<&Pin>,
    invited: Option<Fingerprint>,
    offer: &Offer,
    now: Timestamp,
) -> Result<Pin, Distrust> {
    let Offer {
        fingerprint: offered,
        is_certified,
        is_here,
    } = *offer;
    let same = pin.filter(|pin| pin.fingerprint == offered);
    let new = |verified| Pin {
        fingerprint: offered,
        verified,
        is_certified: same.map_or(is_certified, |pin| pin.is_certified || is_certified),
        since: same.map_or(now, |pin| pin.since),
    };
    // Whoever has an invite has got the key from somebody. That outweighs what was known before.
    if let Some(invited) = invited {
        return match invited == offered {
            true => Ok(new(Verified::Invite)),
            false => Err(Distrust::NotInvited { invited, offered }),
        };
    }
    let at_first_sight = match is_certified {
        true => Verified::System,
        false => Verified::FirstContact,
    };
    match pin {
        None => Ok(new(at_first_sight)),
        Some(pin) if pin.fingerprint == offered => Ok(match pin.verified {
            Verified::FirstContact => new(at_first_sight),
            verified => new(verified),
        }),
        // A certificate was renewed with a new key, as many are every few weeks.
        Some(pin) if pin.is_certified && is_certified => Ok(new(Verified::System)),
        // A server on this computer that was set up anew. Its first key was not verified either.
        Some(pin) if pin.verified == Verified::FirstContact && is_here => {
            Ok(new(Verified::FirstContact))
        }
        Some(pin) => Err(Distrust::Changed {
            known: pin.fingerprint,
            offered,
            since: pin.since,
        }),
    }
}

/// Whether the person must compare the fingerprint before the app says more than the hello: on a closed server whose
/// key nobody has verified. Whoever may log in to an open one is nobody in particular.
pub fn must_ask(verified: Verified, is_here: bool, is_closed: bool) -> bool {
    is_closed && verified == Verified::FirstContact && !is_here
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u8) -> Fingerprint {
        Fingerprint::from_bytes([number; 32])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pin(number: u8, verified: Verified, is_certified: bool) -> Pin {
        Pin {
            fingerprint: key(number),
            verified,
            is_certified,
            since: at(1),
        }
    }

    fn offer(number: u8, is_certified: bool, is_here: bool) -> Offer {
        Offer {
            fingerprint: key(number),
            is_certified,
            is_here,
        }
    }

    const ALL: [Verified; 4] = [
        Verified::Invite,
        Verified::System,
        Verified::Person,
        Verified::FirstContact,
    ];

    #[test]
    fn the_first_key_is_remembered_and_verified_only_by_the_system() {
        for (is_certified, verified) in [(true, Verified::System), (false, Verified::FirstContact)]
        {
            let met = meet(None, None, &offer(7, is_certified, false), at(9)).unwrap();
            let expected = Pin {
                since: at(9),
                ..pin(7, verified, is_certified)
            };
            assert_eq!(met, expected);
        }
    }

    #[test]
    fn a_known_key_is_enough_whatever_the_certificate_says() {
        for verified in ALL {
            let known = pin(7, verified, true);
            let met = meet(Some(&known), None, &offer(7, false, false), at(9));
            assert_eq!(met, Ok(known));
        }
        let known = pin(7, Verified::FirstContact, false);
        let met = meet(Some(&known), None, &offer(7, true, false), at(9)).unwrap();
        assert_eq!(met.verified, Verified::System);
        assert_eq!(met.since, at(1));
    }

    #[test]
    fn another_key_than_the_known_one_is_refused() {
        for verified in ALL {
            for (was_certified, is_certified) in [(false, false), (false, true), (true, false)] {
                let known = pin(7, verified, was_certified);
                let met = meet(Some(&known), None, &offer(8, is_certified, false), at(9));
                let expected = Distrust::Changed {
                    known: key(7),
                    offered: key(8),
                    since: at(1),
                };
                assert_eq!(met, Err(expected));
            }
        }
    }

    #[test]
    fn a_renewed_certificate_may_have_a_new_key() {
        let known = pin(7, Verified::Invite, true);
        let met = meet(Some(&known), None, &offer(8, true, false), at(9)).unwrap();
        assert_eq!(met.verified, Verified::System);
        assert_eq!((met.fingerprint, met.since), (key(8), at(9)));
    }

    #[test]
    fn only_a_key_on_this_computer_that_was_never_verified_may_change() {
        for verified in ALL {
            let known = pin(7, verified, false);
            let met = meet(Some(&known), None, &offer(8, false, true), at(9));
            assert_eq!(met.is_ok(), verified == Verified::FirstContact);
        }
    }

    #[test]
    fn an_invite_names_the_key_and_outweighs_what_was_known() {
        let known = pin(7, Verified::Person, false);
        for known in [None, Some(&known)] {
            let met = meet(known, Some(key(8)), &offer(8, false, false), at(9)).unwrap();
            assert_eq!(met.verified, Verified::Invite);
            // Not even a certificate helps whoever has another key.
            let met = meet(known, Some(key(8)), &offer(7, true, true), at(9));
            let expected = Distrust::NotInvited {
                invited: key(8),
                offered: key(7),
            };
            assert_eq!(met, Err(expected));
        }
    }

    #[test]
    fn only_an_unverified_key_of_a_closed_server_elsewhere_is_asked_about() {
        for verified in ALL {
            for (is_here, is_closed) in [(false, false), (false, true), (true, false), (true, true)]
            {
                let is_asked = must_ask(verified, is_here, is_closed);
                let expected =
                    (verified, is_here, is_closed) == (Verified::FirstContact, false, true);
                assert_eq!(is_asked, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn a_strange_key_is_never_trusted(
            verified in 0..4_usize,
            was_certified: bool,
            is_certified: bool,
            is_here: bool,
            offered in 0..3_u8,
            known in proptest::option::of(0..3_u8),
            invited in proptest::option::of(0..3_u8),
        ) {
            let known = known.map(|known| pin(known, ALL[verified], was_certified));
            let offer = offer(offered, is_certified, is_here);
            let Ok(met) = meet(known.as_ref(), invited.map(key), &offer, at(9)) else {
                return Ok(());
            };
            prop_assert_eq!(met.fingerprint, key(offered));
            prop_assert!(invited.is_none_or(|invited| invited == offered));
            if let (Some(known), None) = (known, invited) {
                let is_same = known.fingerprint == met.fingerprint;
                let is_renewed = was_certified && is_certified;
                let is_local = is_here && known.verified == Verified::FirstContact;
                prop_assert!(is_same || is_renewed || is_local);
            }
            let was_unverified = known.is_none_or(|known| known.verified == Verified::FirstContact);
            if was_unverified && invited.is_none() && !is_certified {
                prop_assert_eq!(met.verified, Verified::FirstContact);
            }
        }
    }
}
