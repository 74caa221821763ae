//! Rows of the settings: the label at the left, and a value, a switch or shortcuts at the right.

use egui::{
    Align2, Color32, FontId, Key, Popup, Rect, RectAlign, Response, RichText, Role, Sense,
    StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::{
    icon::Icon,
    widget::{self, one_line},
};
use crate::theme::{Palette, space, text};

/// How high a row is.
pub const HEIGHT: f32 = space::CONTROL;

/// Size of a switch.
const SWITCH: egui::Vec2 = vec2(36.0, 20.0);

/// Size of the sign that there is a list.
const CHEVRON: f32 = 16.0;

/// A name, and its value out of a few; a click shows all of them. Gives the one that was chosen.
pub fn value<T: Copy + PartialEq>(
    ui: &mut Ui,
    palette: &Palette,
    name: &str,
    chosen: T,
    all: &[(T, String)],
) -> Option<T> {
    let shown = all.iter().find(|(choice, _)| *choice == chosen);
    let shown = shown.map_or("", |(_, shown)| shown.as_str());
    let (rect, response) = row(ui, palette);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ComboBox, true, name);
        info.current_text_value = Some(shown.to_owned());
        info
    });
    let sign = pos2(rect.right() - CHEVRON / 2.0, rect.center().y);
    Icon::Down.paint(ui.painter(), sign, CHEVRON, palette.text_weak);
    let right = rect.right() - CHEVRON - space::TINY;
    let right = right_words(ui, rect, right, (shown, text::body(), palette.text_weak));
    left_words(ui, rect, right, (name, palette.text));
    choices(ui, &response, chosen, all)
}

/// The list of values of a row. Whoever opens it with the keyboard is at the value in use, and back at
/// the row when it closes.
fn choices<T: Copy + PartialEq>(
    ui: &Ui,
    row: &Response,
    chosen: T,
    all: &[(T, String)],
) -> Option<T> {
    let is_open = || Popup::is_id_open(ui.ctx(), Popup::default_response_id(row));
    let was_open = is_open();
    let keys = [Key::Enter, Key::Space, Key::Escape];
    let by_keys = ui.input(|input| keys.into_iter().any(|key| input.key_pressed(key)));
    let mut clicked = None;
    Popup::menu(row).align(RectAlign::BOTTOM_END).show(|ui| {
        widget::menu(ui);
        for (choice, label) in all {
            let is_chosen = *choice == chosen;
            let item = ui.selectable_label(is_chosen, RichText::new(label));
            if is_chosen && by_keys && row.clicked() {
                item.request_focus();
            }
            if item.clicked() {
                clicked = (!is_chosen).then_some(*choice);
                ui.close();
            }
        }
    });
    if by_keys && was_open && !is_open() {
        row.request_focus();
    }
    clicked
}

/// A name, and whether it is so. Gives what it is to be, if it was clicked.
pub fn switch(ui: &mut Ui, palette: &Palette, name: &str, is_on: bool) -> Option<bool> {
    let (rect, response) = row(ui, palette);
    response.widget_info(|| WidgetInfo::selected(Role::Switch, true, is_on, name));
    let center = pos2(rect.right() - SWITCH.x / 2.0, rect.center().y);
    let track = Rect::from_center_size(center, SWITCH);
    let (ground, line, knob) = match is_on {
        true => (palette.accent, palette.accent, palette.on_accent),
        false => (Color32::TRANSPARENT, palette.text_weak, palette.text_weak),
    };
    let radius = SWITCH.y / 2.0;
    let painter = ui.painter();
    painter.rect(track, radius, ground, (1.5, line), StrokeKind::Inside);
    let x = match is_on {
        true => track.right() - radius,
        false => track.left() + radius,
    };
    painter.circle_filled(pos2(x, center.y), radius - 4.5, knob);
    left_words(ui, rect, track.left() - space::SMALL, (name, palette.text));
    response.clicked().then_some(!is_on)
}

/// Something to do, and the keys that do it too, if any. True if it was clicked.
pub fn deed(ui: &mut Ui, palette: &Palette, name: &str, keys: &str) -> bool {
    let (rect, response) = row(ui, palette);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let keys = (keys, text::small(), palette.text_weak);
    let right = right_words(ui, rect, rect.right(), keys);
    left_words(ui, rect, right, (name, palette.text));
    response.clicked()
}

/// Something that ends something, apart from what is above it. True if it was clicked.
pub fn ending(ui: &mut Ui, palette: &Palette, name: &str) -> bool {
    ui.add_space(space::SMALL);
    line(ui, palette);
    ui.add_space(space::SMALL);
    let (rect, response) = row(ui, palette);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    left_words(ui, rect, rect.right(), (name, palette.danger_text));
    response.clicked()
}

/// A line between groups of rows.
pub fn line(ui: &mut Ui, palette: &Palette) {
    let size = vec2(ui.available_width(), 1.0);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect_filled(rect, 0.0, palette.line);
}

/// The ground of a row; gives where its words may stand.
fn row(ui: &mut Ui, palette: &Palette) -> (Rect, Response) {
    let size = vec2(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if response.hovered() || response.has_focus() {
        let painter = ui.painter();
        painter.rect_filled(rect, space::CONTROL_CORNER, palette.hover);
    }
    widget::focus_inside(ui, palette, &response, rect, space::CONTROL_CORNER);
    (rect.shrink2(vec2(space::SMALL, 0.0)), response)
}

fn left_words(ui: &Ui, rect: Rect, right: f32, (words, ink): (&str, Color32)) {
    let width = (right - space::SMALL - rect.left()).max(0.0);
    let job = one_line(words, text::body(), ink, width);
    let galley = ui.painter().layout_job(job);
    let at = Align2::LEFT_CENTER.anchor_size(rect.left_center(), galley.size());
    ui.painter().galley(at.min, galley, ink);
}

/// Words that end at `right`; gives where they begin. They have most of the row if they need it.
fn right_words(
    ui: &Ui,
    rect: Rect,
    right: f32,
    (words, font, ink): (&str, FontId, Color32),
) -> f32 {
    let job = one_line(words, font, ink, (right - rect.left()) * 0.6);
    let galley = ui.painter().layout_job(job);
    let at = Align2::RIGHT_CENTER.anchor_size(pos2(right, rect.center().y), galley.size());
    ui.painter().galley(at.min, galley, ink);
    at.left()
}
