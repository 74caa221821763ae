use egui::{
    Align, CentralPanel, Frame, Layout, Panel, Popup, RichText, Sense, Ui, UiBuilder, Vec2,
};
use mensageiro_protocol::Login;

use super::{
    Focus, ONE_PANE_BELOW, UiState, View, avatar, banner, bidi, calendar, composer,
    conversation_menu, focus, icon::Icon, info, peer_name, presence, selection_bar, sidebar,
    timeline, widget,
};
use crate::{
    engine::{Peer, ReportFormat},
    model::{Action, DayUse, Overlay, SaveAction, SavedFile, Session},
    theme::{space, text},
};

/// The list and the open conversation.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let one_pane = ui.available_width() < ONE_PANE_BELOW;
    if state.seen_open != session.open {
        state.seen_open.clone_from(&session.open);
        if session.open.is_some() || !one_pane {
            state.focus = Some(Focus::Composer);
        }
    }
    state.one_pane = one_pane;
    if session.open == Some(Peer::Server) || (one_pane && session.open.is_none()) {
        state.compose.leave();
    }
    if one_pane && session.open.is_none() {
        banners(ui, view, session, actions);
        sidebar::show(ui, view, session, state, actions);
        return;
    }
    if !one_pane {
        let widest = (ui.available_width() * 0.45).clamp(240.0, 420.0);
        Panel::left("sidebar")
            .frame(Frame::NONE)
            .default_size(320.0)
            .size_range(240.0..=widest)
            .show(ui, |ui| sidebar::show(ui, view, session, state, actions));
    }
    CentralPanel::no_frame().show(ui, |ui| {
        state.pane = Some(ui.max_rect());
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        conversation(ui, view, session, state, actions);
    });
}

fn conversation(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let panel = Frame::new().fill(view.palette.panel);
    if let Some(open) = &session.open {
        Panel::top("conversation header")
            .frame(panel)
            .exact_size(space::BAR)
            .show(ui, |ui| match session.selection() {
                Some(selection) => selection_bar::show(ui, view, selection, actions),
                None => header(ui, view, session, open, state, actions),
            });
    }
    banners(ui, view, session, actions);
    if session.open != Some(Peer::Server) {
        widget::bar(Panel::bottom("compose").frame(panel), ui, |ui| {
            let column = UiBuilder::new().max_rect(widget::column(ui.max_rect()));
            ui.scope_builder(column, |ui| {
                composer::show(ui, view, session, state, actions)
            });
        });
    }
    CentralPanel::no_frame().show(ui, |ui| match (&session.open, session.timeline()) {
        (Some(open), Some(messages)) => {
            timeline::show(ui, view, session, open, messages, state, actions);
        }
        _ => nothing_open(ui, view, session, actions),
    });
}

fn banners(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let panel = Panel::top("banners")
        .frame(Frame::NONE)
        .min_size(0.0)
        .show_separator_line(false);
    widget::bar(panel, ui, |ui| banner::show(ui, view, session, actions));
}

fn header(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    open: &Peer,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    ui.horizontal_centered(|ui| {
        if state.one_pane {
            ui.add_space(space::SMALL);
            if widget::icon_button(ui, palette, Icon::Back, texts.get("chat.back")).clicked() {
                actions.push(Action::CloseConversation);
            }
            ui.add_space(space::TINY);
        } else {
            ui.add_space(space::LARGE);
        }
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(38.0), Sense::hover());
        let begins = rect.left();
        let (name, center) = (peer_name(texts, open), rect.center());
        let ground = palette.panel;
        avatar::paint(ui.painter(), view, session, open, center, 38.0, ground);
        ui.add_space(space::MEDIUM);
        let width = (ui.available_width() - space::LARGE - space::CONTROL).max(0.0);
        let person = match open {
            Peer::Person(login) => session.people.user(login),
            Peer::Server => None,
        };
        let title = match person.map(|person| person.name.as_str()) {
            None | Some("") => name.to_owned(),
            Some(full) => texts.fill("chat.title", &[("login", name), ("name", full)]),
        };
        let (line, ink) = presence::line(ui, view, session, open, state.one_pane);
        let centred = Layout::top_down(Align::Min).with_main_align(Align::Center);
        let shown = ui.allocate_ui_with_layout(Vec2::new(width, 40.0), centred, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.set_width(width);
            for (words, font, ink) in [
                (&title, text::heading(), palette.text),
                (&line, text::small(), ink),
            ] {
                let job = widget::one_line(words, font, ink, width);
                ui.label(bidi::galley(ui, job));
            }
        });
        if let Peer::Person(of) = open {
            let rect = shown.response.rect;
            let rect = rect.with_min_x(begins);
            about_button(ui, view, (of, &title), rect, actions);
        }
        menu(ui, view, session, open, state, actions);
    });
}

