//! The styled text of a message: markup is removed, and its ranges and links get their formats.

use std::ops::Range;

use egui::{
    Color32, Stroke,
    text::{LayoutJob, TextFormat, TextWrapping},
};

use crate::{
    markup::{self, Style, find_links},
    theme::{Palette, text},
    ui::runs::{append, is_only_emoji},
};

/// The space around inline code.
pub const CODE_PAD: f32 = 2.0;
/// The height of a line in a code block.
const CODE_LINE: f32 = 22.0;
/// The height of a line of large emoji.
const LARGE_LINE: f32 = 44.0;

/// A text without markup, with its formats.
pub struct StyledText {
    /// The text with its formats.
    pub job: LayoutJob,
    /// The byte ranges of links.
    pub links: Vec<Range<usize>>,
    /// The character ranges of code blocks.
    pub blocks: Vec<Range<usize>>,
    /// The character ranges of inline code.
    pub inline: Vec<Range<usize>>,
}

/// Styles the text of a message, in one pass.
pub fn read(said: &str, width: f32, palette: &Palette, is_own: bool) -> StyledText {
    let (ink, link_ink) = if is_own {
        (palette.on_own, palette.on_own)
    } else {
        (palette.on_other, palette.accent_text)
    };
    let parts = markup::parts(said);
    let shown: String = parts.iter().map(|part| &said[part.range.clone()]).collect();
    let links = find_links(&shown);
    // The first link that does not end before this part.
    let mut link = 0;
    let mut job = LayoutJob {
        wrap: TextWrapping::wrap_at_width(width),
        ..LayoutJob::default()
    };
    let (mut blocks, mut inline) = (Vec::new(), Vec::new());
    let (mut at, mut characters) = (0, 0);
    let is_large = is_only_emoji(&shown);
    let mut was_inline = false;
    for part in &parts {
        let end = at + part.range.len();
        let length = shown[at..end].chars().count();
        let place = characters..characters + length;
        let is_inline = part.style.is_code && !part.style.is_fenced;
        if part.style.is_fenced {
            blocks.push(place);
        } else if is_inline {
            inline.push(place);
        }
        characters += length;
        let mut plain = format(part.style, ink);
        if is_large {
            (plain.font_id, plain.line_height) = (text::emoji(), Some(LARGE_LINE));
        }
        // The background of inline code is a little wider than the code, so its neighbours leave room.
        let mut space = if is_inline || was_inline {
            CODE_PAD
        } else {
            0.0
        };
        was_inline = is_inline;
        let linked = TextFormat {
            color: link_ink,
            underline: Stroke::new(1.0, link_ink),
            ..plain.clone()
        };
        while at < end {
            while links.get(link).is_some_and(|link| link.end <= at) {
                link += 1;
            }
            let (to, look) = match links.get(link) {
                Some(link) if link.start <= at => (link.end, &linked),
                Some(link) => (link.start, &plain),
                None => (end, &plain),
            };
            let to = to.min(end);
            append(&mut job, &shown[at..to], std::mem::take(&mut space), look);
            at = to;
        }
    }
    StyledText {
        job,
        links,
        blocks,
        inline,
    }
}

fn format(style: Style, ink: Color32) -> TextFormat {
    let font = match style {
        Style { is_code: true, .. } => text::code(),
        Style { is_bold: true, .. } => text::strong(),
        _ => text::body(),
    };
    TextFormat {
        line_height: Some(if style.is_fenced { CODE_LINE } else { 20.0 }),
        italics: style.is_italic,
        expand_bg: CODE_PAD,
        ..TextFormat::simple(font, ink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        linear_time,
        markup::find_words,
        theme::LIGHT,
        ui::{
            list_row,
            runs::{mark, one_line},
        },
    };

    #[test]
    fn the_look_of_a_text_takes_time_as_its_length_does() {
        for part in [
            "http://x ",
            "`a` ",
            "*a* _b_ ",
            "*a _b ",
            "```\na\n```",
            "1\u{fe0f}\u{20e3}",
            "\u{1f1e7}",
            "👩\u{200d}",
            "a",
            "\u{336}",
            "ab ",
            "a@b.cd ",
            "\n",
        ] {
            linear_time::check(part, |text| {
                let said = read(text, 400.0, &LIGHT, false);
                let found = find_words(&said.job.text, "a b x");
                drop(mark(said.job, &found, &LIGHT));
            });
            linear_time::check(part, |text| {
                let (ink, words) = (Color32::PLACEHOLDER, list_row::of(text));
                drop(one_line(&words, text::small(), ink, 300.0));
            });
        }
    }
}
