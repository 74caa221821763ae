//! The journey of one message as a sequence diagram: who sent what to whom, and when. In a narrow window the steps are a
//! list.

mod alone;
mod picture;
mod story;

use egui::{Rect, Role, Sense, Ui, Vec2, WidgetInfo};

pub use self::alone::{Alone, show as show_alone};
use self::story::Story;
use super::View;
use crate::{engine::Message, model::Session};

/// The least width of a window for a diagram, in points.
const NARROW: f32 = 480.0;

/// Draws the journey in the available width. Returns its rectangle.
pub fn show(ui: &mut Ui, view: &View<'_>, session: &Session, message: &Message) -> Rect {
    let story = Story::of(view, session, message);
    let width = ui.available_width();
    let is_narrow = ui.ctx().content_rect().width() < NARROW;
    let drawing = if is_narrow {
        picture::list(ui, view, &story, width)
    } else {
        picture::diagram(ui, view, &story, width)
    };
    let size = Vec2::new(width, drawing.height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, story.spoken(view)));
    let painter = ui.painter();
    painter.rect_filled(rect, 0.0, view.palette.raised);
    drawing.paint(painter, view.palette, rect.min);
    rect
}
