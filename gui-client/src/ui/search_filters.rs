//! By whom, of which days and with what the messages are that are searched for.

use egui::{Button, Frame, Margin, Popup, ScrollArea, Ui};
use jiff::{ToSpan, civil::Date};

use super::{View, bidi, calendar, widget};
use crate::{
    model::{Action, Day, DayUse, Session},
    texts,
    theme::{space, text},
};

/// Height of a menu at most; the rest of it scrolls.
const MENU: f32 = 320.0;

/// Days that are searched, from today back, and the key of their name.
const LATELY: [(i32, &str); 4] = [
    (1, "search.today"),
    (7, "search.week"),
    (30, "search.month"),
    (365, "search.year"),
];

/// The filters, each a button, with a menu where there are several choices.
pub fn show(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let margin = Margin::symmetric(space::LARGE as i8, 0);
    Frame::new().inner_margin(margin).show(ui, |ui| {
        buttons(ui, view, session, actions);
    });
    ui.add_space(space::SMALL);
}

fn buttons(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::Vec2::splat(6.0);
        author(ui, view, session, actions);
        days(ui, view, session, actions);
        let has_link = session.search.has_link;
        if filter(ui, view, view.texts.get("search.links"), has_link).clicked() {
            actions.push(Action::SearchLinks(!has_link));
        }
    });
}

fn author(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let texts = view.texts;
    let chosen = session.search.by.as_ref();
    let name = |login: &str| match login == session.account.login.as_str() {
        true => texts.get("search.by_me").to_owned(),
        false => view.person(login).to_owned(),
    };
    let label = match chosen {
        None => texts.get("search.by_anybody").to_owned(),
        Some(login) => texts.fill("search.by", &[("name", &name(login.as_str()))]),
    };
    let button = filter(ui, view, &label, chosen.is_some());
    Popup::menu(&button).show(|ui| {
        widget::menu(ui);
        ScrollArea::vertical().max_height(MENU).show(ui, |ui| {
            if ui.button(texts.get("search.by_anybody")).clicked() {
                actions.push(Action::SearchBy(None));
                ui.close();
            }
            for login in session.possible_authors() {
                let is_chosen = chosen == Some(&login);
                let entry = bidi::galley(
                    ui,
                    widget::one_line(
                        &name(login.as_str()),
                        text::body(),
                        view.palette.text,
                        240.0,
                    ),
                );
                if ui.add(Button::new(entry).selected(is_chosen)).clicked() {
                    actions.push(Action::SearchBy(Some(login)));
                    ui.close();
                }
            }
        });
    });
}

fn days(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, search) = (view.texts, &session.search);
    let today = calendar::today(view);
    let label = label(view, search.since, search.until, today);
    let is_chosen = search.since.or(search.until).is_some();
    let button = filter(ui, view, &label, is_chosen);
    Popup::menu(&button).show(|ui| {
        widget::menu(ui);
        if ui.button(texts.get("search.any_day")).clicked() {
            actions.push(Action::SearchDays(None, None));
            ui.close();
        }
        for (count, name) in LATELY {
            if ui.button(texts.get(name)).clicked() {
                let first = today.checked_sub((count - 1).days()).ok();
                let first = first.and_then(|first| calendar::day(view, first));
                actions.push(Action::SearchDays(first, None));
                ui.close();
            }
        }
        ui.separator();
        for (of, name) in [
            (DayUse::Since, "search.since_day"),
            (DayUse::Until, "search.until_day"),
        ] {
            if ui.button(texts.get(name)).clicked() {
                actions.push(calendar::ask(view, of));
                ui.close();
            }
        }
    });
}

fn label(view: &View<'_>, since: Option<Day>, until: Option<Day>, today: Date) -> String {
    let texts = view.texts;
    let words = |day: Day| texts::row_date(texts, day.date, today);
    match (since, until) {
        (None, None) => texts.get("search.any_day").to_owned(),
        (Some(since), None) if since.date == today => texts.get("search.today").to_owned(),
        (Some(since), None) => texts.fill("search.since", &[("day", &words(since))]),
        (None, Some(until)) => texts.fill("search.until", &[("day", &words(until))]),
        (Some(since), Some(until)) => {
            let values = [("first", &*words(since)), ("last", &*words(until))];
            texts.fill("search.between", &values)
        }
    }
}

fn filter(ui: &mut Ui, view: &View<'_>, label: &str, is_chosen: bool) -> egui::Response {
    let palette = view.palette;
    let ink = match is_chosen {
        true => palette.on_accent,
        false => palette.text,
    };
    let most = (ui.max_rect().width() - 2.0 * space::LARGE - 24.0).max(0.0);
    let label = bidi::galley(ui, widget::one_line(label, text::small(), ink, most));
    let mut button = Button::new(label).min_size(egui::vec2(0.0, widget::SMALL_CONTROL));
    if is_chosen {
        button = button.fill(palette.accent);
    }
    let response = ui.add(button.selected(is_chosen));
    let corner = space::CONTROL_CORNER;
    widget::focus_ring(ui, palette, &response, response.rect, corner);
    response
}
