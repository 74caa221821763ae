//! Server addresses: `host`, `host:port` or `[::1]:3333`, and the other forms that people type and
//! paste.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use mensageiro_protocol::limits::PORT;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// The longest host name in DNS, in characters.
const HOST_CHARS: usize = 253;

/// Schemes that may stand before an address without two slashes, and words that stand before it in a text.
const SCHEMES: [&str; 11] = [
    "http",
    "https",
    "tcp",
    "mensageiro",
    "ws",
    "telnet",
    "ip",
    "server",
    "servidor",
    "address",
    "endereço",
];

/// Words that may stand before an address and a space: the same, programs, and what a server says at its start.
const WORDS: [&str; 5] = ["nc", "ncat", "netcat", "listening", "on"];

/// Characters around an address in a text that are dropped.
const AROUND: &[char] = &[
    '"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»', '<', '>', '(', ')', ',', ';',
];

/// Separators between a host and a port.
const BETWEEN: &[char] = &[':', ',', ';', ' '];

/// A host and a port, not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// Name or IP address, in lower case; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Why a text is not a server's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// There is no host.
    #[error("write the server's name or IP address")]
    NoHost,
    /// What comes after the host is not a port.
    #[error("the port is a number from 1 to 65535")]
    BadPort,
    /// Numbers and dots that are no IP address.
    #[error("an IP address has four numbers from 0 to 255")]
    BadNumbers,
    /// It stands for all addresses of a computer, and not for one computer.
    #[error("0.0.0.0 is not the address of one computer")]
    Everywhere,
    /// A character that no host name has.
    #[error("{0:?} is not allowed in the address of a server")]
    BadCharacter(char),
    /// Anything else: colons without an IPv6 address, or too many characters.
    #[error("this is not the name or the IP address of a server")]
    BadHost,
}

impl ServerAddress {
    /// Reads an address as a person types or pastes it; without a port it is [`PORT`]. Spaces,
    /// invisible and full-width characters, quotes, a scheme (`http://`), a user (`ana@`), a path and
    /// words before it (`nc`, `Server:`) do no harm. A port may follow after a colon, a comma or a space.
    /// An IP address may have commas for dots, as some keypads write them. An IPv6 address needs
    /// brackets only where a port follows after a colon, and `::1` not even there.
    ///
    /// # Errors
    /// [`AddressError`] says which part is wrong.
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        let plain = plain(typed);
        let place = without_path(without_words(trim(&plain)));
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let place = trim(place);
        let dotted = with_dots(place);
        let (host, port) = split(dotted.as_deref().unwrap_or(place))?;
        Ok(Self {
            host: read_host(host)?,
            port: port.map_or(Ok(PORT), read_port)?,
        })
    }

    /// Whether a server may listen there, and nobody can connect to it: `0.0.0.0` and `::`.
    pub fn is_everywhere(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.is_ok_and(|address| address.to_canonical().is_unspecified())
    }
}

/// Replaces characters by the plain small ones they look like, and drops invisible ones.
fn plain(typed: &str) -> String {
    let one = |c: char| match c {
        // Soft hyphens, joiners, marks of direction, byte order marks.
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => None,
        '\u{2060}'..='\u{2069}' | '\u{feff}' => None,
        c if c.is_whitespace() || c.is_control() => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '。' => Some('.'),
        c => Some(c),
    };
    let small: String = typed.nfkc().flat_map(char::to_lowercase).collect();
    // Small letters may consist of others than large ones.
    small.nfkc().filter_map(one).collect()
}

fn trim(place: &str) -> &str {
    place.trim_matches(|c: char| c == ' ' || AROUND.contains(&c))
}

/// Drops `http://`, `Server:` and the like, which may have been pasted twice.
fn without_words(place: &str) -> &str {
    let mut place = place.trim_start_matches(['/', '\\', ' ']);
    while let Some(rest) = after_scheme(place).or_else(|| after_word(place)) {
        place = rest.trim_start_matches(['/', '\\', ' ']);
    }
    place
}

