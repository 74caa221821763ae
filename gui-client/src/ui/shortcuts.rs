//! The list of shortcuts: what each does, in groups, with its keys drawn as keys.

use egui::{Align2, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::{View, widget};
use crate::theme::{space, text};

/// In a window of this width the sheet has two columns.
pub const TWO_COLUMNS: f32 = 640.0;

/// Width of the keys.
const KEYS: f32 = 136.0;

/// Height of a key, and its width at least.
const CAP: f32 = 20.0;

/// What to press: keys to hold, and then one of the others.
struct Keys {
    hold: &'static [Key],
    press: &'static [Key],
}

/// A key, or something that is typed.
enum Key {
    Command,
    Shift,
    Alt,
    Named(&'static str),
    Typed(&'static str),
}

use Key::{Alt, Command, Named, Shift, Typed};

/// One line: what to press, and the key of the sentence about it.
type Line = (Keys, &'static str);

const fn keys(hold: &'static [Key], press: &'static [Key]) -> Keys {
    Keys { hold, press }
}

const WRITING: &[Line] = &[
    (keys(&[], &[Named("Enter")]), "keys.send"),
    (keys(&[Shift], &[Named("Enter")]), "keys.break_line"),
    (
        keys(&[Command], &[Named("B"), Named("I"), Named("E")]),
        "keys.bold",
    ),
    (
        keys(&[], &[Typed("@ana"), Typed(":smile")]),
        "keys.complete",
    ),
];

const MESSAGES: &[Line] = &[
    (keys(&[], &[Named("↑")]), "keys.edit_last"),
    (keys(&[Command], &[Named("↑")]), "keys.reply"),
    (keys(&[Command], &[Named("↓")]), "keys.reply_below"),
    (keys(&[Command, Shift], &[Named("O")]), "keys.link"),
    (keys(&[Command, Shift], &[Named("Y")]), "keys.copy"),
    (keys(&[Command, Shift], &[Named("J")]), "keys.way"),
    (keys(&[Command, Shift], &[Named("X")]), "keys.select"),
    (
        keys(&[Shift], &[Named("↑"), Named("↓")]),
        "keys.select_more",
    ),
    (keys(&[], &[Named("PgUp"), Named("PgDn")]), "keys.scroll"),
    (keys(&[Command], &[Named("End")]), "keys.latest"),
];

const CONVERSATIONS: &[Line] = &[
    (keys(&[Command], &[Named("N")]), "keys.new"),
    (keys(&[Command], &[Named("K")]), "keys.filter"),
    (keys(&[Command], &[Named("F")]), "keys.find"),
    (keys(&[Command], &[Named("G")]), "keys.go_to_day"),
    (keys(&[Command, Shift], &[Named("I")]), "keys.info"),
    (keys(&[Alt], &[Named("↑"), Named("↓")]), "keys.neighbour"),
    (keys(&[Command, Shift], &[Named("P")]), "keys.pin"),
    (keys(&[Command, Shift], &[Named("M")]), "keys.mute"),
    (keys(&[Command], &[Named("R")]), "keys.fetch"),
];

const WINDOW: &[Line] = &[
    (keys(&[], &[Named("Esc")]), "keys.close"),
    (keys(&[Command], &[Named(",")]), "keys.settings"),
    (
        keys(&[Command], &[Named("+"), Named("-"), Named("0")]),
        "keys.zoom",
    ),
    (keys(&[], &[Named("F10")]), "keys.inspect"),
    (keys(&[], &[Named("F12")]), "keys.picture"),
    (keys(&[], &[Named("F1"), Named("?")]), "keys.help"),
    (keys(&[Command], &[Named("Q")]), "keys.quit"),
];

/// Groups by the key of their heading, in two columns where there is room.
const LEFT: [(&str, &[Line]); 2] = [
    ("keys.group_writing", WRITING),
    ("keys.group_messages", MESSAGES),
];
const RIGHT: [(&str, &[Line]); 2] = [
    ("keys.group_conversations", CONVERSATIONS),
    ("keys.group_window", WINDOW),
];

/// All of them.
pub fn show(ui: &mut Ui, view: &View<'_>) {
    if ui.ctx().content_rect().width() < TWO_COLUMNS {
        groups(ui, view, LEFT.iter().chain(&RIGHT));
        return;
    }
    ui.spacing_mut().item_spacing.x = space::HUGE;
    ui.columns_const(|[one, other]| {
        groups(one, view, LEFT.iter());
        groups(other, view, RIGHT.iter());
    });
}

fn groups<'a>(
    ui: &mut Ui,
    view: &View<'_>,
    groups: impl Iterator<Item = &'a (&'static str, &'static [Line])>,
) {
    for (at, (heading, lines)) in groups.enumerate() {
        if at > 0 {
            ui.add_space(space::SMALL);
        }
        let heading = RichText::new(view.texts.get(heading)).font(text::small_strong());
        ui.label(heading.color(view.palette.accent_text));
        ui.spacing_mut().item_spacing.y = 6.0;
        for (keys, what) in *lines {
            line(ui, view, keys, what);
        }
    }
}

fn line(ui: &mut Ui, view: &View<'_>, keys: &Keys, what: &str) {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::MEDIUM;
        let (rect, response) = ui.allocate_exact_size(vec2(KEYS, CAP), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, keys.spelled()));
        keys.paint(ui, view, rect);
        let what = RichText::new(view.texts.get(what)).font(text::small());
        // Smaller letters, on the same line as the keys beside them.
        ui.vertical(|ui| {
            ui.add_space(1.0);
            ui.add(egui::Label::new(what.color(view.palette.text_weak)).wrap());
        });
    });
}

