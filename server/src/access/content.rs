//! What access.json says, and its formats: pure, without disk.

use mensageiro_protocol::Login;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

use super::register::{Register, User};
use crate::version::{Version, WrittenBy};

/// The format that is written. Format 1 had no checksum, and did not say which version wrote it.
pub(super) const FORMAT: u32 = 2;

/// Those that are read too, and converted.
pub(crate) const EARLIER_FORMATS: [u32; 1] = [1];

/// Why a file cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It is damaged, or somebody has edited it.
    Damaged(String),
    /// A newer version has written it.
    Newer(WrittenBy),
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) register: Register,
    /// The number of its format.
    pub(super) format: u32,
}

/// What all formats begin with.
#[derive(Deserialize)]
struct Head {
    format: u32,
    #[serde(default)]
    version: Option<String>,
}

/// A field that is not known is an error: damage must not hide what was there.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<R> {
    format: u32,
    /// The version that wrote it.
    version: String,
    /// XXH3 of `access`, written as JSON without spaces.
    checksum: String,
    access: R,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Format1 {
    #[serde(rename = "format")]
    _format: u32,
    closed: bool,
    #[serde(default)]
    users: BTreeMap<Login, User>,
}

/// Reads the content of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Found, Unusable> {
    let damaged = |error: serde_json::Error| Unusable::Damaged(error.to_string());
    let Head { format, version } = serde_json::from_slice(bytes).map_err(damaged)?;
    let register = match format {
        FORMAT => {
            let content: Content<Register> = serde_json::from_slice(bytes).map_err(damaged)?;
            if content.checksum != checksum(&content.access) {
                let reason = "what it says does not fit its checksum";
                return Err(Unusable::Damaged(reason.into()));
            }
            content.access
        }
        1 => {
            let Format1 { closed, users, .. } = serde_json::from_slice(bytes).map_err(damaged)?;
            Register { closed, users }
        }
        0 => return Err(Unusable::Damaged("there is no format 0".into())),
        _ => {
            let version = version.and_then(|version| Version::parse(&version));
            return Err(Unusable::Newer(WrittenBy { format, version }));
        }
    };
    Ok(Found { register, format })
}

/// The content of a file.
pub(super) fn write(register: &Register) -> Vec<u8> {
    let content = Content {
        format: FORMAT,
        version: Version::THIS.to_string(),
        checksum: checksum(register),
        access: register,
    };
    // Plain data with string keys, written to memory, cannot fail.
    let mut bytes = serde_json::to_vec_pretty(&content).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn checksum(register: &Register) -> String {
    let bytes = serde_json::to_vec(register).unwrap_or_default();
    format!("{:016x}", xxh3_64(&bytes))
}
