//! The protocol inspector: shows lines as they go over the wire.

mod faults;
mod words;

use std::hash::{Hash, Hasher};

use egui::{
    Align, Frame, Label, Layout, Margin, Panel, RichText, Role, ScrollArea, Sense, TextEdit, Ui,
    WidgetInfo,
    cache::{ComputerMut, FrameCache},
    pos2, vec2,
};

use super::{
    ONE_PANE_BELOW, UiState, View, bidi,
    icon::Icon,
    widget::{self, Look},
};
use crate::{
    engine::{Crossing, Side},
    model::{Action, InspectAction, InspectedLine, SaveAction, SavedFile},
    theme::{space, text},
};

/// Height of a row: one line, or two where there is little room.
const ROW: f32 = 24.0;
const NARROW_ROW: f32 = 42.0;

/// Width of the time, with three digits of a second.
const TIME: f32 = 88.0;

/// Bytes of a line that a row shows at most, and those that stand below when it is chosen.
const IN_ROW: usize = 400;
const IN_DETAIL: usize = 8 * 1024;

/// The inspector's state between frames.
#[derive(Debug, Default)]
pub struct InspectorState {
    /// The row that is expanded.
    chosen: Option<u64>,
}

/// Whether it takes the whole window.
pub fn is_alone(ui: &Ui) -> bool {
    ui.max_rect().width() < ONE_PANE_BELOW
}

/// The panel below everything else.
pub fn panel(ui: &mut Ui, view: &View<'_>, state: &mut UiState, actions: &mut Vec<Action>) {
    let height = ui.max_rect().height();
    Panel::bottom("inspector")
        .frame(Frame::new().fill(view.palette.panel))
        .resizable(true)
        .default_size((height * 0.4).clamp(180.0, 320.0))
        .size_range(140.0..=(height * 0.7).max(141.0))
        .show(ui, |ui| {
            // As high as it was made, however few the lines.
            ui.take_available_height();
            show(ui, view, state, actions);
        });
}

/// The inspector over the whole window.
pub fn show(ui: &mut Ui, view: &View<'_>, state: &mut UiState, actions: &mut Vec<Action>) {
    let narrow = ui.available_width() < ONE_PANE_BELOW;
    ui.painter()
        .rect_filled(ui.max_rect(), 0.0, view.palette.panel);
    ui.spacing_mut().item_spacing.y = 0.0;
    bar(ui, view, narrow, actions);
    if view.model.inspector.shows_faults {
        faults::show(ui, view, actions);
    }
    let lines = view.model.inspector.shown();
    let chosen = state.inspector.chosen;
    let chosen = chosen.and_then(|number| lines.iter().find(|line| line.number == number));
    if let Some(line) = chosen {
        let frame =
            Frame::new().inner_margin(Margin::symmetric(space::LARGE as i8, space::SMALL as i8));
        let panel = Panel::bottom("inspected line").frame(frame);
        widget::bar(panel, ui, |ui| detail(ui, view, line));
    }
    rows(ui, view, &lines, narrow, state);
}

/// Its name, the filter and the buttons.
fn bar(ui: &mut Ui, view: &View<'_>, narrow: bool, actions: &mut Vec<Action>) {
    let inspector = &view.model.inspector;
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 46.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.set_min_height(46.0);
            ui.add_space(space::LARGE);
            let title = RichText::new(view.texts.get("wire.title")).font(text::heading());
            ui.label(title.color(view.palette.text));
            if !narrow {
                ui.add_space(space::MEDIUM);
                filter(ui, view, 260.0, actions);
            }
            if inspector.is_paused() && !narrow {
                ui.label(paused(view));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_space(space::SMALL);
                buttons(ui, view, actions);
            });
        },
    );
    if narrow {
        ui.horizontal(|ui| {
            ui.add_space(space::LARGE);
            let width = (ui.available_width() - space::LARGE).max(0.0);
            filter(ui, view, width, actions);
        });
        if inspector.is_paused() {
            ui.horizontal(|ui| {
                ui.add_space(space::LARGE);
                ui.label(paused(view));
            });
        }
        ui.add_space(space::SMALL);
    }
}

fn paused(view: &View<'_>) -> RichText {
    let sentence = view.texts.count("wire.held", view.model.inspector.held());
    RichText::new(sentence)
        .font(text::small())
        .color(view.palette.warning_text)
}

