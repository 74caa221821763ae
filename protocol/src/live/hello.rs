use thiserror::Error;
use zeroize::Zeroizing;

use super::{StoreId, Tag};
use crate::{Login, LoginError, trust::Secret};

/// The word after the login that asks for a live session (rule V1).
pub const LIVE: &str = "live/1";

/// No program key is longer, however it is typed.
const KEY_BYTES: usize = 128;

/// The first line of a live session: `alice live/1 device=5f0c after=8812` (rule V1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The user's login.
    pub login: Login,
    /// The program key that a person has typed after it (rule A3).
    pub key: Option<Secret>,
    /// The device's name, chosen by the client. Tags of this device may begin with it
    /// ([`Tag::numbered`]).
    pub device: Option<Tag>,
    /// The newest message that this device has: the backlog is everything after it (rule V3).
    /// Without it, the backlog is the unread messages.
    pub after: Option<u64>,
    /// The store to whose ids `after` belongs, from its `welcome`.
    pub store: Option<StoreId>,
    /// The epoch of this store at that time.
    pub epoch: Option<u64>,
    /// The client understands messages that change others (rule V17). If not, it gets what a classic client would get of them.
    pub about: bool,
}

/// Why a line that asks for a live session does not get one. No error repeats a value: it may be a key at the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HelloError {
    /// The name is not a valid login.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The value of `after=` is not a number.
    #[error("after= needs the number of a message")]
    After,
    /// The value of `store=` is not a store's identity.
    #[error("store= needs 32 hexadecimal digits in lower case")]
    Store,
    /// The value of `epoch=` is not a number.
    #[error("epoch= needs a number")]
    Epoch,
}

impl Hello {
    /// A hello with only a login.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            key: None,
            device: None,
            after: None,
            store: None,
            epoch: None,
            about: false,
        }
    }

    /// Parses the first line of a connection. `None`: it does not ask for a live session. Unknown
    /// words are ignored (rule V2).
    ///
    /// # Errors
    /// [`HelloError`] if it asks for one, but is malformed.
    pub fn parse(line: &str) -> Option<Result<Self, HelloError>> {
        let mut words = line.split_ascii_whitespace();
        let login = words.next()?;
        // Between the two is nothing but a program key, perhaps with spaces in it.
        let mut typed = Zeroizing::new(String::new());
        loop {
            match words.next()? {
                LIVE => break,
                _ if typed.len() > KEY_BYTES => return None,
                word => typed.push_str(word),
            }
        }
        let key = match typed.is_empty() {
            true => None,
            false => Some(Secret::parse(&typed).ok()?),
        };
        Some(Self::parse_words(login, words).map(|hello| Self { key, ..hello }))
    }

    fn parse_words<'a>(
        login: &str,
        words: impl Iterator<Item = &'a str>,
    ) -> Result<Self, HelloError> {
        let mut hello = Self::new(Login::parse(login)?);
        for word in words {
            match word.split_once('=') {
                Some(("device", device)) => hello.device = Tag::parse(device).ok(),
                Some(("after", after)) => {
                    let number = after.parse().map_err(|_| HelloError::After)?;
                    hello.after = Some(number);
                }
                Some(("store", store)) => {
                    let id = StoreId::parse(store).map_err(|_| HelloError::Store)?;
                    hello.store = Some(id);
                }
                Some(("epoch", epoch)) => {
                    let number = epoch.parse().map_err(|_| HelloError::Epoch)?;
                    hello.epoch = Some(number);
                }
                Some(("about", about)) => hello.about = about == "1",
                _ => {}
            }
        }
        Ok(hello)
    }

    /// Appends the line, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.login.as_str().as_bytes());
        out.push(b' ');
        if let Some(key) = &self.key {
            out.extend_from_slice(key.written().as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(LIVE.as_bytes());
        if let Some(device) = &self.device {
            out.extend_from_slice(b" device=");
            out.extend_from_slice(device.as_str().as_bytes());
        }
        if let Some(after) = self.after {
            out.extend_from_slice(b" after=");
            out.extend_from_slice(itoa::Buffer::new().format(after).as_bytes());
        }
        if let Some(store) = self.store {
            out.extend_from_slice(format!(" store={store}").as_bytes());
        }
        if let Some(epoch) = self.epoch {
            out.extend_from_slice(b" epoch=");
            out.extend_from_slice(itoa::Buffer::new().format(epoch).as_bytes());
        }
        if self.about {
            out.extend_from_slice(b" about=1");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(device: Option<&str>, after: Option<u64>) -> Hello {
        Hello {
            device: device.map(|device| Tag::parse(device).unwrap()),
            after,
            ..Hello::new(Login::parse("alice").unwrap())
        }
    }

    #[test]
    fn a_hello_names_device_and_place() {
        for (line, expected) in [
            ("alice live/1", hello(None, None)),
            (
                "alice live/1 device=5f0c after=8812",
                hello(Some("5f0c"), Some(8812)),
            ),
            ("  alice  live/1  color=red after=0 ", hello(None, Some(0))),
        ] {
            assert_eq!(Hello::parse(line), Some(Ok(expected)), "{line}");
        }
        let mut line = Vec::new();
        hello(Some("5f0c"), Some(8812)).encode(&mut line);
        assert_eq!(line, b"alice live/1 device=5f0c after=8812");
    }

    #[test]
    fn a_hello_names_the_store_that_its_place_is_of() {
        let line = "alice live/1 after=8812 store=0000000000000000000000000000009f epoch=2 about=1";
        let expected = Hello {
            store: Some(StoreId(0x9f)),
            epoch: Some(2),
            about: true,
            ..hello(None, Some(8812))
        };
        assert_eq!(Hello::parse(line), Some(Ok(expected.clone())));
        let mut encoded = Vec::new();
        expected.encode(&mut encoded);
        assert_eq!(encoded, line.as_bytes());
    }

    #[test]
    fn a_program_key_may_stand_between_login_and_version() {
        let expected = Hello {
            key: Secret::parse("LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI").ok(),
            ..hello(None, Some(7))
        };
        for key in [
            "LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI",
            "ljnfuws2 ljnfuws2 ljnfuws2 li",
        ] {
            let line = format!("alice {key} live/1 after=7");
            assert_eq!(Hello::parse(&line), Some(Ok(expected.clone())), "{line}");
        }
        for line in [
            "alice LJNF-UWS2 live/1".to_owned(),
            format!("alice {} live/1", "A".repeat(5_000)),
        ] {
            assert_eq!(Hello::parse(&line), None, "{line}");
        }
        let mut encoded = Vec::new();
        expected.encode(&mut encoded);
        let line = String::from_utf8(encoded).unwrap();
        assert_eq!(Hello::parse(&line), Some(Ok(expected)));
    }

    #[test]
    fn a_classic_login_is_no_hello_and_a_bad_one_says_why() {
        for line in ["alice", "", "alice live", "alice live/2", "live/1"] {
            assert_eq!(Hello::parse(line), None, "{line}");
        }
        assert!(matches!(
            Hello::parse("@x live/1"),
            Some(Err(HelloError::Login(_)))
        ));
        assert_eq!(
            Hello::parse("alice live/1 after=-1"),
            Some(Err(HelloError::After))
        );
        assert_eq!(
            Hello::parse("alice live/1 store=9F"),
            Some(Err(HelloError::Store))
        );
        assert_eq!(
            Hello::parse("alice live/1 epoch=new"),
            Some(Err(HelloError::Epoch))
        );
    }
}
