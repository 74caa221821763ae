//! Finding web and mail addresses in a text. Each character is looked at a bounded number of times,
//! whatever the text, since the receiver of a message does not choose it.

use std::{borrow::Cow, ops::Range};

use unicode_general_category::{GeneralCategory, get_general_category};

const SCHEMES: [&str; 2] = ["https://", "http://"];
const WWW: &str = "www.";
const MAILTO: &str = "mailto:";

/// The web and mail addresses of a text: byte ranges, in order and disjoint.
pub fn find_links(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut from) = (0, 0);
    while let Some(sign) = text[at..].find([':', '.', '@']) {
        let sign = at + sign;
        at = sign + 1;
        if let Some(link) = link_at(text, sign, from) {
            (at, from) = (link.looked_at, link.looked_at);
            found.push(link.range);
        }
    }
    found
}

/// The link with its scheme: people leave it out.
pub(super) fn link_target(link: &str) -> Cow<'_, str> {
    if begins(link, WWW) {
        // Every server answers plain HTTP and redirects those that can do more.
        format!("http://{link}").into()
    } else if SCHEMES.iter().any(|scheme| begins(link, scheme)) || begins(link, MAILTO) {
        link.into()
    } else {
        format!("{MAILTO}{link}").into()
    }
}

/// An address, and up to where no other one begins.
struct Link {
    range: Range<usize>,
    looked_at: usize,
}

/// The address to which the sign at `sign` belongs, and which begins at `from` or later.
fn link_at(text: &str, sign: usize, from: usize) -> Option<Link> {
    let start = |ahead: &str| {
        let start = (sign + 1).checked_sub(ahead.len())?;
        let is_there = start >= from && text.is_char_boundary(start);
        is_there.then_some(start).filter(|&start| {
            let before = text[..start].chars().next_back();
            // `shttp://` and `awww.` are something else.
            begins(&text[start..], ahead) && !before.is_some_and(|c| c.is_ascii_alphanumeric())
        })
    };
    match text.as_bytes()[sign] {
        b'@' => mail(text, sign, from, None),
        b'.' => {
            let start = start(WWW).filter(|&start| {
                let before = text[..start].chars().next_back();
                !before.is_some_and(|c| "._-/@".contains(c))
            })?;
            // `www.` and a name alone is no address yet. It is looked at up to the next sign, from which
            // the search goes on if this is none.
            let host = &text[sign + 1..];
            let behind = host.find(|c: char| !c.is_alphanumeric() && c != '-')?;
            let country = host[behind..].strip_prefix('.')?;
            let is_address = country.starts_with(char::is_alphanumeric);
            is_address.then(|| web(text, start, sign + 1))?
        }
        _ => {
            if let Some(start) = start(MAILTO) {
                let at = sign + 1 + text[sign + 1..].find(|c| !is_mailbox(c))?;
                let is_mail = text[at..].starts_with('@');
                return is_mail.then(|| mail(text, at, sign + 1, Some(start)))?;
            }
            let start = start("https:").or_else(|| start("http:"))?;
            let rest = text[sign + 1..].strip_prefix("//")?;
            web(text, start, text.len() - rest.len())
        }
    }
}

/// The web address that begins at `start`, with its host at `host`.
fn web(text: &str, start: usize, host: usize) -> Option<Link> {
    let is_host = |c: char| c.is_alphanumeric() || c == '[';
    text[host..].starts_with(is_host).then(|| {
        let (end, looked_at) = end_of_address(text, host, start);
        Link {
            range: start..end,
            looked_at,
        }
    })
}

