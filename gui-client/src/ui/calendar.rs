//! Asks for a day: a month, from which a day is chosen.

use egui::{Align, Button, Layout, Role, Stroke, Ui, Vec2, WidgetInfo};
use jiff::{Timestamp, ToSpan, civil::Date};

use super::{View, bidi, icon::Icon, widget};
use crate::{
    model::{Action, Day, DayUse, Overlay},
    texts,
    theme::{space, text},
};

/// Days of a week, and the weeks that a month may touch.
const DAYS: usize = 7;
const WEEKS: usize = 6;

/// Height of a day.
const HEIGHT: f32 = 34.0;

/// The first year: no message is older.
const FIRST_YEAR: i16 = 1970;

/// The key of the dialog's title.
pub fn title(of: DayUse) -> &'static str {
    match of {
        DayUse::GoTo => "calendar.go_to",
        DayUse::Since => "calendar.since",
        DayUse::Until => "calendar.until",
    }
}

/// Today.
pub fn today(view: &View<'_>) -> Date {
    view.zone.to_datetime(view.now).date()
}

/// A day where the person is.
pub fn day(view: &View<'_>, date: Date) -> Option<Day> {
    let begins = |date: Date| -> Option<Timestamp> {
        let begins = date.to_zoned(view.zone.clone()).ok()?;
        Some(begins.timestamp())
    };
    Some(Day {
        date,
        begins: begins(date)?,
        ends: begins(date.tomorrow().ok()?)?,
    })
}

/// The dialog that asks for a day.
pub fn ask(view: &View<'_>, of: DayUse) -> Action {
    let month = today(view);
    Action::Show(Overlay::Day { of, month })
}

/// The month with this day in it.
pub fn show(ui: &mut Ui, view: &View<'_>, of: DayUse, month: Date, actions: &mut Vec<Action>) {
    let (texts, palette, today) = (view.texts, view.palette, today(view));
    let first = month.first_of_month();
    let turn = |ui: &mut Ui, icon, name, to: Option<Date>, actions: &mut Vec<Action>| {
        let to = to.filter(|to| *to <= today && to.year() >= FIRST_YEAR);
        ui.add_enabled_ui(to.is_some(), |ui| {
            let button = widget::icon_button(ui, palette, icon, texts.get(name));
            if let Some(month) = to.filter(|_| button.clicked()) {
                actions.push(Action::Show(Overlay::Day { of, month }));
            }
        });
    };
    ui.horizontal(|ui| {
        let before = first.yesterday().ok();
        turn(ui, Icon::Back, "calendar.previous", before, actions);
        let width = (ui.available_width() - space::CONTROL - space::SMALL).max(0.0);
        let centred = Layout::centered_and_justified(egui::Direction::LeftToRight);
        ui.allocate_ui_with_layout(Vec2::new(width, space::CONTROL), centred, |ui| {
            let words = texts::month_line(texts, first);
            let job = widget::one_line(&words, text::strong(), palette.text, width);
            ui.label(bidi::galley(ui, job));
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let after = first.checked_add(1.month()).ok();
            turn(ui, Icon::Forth, "calendar.next", after, actions);
        });
    });
    ui.add_space(space::SMALL);
    ui.spacing_mut().item_spacing = Vec2::splat(2.0);
    let width = ((ui.available_width() + 2.0) / DAYS as f32 - 2.0).floor();
    let offset = i64::from(first.weekday().to_sunday_zero_offset());
    let Ok(start) = first.checked_sub(offset.days()) else {
        return;
    };
    ui.horizontal(|ui| {
        for at in 0..DAYS {
            let name = texts::weekday_in_row(texts, at);
            let centred = Layout::centered_and_justified(egui::Direction::LeftToRight);
            ui.allocate_ui_with_layout(Vec2::new(width, 20.0), centred, |ui| {
                let job = widget::one_line(name, text::tiny(), palette.text_weak, width);
                ui.label(bidi::galley(ui, job));
            });
        }
    });
    for week in 0..WEEKS {
        ui.horizontal(|ui| {
            for at in 0..DAYS {
                let size = Vec2::new(width, HEIGHT);
                let date = start.checked_add(((week * DAYS + at) as i64).days());
                let Some(date) = date.ok().filter(|date| date.month() == first.month()) else {
                    ui.allocate_space(size);
                    continue;
                };
                if square(ui, view, date, today, size)
                    && let Some(day) = day(view, date)
                {
                    actions.push(Action::ChooseDay(day));
                }
            }
        });
    }
}

/// True if this day was chosen.
fn square(ui: &mut Ui, view: &View<'_>, date: Date, today: Date, size: Vec2) -> bool {
    let palette = view.palette;
    let is_enabled = date <= today;
    let ink = match is_enabled {
        true => palette.text,
        false => palette.text_weak,
    };
    let stroke = match date == today {
        true => Stroke::new(1.5, palette.accent_text),
        false => Stroke::NONE,
    };
    let label = egui::RichText::new(date.day().to_string());
    let button = Button::new(label.font(text::small()).color(ink))
        .min_size(size)
        .fill(palette.raised)
        .stroke(stroke);
    let response = ui.add_enabled(is_enabled, button);
    let name = texts::day_line(view.texts, date, today);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, is_enabled, &name));
    widget::focus_inside(ui, palette, &response, response.rect, space::CONTROL_CORNER);
    response.clicked()
}
