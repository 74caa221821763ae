use std::{fmt, net::Ipv6Addr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Fingerprint, Mistyped, Secret};
use crate::{Login, LoginError, is_hidden, limits::PORT};

/// What an invite link begins with, before `://`.
pub const SCHEME: &str = "mensageiro";

/// Longest name of a host in bytes, as in DNS.
const HOST_BYTES: usize = 253;

/// Longest link in bytes. A login may have 64 characters, each of up to 12 bytes here.
const LINK_BYTES: usize = 2048;

/// Everything in a login but these is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An invitation to a server: where it is, what identifies it, who is invited, and the code that lets in one device.
///
/// It is written as `mensageiro://HOST:PORT/LOGIN?key=FINGERPRINT#CODE`. The code is after the `#`, the part of a link that no
/// program sends to a server by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteLink {
    /// The server's name or address; an IPv6 address without brackets.
    pub host: String,
    /// The server's TCP port.
    pub port: u16,
    /// Who is invited.
    pub login: Login,
    /// The server that the link is for; no other one may be given the code.
    pub key: Fingerprint,
    /// The code. It works once.
    pub code: Secret,
}

/// Why a text is not an invite link. No error repeats the code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadInviteLink {
    /// It is something else.
    #[error("this is not an invite link; one begins with {SCHEME}://")]
    NotALink,
    /// It is longer than any link.
    #[error("this is too long for an invite link")]
    TooLong,
    /// It names no host, or one that cannot be.
    #[error("the link names no computer that there can be")]
    Host,
    /// What follows the host is not a port.
    #[error("the port in the link is not a number from 1 to 65535")]
    Port,
    /// The login in it is not one.
    #[error("the login in the link cannot be one: {0}")]
    Login(#[from] LoginError),
    /// There is no fingerprint in it.
    #[error("the link does not say which server it is for; part of it is missing")]
    NoKey,
    /// Its fingerprint is mistyped.
    #[error("the server's key in the link is damaged: {0}")]
    Key(Mistyped),
    /// There is no code in it.
    #[error("the link has no code; its end is missing")]
    NoCode,
    /// Its code is mistyped.
    #[error("the code in the link is damaged: {0}")]
    Code(Mistyped),
}

impl InviteLink {
    /// Reads a link as it was pasted: spaces, line breaks and `<>` around or within it do not count.
    ///
    /// # Errors
    /// [`BadInviteLink`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadInviteLink> {
        let is_part = |c: &char| !c.is_whitespace() && !is_hidden(*c) && !matches!(c, '<' | '>');
        // Little more than a link is looked at, however much was pasted.
        let link = text.chars().filter(is_part).take(LINK_BYTES + 1).collect();
        let link = Zeroizing::<String>::new(link);
        let rest = without_scheme(&link).ok_or(BadInviteLink::NotALink)?;
        if link.len() > LINK_BYTES {
            return Err(BadInviteLink::TooLong);
        }
        let (rest, code) = parted(rest, '#');
        let (rest, query) = parted(rest, '?');
        let (authority, login) = parted(rest, '/');
        let (host, port) = host_and_port(authority)?;
        let login = login.unwrap_or_default();
        // Some programs add a slash to what they take for a folder.
        let login = login.strip_suffix('/').unwrap_or(login);
        let login = percent_decode_str(login).decode_utf8_lossy();
        let login = Login::parse(&login)?;
        let mut words = query.unwrap_or_default().split('&');
        let key = words.find_map(|word| word.strip_prefix("key="));
        let key = key.ok_or(BadInviteLink::NoKey)?;
        let key = Fingerprint::parse(key).map_err(BadInviteLink::Key)?;
        let code = code.filter(|code| !code.is_empty());
        let code = code.ok_or(BadInviteLink::NoCode)?;
        let code = Secret::parse(code).map_err(BadInviteLink::Code)?;
        Ok(Self {
            host,
            port,
            login,
            key,
            code,
        })
    }

    /// Whether a text looks like an invite link, though perhaps a damaged one: a field for other things may then ask for it.
    pub fn looks_like_one(text: &str) -> bool {
        without_scheme(text.trim_start_matches(['<', ' ', '\t', '\r', '\n'])).is_some()
    }

    /// The link, with its code: for the one who is invited.
    pub fn written(&self) -> Zeroizing<String> {
        let login = utf8_percent_encode(self.login.as_str(), ENCODED);
        let (address, key, code) = (self.address(), self.key.plain(), self.code.plain());
        Zeroizing::new(format!(
            "{SCHEME}://{address}/{login}?key={key}#{}",
            code.as_str()
        ))
    }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    pub fn address(&self) -> String {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }
}

