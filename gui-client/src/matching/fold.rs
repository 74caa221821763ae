//! Folding: the form in which texts are compared, without accents, case and compatibility forms.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A text without accents, case and compatibility forms: `reunião` equals `REUNIAO`, `Straße` equals
/// `STRASSE`, `Łódź` equals `lodz`, and both apostrophes are the same.
///
/// Each character is folded by itself, whatever is around it.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        push_folded(&mut folded, c);
    }
    folded
}

/// Appends the folded form of a character, which may be empty.
pub fn push_folded(folded: &mut String, c: char) {
    if c.is_ascii() {
        folded.push(c.to_ascii_lowercase());
    } else {
        // The order of combining marks does not matter: they are dropped.
        decompose_compatible(c, |c| {
            if !is_combining_mark(c) {
                c.to_lowercase().for_each(|c| push_plain(folded, c));
            }
        });
    }
}

/// Appends a lower-case letter. Some letters have no decomposition in Unicode, but people whose
/// keyboard lacks them write plainer ones. A new letter here needs a migration in `schema.rs`, for
/// messages that are indexed already.
fn push_plain(folded: &mut String, c: char) {
    let plain = match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'ς' => "σ",
        '‘' | '’' | 'ʼ' => "'",
        c => return folded.push(c),
    };
    folded.push_str(plain);
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
        for (text, plain) in [
            ("Straße STRASSE STRAẞE", "strasse strasse strasse"),
            ("İstanbul ISTANBUL ıstanbul", "istanbul istanbul istanbul"),
            ("ﬁm ﬀ ĳ Ǆ", "fim ff ij dz"),
            (
                "Œuvre Ærø Łódź Đorđe Þór Ħamrun Ŧ",
                "oeuvre aero lodz dorde thor hamrun t",
            ),
            ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
            ("D’Ávila d'avila Oʼneil", "d'avila d'avila o'neil"),
            ("Ｊｏãｏ João\u{a0}Silva", "joao joao silva"),
        ] {
            assert_eq!(fold(text), plain);
        }
    }

    proptest! {
        #[test]
        fn characters_one_by_one_give_what_the_text_gives(text in "[a-zÀ-ÿ\\PC]{0,40}") {
            let small: String = text
                .nfkd()
                .filter(|c| !is_combining_mark(*c))
                .flat_map(char::to_lowercase)
                .collect();
            let mut whole = String::new();
            small.chars().for_each(|c| push_plain(&mut whole, c));
            prop_assert_eq!(fold(&text), whole);
        }
    }
}
