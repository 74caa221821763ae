//! Where a link leads, which need not be where it seems to lead.

use unicode_normalization::UnicodeNormalization;
use unicode_security::{MixedScript, confusable_detection::skeleton};
use url::Url;

use super::links::link_target;
use crate::{matching::fold, texts::has_rtl};

/// The longest host, in bytes (RFC 1035).
const HOST_BYTES: usize = 253;

/// From this length on, a host does not stand on one line, and its end, which says whose it is, is not
/// what one sees first.
const LONG_HOST: usize = 60;

/// What a mail may be prepared with. A mail program could also be told to attach a file.
const MAIL_HEADERS: [&str; 3] = ["subject", "body", "cc"];

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The URL to open: `http`, `https` or `mailto`, and nothing else.
    pub url: String,
    /// The host as the browser asks for it, or the mail address. Letters beyond ASCII are in Punycode
    /// if there is a doubt about them.
    pub host: String,
    /// Why the person should look at the host before it is opened.
    pub doubts: Vec<LinkDoubt>,
}

/// How a link can seem to lead elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDoubt {
    /// What stands before `@` looks like a host, and is a user name.
    UserName,
    /// Letters of the host look like those of another alphabet, or are rare.
    LookAlike,
    /// The host is written in another way than browsers write it.
    Rewritten,
    /// The host is very long.
    Long,
    /// A mail that is written already.
    WrittenMail,
}

impl Destination {
    /// Where a link leads that [`super::find_links`] found; `None`: it is not a valid address.
    pub fn of(link: &str) -> Option<Self> {
        let target = link_target(link);
        let (scheme, rest) = target.split_once(':')?;
        match scheme.eq_ignore_ascii_case("mailto") {
            true => Self::of_mail(rest),
            false => Self::of_page(&target),
        }
    }

    fn of_page(target: &str) -> Option<Self> {
        let (_, rest) = target.split_once("://")?;
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (user, written) = match rest[..end].rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, &rest[..end]),
        };
        let port = written.rfind(':').filter(|port| {
            let port = &written[port + 1..];
            port.bytes().all(|byte| byte.is_ascii_digit())
        });
        let written = &written[..port.unwrap_or(written.len())];
        // Every character becomes at most one of four bytes in Punycode.
        if written.len() > 4 * HOST_BYTES {
            return None;
        }
        let url = Url::parse(target).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let real = url.host_str().filter(|host| host.len() <= HOST_BYTES)?;
        let mut doubts = Vec::new();
        if user.is_some() {
            doubts.push(LinkDoubt::UserName);
        }
        let host = name_host(written, real, &mut doubts);
        Some(Self {
            host,
            doubts,
            url: url.into(),
        })
    }

    fn of_mail(mail: &str) -> Option<Self> {
        let (address, headers) = mail.split_once('?').unwrap_or((mail, ""));
        let (name, written) = address.rsplit_once('@')?;
        if written.len() > 4 * HOST_BYTES {
            return None;
        }
        let page = Url::parse(&format!("http://{written}/")).ok()?;
        let real = page.host_str().filter(|host| host.len() <= HOST_BYTES)?;
        let mut doubts = Vec::new();
        let host = name_host(written, real, &mut doubts);
        let kept: Vec<&str> = headers
            .split('&')
            .filter(|header| {
                let name = header.split('=').next().unwrap_or_default();
                MAIL_HEADERS
                    .iter()
                    .any(|kept| kept.eq_ignore_ascii_case(name))
            })
            .collect();
        if !kept.is_empty() {
            doubts.push(LinkDoubt::WrittenMail);
        }
        let query = match kept.is_empty() {
            true => String::new(),
            false => format!("?{}", kept.join("&")),
        };
        let url = Url::parse(&format!("mailto:{name}@{written}{query}")).ok()?;
        Some(Self {
            url: url.into(),
            host: format!("{name}@{host}"),
            doubts,
        })
    }
}

/// The host to show, given as it is written and as browsers ask for it.
fn name_host(written: &str, real: &str, doubts: &mut Vec<LinkDoubt>) -> String {
    let is_ascii = written.is_ascii();
    let is_same = match is_ascii {
        true => written.eq_ignore_ascii_case(real),
        false => written.nfkc().eq(written.nfc()),
    };
    if !is_same {
        doubts.push(LinkDoubt::Rewritten);
    }
    let is_plain = written.split('.').all(is_plain_label);
    if !is_plain {
        doubts.push(LinkDoubt::LookAlike);
    }
    if real.len() > LONG_HOST {
        doubts.push(LinkDoubt::Long);
    }
    match is_ascii || !is_same || !is_plain {
        true => real.to_owned(),
        false => written.to_lowercase(),
    }
}

