//! Editing right-to-left text.

use egui::{
    Color32, Event, FontId, Id, Key, Pos2, Response, Shape, TextBuffer, TextEdit, Ui,
    text::{CCursor, LayoutJob},
};

use super::{TextLayout, has_rtl, lay_out_within};

/// What a multi-line field showed last, and where, to find the pointer in it.
#[derive(Debug, Default)]
pub struct Edited {
    last: Option<(TextLayout, Pos2)>,
}

impl Edited {
    /// Shows the field; `dress` sets its other properties.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        id: Id,
        text: &mut String,
        font: &FontId,
        dress: impl FnOnce(TextEdit<'_>) -> TextEdit<'_>,
    ) -> Response {
        self.turn_keys(ui, id, text);
        let is_turned = has_rtl(text);
        let before = (ui.visuals().selection, ui.visuals().text_cursor.stroke);
        let grounds = ui.painter().add(Shape::Noop);
        if is_turned {
            // egui paints them where the glyphs stand.
            ui.visuals_mut().selection.bg_fill = Color32::TRANSPARENT;
            ui.visuals_mut().text_cursor.stroke.color = Color32::TRANSPARENT;
        }
        let row = ui.fonts_mut(|fonts| fonts.row_height(font));
        let ink = ui.visuals().text_color();
        let mut laid = None;
        let mut layouter = |ui: &Ui, text: &dyn TextBuffer, width: f32| {
            let text = text.as_str().to_owned();
            let mut job = LayoutJob::simple(text, font.clone(), ink, width);
            job.keep_trailing_whitespace = true;
            for section in &mut job.sections {
                section.format.line_height = Some(row);
            }
            let shown = lay_out_within(ui, job, width);
            laid = Some(shown.clone());
            shown.galley
        };
        let edit = dress(TextEdit::multiline(text).id(id).font(font.clone()));
        let edit = edit.layouter(&mut layouter);
        let (ctx, layer) = (ui.ctx().clone(), ui.layer_id());
        let output = match &self.last {
            Some((last, at)) => last.with_pointer(&ctx, layer, *at, || edit.show(ui)),
            None => edit.show(ui),
        };
        let response = output.response.response;
        if is_turned {
            ui.visuals_mut().selection = before.0;
            ui.visuals_mut().text_cursor.stroke = before.1;
        }
        let cursor = output.state.cursor.char_range();
        if let Some(laid) = laid.as_ref().filter(|laid| laid.seen.is_some())
            && let Some(range) = cursor.filter(|_| response.has_focus())
        {
            let at = output.galley_pos;
            if is_turned {
                let selected = laid.ground(laid.range_of(range), at, before.0.bg_fill);
                ui.painter().set(grounds, selected);
                let caret = laid.caret(range.primary).translate(at.to_vec2());
                let painter = ui.painter_at(output.text_clip_rect.expand(1.0));
                if ui.input(|input| input.focused) {
                    painter.line_segment([caret.center_top(), caret.center_bottom()], before.1);
                }
                // The window of an input method stands there too.
                ui.output_mut(|output| {
                    if let Some(ime) = &mut output.ime {
                        ime.cursor_rect = caret;
                    }
                });
            } else {
                // The first letter that turns the line.
                ui.ctx().request_repaint();
            }
        }
        self.last = laid.map(|laid| (laid, output.galley_pos));
        response
    }

    /// The left and right keys move in the visual direction, not back and forth in the text.
    fn turn_keys(&self, ui: &Ui, id: Id, text: &str) {
        let Some((laid, _)) = &self.last else {
            return;
        };
        let state = TextEdit::load_state(ui.ctx(), id);
        let range = state.and_then(|state| state.cursor.char_range());
        let cursor: Option<CCursor> = range.map(|range| range.primary);
        let is_here = ui.memory(|memory| memory.has_focus(id)) && laid.text() == text;
        if !is_here || !cursor.is_some_and(|cursor| laid.is_rtl_at(cursor)) {
            return;
        }
        ui.input_mut(|input| {
            for event in &mut input.events {
                if let Event::Key { key, .. } = event {
                    *key = match *key {
                        Key::ArrowLeft => Key::ArrowRight,
                        Key::ArrowRight => Key::ArrowLeft,
                        other => other,
                    };
                }
            }
        });
    }
}
