use std::collections::BTreeSet;

use egui::{Color32, epaint::text::Glyph};
use mensageiro::{emoji, model::Preferences, theme};

use crate::desk::Desk;

/// What is called black or white is so on every ground.
const NAMED: [&str; 12] = [
    "▪\u{fe0f}",
    "◼\u{fe0f}",
    "◾",
    "⚫",
    "⬛",
    "🖤",
    "▫\u{fe0f}",
    "◻\u{fe0f}",
    "◽",
    "⚪",
    "⬜",
    "🤍",
];

/// The one ink a coloured sign is drawn with, if it is one.
fn only_ink(atlas: &egui::ColorImage, glyph: &Glyph) -> Option<Color32> {
    let [left, top] = glyph.uv_rect.min.map(usize::from);
    let [right, bottom] = glyph.uv_rect.max.map(usize::from);
    let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| atlas[(x, y)]));
    let inks: BTreeSet<_> = pixels
        .filter(|pixel| pixel.a() == 255)
        .map(|pixel| pixel.to_array())
        .collect();
    let [r, g, b, _] = *inks.first().filter(|_| inks.len() == 1)?;
    Some(Color32::from_rgb(r, g, b))
}

fn is_grey(ink: Color32) -> bool {
    let [r, g, b, _] = ink.to_array();
    r.max(g).max(b) - r.min(g).min(b) < 16
}

#[test]
fn no_sign_has_one_grey_ink_that_a_bubble_could_hide() {
    let desk = Desk::new(Preferences::default());
    let font = theme::text::emoji_as_large_as(&theme::text::emoji());
    let mut drawn_as_letters = 0;
    for sign in emoji::all().iter().map(|emoji| emoji.sign) {
        let (glyphs, atlas) = desk.harness.ctx.fonts_mut(|fonts| {
            let galley = fonts.layout_no_wrap(sign.to_owned(), font.clone(), Color32::PLACEHOLDER);
            (galley.rows[0].glyphs.clone(), fonts.image())
        });
        // What is not coloured has the ink of the letters, which stands out (`theme`).
        let Some(coloured) = glyphs.iter().find(|glyph| glyph.is_color) else {
            drawn_as_letters += 1;
            continue;
        };
        let ink = only_ink(&atlas, coloured).filter(|ink| is_grey(*ink));
        assert!(ink.is_none() || NAMED.contains(&sign), "{sign}: {ink:?}");
    }
    assert!(drawn_as_letters >= 24, "{drawn_as_letters}");
}
