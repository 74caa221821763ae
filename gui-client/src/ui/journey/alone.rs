//! Draws a journey over the whole window for its picture, as the dialog may show only a part of it.

use egui::{
    Id, LayerId, Order, Rect, Shape, Ui, UiBuilder, emath::TSTransform, epaint::RectShape, vec2,
};

use super::super::{UiState, View};
use crate::{model::Overlay, theme::space};

/// The greatest width of the diagram, as in the dialog.
const WIDEST: f32 = 580.0;

/// A journey to be drawn alone.
#[derive(Debug, Default)]
pub struct Alone {
    drawn: Option<Rect>,
    is_asked: bool,
    frames: u32,
}

/// After this many frames without a picture, none will come.
const MOST_FRAMES: u32 = 120;

impl UiState {
    /// Begins or ends drawing the dialog's journey alone.
    pub fn show_journey_alone(&mut self, wanted: bool) {
        self.alone = wanted.then(Alone::default);
    }

    /// Whether it is drawn alone.
    pub fn is_journey_alone(&self) -> bool {
        self.alone.is_some()
    }

    /// The rectangle where it was drawn in this frame; returned once.
    pub fn take_drawn_journey(&mut self) -> Option<Rect> {
        let alone = self.alone.as_mut()?;
        let is_asked = std::mem::replace(&mut alone.is_asked, true);
        alone.drawn.filter(|_| !is_asked)
    }
}

/// Draws the whole journey if it was requested, reduced if the window is not high enough.
pub fn show(ui: &Ui, view: &View<'_>, state: &mut UiState) {
    let Some(alone) = &mut state.alone else {
        return;
    };
    let (Some(session), Some(Overlay::Journey(message))) =
        (&view.model.session, &view.model.overlay)
    else {
        state.alone = None;
        return;
    };
    alone.frames += 1;
    if alone.frames > MOST_FRAMES {
        state.alone = None;
        return;
    }
    let ctx = ui.ctx();
    let screen = ctx.content_rect();
    let id = Id::unique("journey alone");
    let layer = LayerId::new(Order::Tooltip, id);
    let margin = space::LARGE;
    let width = (screen.width() - 2.0 * margin).min(WIDEST);
    let place = Rect::from_min_size(screen.min, vec2(width + 2.0 * margin, f32::INFINITY));
    let builder = UiBuilder::new().layer_id(layer).max_rect(place);
    let mut page = Ui::new(ctx.clone(), id, builder);
    page.set_clip_rect(Rect::EVERYTHING);
    // The background is painted first, but its size is known last.
    let ground = page.painter().add(Shape::Noop);
    let inner = Rect::from_min_size(place.min + vec2(margin, margin), vec2(width, f32::INFINITY));
    let mut page_inner = page.new_child(UiBuilder::new().max_rect(inner));
    let known = session
        .timeline()
        .and_then(|known| known.get(known.index_of(message.id)?));
    let drawn = super::show(&mut page_inner, view, session, known.unwrap_or(message));
    let whole = drawn.expand(margin);
    page.painter()
        .set(ground, RectShape::filled(whole, 0.0, view.palette.raised));
    let scale = (screen.height() / whole.height()).min(1.0);
    let transform = TSTransform::new(screen.min.to_vec2() * (1.0 - scale), scale);
    ctx.set_transform_layer(layer, transform);
    // Whole points; only the margin is cut off.
    let drawn = transform * whole;
    alone.drawn = Some(Rect::from_min_max(drawn.min, drawn.max.floor()));
    state.journey = alone.drawn;
}
