//! Where a server is: `host`, `host:port` or `[::1]:3333`.

use std::fmt;

use mensageiro_protocol::limits::PORT;
use thiserror::Error;

/// Longest name the domain name system knows, in characters.
const HOST_CHARS: usize = 253;

/// A host and a port, not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// Name or IP address, in lower case; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Why a text is not the address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// There is no host.
    #[error("write the server's name or IP address")]
    NoHost,
    /// What comes after the colon is not a port.
    #[error("the port is a number from 1 to 65535")]
    BadPort,
    /// A character that no host name has, or too many of them.
    #[error("this is not the name or the IP address of a server")]
    BadHost,
}

impl ServerAddress {
    /// Reads an address as a person types it; without a port it is [`PORT`]. An IPv6 address
    /// needs brackets only before a port.
    ///
    /// # Errors
    /// [`AddressError`] says which part is wrong.
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        let (host, port) = match typed.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(AddressError::BadHost)?;
                if !host.contains(':') {
                    return Err(AddressError::BadHost);
                }
                match after.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if after.is_empty() => (host, None),
                    None => return Err(AddressError::BadPort),
                }
            }
            // An address of the web, which people paste.
            None if typed.contains("//") => return Err(AddressError::BadHost),
            None => match typed.split_once(':') {
                Some((_, rest)) if rest.contains(':') => (typed, None),
                Some((host, port)) => (host, Some(port)),
                None => (typed, None),
            },
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let is_ipv6 = host.contains(':');
        let known = |c: char| {
            c.is_alphanumeric() || matches!(c, '.' | '-' | '_') || (is_ipv6 && ":%".contains(c))
        };
        if host.chars().count() > HOST_CHARS || !host.chars().all(known) {
            return Err(AddressError::BadHost);
        }
        let port = match port {
            None => PORT,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 && !port_is_signed(host, typed) => port,
                _ => return Err(AddressError::BadPort),
            },
        };
        Ok(Self {
            host: host.to_lowercase(),
            port,
        })
    }
}

/// `u16::from_str` takes `+1`, people do not mean it.
fn port_is_signed(host: &str, typed: &str) -> bool {
    typed[host.len()..].contains('+')
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: Result<&str, AddressError>) {
        let address = ServerAddress::parse(typed).map(|a| a.to_string());
        assert_eq!(address, expected.map(str::to_owned), "{typed:?}");
    }

    #[test]
    fn without_a_port_it_is_the_port_of_the_assignment() {
        check("localhost", Ok("localhost:3333"));
        check(" Chat.Example.ORG ", Ok("chat.example.org:3333"));
        check("192.168.0.7", Ok("192.168.0.7:3333"));
        check("::1", Ok("[::1]:3333"));
        check("[::1]", Ok("[::1]:3333"));
        check("fe80::1%eth0", Ok("[fe80::1%eth0]:3333"));
    }

    #[test]
    fn a_port_may_follow() {
        check("localhost:4000", Ok("localhost:4000"));
        check("[::1]:4000", Ok("[::1]:4000"));
    }

    #[test]
    fn what_cannot_be_an_address_is_told_apart() {
        check("", Err(AddressError::NoHost));
        check(":3333", Err(AddressError::NoHost));
        check("a b", Err(AddressError::BadHost));
        check("http://a", Err(AddressError::BadHost));
        check("[abc]", Err(AddressError::BadHost));
        check("[::1", Err(AddressError::BadHost));
        check("[::1]x", Err(AddressError::BadPort));
        check("localhost:", Err(AddressError::BadPort));
        check("localhost:0", Err(AddressError::BadPort));
        check("host:http", Err(AddressError::BadPort));
        check("localhost:+1", Err(AddressError::BadPort));
        check("localhost:65536", Err(AddressError::BadPort));
        check(&"a".repeat(254), Err(AddressError::BadHost));
    }
}
