use egui::{Rect, Response, Role, Sense, Ui, WidgetInfo, pos2};

use super::anchor::{Anchor, Placed};
use crate::{model::Timeline, theme::Palette};

const WIDTH: f32 = 10.0;
const SHORTEST: f64 = 32.0;

/// The scroll bar: an estimate by the mean height of rows, as only visible rows are measured. In f64, as there may be
/// millions of rows.
pub struct Bar {
    track: Rect,
    response: Response,
    /// The visible fraction of the total height.
    share: f64,
}

impl Bar {
    /// The scroll bar of a timeline with so many rows.
    pub fn new(ui: &Ui, name: &str, window: Rect, rows: usize, mean: f64) -> Self {
        let track = Rect::from_min_max(
            pos2(window.right() - WIDTH, window.top() + 2.0),
            pos2(window.right() - 1.0, window.bottom() - 2.0),
        );
        let whole = rows as f64 * mean;
        let share = if whole > 0.0 {
            (f64::from(window.height()) / whole).min(1.0)
        } else {
            1.0
        };
        let response = ui.interact(
            track,
            ui.scope_id().with("scroll bar"),
            // The keys for scrolling need no focus.
            Sense::CLICK | Sense::DRAG,
        );
        response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, share < 1.0, name));
        Self {
            track,
            response,
            share,
        }
    }

    /// The anchor that the person drags the bar to; `None` without a drag.
    pub fn dragged(&self, ui: &Ui, messages: &Timeline) -> Option<Anchor> {
        let held = self.response.dragged() || self.response.clicked();
        if !held || self.share >= 1.0 {
            return None;
        }
        let pointer = ui.input(|input| input.pointer.interact_pos())?;
        let thumb = self.thumb_height();
        let way = f64::from(self.track.height()) - thumb;
        let above = f64::from(pointer.y - self.track.top()) - thumb / 2.0;
        let part = (above / way.max(1.0)).clamp(0.0, 1.0);
        if part >= 0.999 {
            return Some(Anchor::Latest);
        }
        let first = part * (1.0 - self.share) * messages.len() as f64;
        let sort_key = messages.get(first as usize)?.sort_key;
        Some(Anchor::Message {
            sort_key,
            top: 12.0,
        })
    }

    /// Draws the bar, unless everything is visible.
    pub fn paint(&self, ui: &Ui, palette: &Palette, placed: &Placed, rows: usize) {
        let Some(first) = placed.rows.first().filter(|_| self.share < 1.0) else {
            return;
        };
        let hidden = f64::from(-first.top()).max(0.0) / f64::from(first.height().max(1.0));
        let before = (first.index as f64 + hidden.min(1.0)) / rows as f64;
        let part = if placed.at_latest {
            1.0
        } else {
            (before / (1.0 - self.share)).clamp(0.0, 1.0)
        };
        let thumb = self.thumb_height();
        let top = f64::from(self.track.top()) + part * (f64::from(self.track.height()) - thumb);
        let held = self.response.hovered() || self.response.dragged();
        let width = if held { 8.0 } else { 5.0 };
        let right = self.track.right() - 1.0;
        let rect = Rect::from_min_max(
            pos2(right - width, top as f32),
            pos2(right, (top + thumb) as f32),
        );
        ui.painter()
            .rect_filled(rect, width / 2.0, palette.text_weak.gamma_multiply(0.55));
    }

    fn thumb_height(&self) -> f64 {
        let track = f64::from(self.track.height());
        (self.share * track).clamp(SHORTEST.min(track), track)
    }
}
