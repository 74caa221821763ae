//! The markup in the plain text of a message (docs/PROTOCOL.md, "How texts are written"): bold,
//! italic, code, and the quote of a reply. A program that does not know it shows the text as it was
//! typed.

mod destination;
mod found;
mod links;
mod quote;

use std::ops::Range;

pub use destination::{Destination, LinkDoubt};
pub use found::find_words;
pub use links::find_links;
pub use quote::{Quote, excerpt, split_draft, split_quote, with_quote};

/// The style of a part of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Between `*` or `**`.
    pub is_bold: bool,
    /// Between `_`.
    pub is_italic: bool,
    /// Between `` ` ``, or between lines of three of them.
    pub is_code: bool,
    /// Code between lines of three `` ` ``: a block of its own.
    pub is_fenced: bool,
}

/// A part of a text and its style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its range in the text, in bytes.
    pub range: Range<usize>,
    /// Its style.
    pub style: Style,
}

const FENCE: &str = "```";
const MARKS: [&str; 4] = ["`", "**", "*", "_"];

/// The parts of a text, in order, without the marks (rules T1 and T2).
pub fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some((fence, code)) = next_fence(text, from) {
        inline(text, from..fence.start, &mut parts);
        let style = Style {
            is_code: true,
            is_fenced: true,
            ..Style::default()
        };
        push(&mut parts, code, style);
        from = fence.end;
    }
    inline(text, from..text.len(), &mut parts);
    parts
}

/// The text without its marks, for lists and screen readers.
pub fn plain(text: &str) -> String {
    let parts = parts(text);
    parts.iter().map(|part| &text[part.range.clone()]).collect()
}

/// The next block of code from here on: with its fences, and without.
fn next_fence(text: &str, from: usize) -> Option<(Range<usize>, Range<usize>)> {
    let open = from + text[from..].find(FENCE)?;
    let begin = open + FENCE.len();
    let end = begin + text[begin..].find(FENCE)?;
    let mut code = begin..end;
    if text[code.clone()].starts_with('\n') {
        code.start += 1;
    }
    if code.start < code.end && text[code.clone()].ends_with('\n') {
        code.end -= 1;
    }
    if code.is_empty() {
        return None;
    }
    Some((open..end + FENCE.len(), code))
}

fn inline(text: &str, range: Range<usize>, parts: &mut Vec<Part>) {
    let links = find_links(&text[range.clone()]);
    let links = links
        .into_iter()
        .map(|link| link.start + range.start..link.end + range.start)
        .collect();
    let mut line = Line {
        text,
        links,
        hopeless: [0; MARKS.len()],
    };
    line.read(range, Style::default(), parts);
}

/// A text that is being read for marks.
struct Line<'a> {
    text: &'a str,
    /// Ranges in which marks mean nothing.
    links: Vec<Range<usize>>,
    /// Before this byte, nothing closes each of [`MARKS`].
    hopeless: [usize; MARKS.len()],
}

impl Line<'_> {
    fn read(&mut self, range: Range<usize>, style: Style, parts: &mut Vec<Part>) {
        let (mut plain, mut at) = (range.start, range.start);
        while at < range.end {
            if let Some(end) = self.link_end(at) {
                at = end.min(range.end);
                continue;
            }
            let rest = &self.text[at..range.end];
            let mark = MARKS.iter().position(|mark| rest.starts_with(mark));
            let may = mark.filter(|&mark| style.with(mark).is_some());
            let Some((mark, inner)) = may.and_then(|mark| {
                let inner = self.enclosed(at, mark, range.end)?;
                Some((mark, inner))
            }) else {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            push(parts, plain..at, style);
            at = inner.end + MARKS[mark].len();
            plain = at;
            match style.with(mark) {
                Some(style) if style.is_code => push(parts, inner, style),
                Some(inside) => {
                    let hopeless = std::mem::take(&mut self.hopeless);
                    self.read(inner, inside, parts);
                    self.hopeless = hopeless;
                }
                None => {}
            }
        }
        push(parts, plain..range.end, style);
    }

    fn link_end(&self, at: usize) -> Option<usize> {
        let link = self
            .links
            .binary_search_by_key(&at, |link| link.start)
            .ok()?;
        Some(self.links[link].end)
    }

    /// What stands between the mark here and the next one on this line.
    fn enclosed(&mut self, at: usize, mark: usize, end: usize) -> Option<Range<usize>> {
        let (text, sign) = (self.text, MARKS[mark]);
        let begin = at + sign.len();
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let opens = text[begin..end].starts_with(|c: char| !c.is_whitespace() && !sign.contains(c))
            && !is_word(text[..at].chars().next_back());
        if !opens || at < self.hopeless[mark] {
            return None;
        }
        let mut here = begin;
        while here < end {
            if let Some(after) = self.link_end(here).filter(|_| sign != "`") {
                here = after.min(end);
                continue;
            }
            let rest = &text[here..end];
            let c = rest.chars().next()?;
            if c == '\n' {
                break;
            }
            let before = text[..here].chars().next_back();
            let after = text[here..].strip_prefix(sign).map(|a| a.chars().next());
            let closes = here > begin
                && after.is_some_and(|after| {
                    !is_word(after) && !after.is_some_and(|c| sign.contains(c))
                })
                && !before.is_some_and(|c| c.is_whitespace() || sign.contains(c));
            if closes {
                return Some(begin..here);
            }
            here += c.len_utf8();
        }
        self.hopeless[mark] = here;
        None
    }
}

