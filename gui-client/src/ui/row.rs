//! Rows of lists with a picture at the left and up to two lines of words beside it.

use egui::{Color32, FontId, Painter, Ui};

use super::{bidi, widget};

/// How high they are.
pub const HEIGHT: f32 = 44.0;

/// The lines that have words, one below the other, around `middle`.
pub fn lines(
    ui: &Ui,
    painter: &Painter,
    (left, width): (f32, f32),
    middle: f32,
    lines: [(&str, FontId, Color32); 2],
) {
    let lines = lines.into_iter().filter(|(words, ..)| !words.is_empty());
    let lines: Vec<_> = lines
        .map(|(words, font, ink)| {
            let line = widget::one_line(words, font, ink, width);
            (bidi::galley(ui, line), ink)
        })
        .collect();
    let height: f32 = lines.iter().map(|(galley, _)| galley.size().y).sum();
    let mut top = middle - height / 2.0;
    for (galley, ink) in lines {
        let next = top + galley.size().y;
        painter.galley(egui::pos2(left, top), galley, ink);
        top = next;
    }
}