/// Whether a part of a host is what it looks like: plain letters, with accents of Western Europe, or
/// one other alphabet that is read in the same direction, and not only letters that look like Latin
/// ones.
fn is_plain_label(label: &str) -> bool {
    let is_western = |c: char| c.is_ascii() || matches!(c, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ');
    if label.nfc().all(is_western) {
        return true;
    }
    let has_latin = fold(label).bytes().any(|byte| byte.is_ascii_alphabetic());
    let looks_latin = skeleton(label).all(|c| c.is_ascii());
    label.is_single_script() && !has_latin && !looks_latin && !has_rtl(label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LinkDoubt::*, *};
    use crate::{linear_time, markup::find_links};

    fn check(link: &str, host: &str, doubts: &[LinkDoubt]) {
        assert_eq!(
            find_links(link),
            std::slice::from_ref(&(0..link.len())),
            "{link}"
        );
        let found = Destination::of(link).unwrap();
        assert_eq!(
            (found.host.as_str(), &*found.doubts),
            (host, doubts),
            "{link}"
        );
        assert!(Url::parse(&found.url).is_ok());
    }

    #[test]
    fn a_link_that_leads_where_it_says_raises_no_doubt() {
        for (link, host) in [
            ("https://school.example/a?b=c@d#e", "school.example"),
            ("HTTP://School.Example:8080/", "school.example"),
            ("www.example.org", "www.example.org"),
            ("http://localhost:3333", "localhost"),
            ("http://[::1]:3333/x", "[::1]"),
            ("http://192.168.0.7", "192.168.0.7"),
            (
                "https://informação.exemplo.br/ação",
                "informação.exemplo.br",
            ),
            ("https://пример.испытание/", "пример.испытание"),
            ("https://例え.テスト/", "例え.テスト"),
            ("https://xn--e1afmkfd.example/", "xn--e1afmkfd.example"),
            ("ana@escola.example", "ana@escola.example"),
            ("mailto:ana@escola.example", "ana@escola.example"),
        ] {
            check(link, host, &[]);
        }
    }

    #[test]
    fn a_host_that_is_not_what_it_looks_like_is_shown_as_browsers_ask_for_it() {
        for (link, host, doubts) in [
            (
                "http://school.example@evil.example/x",
                "evil.example",
                &[UserName][..],
            ),
            (
                "https://school.example:443@evil.example",
                "evil.example",
                &[UserName],
            ),
            (
                "https://school.example%2F@evil.example",
                "evil.example",
                &[UserName],
            ),
            // Cyrillic, Greek and rare Latin letters.
            (
                "https://sсhool.example",
                "xn--shool-1ye.example",
                &[LookAlike],
            ),
            (
                "https://аррӏе.example",
                "xn--80ak6aa92e.example",
                &[LookAlike],
            ),
            (
                "https://gοοgle.example",
                "xn--ggle-0nda.example",
                &[LookAlike],
            ),
            (
                "https://goọgle.example",
                "xn--gogle-381b.example",
                &[LookAlike],
            ),
            (
                "https://ｓchool.example",
                "school.example",
                &[Rewritten, LookAlike],
            ),
            ("https://e%76il.example", "evil.example", &[Rewritten]),
            ("http://2130706433/", "127.0.0.1", &[Rewritten]),
            ("http://0x7f.1/", "127.0.0.1", &[Rewritten]),
            (
                "ana@sсhool.example",
                "ana@xn--shool-1ye.example",
                &[LookAlike],
            ),
        ] {
            check(link, host, doubts);
        }
        let long = format!(
            "https://school.example.{}.evil.example/",
            "a.".repeat(30).trim_end_matches('.')
        );
        assert_eq!(Destination::of(&long).unwrap().doubts, [Long]);
        let behind = Destination::of(r"http://school.example\@evil.example/").unwrap();
        assert_eq!(behind.host, "school.example");
        assert!(behind.url.starts_with("http://school.example/"));
    }

    #[test]
    fn a_mail_can_be_prepared_and_attaches_nothing() {
        let link = "mailto:ana@b.example?subject=x&attach=/etc/passwd&%61ttach=y&Body=z";
        let found = Destination::of(link).unwrap();
        assert_eq!(found.url, "mailto:ana@b.example?subject=x&Body=z");
        assert_eq!(
            (found.host.as_str(), &*found.doubts),
            ("ana@b.example", &[WrittenMail][..])
        );
        let found = Destination::of("mailto:ana@b.example?attach=/etc/passwd").unwrap();
        assert_eq!(
            (found.url.as_str(), &*found.doubts),
            ("mailto:ana@b.example", &[][..])
        );
    }

    #[test]
    fn an_address_that_is_none_leads_nowhere() {
        let long = format!("http://{}.example", "a".repeat(16_000));
        for link in [
            "http://a\u{200d}b.example",
            "http://[::g]",
            "http://a:99999",
            &long,
        ] {
            assert_eq!(Destination::of(link), None, "{link}");
        }
    }

    #[test]
    fn a_long_link_is_looked_at_in_time_that_grows_as_its_length_does() {
        for (begin, part) in [
            ("http://a.b/", "é"),
            ("http://", "é"),
            ("http://", "ä."),
            ("http://", "@"),
            ("http://a", ":1"),
            ("http://a/", "%"),
            ("mailto:a@b.cd?", "&subject"),
        ] {
            linear_time::check_within((begin, part, ""), &mut |link| drop(Destination::of(link)));
        }
    }

    proptest! {
        #[test]
        fn nothing_else_than_pages_and_mail_is_ever_opened(
            text in "(http://|https:/|www\\.|mailto:|file:///|javascript:|\\\\\\\\|smb:|a|é|а|@|\\.|:|/|\\?| ){0,20}"
        ) {
            for link in find_links(&text) {
                if let Some(found) = Destination::of(&text[link]) {
                    let url = Url::parse(&found.url).unwrap();
                    prop_assert!(["http", "https", "mailto"].contains(&url.scheme()));
                    let host = found.host.rsplit('@').next().unwrap().to_owned();
                    let again = Url::parse(&format!("http://{host}")).unwrap();
                    if url.scheme() != "mailto" {
                        prop_assert_eq!(again.host_str(), url.host_str());
                    }
                }
            }
        }
    }
}
