//! Texts as they are compared when one searches: without accents, case and odd forms.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A text without accents, case and odd forms: `reunião` and `REUNIAO` are the same then.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else {
            // The order of marks, which is not restored, makes no difference: they go.
            decompose_compatible(c, |c| {
                if !is_combining_mark(c) {
                    folded.extend(c.to_lowercase());
                }
            });
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    #[test]
    fn accents_case_and_forms_make_no_difference() {
        for text in ["Reunião", "reuniao", "REUNIA\u{303}O", "ｒｅｕｎｉａｏ"] {
            assert_eq!(fold(text), "reuniao");
        }
        assert_eq!(fold("Ελλάδα Ёж"), "ελλαδα еж");
    }

    proptest! {
        #[test]
        fn characters_one_by_one_give_what_the_text_gives(text in "[a-zÀ-ÿ\\PC]{0,40}") {
            let whole: String = text
                .nfkd()
                .filter(|c| !is_combining_mark(*c))
                .flat_map(char::to_lowercase)
                .collect();
            prop_assert_eq!(fold(&text), whole);
        }
    }
}
