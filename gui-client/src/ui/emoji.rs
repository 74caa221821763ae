//! The emoji picker, behind a button of the composer.

use egui::{
    FontId, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Role, ScrollArea, Sense,
    TextEdit, Ui, Vec2, WidgetInfo,
};

use super::{
    View,
    widget::{self, Look},
};
use crate::{
    emoji::{self, Emoji, Group},
    theme::{space, text},
};

const CELL: f32 = 36.0;
const COLUMNS: usize = 8;
const ROWS: f32 = 5.5;
/// Room on both sides of the emoji; the scroll bar is in the right one.
const BESIDE: f32 = 8.0;
/// With less room for each, the sections have no buttons.
const BUTTON_WIDTH: f32 = 24.0;
const BUTTON_HEIGHT: f32 = 32.0;

/// The query.
#[derive(Debug, Default)]
pub struct EmojiState {
    typed: String,
    is_open: bool,
    /// The row that was at the top of the last frame.
    top: usize,
    /// That is to be there now.
    jump: Option<usize>,
}

/// Emoji under one heading.
struct Section {
    name: &'static str,
    /// On its button.
    sign: &'static str,
    emoji: Vec<&'static Emoji>,
}

/// What stands on one height.
enum Row<'a> {
    Heading(&'static str),
    Emoji(&'a [&'static Emoji]),
}

/// The picker above the bar with `button`, which opens and closes it. Returns the chosen emoji.
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
    if field.changed() {
        state.jump = Some(0);
    }
    let is_search = !state.typed.trim().is_empty();
    let sections = match is_search {
        true => Vec::new(),
        false => sections(view),
    };
    let found = match is_search {
        true => emoji::matching(&state.typed, texts.language()),
        false => Vec::new(),
    };
    if is_search && found.is_empty() {
        ui.label(widget::one_line(
            texts.get("emoji.nothing"),
            text::small(),
            view.palette.text_weak,
            ui.available_width(),
        ));
    }
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    let (rows, starts) = rows(&sections, &found, columns);
    let mut height = CELL * ROWS + BUTTON_HEIGHT;
    if !is_search && ui.available_width() >= BUTTON_WIDTH * sections.len() as f32 {
        if let Some(start) = buttons(ui, view, &sections, &starts, state.top) {
            state.jump = Some(start);
            // What is typed next is looked for.
            field.request_focus();
        }
        height -= BUTTON_HEIGHT;
    }
    let mut area = ScrollArea::vertical().max_height(height).auto_shrink(false);
    if let Some(row) = state.jump.take() {
        area = area.vertical_scroll_offset(CELL * row as f32);
    }
    let mut chosen = None;
    area.show_rows(ui, CELL, rows.len(), |ui, visible| {
        state.top = visible.start;
        for row in &rows[visible] {
            ui.horizontal(|ui| {
                ui.add_space(BESIDE);
                match row {
                    Row::Heading(name) => heading(ui, view, texts.get(name)),
                    Row::Emoji(emoji) => {
                        for emoji in *emoji {
                            if cell(ui, view, emoji) {
                                chosen = Some(*emoji);
                            }
                        }
                    }
                }
            });
        }
    });
    // Enter takes the first one found.
    let is_entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if is_entered && is_search {
        chosen = chosen.or(found.first().copied());
    }
    if chosen.is_some() {
        ui.close();
    }
    chosen
}

/// Those chosen last, then all of them as Unicode groups them.
fn sections(view: &View<'_>) -> Vec<Section> {
    let recent = &view.model.own().recent_emoji;
    let recent: Vec<_> = recent
        .iter()
        .filter_map(|sign| emoji::with_sign(sign))
        .collect();
    let recent = (!recent.is_empty()).then_some(Section {
        name: "emoji.recent",
        sign: "🕘",
        emoji: recent,
    });
    let groups = emoji::groups().map(|(group, emoji)| {
        let (name, sign) = match group {
            Group::SmileysAndEmotion => ("emoji.faces", "😀"),
            Group::PeopleAndBody => ("emoji.people", "👋"),
            Group::AnimalsAndNature => ("emoji.nature", "🐻"),
            Group::FoodAndDrink => ("emoji.food", "🍎"),
            Group::TravelAndPlaces => ("emoji.travel", "🚗"),
            Group::Activities => ("emoji.activities", "⚽"),
            Group::Objects => ("emoji.objects", "💡"),
            Group::Symbols => ("emoji.symbols", "💯"),
            Group::Flags => ("emoji.flags", "🏁"),
        };
        Section {
            name,
            sign,
            emoji: emoji.iter().collect(),
        }
    });
    recent.into_iter().chain(groups).collect()
}

/// All rows, and which ones are the headings of the sections.
fn rows<'a>(
    sections: &'a [Section],
    found: &'a [&'static Emoji],
    columns: usize,
) -> (Vec<Row<'a>>, Vec<usize>) {
    let mut rows: Vec<_> = found.chunks(columns).map(Row::Emoji).collect();
    let mut starts = Vec::with_capacity(sections.len());
    for section in sections {
        starts.push(rows.len());
        rows.push(Row::Heading(section.name));
        rows.extend(section.emoji.chunks(columns).map(Row::Emoji));
    }
    (rows, starts)
}

/// A button for each section; that of the one at the top is marked. Gives the row that is to be
/// there.
fn buttons(
    ui: &mut Ui,
    view: &View<'_>,
    sections: &[Section],
    starts: &[usize],
    top: usize,
) -> Option<usize> {
    let mut chosen = None;
    let width = ui.available_width() / sections.len() as f32;
    let current = starts.partition_point(|start| *start <= top);
    ui.horizontal(|ui| {
        for (at, (section, start)) in sections.iter().zip(starts).enumerate() {
            let size = Vec2::new(width, BUTTON_HEIGHT);
            let (rect, response) = ui.allocate_exact_size(size, Sense::click());
            let name = view.texts.get(section.name);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
            let is_current = at + 1 == current;
            sign(ui, view, &response, rect, section.sign, 16.0);
            if is_current {
                let mark = Rect::from_min_max(rect.left_bottom() - Vec2::new(0.0, 2.0), rect.max);
                ui.painter().rect_filled(mark, 1, view.palette.accent);
            }
            if response.on_hover_text(name).clicked() {
                chosen = Some(*start);
            }
        }
    });
    chosen
}

fn heading(ui: &mut Ui, view: &View<'_>, name: &str) {
    let size = Vec2::new(ui.available_width(), CELL);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    let ink = view.palette.text_weak;
    let job = widget::one_line(name, text::small_strong(), ink, rect.width() - space::SMALL);
    let galley = ui.painter().layout_job(job);
    let at = rect.left_bottom() + Vec2::new(space::SMALL, -space::SMALL - galley.size().y);
    ui.painter().galley(at, galley, ink);
}

fn cell(ui: &mut Ui, view: &View<'_>, emoji: &Emoji) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(CELL), Sense::click());
    let name = emoji.name(view.texts.language());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    sign(ui, view, &response, rect, emoji.sign, 22.0);
    response
        .on_hover_text(format!("{name} :{}:", emoji.code))
        .clicked()
}

/// Paints an emoji that can be clicked on.
fn sign(ui: &Ui, view: &View<'_>, response: &Response, rect: Rect, sign: &str, size: f32) {
    let corner = space::CONTROL_CORNER;
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, corner, view.palette.hover);
    }
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        sign,
        FontId::proportional(size),
        view.palette.text,
    );
    widget::focus_inside(ui, view.palette, response, rect, corner);
}