fn after_scheme(place: &str) -> Option<&str> {
    let (scheme, rest) = place.split_once(':')?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    let rest = rest.trim_start();
    let has_slash = rest.starts_with(['/', '\\']) && scheme.chars().all(is_word);
    let is_known = SCHEMES.contains(&&*scheme.to_lowercase());
    let is_port = rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.contains([':', '.']);
    // `localhost:/` has a slash too many, and no scheme.
    let has_rest = !rest.trim_start_matches(['/', '\\', ' ']).is_empty();
    (is_known && !is_port || has_slash && has_rest).then_some(rest)
}

fn after_word(place: &str) -> Option<&str> {
    let (word, rest) = place.split_once(' ')?;
    let word = word.to_lowercase();
    let is_known = SCHEMES.contains(&&*word) || WORDS.contains(&&*word);
    // A computer may be called like that, and be followed by its port.
    let is_port = rest.trim().bytes().all(|byte| byte.is_ascii_digit());
    (is_known && !is_port).then_some(rest)
}

/// An IP address that was written with commas, or with spaces, in the usual way. `None`: it is something else.
fn with_dots(place: &str) -> Option<String> {
    let mut rest = place;
    let mut numbers = Vec::new();
    for at in 0..4 {
        if at > 0 {
            rest = rest.trim_start().strip_prefix(['.', ','])?.trim_start();
        }
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest
            .split_at_checked(end)
            .filter(|(number, _)| !number.is_empty())?;
        numbers.push(number);
        rest = after;
    }
    let is_end = rest.is_empty() || rest.starts_with(BETWEEN);
    is_end.then(|| numbers.join(".") + rest)
}

fn without_path(place: &str) -> &str {
    let end = place.find(['/', '\\', '?', '#']);
    &place[..end.unwrap_or(place.len())]
}

/// The host without brackets, and the text of the port.
fn split(place: &str) -> Result<(&str, Option<&str>), AddressError> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(AddressError::BadHost)?;
        let port = after.trim_start_matches(BETWEEN);
        let is_there = !port.is_empty() || after.contains(':');
        return Ok((host.trim(), is_there.then_some(port)));
    }
    // No other address begins so.
    let here = place
        .strip_prefix("::1:")
        .filter(|port| port.parse::<u16>().is_ok());
    if here.is_some() {
        return Ok(("::1", here));
    }
    if is_ipv6(place) {
        return Ok((place, None));
    }
    let Some((host, port)) = place.rsplit_once(BETWEEN) else {
        return Ok((place, None));
    };
    let has_colon = place[host.len()..].starts_with(':');
    let is_number = port.starts_with(|c: char| c.is_ascii_digit());
    if !has_colon && !is_number {
        return Err(AddressError::BadCharacter(' '));
    }
    let host = host.trim_end_matches(BETWEEN);
    // "host port 3333"
    let words = [" port", " porta"];
    let named = words.iter().find_map(|word| host.strip_suffix(word));
    let host = named.unwrap_or(host).trim_end_matches(BETWEEN);
    // It may be the end of the address or a port: ambiguous.
    if has_colon && host.contains("::") && !host.contains('%') {
        return Err(AddressError::BadHost);
    }
    Ok((host, Some(port)))
}

fn read_host(host: &str) -> Result<String, AddressError> {
    let is_number = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    if host.is_empty() || is_number(host) {
        // A number alone is a port.
        return Err(AddressError::NoHost);
    }
    if is_ipv6(host) {
        // In an address of the web the sign before the zone is written `%25`.
        let (address, zone) = host.split_once('%').unwrap_or((host, ""));
        let name = zone
            .strip_prefix("25")
            .filter(|name| name.starts_with(char::is_alphabetic));
        return Ok(match name.unwrap_or(zone) {
            "" => address.to_lowercase(),
            zone => format!("{address}%{zone}").to_lowercase(),
        });
    }
    if host.contains(':') {
        return Err(AddressError::BadHost);
    }
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    if labels.iter().all(|label| is_number(label)) {
        let numbers: Option<Vec<u8>> = labels.iter().map(|label| label.parse().ok()).collect();
        let four = numbers.and_then(|numbers| <[u8; 4]>::try_from(numbers).ok());
        return match four {
            Some(four) => Ok(Ipv4Addr::from(four).to_string()),
            None => Err(AddressError::BadNumbers),
        };
    }
    let is_known = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if let Some(sign) = host.chars().find(|c| !is_known(*c)) {
        return Err(AddressError::BadCharacter(sign));
    }
    if host.chars().count() > HOST_CHARS || labels.iter().any(|label| label.is_empty()) {
        return Err(AddressError::BadHost);
    }
    Ok(host.to_lowercase())
}

