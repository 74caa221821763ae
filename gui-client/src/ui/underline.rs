//! Underlining links.

use std::sync::Arc;

use egui::{Galley, epaint::text::Row};

/// So far below the line that the letters stand on, in points.
const BELOW: f32 = 2.0;

/// The same with underlines close to the letters. egui draws them at the lower edge of a row, which
/// is as near to the next one where rows are high.
pub fn near_letters(mut galley: Arc<Galley>) -> Arc<Galley> {
    if !galley.rows.iter().any(|placed| has_lines(&placed.row)) {
        return galley;
    }
    let pixels = galley.pixels_per_point;
    for placed in &mut Arc::make_mut(&mut galley).rows {
        let row = &placed.row;
        let lines = row.visuals.glyph_vertex_range.end;
        let Some(letter) = row.glyphs.first().filter(|_| has_lines(row)) else {
            continue;
        };
        let up = letter.logical_rect().bottom() - (letter.pos.y + BELOW);
        // Whole pixels: lines stay sharp.
        let up = (up * pixels).round() / pixels;
        let mesh = &mut Arc::make_mut(&mut placed.row).visuals.mesh;
        for vertex in &mut mesh.vertices[lines..] {
            vertex.pos.y -= up;
        }
    }
    galley
}

/// What is drawn after the letters are the lines.
fn has_lines(row: &Row) -> bool {
    row.visuals.glyph_vertex_range.end < row.visuals.mesh.vertices.len()
}

#[cfg(test)]
mod tests {
    use egui::{
        Color32, FontId, Stroke,
        text::{LayoutJob, TextFormat},
    };

    use super::*;

    #[test]
    fn an_underline_is_near_the_letters_and_they_stay_where_they_are() {
        let ctx = egui::Context::default();
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let mut job = LayoutJob::default();
            let plain = TextFormat {
                line_height: Some(20.0),
                ..TextFormat::simple(FontId::proportional(14.5), Color32::PLACEHOLDER)
            };
            job.append("see ", 0.0, plain.clone());
            let underline = Stroke::new(1.0, Color32::PLACEHOLDER);
            job.append("example.org", 0.0, TextFormat { underline, ..plain });
            let before = ui.painter().layout_job(job);
            let after = near_letters(Arc::clone(&before));
            let [before, after] = [before, after].map(|galley| Arc::clone(&galley.rows[0].row));
            let lines = after.visuals.glyph_vertex_range.end;
            let [low, high] = [&before, &after].map(|row| &row.visuals.mesh.vertices);
            assert!(lines < high.len() && low[..lines] == high[..lines]);
            let baseline = after.glyphs[0].pos.y;
            for vertex in &high[lines..] {
                let below = vertex.pos.y - baseline;
                assert!((0.5..4.0).contains(&below), "{below}");
            }
            assert!(low[lines].pos.y > high[lines].pos.y);
        });
        output.textures_delta.clear();
    }
}
