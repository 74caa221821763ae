//! Pointer, selection and caret in right-to-left text. egui looks where the glyphs stand, not where
//! they are seen. So it is given a moved pointer, and what it paints is painted again in the right
//! place.

use std::{ops::Range, sync::Arc};

use egui::{
    Color32, Context, LayerId, Pos2, Response, Shape, Stroke, Ui,
    emath::TSTransform,
    layers::ShapeIdx,
    text::{CCursor, CCursorRange},
    text_selection::LabelSelectionState,
};

use super::TextLayout;
use crate::theme::SELECTED;

impl TextLayout {
    /// Paints the text, and lets it be selected.
    pub fn show_selectable(&self, ui: &mut Ui, response: &Response, at: Pos2, ink: Color32) {
        let galley = Arc::clone(&self.galley);
        if self.seen.is_none() {
            LabelSelectionState::label_text_selection(ui, response, at, galley, ink, Stroke::NONE);
            return;
        }
        let grounds = ui.painter().add(Shape::Noop);
        let shown = next_shape(ui);
        let selection = ui.visuals().selection;
        let visuals = &mut ui.visuals_mut().selection;
        (visuals.bg_fill, visuals.stroke.color) = (Color32::TRANSPARENT, SELECTED);
        let (ctx, layer) = (ui.ctx().clone(), ui.layer_id());
        let select = || {
            LabelSelectionState::label_text_selection(ui, response, at, galley, ink, Stroke::NONE);
        };
        match response.contains_pointer() {
            true => self.with_pointer(&ctx, layer, at, select),
            false => select(),
        }
        ui.visuals_mut().selection = selection;
        let mut selected = None;
        ui.ctx().graphics_mut(|graphics| {
            graphics.entry(ui.layer_id()).mutate_shape(shown, |shape| {
                if let Shape::Text(text) = &mut shape.shape {
                    selected = self.selected(&text.galley);
                    for row in &mut Arc::make_mut(&mut text.galley).rows {
                        let row = Arc::make_mut(&mut row.row);
                        for vertex in &mut row.visuals.mesh.vertices {
                            if vertex.color == SELECTED {
                                vertex.color = selection.stroke.color;
                            }
                        }
                    }
                }
            });
        });
        if let Some(selected) = selected {
            let shape = self.ground(selected, at, selection.bg_fill);
            ui.painter().set(grounds, shape);
        }
    }

    /// Runs code that asks for the pointer, with the pointer where egui expects what is seen under
    /// it.
    pub fn with_pointer<R>(
        &self,
        ctx: &Context,
        layer: LayerId,
        at: Pos2,
        ask: impl FnOnce() -> R,
    ) -> R {
        let before = ctx.layer_transform_to_global(layer);
        let pointer = ctx.pointer_interact_pos();
        let pointer = pointer.map(|pointer| before.unwrap_or_default().inverse() * pointer);
        let Some((pointer, there)) =
            pointer.and_then(|pointer| Some((pointer, self.nearest(pointer - at)?)))
        else {
            return ask();
        };
        let shift = TSTransform::from_translation(pointer - (at + there.to_vec2()));
        ctx.set_transform_layer(layer, before.unwrap_or_default() * shift);
        let answer = ask();
        ctx.set_transform_layer(layer, before.unwrap_or_default());
        answer
    }

    /// The background of the selection.
    pub fn ground(&self, characters: Range<usize>, at: Pos2, colour: Color32) -> Shape {
        let pieces = self.pieces(&[characters]).into_iter();
        let grounds =
            pieces.map(|piece| Shape::rect_filled(piece.translate(at.to_vec2()), 0, colour));
        Shape::Vec(grounds.collect())
    }

    /// The characters of a range, in their order.
    pub fn range_of(&self, range: CCursorRange) -> Range<usize> {
        let [from, to] = range.sorted_cursors().map(|cursor: CCursor| cursor.index.0);
        from..to
    }

    /// Which characters egui has coloured as selected.
    fn selected(&self, painted: &egui::Galley) -> Option<Range<usize>> {
        let (mut selected, mut first): (Option<Range<usize>>, usize) = (None, 0);
        for row in &painted.rows {
            for (column, glyph) in row.glyphs.iter().enumerate() {
                let vertex = row.visuals.mesh.vertices.get(glyph.first_vertex as usize);
                if vertex.is_some_and(|vertex| vertex.color == SELECTED) {
                    let at = first + column;
                    let begin = selected.as_ref().map_or(at, |selected| selected.start);
                    selected = Some(begin..at + 1);
                }
            }
            first += row.char_count_including_newline().0;
        }
        selected
    }
}

/// The place of the shape that is painted next.
pub fn next_shape(ui: &Ui) -> ShapeIdx {
    let layer = ui.layer_id();
    ui.ctx()
        .graphics_mut(|graphics| graphics.entry(layer).next_idx())
}
