//! What the commands `invite`, `devices` and `key` take.

use std::{
    net::{Ipv6Addr, SocketAddr},
    time::Duration,
};

use clap::Subcommand;
use jiff::{Span, SpanRelativeTo};
use mensageiro_protocol::{
    Login,
    live::{VALID_LEAST, VALID_MOST},
};

/// What to do with devices and program keys.
#[derive(Clone, Debug, Subcommand)]
pub enum DevicesCommand {
    /// List them.
    List {
        /// Whose; those of all users if none is named.
        #[arg(value_name = "LOGIN", value_parser = login)]
        login: Option<Login>,
    },
    /// End the right of one to log in, and its sessions.
    Revoke {
        /// Whose.
        #[arg(value_name = "LOGIN", value_parser = login)]
        login: Login,
        /// Its id in the list, or the beginning of it.
        #[arg(value_name = "ID")]
        id: String,
    },
}

pub(super) fn login(text: &str) -> Result<Login, String> {
    Login::parse(text).map_err(|why| why.to_string())
}

/// How long an invitation is valid.
pub(super) fn validity(text: &str) -> Result<Duration, String> {
    let advice = "a duration such as 7d, 12h or 30m is needed, from 1m to 365d";
    let span: Span = text.parse().map_err(|_| advice)?;
    let valid = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| advice)?;
    let valid = Duration::try_from(valid).map_err(|_| advice)?;
    match (VALID_LEAST..=VALID_MOST).contains(&valid.as_secs()) {
        true => Ok(valid),
        false => Err(advice.into()),
    }
}

/// A name or an address, and perhaps a port. An IPv6 address with a port stands in brackets.
pub(super) fn host(text: &str) -> Result<(String, Option<u16>), String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return Ok((address.to_string(), None));
    }
    if let Ok(SocketAddr::V6(address)) = text.parse() {
        return Ok((address.ip().to_string(), Some(address.port())));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    let port = port.map(|port| port.parse().ok().filter(|&port: &u16| port > 0));
    match port {
        Some(None) => Err("the port must be a number from 1 to 65535".into()),
        _ if host.is_empty() || !host.chars().all(is_part) => {
            Err("a name or address is needed, such as chat.example.org or 192.168.0.7:3333".into())
        }
        port => Ok((host.to_owned(), port.flatten())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_and_be_an_address() {
        for (text, name, port) in [
            ("chat.example.org", "chat.example.org", None),
            ("chat.example.org:4000", "chat.example.org", Some(4000)),
            ("192.168.0.7:3333", "192.168.0.7", Some(3333)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[2001:db8::1]:4000", "2001:db8::1", Some(4000)),
        ] {
            assert_eq!(host(text), Ok((name.into(), port)), "{text}");
        }
        for bad in [
            "",
            ":4000",
            "host:",
            "host:0",
            "host:99999",
            "a b",
            "ana@host",
            "host/ana",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_invitation_is_valid_from_a_minute_to_a_year() {
        let day = 24 * 60 * 60;
        for (text, seconds) in [
            ("7d", 7 * day),
            ("12h", day / 2),
            ("1m", 60),
            ("365d", 365 * day),
        ] {
            assert_eq!(validity(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "7", "0s", "59s", "366d", "-7d", "week"] {
            assert!(validity(bad).is_err(), "{bad}");
        }
    }
}