/// Where an address ends that has reached `from`, without what ends the sentence or closes what was
/// opened before the address; and up to where it was looked for.
fn end_of_address(text: &str, from: usize, start: usize) -> (usize, usize) {
    let (mut round, mut square) = (0_usize, 0_usize);
    let (mut end, mut looked_at) = (from, text.len());
    let quote = text[..start].chars().next_back();
    let mut characters = text[from..].char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, c)| *c);
        let opened = match c {
            '(' | ')' => &mut round,
            _ => &mut square,
        };
        let stops = match c {
            '(' | '[' => {
                *opened += 1;
                false
            }
            ')' | ']' if *opened == 0 => true,
            ')' | ']' => {
                *opened -= 1;
                false
            }
            // An apostrophe, if letters are on both sides of it.
            '’' => quote == Some('‘') || !next.is_some_and(char::is_alphanumeric),
            _ => parts_addresses(c),
        };
        if stops {
            looked_at = from + at;
            break;
        }
        if !".,;:!?'*_~|([{·・･".contains(c) && !is_dash(c) {
            end = from + at + c.len_utf8();
        }
    }
    (end, looked_at)
}

/// No address has this in it: it stands around addresses. In an address, signs of this kind are
/// written as `%`.
fn parts_addresses(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, FinalPunctuation, Format, InitialPunctuation, OpenPunctuation,
        OtherPunctuation, OtherSymbol,
    };
    if c.is_ascii() {
        return c.is_ascii_whitespace() || c.is_control() || "<>\"`".contains(c);
    }
    // In the middle of words of Catalan and Japanese.
    let is_dot_in_words = matches!(c, '·' | '・' | '･');
    c.is_whitespace()
        || c.is_control()
        || match get_general_category(c) {
            OpenPunctuation | ClosePunctuation | InitialPunctuation | FinalPunctuation => true,
            // Such as emoji.
            OtherSymbol => true,
            // Such as the marks of reading direction; joiners are part of Persian and Indian words.
            Format => !matches!(c, '\u{200c}' | '\u{200d}'),
            OtherPunctuation => !is_dot_in_words,
            _ => false,
        }
}

fn is_dash(c: char) -> bool {
    !c.is_ascii() && get_general_category(c) == GeneralCategory::DashPunctuation
}

/// The mail address around the `@` at `at`, not before `from`; `mailto:` stands at `scheme`.
fn mail(text: &str, at: usize, from: usize, scheme: Option<usize>) -> Option<Link> {
    let before = &text[from..at];
    let name = before.rfind(|c| !is_mailbox(c)).map_or(0, |end| {
        end + before[end..].chars().next().map_or(0, char::len_utf8)
    });
    let name = from + name;
    // What stands around the address, as the mark of italics does, is not its beginning.
    let name = name + text[name..at].find(char::is_alphanumeric)?;
    let domain = at + 1;
    let is_domain = |c: char| is_letter(c) || c == '-' || c == '.';
    let end = text[domain..].find(|c| !is_domain(c));
    let looked_at = end.map_or(text.len(), |end| domain + end);
    let is_ending = text[at + 1..looked_at].trim_end_matches(['.', '-']);
    let end = domain + is_ending.len();
    let (host, country) = is_ending.rsplit_once('.')?;
    let is_address = country.chars().count() >= 2
        && country.chars().all(char::is_alphabetic)
        && host.split('.').all(|part| !part.is_empty() && !part.starts_with('-'))
        // `a@b@c.de` is none.
        && !text[looked_at..].starts_with('@')
        && !text[..name].ends_with('@');
    // What follows is looked at for an address alone: else it will be looked at again.
    if !is_address {
        return None;
    }
    let (start, end, looked_at) = match scheme {
        // What the message is to be about may follow.
        Some(start) if text[end..].starts_with('?') => {
            let (end, looked_at) = end_of_address(text, end, start);
            (start, end, looked_at)
        }
        scheme => (scheme.unwrap_or(name), end, looked_at),
    };
    Some(Link {
        range: start..end,
        looked_at,
    })
}

fn is_mailbox(c: char) -> bool {
    is_letter(c) || "._%+-'".contains(c)
}

/// A letter or digit of a mail address. Scripts that part words by no spaces are left out: what
/// stands before and after an address in them is the sentence.
fn is_letter(c: char) -> bool {
    let is_cjk = matches!(c, '\u{e00}'..='\u{eff}' | '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}');
    c.is_alphanumeric() && !is_cjk
}

