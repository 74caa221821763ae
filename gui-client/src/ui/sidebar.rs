use egui::{Align, Layout, Rect, RichText, ScrollArea, Sense, TextEdit, Ui, Vec2, vec2};

use super::{
    Focus, UiState, View, banner, bidi,
    icon::Icon,
    list_navigation, list_row, padlock, search, search_filters,
    widget::{self, Look},
};
use crate::{
    model::{Action, FoundRow, Overlay, Session},
    theme::{space, text},
};

/// How high the way to the archive is.
const ARCHIVE_HEIGHT: f32 = 40.0;

/// The conversation list with what is above and below it.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    ui.spacing_mut().item_spacing = Vec2::ZERO;
    ui.painter()
        .rect_filled(ui.max_rect(), 0.0, view.palette.panel);
    egui::Panel::top("sidebar top")
        .frame(egui::Frame::NONE)
        .show_separator_line(false)
        .show(ui, |ui| top(ui, view, session, state, actions));
    if let Some(height) = banner::status_height(session) {
        egui::Panel::bottom("sidebar status")
            .frame(egui::Frame::NONE)
            .exact_size(height)
            .show(ui, |ui| banner::status(ui, view, session, actions));
    }
    egui::CentralPanel::no_frame().show(ui, |ui| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        search::scope(ui, view, session, actions);
        if session.search.is_on() || session.search.with.is_some() {
            search_filters::show(ui, view, session, actions);
        }
        if session.search.is_on() {
            search::results(ui, view, session, state.navigated_to, actions);
        } else {
            archive(ui, view, session, actions);
            rows(ui, view, session, state.navigated_to, actions);
        }
    });
}

fn top(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    let bar = vec2(ui.available_width(), space::BAR);
    ui.allocate_ui_with_layout(bar, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_height(space::BAR);
        ui.add_space(space::LARGE);
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(36.0), Sense::hover());
        let login = session.account.login.as_str();
        let name = view.person(login);
        let server = session.account.server.as_str();
        let about = match name == login {
            true => server.to_owned(),
            false => texts.fill("list.me", &[("login", login), ("server", server)]),
        };
        let center = rect.center();
        widget::avatar(ui.painter(), palette, center, 36.0, (login, name));
        ui.add_space(10.0);
        let buttons = 2.0 * space::CONTROL + space::MEDIUM;
        let width = (ui.available_width() - buttons).max(0.0);
        let lines = vec2(width, 36.0);
        let centred = Layout::top_down(Align::Min).with_main_align(Align::Center);
        let shown = ui.allocate_ui_with_layout(lines, centred, |ui| {
            ui.set_width(width);
            let job = widget::one_line(name, text::strong(), palette.text, width);
            ui.label(bidi::galley(ui, job));
            padlock::line(ui, view, session, &about, width);
        });
        padlock::button(ui, view, session, shown.response.rect, &about, actions);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(space::SMALL);
            let settings = texts.get("settings.title");
            if widget::icon_button(ui, palette, Icon::Settings, settings).clicked() {
                actions.push(Action::Show(Overlay::Settings));
            }
            if widget::icon_button(ui, palette, Icon::Plus, texts.get("new.title")).clicked() {
                actions.push(Action::Show(Overlay::new_conversation()));
            }
        });
    });
    filter(ui, view, session, state, actions);
}

fn filter(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    let name = texts.get("list.filter");
    ui.horizontal(|ui| {
        ui.add_space(space::LARGE);
        let mut typed = session.search.query.clone();
        let search = &session.search;
        let has_end = !typed.is_empty() || search.with.is_some() || search.has_filter();
        let look = Look {
            margin: egui::Margin {
                left: 34,
                right: if has_end { 36 } else { 10 },
                top: 6,
                bottom: 6,
            },
            is_quiet: true,
            ..Look::default()
        };
        navigate_rows(ui, session, state, actions);
        let edit = TextEdit::singleline(&mut typed)
            .id(search::field_id())
            .font(text::small())
            .hint_text(widget::hint_text(palette, name, text::small()))
            .desired_width((ui.available_width() - space::LARGE).max(0.0));
        let response = widget::edit(ui, palette, edit, look);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, name));
        let sign = response.rect.left_center() + vec2(18.0, 0.0);
        Icon::Search.paint(ui.painter(), sign, 17.0, palette.text_weak);
        if state.focus.take_if(|f| *f == Focus::Filter).is_some() {
            response.request_focus();
        }
        if response.changed() {
            actions.push(Action::Filter(typed));
        } else if response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter)) {
            open_marked(session, state, actions);
        }
        if has_end && end_button(ui, view, response.rect) {
            actions.push(Action::EndSearch);
        }
    });
    ui.add_space(space::SMALL);
}

