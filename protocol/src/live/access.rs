//! The objects of the verbs about access (PROTOCOL.md, rules A). Unknown fields are ignored. Times are milliseconds since 1970
//! UTC. What carries a code or a key hides it in `Debug`.

use serde::{Deserialize, Serialize};

use super::{Tag, is_false};
use crate::{
    Login, Name,
    trust::{DeviceId, Secret},
};

/// The longest time for which an invitation is valid, in seconds: a year.
pub const VALID_MOST: u64 = 365 * 24 * 60 * 60;

/// The shortest time, in seconds.
pub const VALID_LEAST: u64 = 60;

/// The time if the request names none, in seconds: a week.
pub const VALID_USUAL: u64 = 7 * 24 * 60 * 60;

/// `join`, the first line of a connection: registers the device whose certificate TLS has checked, with a code from an
/// invitation (rule A5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Who is invited.
    pub login: Login,
    /// The code. It works once.
    pub code: Secret,
    /// What the person calls the device, for lists of devices.
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    pub name: Name,
}

/// `joined`: the device is registered. The hello may follow on the same connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Whose device it is.
    pub login: Login,
    /// The device's id.
    pub id: DeviceId,
}

/// `devices` from a client: asks for the devices and program keys of a user (rule A6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicesRequest {
    /// The client's name for the request; the answer has it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// Whose; absent: one's own. Those of others are for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
}

/// `devices` from the server: the devices and program keys of a user, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// The tag of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// Whose they are.
    pub login: Login,
    /// The devices and program keys.
    pub devices: Vec<Device>,
}

/// A device, or a program key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What its owner calls it; may be empty.
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    pub name: Name,
    /// It is a program key, not a device.
    #[serde(default, skip_serializing_if = "is_false")]
    pub program: bool,
    /// When it was registered.
    pub added: i64,
    /// When it was last used, to the minute; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<i64>,
    /// It is the device of this session.
    #[serde(default, skip_serializing_if = "is_false")]
    pub you: bool,
}

/// `revoke`: a device or a program key may not log in any more, and its sessions end at once (rule A7). The answer is
/// [`Devices`] as they are then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoke {
    /// The client's name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// Which one.
    pub id: DeviceId,
    /// Whose; absent: one's own. Those of others are for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
}

/// `invite` from a client: asks for a code with which one more device may join (rule A8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRequest {
    /// The client's name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// Who is invited; absent: oneself. Others are for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// For how many seconds the code is valid, [`VALID_LEAST`] to [`VALID_MOST`]; absent: [`VALID_USUAL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<u64>,
}

/// `invite` from the server: the code. It is shown once, as the server stores only its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The tag of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// Who is invited.
    pub login: Login,
    /// The code.
    pub code: Secret,
    /// Until when it is valid.
    pub until: i64,
}

/// `key` from a client: asks for a program key, with which programs log in that know only a name (rule A9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRequest {
    /// The client's name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// What the person calls it, for lists of devices.
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    pub name: Name,
}

/// `key` from the server: a new program key. It is shown once, as the server stores only its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// The tag of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The key.
    pub key: Secret,
    /// Its id in lists of devices.
    pub id: DeviceId,
}

impl Join {
    /// Parses the first line of a connection. `None`: it is no `join`.
    ///
    /// # Errors
    /// [`BadLine`](super::BadLine) if it is one, but malformed.
    pub fn parse(line: &str) -> Option<Result<Self, super::BadLine>> {
        let object = line.strip_prefix("join ")?.trim_start();
        // A user may be called `join` and have a program key, or ask for a live session.
        object
            .starts_with('{')
            .then(|| super::read_object(object.as_bytes()))
    }

    /// Appends the line, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        super::write_verb("join", self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_is_read_as_it_is_written_and_hides_its_code() {
        let line =
            r#"join {"login":"ana","code":"LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI","name":"laptop"}"#;
        let join = Join::parse(line).unwrap().unwrap();
        let mut encoded = Vec::new();
        join.encode(&mut encoded);
        assert_eq!(encoded, line.as_bytes());
        assert!(!format!("{join:?}").contains("LJNF"));
        let damaged = Join::parse(&line.replace("-LI", "")).unwrap().unwrap_err();
        assert!(!damaged.reason.contains("LJNF"), "{damaged}");
    }

    #[test]
    fn a_user_may_be_called_join() {
        for line in [
            "join",
            "join live/1",
            "join LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI",
        ] {
            assert_eq!(Join::parse(line), None, "{line}");
        }
    }
}