fn buttons(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (inspector, texts) = (&view.model.inspector, view.texts);
    let pause = if inspector.is_paused() {
        (Icon::Play, "wire.go_on", InspectAction::Pause(false))
    } else {
        (Icon::Pause, "wire.pause", InspectAction::Pause(true))
    };
    let shows_faults = InspectAction::ShowFaults(!inspector.shows_faults);
    let faults = match inspector.shows_faults {
        true => "fault.close",
        false => "fault.open",
    };
    // From the right.
    let all = [
        (
            Icon::Close,
            "wire.close",
            Action::Inspect(InspectAction::Toggle),
        ),
        (
            Icon::Save,
            "wire.save",
            Action::Save(SaveAction::Take(SavedFile::Transcript)),
        ),
        (
            Icon::Clear,
            "wire.clear",
            Action::Inspect(InspectAction::Clear),
        ),
        (pause.0, pause.1, Action::Inspect(pause.2)),
        (Icon::Bolt, faults, Action::Inspect(shows_faults)),
    ];
    ui.spacing_mut().item_spacing.x = space::TINY;
    for (icon, name, action) in all {
        if widget::icon_button(ui, view.palette, icon, texts.get(name)).clicked() {
            actions.push(action);
        }
    }
}

fn filter(ui: &mut Ui, view: &View<'_>, width: f32, actions: &mut Vec<Action>) {
    let name = view.texts.get("wire.filter");
    let mut typed = view.model.inspector.filter.clone();
    let edit = TextEdit::singleline(&mut typed)
        .id(egui::Id::unique("inspector filter"))
        .font(text::small())
        .hint_text(widget::hint_text(view.palette, name, text::small()))
        .desired_width(width);
    let response = widget::edit(ui, view.palette, edit, Look::default());
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, name));
    if response.changed() {
        actions.push(Action::Inspect(InspectAction::Filter(typed)));
    }
}

fn rows(ui: &mut Ui, view: &View<'_>, lines: &[&InspectedLine], narrow: bool, state: &mut UiState) {
    if lines.is_empty() {
        let sentence = if view.model.inspector.is_empty() {
            "wire.nothing"
        } else {
            "wire.nothing_found"
        };
        ui.add_space(space::LARGE);
        ui.vertical_centered(|ui| {
            ui.set_max_width((ui.available_width() - 2.0 * space::LARGE).max(0.0));
            let sentence = RichText::new(view.texts.get(sentence)).font(text::body());
            ui.add(Label::new(sentence.color(view.palette.text_weak)).wrap());
        });
        return;
    }
    let height = if narrow { NARROW_ROW } else { ROW };
    ScrollArea::vertical()
        .id_salt("inspected lines")
        .auto_shrink(false)
        .stick_to_bottom(!view.model.inspector.is_paused())
        .show_rows(ui, height, lines.len(), |ui, range| {
            for line in &lines[range] {
                let is_chosen = state.inspector.chosen == Some(line.number);
                if row(ui, view, line, height, is_chosen) {
                    state.inspector.chosen = (!is_chosen).then_some(line.number);
                }
            }
        });
}