impl Style {
    /// This style with what a mark adds; `None` if it adds nothing.
    fn with(self, mark: usize) -> Option<Self> {
        let mut style = self;
        let part = match MARKS[mark] {
            "`" => &mut style.is_code,
            "_" => &mut style.is_italic,
            _ => &mut style.is_bold,
        };
        (!std::mem::replace(part, true)).then_some(style)
    }
}

fn push(parts: &mut Vec<Part>, range: Range<usize>, style: Style) {
    if !range.is_empty() {
        parts.push(Part { range, style });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear_time;

    /// Each part with a letter for what it is: b, i, c.
    fn shown(text: &str) -> String {
        let part = |part: &Part| {
            let Style {
                is_bold,
                is_italic,
                is_code,
                is_fenced: _,
            } = part.style;
            let letters = [(is_bold, 'b'), (is_italic, 'i'), (is_code, 'c')];
            let letters: String = letters
                .iter()
                .filter(|(is, _)| *is)
                .map(|(_, letter)| letter)
                .collect();
            let words = &text[part.range.clone()];
            match letters.as_str() {
                "" => words.to_owned(),
                letters => format!("[{letters}:{words}]"),
            }
        };
        parts(text).iter().map(part).collect()
    }

    #[test]
    fn words_between_marks_are_bold_italic_or_code() {
        for (text, expected) in [
            ("*now* please", "[b:now] please"),
            ("**now** please", "[b:now] please"),
            ("(_perhaps_).", "([i:perhaps])."),
            ("run `cargo xtask`!", "run [c:cargo xtask]!"),
            ("*very _very_ good*", "[b:very ][bi:very][b: good]"),
            ("_a_ and *b* and `c`", "[i:a] and [b:b] and [c:c]"),
            ("*ação* já", "[b:ação] já"),
            ("`*not bold*`", "[c:*not bold*]"),
            ("*a*, *b*", "[b:a], [b:b]"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_marks_stays_as_it_was_typed() {
        for text in [
            "2*3*4 = 24",
            "snake_case_name and my_file_2.txt",
            "* a list\n* of things",
            "*unfinished",
            "a * b * c",
            "*one line\nand another*",
            "** and __ and ``",
            "https://example.org/a_b_c/*x*",
            "5 * 3 and *",
            "_ _ _",
            "``````",
            "e-mail_to_me@example.org",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn a_fenced_block_is_code_with_all_its_lines() {
        let text = "look:\n```\nlet a = *b*;\n  c_d_e\n```\nthere";
        assert_eq!(shown(text), "look:\n[c:let a = *b*;\n  c_d_e]\nthere");
        assert_eq!(shown("```x``` y"), "[c:x] y");
        assert_eq!(shown("```\nno end"), "```\nno end");
    }

    #[test]
    fn whatever_is_written_is_read_in_a_time_that_grows_as_its_length_does() {
        let parts = [
            "*a ",
            "*_",
            "*a*",
            "_*a",
            "`a` ",
            "`",
            "```",
            "```a",
            "``` ",
            "*a* _b_ ",
            "**",
            "_a*b`",
            "> a: “b”\n",
            "\u{336}",
            "“",
            "http://a*b ",
        ];
        for part in parts {
            linear_time::check(part, |text| drop(plain(text)));
            linear_time::check(part, |text| drop(excerpt(text)));
            linear_time::check(part, |text| drop(find_words(text, "a b *")));
        }
        for part in ["a", "é", "e\u{301}", "ﷺ", "\u{301}"] {
            linear_time::check(part, |text| drop(find_words(text, "a aa aaa e ee")));
            let quote = ("> bob: “", part, "”\nx");
            linear_time::check_within(quote, &mut |text| drop(excerpt(split_quote(text).1)));
        }
    }

    proptest! {
        #[test]
        fn nothing_but_marks_is_left_out(text in "[a*_` \n\u{e9}]{0,40}") {
            let parts = parts(&text);
            let mut at = 0;
            for part in &parts {
                let left_out = &text[at..part.range.start];
                prop_assert!(left_out.chars().all(|c| "*_`\n".contains(c)), "{left_out:?}");
                prop_assert!(!part.range.is_empty());
                at = part.range.end;
            }
            prop_assert!(text[at..].chars().all(|c| "*_`\n".contains(c)));
        }
    }
}
