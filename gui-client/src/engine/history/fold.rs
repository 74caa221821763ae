//! Texts as they are compared when one searches: without accents, case and odd forms.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A text without accents, case and odd forms: `reunião` and `REUNIAO` are the same then.
pub fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_forms_make_no_difference() {
        for text in ["Reunião", "reuniao", "REUNIA\u{303}O", "ｒｅｕｎｉａｏ"] {
            assert_eq!(fold(text), "reuniao");
        }
        assert_eq!(fold("Ελλάδα Ёж"), "ελλαδα еж");
    }
}