impl Keys {
    /// `Ctrl+B  Ctrl+I  Ctrl+E`
    fn spelled(&self) -> String {
        let held: String = self
            .hold
            .iter()
            .map(|key| format!("{}+", key.name()))
            .collect();
        let all = self.press.iter().map(|key| format!("{held}{}", key.name()));
        all.collect::<Vec<_>>().join("  ")
    }

    fn paint(&self, ui: &Ui, view: &View<'_>, rect: Rect) {
        let mut left = rect.left();
        for key in self.hold {
            left = key.paint(ui, view, pos2(left, rect.top())) + 3.0;
        }
        for (at, key) in self.press.iter().enumerate() {
            if at > 0 {
                let ink = view.palette.text_weak;
                let middle = pos2(left + 4.0, rect.center().y);
                let or = Align2::CENTER_CENTER;
                ui.painter().text(middle, or, "/", text::tiny(), ink);
                left += 8.0;
            }
            left = key.paint(ui, view, pos2(left, rect.top())) + 3.0;
        }
    }
}

impl Key {
    fn name(&self) -> &'static str {
        const MAC: bool = cfg!(target_os = "macos");
        match self {
            Command if MAC => "⌘",
            Command => "Ctrl",
            Shift if MAC => "⇧",
            Shift => "Shift",
            Alt if MAC => "⌥",
            Alt => "Alt",
            Named(name) | Typed(name) => name,
        }
    }

    /// Gives where it ends.
    fn paint(&self, ui: &Ui, view: &View<'_>, at: egui::Pos2) -> f32 {
        let palette = view.palette;
        let font = match self {
            Typed(_) => text::code(),
            _ => text::tiny_strong(),
        };
        let name = ui
            .painter()
            .layout_job(widget::one_line(self.name(), font, palette.text, KEYS));
        if let Typed(_) = self {
            let top = at.y + (CAP - name.size().y) / 2.0;
            let width = name.size().x;
            ui.painter().galley(pos2(at.x, top), name, palette.text);
            return at.x + width;
        }
        let size = vec2((name.size().x + 12.0).max(CAP).round(), CAP);
        let cap = Rect::from_min_size(at, size);
        let stroke = Stroke::new(1.0, palette.control_line);
        // The edge that one sees of a key, below it.
        ui.painter().rect_filled(cap, 5, palette.control_line);
        let face = cap.with_max_y(cap.bottom() - 1.0);
        ui.painter()
            .rect(face, 5, palette.control, stroke, StrokeKind::Inside);
        let corner = face.center() - name.size() / 2.0;
        ui.painter().galley(corner, name, palette.text);
        cap.right()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_shortcut_is_there_once() {
        let groups = LEFT.iter().chain(&RIGHT);
        let lines: Vec<_> = groups.flat_map(|(_, lines)| *lines).collect();
        let pressed: BTreeSet<_> = lines.iter().map(|(keys, _)| keys.spelled()).collect();
        let said: BTreeSet<_> = lines.iter().map(|(_, what)| what).collect();
        assert_eq!((pressed.len(), said.len()), (lines.len(), lines.len()));
        #[cfg(not(target_os = "macos"))]
        assert!(pressed.contains("Ctrl+B  Ctrl+I  Ctrl+E"), "{pressed:?}");
    }
}
