//! Text that is about to be laid out: on one line, with marks, with emoji among letters.

use std::ops::Range;

use egui::{
    Color32, FontId,
    text::{LayoutJob, TextFormat, TextWrapping},
};
use unicode_segmentation::UnicodeSegmentation;

use crate::theme::{Palette, text};

/// Says "as an emoji" of the sign before it.
const AS_EMOJI: char = '\u{FE0F}';
/// Puts a key around the digit before it.
const KEYCAP: char = '\u{20E3}';

/// More characters than fit on a line of the widest screen.
const LINE_CHARS: usize = 1_000;

/// Text on one line, ending in `…` where there is no room.
pub fn one_line(text: &str, font: FontId, color: Color32, width: f32) -> LayoutJob {
    let mut job = LayoutJob::default();
    let format = TextFormat::simple(font, color);
    let end = text.char_indices().nth(LINE_CHARS).map(|(end, _)| end);
    append(&mut job, &text[..end.unwrap_or(text.len())], 0.0, &format);
    if end.is_some() {
        // What was left out may follow signs that take no room.
        append(&mut job, "…", 0.0, &format);
    }
    job.break_on_newline = false;
    job.wrap = TextWrapping::truncate_at_width(width.max(0.0));
    job
}

/// Appends text; what is written as emoji in it is drawn by the face of emoji, even where that of
/// the letters has a sign for its beginning.
pub fn append(job: &mut LayoutJob, text: &str, space: f32, format: &TextFormat) {
    if !text.contains([AS_EMOJI, KEYCAP]) {
        job.append(text, space, format.clone());
        return;
    }
    let emoji = TextFormat {
        font_id: text::emoji_as_large_as(&format.font_id),
        ..format.clone()
    };
    let (mut from, mut space) = (0, space);
    let mut push = |words: &str, format: &TextFormat| {
        if !words.is_empty() {
            job.append(words, std::mem::take(&mut space), format.clone());
        }
    };
    for (at, sign) in text.grapheme_indices(true) {
        if sign.contains([AS_EMOJI, KEYCAP]) {
            push(&text[from..at], format);
            push(sign, &emoji);
            from = at + sign.len();
        }
    }
    push(&text[from..], format);
}

/// Whether a text is one to three emoji and nothing else.
pub fn is_only_emoji(text: &str) -> bool {
    let signs = text.graphemes(true).filter(|sign| !sign.trim().is_empty());
    let signs: Vec<&str> = signs.take(4).collect();
    (1..=3).contains(&signs.len()) && signs.iter().all(|sign| is_emoji(sign))
}

fn is_emoji(sign: &str) -> bool {
    // Such as the sign of copyright is one only where it is asked for.
    let is_asked = sign.contains([AS_EMOJI, KEYCAP]);
    emojis::get(sign).is_some() && (is_asked || sign.chars().all(|c| c > '\u{2000}'))
}

/// The same with these bytes, in order and apart, marked as what was looked for.
pub fn mark(job: LayoutJob, found: &[Range<usize>], palette: &Palette) -> LayoutJob {
    if found.is_empty() {
        return job;
    }
    let mut marked = LayoutJob {
        text: String::new(),
        sections: Vec::new(),
        ..job.clone()
    };
    // The first of them that does not end before what is looked at.
    let mut next = 0;
    for section in &job.sections {
        let (mut at, end) = (section.byte_range.start.0, section.byte_range.end.0);
        while at < end {
            while found.get(next).is_some_and(|range| range.end <= at) {
                next += 1;
            }
            let (to, is_found) = match found.get(next) {
                Some(range) if range.start <= at => (range.end, true),
                Some(range) => (range.start, false),
                None => (end, false),
            };
            let to = to.min(end);
            let mut format = section.format.clone();
            if is_found {
                (format.background, format.color) = (palette.found, palette.text);
            }
            marked.append(&job.text[at..to], 0.0, format);
            at = to;
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_few_emoji_is_told_from_words() {
        for text in ["👍", "🎉 🎉 🎉", "👩‍👩‍👧", "1️⃣", "❤️", "❤", "🇧🇷"]
        {
            assert!(is_only_emoji(text), "{text}");
        }
        for text in ["", " ", "1", "ok 👍", "😀😀😀😀", "©", "a"] {
            assert!(!is_only_emoji(text), "{text}");
        }
    }

    #[test]
    fn a_keycap_is_drawn_by_the_face_of_emoji() {
        let job = one_line("ab 1️⃣ c", text::body(), Color32::PLACEHOLDER, 100.0);
        let parts: Vec<_> = job
            .sections
            .iter()
            .map(|section| &job.text[section.byte_range.start.0..section.byte_range.end.0])
            .collect();
        assert_eq!(parts, ["ab ", "1️⃣", " c"]);
    }
}
