//! The emoji one can choose from, behind a button of the compose box.

use egui::{
    FontId, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Role, ScrollArea, Sense,
    TextEdit, Ui, Vec2, WidgetInfo,
};

use super::{
    View,
    widget::{self, Look},
};
use crate::{
    emoji::{self, Emoji},
    theme::{space, text},
};

const CELL: f32 = 36.0;
const COLUMNS: usize = 8;
const ROWS: f32 = 6.5;
/// Room on both sides of the emoji; the scroll bar is in the right one.
const BESIDE: f32 = 8.0;

/// What is looked for among the emoji.
#[derive(Debug, Default)]
pub struct EmojiState {
    typed: String,
    is_open: bool,
}

/// The emoji over the bar that `button` is in, which opens and closes them. Gives the one that was
/// chosen.
pub fn show(
    view: &View<'_>,
    button: &Response,
    over: Rect,
    state: &mut EmojiState,
) -> Option<&'static Emoji> {
    let shown = Popup::from_toggle_button_response(button)
        .anchor(over)
        .gap(space::SMALL)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .align(RectAlign::TOP_END)
        .show(|ui| contents(ui, view, state));
    if shown.is_none() {
        *state = EmojiState::default();
    }
    shown.and_then(|shown| shown.inner)
}

fn contents(ui: &mut Ui, view: &View<'_>, state: &mut EmojiState) -> Option<&'static Emoji> {
    let texts = view.texts;
    let around = 2.0 * (space::LARGE + space::SMALL) + 2.0 * BESIDE;
    let room = ui.ctx().content_rect().width() - around;
    let columns = ((room / CELL) as usize).clamp(1, COLUMNS);
    ui.set_width(CELL * columns as f32 + 2.0 * BESIDE);
    let name = texts.get("emoji.search");
    let edit = TextEdit::singleline(&mut state.typed)
        .hint_text(widget::hint_text(view.palette, name, text::body()))
        .font(text::body())
        .desired_width(f32::INFINITY);
    let field = widget::edit(ui, view.palette, edit, Look::default());
    field.widget_info(|| {
        let mut info = WidgetInfo::text_edit(true, &state.typed, &state.typed, name);
        info.label = Some(name.to_owned());
        info
    });
    if !std::mem::replace(&mut state.is_open, true) {
        field.request_focus();
    }
    let found: Vec<&'static Emoji> = if state.typed.trim().is_empty() {
        emoji::all().iter().collect()
    } else {
        emoji::matching(&state.typed, texts.language())
    };
    if found.is_empty() {
        ui.label(widget::one_line(
            texts.get("emoji.nothing"),
            text::small(),
            view.palette.text_weak,
            ui.available_width(),
        ));
    }
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    let mut chosen = None;
    ScrollArea::vertical()
        .max_height(CELL * ROWS)
        .auto_shrink(false)
        .show_rows(ui, CELL, found.len().div_ceil(columns), |ui, rows| {
            for row in found.chunks(columns).skip(rows.start).take(rows.len()) {
                ui.horizontal(|ui| {
                    ui.add_space(BESIDE);
                    for emoji in row {
                        if cell(ui, view, emoji) {
                            chosen = Some(*emoji);
                        }
                    }
                });
            }
        });
    // Enter takes the first one found.
    let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if is_entered && !state.typed.trim().is_empty() {
        chosen = chosen.or(found.first().copied());
    }
    if chosen.is_some() {
        ui.close();
    }
    chosen
}

fn cell(ui: &mut Ui, view: &View<'_>, emoji: &Emoji) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(CELL), Sense::click());
    let name = emoji.name(view.texts.language());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    if response.hovered() || response.has_focus() {
        let ground = view.palette.hover;
        ui.painter()
            .rect_filled(rect, space::CONTROL_CORNER, ground);
    }
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        emoji.sign,
        FontId::proportional(22.0),
        view.palette.text,
    );
    let corner = space::CONTROL_CORNER;
    widget::focus_inside(ui, view.palette, &response, rect, corner);
    response
        .on_hover_text(format!("{name} :{}:", emoji.code))
        .clicked()
}
