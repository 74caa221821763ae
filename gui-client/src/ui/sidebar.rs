use egui::{Align, Layout, RichText, ScrollArea, Sense, TextEdit, Ui, Vec2, vec2};

use super::{
    Focus, UiState, View, banner,
    icon::Icon,
    list_row, search,
    widget::{self, Look},
};
use crate::{
    engine::Conversation,
    model::{Action, Overlay, Session},
    theme::{space, text},
};

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
    egui::Panel::bottom("sidebar status")
        .frame(egui::Frame::NONE)
        .exact_size(banner::status_height(session))
        .show(ui, |ui| banner::status(ui, view, session, actions));
    egui::CentralPanel::no_frame().show(ui, |ui| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        search::scope(ui, view, session, actions);
        if session.search.is_on() {
            search::results(ui, view, session, actions);
        } else {
            rows(ui, view, session, actions);
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
        widget::avatar(
            ui.painter(),
            palette,
            rect.center(),
            36.0,
            (login, view.person(login)),
        );
        ui.add_space(10.0);
        let buttons = 2.0 * space::CONTROL + space::MEDIUM;
        let width = (ui.available_width() - buttons).max(0.0);
        ui.allocate_ui_with_layout(
            vec2(width, 36.0),
            Layout::top_down(Align::Min).with_main_align(Align::Center),
            |ui| {
                ui.set_width(width);
                for (line, font, ink) in [
                    (login, text::strong(), palette.text),
                    (
                        session.account.server.as_str(),
                        text::tiny(),
                        palette.text_weak,
                    ),
                ] {
                    ui.label(widget::one_line(line, font, ink, width));
                }
            },
        );
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
        let look = Look {
            margin: egui::Margin {
                left: 34,
                right: 10,
                top: 6,
                bottom: 6,
            },
            is_quiet: true,
            ..Look::default()
        };
        let edit = TextEdit::singleline(&mut typed)
            .id(ui.scope_id().with("filter"))
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
            let first = session.matching(&session.search.query).next();
            if let Some(first) = first.filter(|_| !session.search.query.is_empty()) {
                actions.push(Action::Open(first.with.clone()));
                actions.push(Action::Filter(String::new()));
            }
        }
    });
    ui.add_space(space::SMALL);
}

fn rows(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let shown: Vec<&Conversation> = session.matching(&session.search.query).collect();
    if shown.is_empty() {
        nobody(ui, view, session);
        return;
    }
    ScrollArea::vertical()
        .id_salt("conversations")
        .auto_shrink(false)
        .show_rows(ui, list_row::HEIGHT, shown.len(), |ui, range| {
            for conversation in &shown[range] {
                let is_open = session.open.as_ref() == Some(&conversation.with);
                if list_row::show(ui, view, session, conversation, is_open, actions) {
                    actions.push(Action::Open(conversation.with.clone()));
                }
            }
        });
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

/// The part of a menu that says how a conversation stands in the list.
pub(super) fn arrange(
    ui: &mut Ui,
    view: &View<'_>,
    conversation: &Conversation,
    actions: &mut Vec<Action>,
) {
    widget::menu(ui);
    let (with, is_pinned, is_muted) = (
        &conversation.with,
        conversation.is_pinned,
        conversation.is_muted,
    );
    if conversation.unread > 0 && ui.button(view.texts.get("list.mark_read")).clicked() {
        actions.push(Action::MarkRead(with.clone()));
        ui.close();
    }
    let pin = if is_pinned { "list.unpin" } else { "list.pin" };
    if ui.button(view.texts.get(pin)).clicked() {
        actions.push(Action::Pin(with.clone(), !is_pinned));
        ui.close();
    }
    let mute = if is_muted { "list.unmute" } else { "list.mute" };
    if ui.button(view.texts.get(mute)).clicked() {
        actions.push(Action::Mute(with.clone(), !is_muted));
        ui.close();
    }
}