/// Without its code.
impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, login) = (self.address(), &self.login);
        write!(f, "InviteLink({SCHEME}://{address}/{login}#…)")
    }
}

fn without_scheme(link: &str) -> Option<&str> {
    let scheme = link.get(..SCHEME.len())?;
    let rest = link.get(SCHEME.len()..)?.strip_prefix("://")?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// What is before and after the first `separator`.
fn parted(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn host_and_port(authority: &str) -> Result<(String, u16), BadInviteLink> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(BadInviteLink::Host)?;
            let address: Ipv6Addr = host.parse().map_err(|_| BadInviteLink::Host)?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(BadInviteLink::Port)?),
            };
            (address.to_string(), port)
        }
        None => {
            let (host, port) = parted(authority, ':');
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
            let is_host = (1..=HOST_BYTES).contains(&host.len()) && host.chars().all(is_part);
            (
                is_host
                    .then(|| host.to_owned())
                    .ok_or(BadInviteLink::Host)?,
                port,
            )
        }
    };
    let port = match port {
        None => PORT,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = digits.parse().map_err(|_| BadInviteLink::Port)?;
            Some(port)
                .filter(|&port| port > 0)
                .ok_or(BadInviteLink::Port)?
        }
        Some(_) => return Err(BadInviteLink::Port),
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn link(host: &str, port: u16, login: &str) -> InviteLink {
        InviteLink {
            host: host.into(),
            port,
            login: Login::parse(login).unwrap(),
            key: Fingerprint::of(b"abc"),
            code: Secret::new([0x5a; 16]),
        }
    }

    const KEY: &str = "XJ4BNP4PAHH6UQKBIDPF3LRCEOYAGYNDSYLXVHFUCD7WD4QACWWQ";
    const CODE: &str = "LJNFUWS2LJNFUWS2LJNFUWS2LI";

    fn check(text: &str, expected: Result<InviteLink, BadInviteLink>) {
        let text = text.replace("KEY", KEY).replace("CODE", CODE);
        assert_eq!(InviteLink::parse(&text), expected, "{text}");
    }

    #[test]
    fn a_link_is_read_as_it_is_written() {
        for (host, login, written) in [
            ("chat.example.org", "ana", "chat.example.org:3333/ana"),
            ("10.0.0.7", "joão", "10.0.0.7:3333/jo%C3%A3o"),
            ("2001:db8::1", "a+b@c", "[2001:db8::1]:3333/a%2Bb%40c"),
        ] {
            let expected = link(host, 3333, login);
            let written = format!("mensageiro://{written}?key={KEY}#{CODE}");
            assert_eq!(&*expected.written(), &written);
            check(&written, Ok(expected));
        }
    }

    #[test]
    fn a_link_that_was_sent_around_is_still_read() {
        let expected = Ok(link("chat.example.org", 3333, "ana"));
        for text in [
            " \u{feff}mensageiro://chat.example.org:3333/ana?key=KEY#CODE\r\n",
            "\t<mensageiro://chat.example.org:3333/ana?key=KEY#CODE> ",
            "MENSAGEIRO://chat.example.org/ana/?key=KEY#CODE",
            "mensageiro://chat.example.org:3333/ana?\n  key=KEY\n  #CODE",
            "mensageiro://chat.example.org/ana?color=red&key=KEY&x#ljnf-uws2-ljnf-uws2-ljnf-uws2-l1",
        ] {
            check(text, expected.clone());
        }
        assert!(InviteLink::looks_like_one(" <Mensageiro://"));
        assert!(!InviteLink::looks_like_one("mensageiro.example.org"));
    }

    #[test]
    fn a_damaged_link_says_where_and_not_with_which_code() {
        for (text, error) in [
            ("", BadInviteLink::NotALink),
            ("https://chat.example.org/ana", BadInviteLink::NotALink),
            ("mensageiro:///ana?key=KEY#CODE", BadInviteLink::Host),
            (
                "mensageiro://ana@host/ana?key=KEY#CODE",
                BadInviteLink::Host,
            ),
            ("mensageiro://[::1/ana?key=KEY#CODE", BadInviteLink::Host),
            ("mensageiro://[host]/ana?key=KEY#CODE", BadInviteLink::Host),
            ("mensageiro://host:/ana?key=KEY#CODE", BadInviteLink::Port),
            ("mensageiro://host:0/ana?key=KEY#CODE", BadInviteLink::Port),
            (
                "mensageiro://host:65536/ana?key=KEY#CODE",
                BadInviteLink::Port,
            ),
            ("mensageiro://host:+1/ana?key=KEY#CODE", BadInviteLink::Port),
            (
                "mensageiro://host?key=KEY#CODE",
                BadInviteLink::Login(LoginError::Empty),
            ),
            (
                "mensageiro://host/ana%20b?key=KEY#CODE",
                BadInviteLink::Login(LoginError::BadCharacter(' ')),
            ),
            ("mensageiro://host/ana#CODE", BadInviteLink::NoKey),
            ("mensageiro://host/ana?key=KEY", BadInviteLink::NoCode),
            ("mensageiro://host/ana?key=KEY#", BadInviteLink::NoCode),
            (
                "mensageiro://host/ana?key=ABC#CODE",
                BadInviteLink::Key(Mistyped::Length {
                    expected: 52,
                    found: 3,
                }),
            ),
            (
                "mensageiro://host/ana?key=KEY#CODEA",
                BadInviteLink::Code(Mistyped::Length {
                    expected: 26,
                    found: 27,
                }),
            ),
        ] {
            check(text, Err(error));
        }
        let long = format!("mensageiro://host/{}?key=KEY#CODE", "a".repeat(5_000));
        check(&long, Err(BadInviteLink::TooLong));
        let shown = format!("{:?}", link("::1", 3333, "ana"));
        assert_eq!(shown, "InviteLink(mensageiro://[::1]:3333/ana#…)");
    }

    proptest! {
        #[test]
        fn every_link_comes_back(
            host in "[a-z0-9]{1,20}(\\.[a-z]{2,8})?|é[a-z]{1,9}",
            address: Option<u128>,
            port in 1..=u16::MAX,
            login in "[\\pL\\pN_][\\pL\\pN._+@-]{0,63}",
            bytes: [u8; 32],
            random: [u8; 16],
        ) {
            prop_assume!(Login::parse(&login).is_ok());
            let host = address.map_or(host, |address| Ipv6Addr::from(address).to_string());
            let link = InviteLink {
                host,
                port,
                login: Login::parse(&login).unwrap(),
                key: Fingerprint::from_bytes(bytes),
                code: Secret::new(random),
            };
            prop_assert_eq!(InviteLink::parse(&link.written()), Ok(link.clone()));
            let spread: String = link.written().chars().flat_map(|c| [c, '\n']).collect();
            prop_assert_eq!(InviteLink::parse(&spread), Ok(link));
        }

        #[test]
        fn nothing_that_is_pasted_is_too_much(text in "(mensageiro://)?.{0,80}") {
            if let Ok(link) = InviteLink::parse(&text) {
                prop_assert_eq!(InviteLink::parse(&link.written()), Ok(link));
            }
        }
    }
}