fn begins(text: &str, with: &str) -> bool {
    let begin = text.as_bytes().get(..with.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(with.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear_time;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = find_links(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn addresses_are_found_without_the_sentence_around_them() {
        check("no link here", &[]);
        check("see https://example.org.", &["https://example.org"]);
        check(
            "(http://a.b/c_(d)) and https://x.y?q=1!",
            &["http://a.b/c_(d)", "https://x.y?q=1"],
        );
        check(
            "ação: https://pt.example/ação",
            &["https://pt.example/ação"],
        );
        check("http:// alone, https://", &[]);
        check("javascript:alert(1) file:///etc", &[]);
        check("http://a.b\nhttp://c.d", &["http://a.b", "http://c.d"]);
        check(
            "HTTPS://Example.ORG/A and hTTp://b",
            &["HTTPS://Example.ORG/A", "hTTp://b"],
        );
        check("shttp://a.b and http:/a.b", &[]);
        check(
            "http://[::1]:3333/x, http://localhost:3333",
            &["http://[::1]:3333/x", "http://localhost:3333"],
        );
        check(
            "https://a.b/?x=http://c.d&y",
            &["https://a.b/?x=http://c.d&y"],
        );
    }

    #[test]
    fn brackets_and_signs_after_an_address_are_not_part_of_it() {
        for (text, expected) in [
            ("(see http://a.b/c).", "http://a.b/c"),
            ("[x](http://a.b)[y]", "http://a.b"),
            ("<http://a.b>", "http://a.b"),
            ("http://a.b… and", "http://a.b"),
            ("http://a.b...", "http://a.b"),
            ("http://a.b?!", "http://a.b"),
            ("http://a.b – so", "http://a.b"),
            ("*http://a.b*, _http://a.b_", "http://a.b"),
            ("`http://a.b`", "http://a.b"),
            ("http://a.b/c_(d_(e))", "http://a.b/c_(d_(e))"),
            ("http://a.b/[c]]", "http://a.b/[c]"),
            ("http://a.b/(", "http://a.b/"),
        ] {
            let found = find_links(text);
            assert_eq!(&text[found[0].clone()], expected, "{text}");
        }
        check("(http://a.b)http://c.d", &["http://a.b", "http://c.d"]);
    }

    #[test]
    fn quotes_and_signs_of_any_script_end_an_address() {
        for around in [
            "“”", "„“", "‘’", "«»", "»«", "‹›", "\"\"", "''", "「」", "『』", "【】", "（）",
            "《》", "〈〉",
        ] {
            let (open, close) = around.split_at(around.len() / 2);
            check(&format!("{open}https://a.b/c{close}"), &["https://a.b/c"]);
            check(&format!("é {open}www.a.bc{close}, sim"), &["www.a.bc"]);
            check(&format!("{open}ana@a.bc{close}"), &["ana@a.bc"]);
        }
        for sign in [
            "。", "，", "、", "；", "：", "！", "？", "．", "·", "؟", "،", "؛", "।", "\u{200f}",
            "\u{3000}", "🎉", "…",
        ] {
            check(&format!("看https://a.b/c{sign} 再"), &["https://a.b/c"]);
        }
        check(
            "看http://a.b/c。http://d.e",
            &["http://a.b/c", "http://d.e"],
        );
        check(
            "https://fr.example/L’Équipe",
            &["https://fr.example/L’Équipe"],
        );
        check(
            "https://ja.example/ジョン・レノン",
            &["https://ja.example/ジョン・レノン"],
        );
        check("https://x.y/Bose–Einstein", &["https://x.y/Bose–Einstein"]);
    }

    #[test]
    fn addresses_without_a_scheme_are_found_where_they_begin_with_www() {
        check("www.example.org", &["www.example.org"]);
        check(
            "WWW.Example.org/a?b (www.a.bc)",
            &["WWW.Example.org/a?b", "www.a.bc"],
        );
        check("www. www.x awww.x.yz a.www.x.yz www.-", &[]);
        check("http://www.x.yz", &["http://www.x.yz"]);
        check("éwww.a-b.é, 語www.a.bc", &["www.a-b.é", "www.a.bc"]);
        check("www..a www.a..b www.a.-b www.a b.c", &[]);
        check("readme.md, e.g. this", &[]);
        assert_eq!(link_target("WWW.a.bc"), "http://WWW.a.bc");
        assert_eq!(link_target("HTTPS://a"), "HTTPS://a");
    }

    #[test]
    fn mail_addresses_are_found() {
        check("write to ana@example.org.", &["ana@example.org"]);
        check(
            "<ana.b+c_d@x-y.example.org>",
            &["ana.b+c_d@x-y.example.org"],
        );
        check("_ana@x.org_ and *bo@x.org*", &["ana@x.org", "bo@x.org"]);
        check("请写ana@x.org。", &["ana@x.org"]);
        check("a.b.c@d.e.fg", &["a.b.c@d.e.fg"]);
        check("joão@exemplo.com.br", &["joão@exemplo.com.br"]);
        check(
            "mailto:ana@x.org?subject=hi.",
            &["mailto:ana@x.org?subject=hi"],
        );
        check(
            "Mailto:ana@x.org, mailto: and mailto:x",
            &["Mailto:ana@x.org"],
        );
        check("mailto:a@b.c?x=ana@x.org", &["ana@x.org"]);
        check("@ana hello, a@b, a@b@c.de, a@.de, @x.org, a@1.2", &[]);
        check("https://a.b/@ana@x.org", &["https://a.b/@ana@x.org"]);
        assert_eq!(link_target("ana@x.org"), "mailto:ana@x.org");
        assert_eq!(link_target("mailto:ana@x.org"), "mailto:ana@x.org");
    }

    #[test]
    fn what_a_hostile_person_writes_takes_time_as_its_length_does() {
        for (begin, part) in [
            ("http://a", ")"),
            ("http://a", "("),
            ("http://a", "."),
            ("http://a", "’"),
            ("www.a", "."),
            ("", "www.a?"),
            ("", "www.a.b?"),
            ("", "www."),
            ("", "http://"),
            ("", "http://x "),
            ("", "mailto:"),
            ("mailto:", "a"),
            ("", "mailto:a"),
            ("", "a@"),
            ("", "a@b."),
            ("a@", "b."),
            ("", "."),
            ("", "a."),
            ("", "a@b.cd-"),
            ("", "@"),
            ("", "_@"),
            // What looks like an address, and is none.
            ("", "éwww.."),
            ("", "語www.."),
            ("", "éwww.-"),
            ("", "éwww.a"),
            ("", "-www.a"),
            ("", "éwww.a.-"),
            ("www.", "a"),
            ("www.", "é-"),
            ("", "mailto:a@b.c?"),
            ("", "mailto:a@b?"),
            ("", "mailto:a@.bc?"),
            ("", "mailto:a@b.cd@?"),
            ("", "mailto:@"),
            ("", "mailto:_@b.cd?"),
            ("", "a@b.c@"),
            ("", "a@b.c?"),
            ("", "a@b.cd@"),
            ("@", "a.b"),
            ("", "http://-"),
            ("", "http://."),
            ("", "http://@"),
            ("", "http:/"),
            ("", "éhttp://["),
            ("", "http://www.."),
            ("", "https://http:"),
            ("", "http://www.mailto:a@b.c?"),
            // What is one, and another one in it or behind it.
            ("", "mailto:a@b.cd?"),
            ("", "mailto:a@b.cd? "),
            ("", "http://a\")"),
            ("", "éwww.a.b。"),
            ("", "http://[»"),
        ] {
            linear_time::check_within((begin, part, ""), &mut |text| drop(find_links(text)));
        }
    }

    proptest! {
        #[test]
        fn addresses_are_apart_and_in_order(text in "(http://|www\\.|mailto:|a|é|语|@|\\.|-|\\?|\\(|\\)|’|」| ){0,30}") {
            let mut at = 0;
            for link in find_links(&text) {
                prop_assert!(at <= link.start && link.start < link.end);
                prop_assert!(text.get(link.clone()).is_some());
                at = link.end;
            }
        }
    }
}