/// Who the conversation is with is a button that tells more of it.
fn about_button(
    ui: &Ui,
    view: &View<'_>,
    (of, title): (&Login, &str),
    rect: egui::Rect,
    actions: &mut Vec<Action>,
) {
    let response = ui.interact(rect, ui.scope_id().with("about"), Sense::click());
    let name = view.texts.fill("info.open", &[("name", title)]);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    widget::focus_ring(ui, view.palette, &response, rect, space::CONTROL_CORNER);
    if response.hovered() {
        ui.set_cursor_icon(egui::CursorIcon::PointingHand);
    }
    if response.clicked() {
        actions.push(info::open(of));
    }
}

/// What else can be done with the open conversation.
fn menu(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    open: &Peer,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let name = view.texts.get("chat.menu");
    let button = widget::icon_button(ui, view.palette, Icon::More, name);
    Popup::menu(&button).show(|ui| {
        widget::menu(ui);
        if *open != Peer::Server && ui.button(view.texts.get("chat.search")).clicked() {
            focus::search_in(open, state, actions);
            ui.close();
        }
        if ui.button(view.texts.get("calendar.go_to")).clicked() {
            actions.push(calendar::ask(view, DayUse::GoTo));
            ui.close();
        }
        if let Peer::Person(of) = open
            && ui
                .button(view.texts.get(info::title(Some(session), of)))
                .clicked()
        {
            actions.push(info::open(of));
            ui.close();
        }
        if let Some(row) = session.conversations.get(open) {
            conversation_menu::show(ui, view, row, actions);
            ui.separator();
        }
        for (format, name) in [
            (ReportFormat::Html, "report.as_html"),
            (ReportFormat::Csv, "report.as_csv"),
            (ReportFormat::Text, "report.as_text"),
        ] {
            if ui.button(view.texts.get(name)).clicked() {
                actions.push(Action::Save(SaveAction::Take(SavedFile::Report(format))));
                ui.close();
            }
        }
    });
}

fn nothing_open(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let first = session.conversations.rows().is_empty();
    let (title, advice) = if first {
        ("chat.first_title", "chat.first_advice")
    } else {
        ("chat.none_title", "chat.none_advice")
    };
    widget::centred(ui, 340.0, "nothing open", |ui| {
        ui.spacing_mut().item_spacing.y = space::SMALL;
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(72.0), Sense::hover());
        ui.painter()
            .circle_filled(rect.center(), 36.0, palette.chosen);
        Icon::Bubbles.paint(ui.painter(), rect.center(), 38.0, palette.accent_text);
        ui.add_space(space::TINY);
        let line = |line, font, ink| RichText::new(line).font(font).color(ink);
        ui.label(line(texts.get(title), text::heading(), palette.text));
        ui.label(line(texts.get(advice), text::body(), palette.text_weak));
        ui.add_space(space::SMALL);
        if widget::primary_button(ui, palette, texts.get("new.title")).clicked() {
            actions.push(Action::Show(Overlay::new_conversation()));
        }
    });
}
