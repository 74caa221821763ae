//! An edit of a file that somebody wrote in any way.

use proptest::prelude::*;

use super::{super::super::decoding::decode, *};

/// How somebody wrote a file.
#[derive(Clone, Debug)]
struct Style {
    delimiter: char,
    line_end: &'static str,
    header: usize,
    encoding: usize,
    is_quoted: bool,
    ends: bool,
    blanks: Vec<usize>,
    more: Vec<&'static str>,
}

fn styles() -> impl Strategy<Value = Style> {
    let delimiters = prop::sample::select(vec![',', ';', '\t']);
    let line_ends = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    let more = prop::sample::select(vec!["", "x", "3A", "a b"]);
    (
        (delimiters, line_ends, 0..5_usize, 0..6_usize),
        (any::<bool>(), any::<bool>()),
        prop::collection::vec(0..3_usize, 6),
        prop::collection::vec(more, 0..3),
    )
        .prop_map(
            |((delimiter, line_end, header, encoding), (is_quoted, ends), blanks, more)| Style {
                delimiter,
                line_end,
                header,
                encoding,
                is_quoted,
                ends,
                blanks,
                more,
            },
        )
}

/// users.csv with these users, and the header's columns of login and name.
fn written(style: &Style, users: &[(&str, &str)]) -> Vec<u8> {
    let columns: &[&str] = match style.header {
        0 => &["login", "name"],
        1 => &["", "Nome", "Usuário"],
        2 => &["papel", "login", "nome"],
        3 => &["login", "history", "role", "name"],
        _ => &[],
    };
    let order: Vec<Option<bool>> = match style.header {
        1 => vec![None, Some(false), Some(true)],
        2 => vec![None, Some(true), Some(false)],
        3 => vec![Some(true), None, None, Some(false)],
        _ => vec![Some(true), Some(false)],
    };
    let quoted = |field: &str| match style.is_quoted || field.contains(style.delimiter) {
        true => format!("\"{field}\""),
        false => field.to_owned(),
    };
    let joined = |fields: Vec<String>| fields.join(&style.delimiter.to_string());
    let mut rows = Vec::new();
    if !columns.is_empty() {
        rows.push(joined(
            columns.iter().map(|column| quoted(column)).collect(),
        ));
    }
    for (number, (login, name)) in users.iter().enumerate() {
        let field = |place: &Option<bool>| match place {
            Some(true) => quoted(login),
            Some(false) => quoted(name),
            None => String::new(),
        };
        let mut fields: Vec<_> = order.iter().map(field).collect();
        fields.extend(style.more.iter().map(|more| quoted(more)));
        rows.push(joined(fields));
        rows.extend(vec![
            String::new();
            style.blanks[number % style.blanks.len()]
        ]);
    }
    let mut text = rows.join(style.line_end);
    if style.ends {
        text += style.line_end;
    }
    match style.encoding {
        0 => text.into_bytes(),
        1 => format!("\u{feff}{text}").into_bytes(),
        2 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        3 => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        4 => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect(),
        // Ctrl-Z of DOS.
        _ => format!("{text}{}\u{1a}", style.line_end).into_bytes(),
    }
}

/// The lines of a file as bytes of its own encoding, each with its end.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = decode(bytes).unwrap().text.into_owned();
    let mut lines = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let last = lines.len() - 1;
        lines[last].push(c);
        let is_end = c == '\n' || (c == '\r' && characters.peek() != Some(&'\n'));
        if is_end {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// How many lines at the beginning and at the end are the same.
fn same(before: &[String], after: &[String]) -> (usize, usize) {
    let same = |pairs: &mut dyn Iterator<Item = (&String, &String)>| {
        pairs.take_while(|(a, b)| a == b).count()
    };
    let start = same(&mut before.iter().zip(after));
    let end = same(&mut before.iter().rev().zip(after.iter().rev()));
    (start, end.min(before.len().min(after.len()) - start))
}

proptest! {
    #[test]
    fn an_edit_of_any_file_leaves_all_other_lines_as_they_were(
        style in styles(),
        row in 0..4_usize,
        kind in 0..4_usize,
        name in prop::sample::select(vec!["Zoe", "Zoé, a de cá", "Z;e", "", "Zoe \"Z\" Dias"]),
    ) {
        let users = [("ana", "Ana"), ("joão", "João; Lima"), ("carla", ""), ("d.e", "D, E")];
        let before = written(&style, &users);
        let (login, _) = users[row];
        let change = match kind {
            0 => add("zoe", name),
            1 => rename(login, name),
            2 => remove(login),
            _ => set_role(login, true),
        };
        let plan = plan(&before, b"", &change, OPERATOR).unwrap();
        let after = plan.new_users.unwrap();
        // The encoding is the same, to the byte order mark.
        let mark = before.iter().take_while(|byte| **byte >= 0xbb).count();
        prop_assert_eq!(&before[..mark], &after[..mark]);
        let (old, new) = (lines(&before), lines(&after));
        let (start, end) = same(&old, &new);
        let has_role = matches!(style.header, 2 | 3);
        match kind {
            // At most the last line gets a line end.
            0 => prop_assert!(start + end + 1 >= old.len() && new.len() == old.len() + 1, "{:?} {:?}", old, new),
            2 => prop_assert!(start + end >= new.len() - 1 && old.len() == new.len() + 1, "{:?} {:?}", old, new),
            _ if kind == 1 || has_role => prop_assert!(start + end + 1 >= old.len() && old.len() == new.len(), "{:?} {:?}", old, new),
            // A header is added or gets a column, and the row changes.
            _ => {
                let is_new = style.header > 3;
                prop_assert_eq!(old.len() + usize::from(is_new), new.len());
                let rest = if is_new { &new[1..] } else { &new[..] };
                let changed = old.iter().zip(rest).filter(|(old, new)| old != new).count();
                prop_assert!(changed <= 1 + usize::from(!is_new), "{:?} {:?}", old, new);
            }
        }
    }
}