fn read_port(port: &str) -> Result<u16, AddressError> {
    let port = port.trim().trim_end_matches('.');
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or(AddressError::BadPort)
}

/// An IPv6 address, perhaps with a zone.
fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, ""));
    let is_known = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    address.parse::<Ipv6Addr>().is_ok() && zone.chars().all(is_known)
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
    use proptest::prelude::*;

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
        check("::1:4000", Ok("[::1]:4000"));
        check("[::1]", Ok("[::1]:3333"));
        check("fe80::1%eth0", Ok("[fe80::1%eth0]:3333"));
        check("::ffff:192.168.0.7", Ok("[::ffff:192.168.0.7]:3333"));
    }

    #[test]
    fn a_port_may_follow() {
        check("localhost:4000", Ok("localhost:4000"));
        check("[::1]:4000", Ok("[::1]:4000"));
        for typed in [
            "localhost 4000",
            "localhost  4000",
            "localhost : 4000",
            "localhost: 4000",
            "localhost\t4000",
            "localhost, 4000",
            "localhost;4000",
            "localhost port 4000",
            "localhost, porta 4000",
            "[localhost]:4000",
            "localhost:4000.",
        ] {
            check(typed, Ok("localhost:4000"));
        }
        for typed in [
            "::1 4000",
            "[::1] 4000",
            "[::1]: 4000",
            "[::1]4000",
            "[ ::1 ]:4000",
        ] {
            check(typed, Ok("[::1]:4000"));
        }
        check("1:2:3:4:5:6:7:8:4000", Ok("[1:2:3:4:5:6:7:8]:4000"));
        check("fe80::1%eth0 4000", Ok("[fe80::1%eth0]:4000"));
        check("fe80::1%eth0:4000", Ok("[fe80::1%eth0]:4000"));
    }

    #[test]
    fn what_people_paste_is_forgiven() {
        for typed in [
            "http://localhost:4000",
            "HTTP://localhost:4000/",
            "https://localhost:4000/chat/index.html?a=1#top",
            "tcp://localhost:4000",
            "mensageiro://localhost:4000/",
            "mensageiro://ana@localhost:4000",
            "mensageiro:localhost:4000",
            "http:\\\\localhost:4000\\",
            "http:/localhost:4000",
            "http://http://localhost:4000",
            "//localhost:4000//",
            "ana@localhost:4000",
            "<localhost:4000>",
            "“localhost:4000”",
            "\u{feff}localhost\u{200b}:4000\u{200e}\n",
            "\u{a0}localhost:4000\u{a0}",
            "ｌｏｃａｌｈｏｓｔ：４０００",
            "localhost:4000/tcp",
            "localhost:4000,",
        ] {
            check(typed, Ok("localhost:4000"));
        }
        check("http://localhost", Ok("localhost:3333"));
        check("http://[::1]:4000/", Ok("[::1]:4000"));
        check("http://[fe80::1%25eth0]/", Ok("[fe80::1%eth0]:3333"));
        check("http:3333", Ok("http:3333"));
        check("１９２．１６８。０．７", Ok("192.168.0.7:3333"));
        check("192.168.000.007", Ok("192.168.0.7:3333"));
        check("meu\u{2011}servidor", Ok("meu-servidor:3333"));
        check("servidor-joão.local", Ok("servidor-joão.local:3333"));
        check("\\\\sala3", Ok("sala3:3333"));
        check("\\\\sala3\\public", Ok("sala3:3333"));
        check("Sala-3-XJ4B.local.", Ok("sala-3-xj4b.local.:3333"));
    }

    #[test]
    fn words_before_an_address_do_no_harm() {
        for typed in [
            "nc 192.168.0.7 4000",
            "telnet 192.168.0.7 4000",
            "listening on 192.168.0.7:4000",
            "Servidor: 192.168.0.7:4000",
            "servidor 192.168.0.7, porta 4000",
            "Endereço:192.168.0.7:4000",
            "IP 192.168.0.7 4000",
            "server: http://192.168.0.7:4000/",
        ] {
            check(typed, Ok("192.168.0.7:4000"));
        }
        check("nc localhost 4000", Ok("localhost:4000"));
        check("nc sala3", Ok("sala3:3333"));
        // These are names of computers.
        check("server:4000", Ok("server:4000"));
        check("servidor 4000", Ok("servidor:4000"));
        check("server", Ok("server:3333"));
        check("nc", Ok("nc:3333"));
    }

    #[test]
    fn a_keypad_may_write_commas() {
        for typed in [
            "192,168,0,7:4000",
            "192,168,0,7,4000",
            "192.168,0.7 4000",
            "192. 168. 0. 7 : 4000",
        ] {
            check(typed, Ok("192.168.0.7:4000"));
        }
        check("192,168,0,7", Ok("192.168.0.7:3333"));
        check("192,168,0,256", Err(AddressError::BadNumbers));
    }

    #[test]
    fn where_a_server_listens_is_not_where_it_is() {
        for (typed, expected) in [
            ("listening on 0.0.0.0:3333", true),
            ("[::]:3333", true),
            ("::ffff:0.0.0.0", true),
            ("127.0.0.1", false),
            ("localhost", false),
        ] {
            let address = ServerAddress::parse(typed).unwrap();
            assert_eq!(address.is_everywhere(), expected, "{typed}");
        }
    }

    /// What addresses are made of, and what is around them.
    const PIECES: &[&str] = &[
        "localhost",
        "Sala-3",
        "192.168.0.7",
        "10,0,0,7",
        "::1",
        "[::1]",
        "fe80::1%eth0",
        "%25",
        "[",
        "]",
        ":",
        "::",
        ".",
        ",",
        "/",
        "\\",
        "@",
        " ",
        "#",
        "?",
        "3333",
        "0",
        "65536",
        "http://",
        "mensageiro:",
        "nc ",
        "Servidor: ",
        "port",
        "İ",
        "ﷺ",
        "ß",
        "。",
        "：",
        "\u{200b}",
        "\u{301}",
        "é",
        "-",
        "_",
        "ａ",
    ];

    proptest! {
        #[test]
        fn what_is_accepted_is_read_again_as_it_is_shown(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..8),
        ) {
            check_shown(&pieces.concat());
        }

        #[test]
        fn nothing_that_is_typed_is_too_much(typed: String) {
            check_shown(&typed);
        }
    }

    fn check_shown(typed: &str) {
        if let Ok(address) = ServerAddress::parse(typed) {
            assert_eq!(
                ServerAddress::parse(&address.to_string()),
                Ok(address),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn what_was_kept_is_read_as_it_was_written() {
        for address in [
            "localhost:3333",
            "[fe80::1%eth0]:1",
            "[::1]:65535",
            "a_b.c-d:80",
        ] {
            check(address, Ok(address));
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_told_apart() {
        for typed in [
            "",
            "  ",
            ":3333",
            "3333",
            "http://",
            "https://:3333",
            "/",
            "\u{200b}",
        ] {
            check(typed, Err(AddressError::NoHost));
        }
        check("a b", Err(AddressError::BadCharacter(' ')));
        check("my server:3333", Err(AddressError::BadCharacter(' ')));
        check("servidor!", Err(AddressError::BadCharacter('!')));
        check("a*b:3333", Err(AddressError::BadCharacter('*')));
        check("[::1", Err(AddressError::BadHost));
        check("::1::2", Err(AddressError::BadHost));
        check("a:b:c", Err(AddressError::BadHost));
        check("host:1:2", Err(AddressError::BadHost));
        check("a..b", Err(AddressError::BadHost));
        check("[::1]x", Err(AddressError::BadPort));
        check("[::1]:", Err(AddressError::BadPort));
        check("localhost:", Err(AddressError::BadPort));
        check("localhost:0", Err(AddressError::BadPort));
        check("host:http", Err(AddressError::BadPort));
        check("localhost:+1", Err(AddressError::BadPort));
        check("localhost:65536", Err(AddressError::BadPort));
        check("localhost 33x", Err(AddressError::BadPort));
        check(&"a".repeat(254), Err(AddressError::BadHost));
        for typed in [
            "192.168.0",
            "192.168.0.256",
            "1.2.3.4.5",
            "192.168.0.7.3333",
        ] {
            check(typed, Err(AddressError::BadNumbers));
        }
    }
}
