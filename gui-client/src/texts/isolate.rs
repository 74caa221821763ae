use std::borrow::Cow;

use unicode_bidi::{BidiClass, bidi_class};

/// Wraps words in bidi isolates, so that they and the sentence around them keep their own
/// direction.
pub fn isolate(words: &str) -> Cow<'_, str> {
    match has_rtl(words) {
        true => format!("\u{2068}{words}\u{2069}").into(),
        false => words.into(),
    }
}

/// Whether a text contains right-to-left characters.
pub fn has_rtl(text: &str) -> bool {
    let is_rtl = |c: char| matches!(bidi_class(c), BidiClass::R | BidiClass::AL);
    // Nothing below Hebrew is.
    text.chars().any(|c| c >= '\u{590}' && is_rtl(c))
}
