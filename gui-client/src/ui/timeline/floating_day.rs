//! The date at the upper edge, while the person has scrolled away from the newest message.

use egui::{Rect, Stroke, Ui, pos2};
use jiff::civil::Date;

use super::{
    anchor::Placed,
    separators::{PILL, Separators, pill},
};
use crate::{model::Timeline, theme::space, ui::View};

/// The day at the upper edge.
pub struct Floating {
    /// The row whose day it is.
    pub index: usize,
    day: Date,
    /// The distance of its middle from the upper edge of the window.
    middle: f32,
}

impl Floating {
    /// The day of the first row, unless the row's own day is visible. The next day pushes it up.
    pub fn of(view: &View<'_>, messages: &Timeline, placed: &Placed) -> Option<Self> {
        if placed.at_latest {
            return None;
        }
        let own_middle = |index: usize, bubble_top: f32| {
            let separators = Separators::of(view, messages, index, messages.get(index)?);
            separators.day_above().map(|above| bubble_top - above)
        };
        let mut rows = placed.rows.iter();
        let first = rows.next()?;
        let highest = space::SMALL + PILL / 2.0;
        if own_middle(first.index, first.bubble_top).is_some_and(|middle| middle >= highest) {
            return None;
        }
        let next = rows.find_map(|row| own_middle(row.index, row.bubble_top));
        let pushed = next.map_or(highest, |next| next - PILL - space::TINY);
        Some(Self {
            index: first.index,
            day: view.zone.to_datetime(messages.get(first.index)?.at).date(),
            middle: highest.min(pushed),
        })
    }

    /// Draws it over the messages.
    pub fn paint(&self, ui: &Ui, view: &View<'_>, window: Rect, column: Rect) {
        let center = pos2(column.center().x, window.top() + self.middle);
        // It may be over a message with the same background.
        let edge = Stroke::new(1.0, view.palette.line);
        pill(ui, view, self.day, center, edge);
    }
}