/// One line. True if it was clicked.
fn row(ui: &mut Ui, view: &View<'_>, line: &InspectedLine, height: f32, is_chosen: bool) -> bool {
    let palette = view.palette;
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let time = time(view, line);
    let meaning = ui.memory_mut(|memory| {
        let read: &mut FrameCache<String, Reading> = memory.caches.cache();
        read.get(ToRead { view, line }).clone()
    });
    let raw = line.raw(IN_ROW);
    let side = side(line);
    response.widget_info(|| {
        let key = match side {
            Some(Side::Client) => "wire.row_client",
            Some(Side::Server) => "wire.row_server",
            None => "wire.row",
        };
        let values = [("time", &*time), ("meaning", &*meaning), ("raw", &*raw)];
        WidgetInfo::labeled(Role::Button, true, view.texts.fill(key, &values))
    });
    let painter = ui.painter();
    let ground = match (is_chosen, response.hovered() || response.has_focus()) {
        (true, _) => Some(palette.chosen),
        (false, true) => Some(palette.hover),
        (false, false) => None,
    };
    if let Some(ground) = ground {
        painter.rect_filled(rect, 0.0, ground);
    }
    let narrow = height > ROW;
    // A single-line row is centred.
    let has_two_lines = narrow && !raw.is_empty();
    let upper = if has_two_lines {
        rect.top() + 13.0
    } else {
        rect.center().y
    };
    let left = rect.left() + space::LARGE;
    let put = |words: &str, font, ink, left: f32, y: f32, right: f32| {
        let job = widget::one_line(words, font, ink, right - left);
        let galley = bidi::galley(ui, job);
        painter.galley(pos2(left, y - galley.size().y / 2.0), galley, ink);
    };
    let right = rect.right() - space::LARGE;
    put(
        &time,
        text::tiny(),
        palette.text_weak,
        left,
        upper,
        left + TIME,
    );
    let sign = pos2(left + TIME + 2.0, upper);
    match side {
        Some(Side::Client) => Icon::Forth.paint(painter, sign, 14.0, palette.accent_text),
        Some(Side::Server) => Icon::Back.paint(painter, sign, 14.0, palette.read),
        None if matches!(line.news.crossing, Crossing::Fault(_)) => {
            Icon::Bolt.paint(painter, sign, 14.0, palette.warning_text);
        }
        None => {}
    }
    let mut words_left = sign.x + 14.0;
    if line.news.is_encrypted {
        let sign = pos2(words_left + 4.0, upper);
        Icon::Lock.paint(painter, sign, 12.0, palette.text_weak);
        words_left += 16.0;
    }
    let (raw_left, raw_y, words_right) = if narrow {
        (words_left, rect.bottom() - 12.0, right)
    } else {
        let middle = words_left + (right - words_left) * 0.42;
        (middle, upper, middle - space::SMALL)
    };
    put(
        &meaning,
        text::small(),
        palette.text,
        words_left,
        upper,
        words_right,
    );
    put(
        &raw,
        text::wire(),
        palette.text_weak,
        raw_left,
        raw_y,
        right,
    );
    widget::focus_inside(ui, palette, &response, rect, 4);
    response.clicked()
}

/// A line with its meaning, which is computed once and not with every frame: a roster may be long.
#[derive(Clone, Copy)]
struct ToRead<'a> {
    view: &'a View<'a>,
    line: &'a InspectedLine,
}

impl Hash for ToRead<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Words such as "five minutes ago" are said anew when they are no longer true.
        let minute = self.view.now.as_second() / 60;
        let language = std::ptr::from_ref(self.view.texts);
        (self.line.number, language, minute).hash(state);
    }
}

#[derive(Default)]
struct Reading;

impl ComputerMut<ToRead<'_>, String> for Reading {
    fn compute(&mut self, ToRead { view, line }: ToRead<'_>) -> String {
        words::of(view, &line.meaning())
    }
}

/// The expanded line, to be read and copied.
fn detail(ui: &mut Ui, view: &View<'_>, line: &InspectedLine) {
    ui.spacing_mut().item_spacing.y = space::TINY;
    let meaning = words::of(view, &line.meaning());
    let heading = RichText::new(meaning).font(text::strong());
    ui.add(Label::new(heading.color(view.palette.text)).wrap());
    let is_ended = !matches!(
        line.news.crossing,
        Crossing::Line {
            is_ended: false,
            ..
        }
    );
    let remarks = [
        (!is_ended, "wire.no_line_end"),
        (line.news.is_encrypted, "wire.encrypted"),
    ];
    for (_, remark) in remarks.into_iter().filter(|(is_so, _)| *is_so) {
        let remark = RichText::new(view.texts.get(remark)).font(text::small());
        ui.label(remark.color(view.palette.text_weak));
    }
    ScrollArea::vertical()
        .id_salt("raw")
        .max_height(90.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            let raw = RichText::new(line.raw(IN_DETAIL)).font(text::wire());
            let raw = raw.color(view.palette.text);
            ui.add(Label::new(raw).wrap().selectable(true));
        });
}

fn time(view: &View<'_>, line: &InspectedLine) -> String {
    let time = view.zone.to_datetime(line.news.at);
    time.strftime("%H:%M:%S%.3f").to_string()
}

fn side(line: &InspectedLine) -> Option<Side> {
    match line.news.crossing {
        Crossing::Opened | Crossing::Fault(_) => None,
        Crossing::Line { from: side, .. } | Crossing::Closed(side) | Crossing::Cut(side) => {
            Some(side)
        }
    }
}
