//! Makes codes and program keys.

use std::{io, time::Duration};

use mensageiro_protocol::{Login, Name, trust::Secret};

use super::{RegisterError, change::Change, now};

/// A new code for a user, and what stores it.
///
/// # Errors
/// [`RegisterError::NoRandom`].
pub fn invitation(login: &Login, valid: Duration) -> Result<(Secret, Change, i64), RegisterError> {
    let code = new_secret()?;
    let now = now();
    let valid = i64::try_from(valid.as_millis()).unwrap_or(i64::MAX);
    let until = now.saturating_add(valid);
    let change = Change::Invite {
        login: login.clone(),
        hash: code.hash(),
        times: (now, until),
    };
    Ok((code, change, until))
}

/// A new program key for a user, and what stores it.
///
/// # Errors
/// [`RegisterError::NoRandom`].
pub fn program_key(login: &Login, name: Name) -> Result<(Secret, Change), RegisterError> {
    let key = new_secret()?;
    let change = Change::AddKey {
        login: login.clone(),
        hash: key.hash(),
        name,
        now: now(),
    };
    Ok((key, change))
}

fn new_secret() -> Result<Secret, RegisterError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| RegisterError::NoRandom(io::Error::other(error)))?;
    Ok(Secret::new(random))
}
