//! Moving through a list with the arrow keys while the focus stays in the field above it.

use egui::{Key, Modifiers, Rect, Ui};

/// How many rows the arrow keys move down in this frame; up is negative. Call it before the field
/// is drawn, which would take the keys.
pub fn steps(ui: &Ui) -> isize {
    ui.input_mut(|input| {
        let mut pressed = |key| input.count_and_consume_key(Modifiers::NONE, key) as isize;
        pressed(Key::ArrowDown) - pressed(Key::ArrowUp)
    })
}

/// The row that the arrow keys move to: from none to the first or last one, and not beyond the
/// ends.
pub fn next(marked: Option<usize>, steps: isize, rows: usize) -> Option<usize> {
    let last = rows.checked_sub(1).filter(|_| steps != 0)?;
    Some(match marked {
        Some(at) => at.saturating_add_signed(steps).min(last),
        None if steps > 0 => 0,
        None => last,
    })
}

/// Scrolls to one of rows of the same height, of which those from `first` on are drawn here.
pub fn bring_into_sight(ui: &Ui, row: usize, first: usize, height: f32) {
    let top = ui.max_rect().top() + (row as f32 - first as f32) * height;
    let row = Rect::from_x_y_ranges(ui.max_rect().x_range(), top..=top + height);
    ui.scroll_to_rect(row, None);
}
