//! Texts that strangers wrote, as cells of a CSV file that somebody opens in a spreadsheet.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and may run it. An
//! apostrophe before it says that it is text (OWASP, "CSV Injection"). Nothing is lost: [`unprotected`] gives
//! the text back exactly.
//!
//! ```
//! use mensageiro_protocol::spreadsheet::{protected, unprotected};
//!
//! assert_eq!(protected("=1+1"), "'=1+1");
//! assert_eq!(unprotected("'=1+1"), "=1+1");
//! assert_eq!(protected("see you at 5"), "see you at 5");
//! ```

use std::borrow::Cow;

use memchr::memchr3_iter;

/// The field with an apostrophe before everything that a spreadsheet may take for a formula: at its
/// beginning, and after `;`, TAB and LF, where a cell begins for a program that splits the line in another way.
pub fn protected(field: &str) -> Cow<'_, str> {
    if !has_formula(field) {
        return Cow::Borrowed(field);
    }
    let mut out = String::with_capacity(field.len() + 8);
    let mut at_start = true;
    for c in field.chars() {
        if at_start && starts_formula(c) {
            out.push('\'');
        }
        out.push(c);
        at_start = starts_cell(c);
    }
    Cow::Owned(out)
}

/// The field as it was before [`protected`] changed it.
///
/// ```
/// use mensageiro_protocol::spreadsheet::unprotected;
///
/// assert_eq!(unprotected("1+1;'-)"), "1+1;-)");
/// assert_eq!(unprotected("it's"), "it's");
/// ```
pub fn unprotected(field: &str) -> Cow<'_, str> {
    if !field.contains('\'') {
        return Cow::Borrowed(field);
    }
    let mut plain = String::with_capacity(field.len());
    let mut at_start = true;
    let mut characters = field.chars();
    while let Some(mut c) = characters.next() {
        if at_start && c == '\'' {
            let Some(protected) = characters.next() else {
                break;
            };
            c = protected;
        }
        plain.push(c);
        at_start = starts_cell(c);
    }
    Cow::Owned(plain)
}

/// Most texts have none, which is seen without looking at each of their characters.
fn has_formula(field: &str) -> bool {
    let mut ends = memchr3_iter(b';', b'\t', b'\n', field.as_bytes());
    field.starts_with(starts_formula)
        || ends.any(|end| field[end + 1..].starts_with(starts_formula))
}

/// The full-width signs count as the others do. Some programs skip a TAB before they look. The apostrophe is
/// among them so that the protection can be undone.
fn starts_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\'' | '＝' | '＋' | '－' | '＠'
    )
}

/// After these a cell may begin.
fn starts_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(protected(text), expected);
        assert_eq!(unprotected(expected), text);
    }

    #[test]
    fn formulas_are_protected_and_nothing_else() {
        check("hello", "hello");
        check("=1+1", "'=1+1");
        check("a=1;b", "a=1;b");
        check("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0");
        check("a\n-b", "a\n'-b");
        check("'quoted'", "''quoted'");
        check("\t=1", "'\t'=1");
        check("＝1;＠x", "'＝1;'＠x");
        check("it's", "it's");
        check("", "");
    }

    #[test]
    fn an_apostrophe_that_protects_nothing_is_taken_for_one_that_does() {
        // Nothing that was protected looks so; a person may have typed it.
        assert_eq!(unprotected("'"), "");
        assert_eq!(unprotected("'a"), "a");
    }

    proptest! {
        #[test]
        fn every_text_comes_back_exactly_and_no_cell_of_it_is_a_formula(text in "[-=+@;'\t\n a＝]{0,12}") {
            let stored = protected(&text);
            prop_assert_eq!(unprotected(&stored), text.as_str());
            let formula = ['=', '+', '-', '@', '＝'];
            prop_assert!(!stored.split([';', '\t', '\n']).any(|cell| cell.starts_with(formula)));
        }

        #[test]
        fn what_was_protected_is_the_only_field_that_comes_back_so(text in "\\PC{0,12}", other in "\\PC{0,12}") {
            prop_assert_eq!(protected(&text) == protected(&other), text == other);
            let stored = protected(&text);
            prop_assert_eq!(unprotected(&stored), text.as_str());
        }
    }
}