/// The arrows go from row to row of what was found, while the keyboard is in the field.
fn navigate_rows(ui: &Ui, session: &Session, state: &mut UiState, actions: &mut Vec<Action>) {
    state.navigated_to = None;
    let is_there = ui.memory(|memory| memory.has_focus(search::field_id()));
    let searches = session.search.is_on() || !session.search.query.trim().is_empty();
    if !is_there || !searches {
        return;
    }
    let steps = list_navigation::steps(ui);
    if steps != 0 {
        let rows = session.found_rows().len();
        state.navigated_to = list_navigation::next(session.search.marked(rows), steps, rows);
        actions.extend(state.navigated_to.map(Action::GoToFound));
    }
}

/// Opens the row that Enter takes. Whoever goes through messages stays in the field.
fn open_marked(session: &Session, state: &mut UiState, actions: &mut Vec<Action>) {
    let rows = session.found_rows();
    let row = session.search.marked(rows.len()).map(|at| rows[at]);
    actions.extend(row.iter().flat_map(search::choose));
    if let None | Some(FoundRow::Message(_)) = row {
        state.focus = Some(Focus::Filter);
    }
}

/// The button at the right of the field that ends the search.
fn end_button(ui: &Ui, view: &View<'_>, field: Rect) -> bool {
    let center = field.right_center() - vec2(4.0 + widget::SMALL_CONTROL / 2.0, 0.0);
    let rect = Rect::from_center_size(center, Vec2::splat(widget::SMALL_CONTROL));
    let response = ui.interact(rect, ui.scope_id().with("end"), Sense::click());
    let name = view.texts.get("search.end");
    widget::round_button(ui, view.palette, response, Icon::Close, name).clicked()
}

fn rows(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    navigated_to: Option<usize>,
    actions: &mut Vec<Action>,
) {
    let shown = session.matching(&session.search.query);
    if shown.is_empty() {
        nobody(ui, view, session);
        return;
    }
    let marked = search::marked(ui, session, shown.len());
    ScrollArea::vertical()
        .id_salt("conversations")
        .auto_shrink(false)
        .show_rows(ui, list_row::HEIGHT, shown.len(), |ui, range| {
            if let Some(row) = navigated_to {
                list_navigation::bring_into_sight(ui, row, range.start, list_row::HEIGHT);
            }
            for (at, conversation) in (range.start..).zip(&shown[range]) {
                let is_open = session.open.as_ref() == Some(&conversation.with);
                let is_chosen = marked.map_or(is_open, |marked| marked == at);
                if list_row::show(ui, view, session, conversation, is_chosen, actions) {
                    actions.push(Action::Open(conversation.with.clone()));
                }
            }
        });
}

/// The way to the archived conversations and back, if there are any.
fn archive(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let count = session.conversations.archived();
    if count == 0 || !session.search.query.is_empty() {
        return;
    }
    let shows = session.is_archive_shown();
    let (sign, label) = match shows {
        true => (Icon::Back, texts.get("list.archive_leave").to_owned()),
        false => (Icon::Archive, texts.count("list.archived", count)),
    };
    let size = vec2(ui.available_width(), ARCHIVE_HEIGHT);
    let (outer, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
    let rect = outer.shrink2(vec2(space::SMALL, 1.0));
    if response.hovered() || response.has_focus() {
        ui.painter()
            .rect_filled(rect, space::CARD_CORNER - 2, palette.hover);
    }
    let center = rect.left_center() + vec2(18.0, 0.0);
    sign.paint(ui.painter(), center, 17.0, palette.text_weak);
    let left = center.x + 9.0 + space::MEDIUM;
    let job = widget::one_line(&label, text::small(), palette.text, rect.right() - left);
    let galley = bidi::galley(ui, job);
    let at = egui::pos2(left, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, palette.text);
    widget::focus_inside(ui, palette, &response, rect, space::CARD_CORNER - 2);
    if response.clicked() {
        actions.push(Action::ShowArchive(!shows));
    }
}

fn nobody(ui: &mut Ui, view: &View<'_>, session: &Session) {
    let key = match (session.ready, session.search.query.is_empty()) {
        (false, _) => "list.opening",
        (true, true) => "list.empty",
        (true, false) => "list.no_match",
    };
    let sentence = view
        .texts
        .fill(key, &[("filter", session.search.query.trim())]);
    widget::centred(ui, 220.0, "nobody", |ui| {
        ui.label(
            RichText::new(sentence)
                .font(text::small())
                .color(view.palette.text_weak),
        );
    });
}
