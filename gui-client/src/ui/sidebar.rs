use egui::{Align, Layout, Rect, RichText, ScrollArea, Sense, TextEdit, Ui, Vec2, pos2, vec2};

use super::{
    Focus, UiState, View, banner, icon::Icon, peer_name, presence, search, timeline::delivery,
    widget,
};
use crate::{
    engine::{Conversation, Message, Peer},
    markup,
    model::{Action, Overlay, Session},
    texts::{self, Texts},
    theme::{space, text},
};

const ROW_HEIGHT: f32 = 66.0;
const AVATAR: f32 = 46.0;
const SIGN: f32 = 15.0;

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
        widget::avatar(ui.painter(), palette, rect.center(), 36.0, login);
        ui.add_space(10.0);
        let buttons = 2.0 * space::CONTROL + space::MEDIUM;
        let width = ui.available_width() - buttons;
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
        ui.add_space(space::MEDIUM);
        let mut typed = session.search.query.clone();
        let margin = egui::Margin {
            left: 34,
            right: 10,
            top: 8,
            bottom: 8,
        };
        let width = ui.available_width() - space::MEDIUM;
        let response = ui
            .scope(|ui| {
                ui.visuals_mut().widgets.inactive.bg_stroke = egui::Stroke::NONE;
                ui.add(
                    TextEdit::singleline(&mut typed)
                        .id(ui.scope_id().with("filter"))
                        .font(text::small())
                        .hint_text(RichText::new(name).color(palette.text_weak))
                        .margin(margin)
                        .desired_width(width),
                )
            })
            .inner;
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, name));
        let sign = response.rect.left_center() + vec2(18.0, 0.0);
        Icon::Search.paint(ui.painter(), sign, 17.0, palette.text_weak);
        if state.focus.take_if(|f| *f == Focus::Filter).is_some() {
            response.request_focus();
        }
        if response.changed() {
            actions.push(Action::Filter(typed));
        } else if response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter)) {
            let first = session.conversations.matching(&session.search.query).next();
            if let Some(first) = first.filter(|_| !session.search.query.is_empty()) {
                actions.push(Action::Open(first.with.clone()));
                actions.push(Action::Filter(String::new()));
            }
        }
    });
    ui.add_space(space::SMALL);
}

fn rows(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let shown: Vec<&Conversation> = session
        .conversations
        .matching(&session.search.query)
        .collect();
    if shown.is_empty() {
        nobody(ui, view, session);
        return;
    }
    ScrollArea::vertical()
        .id_salt("conversations")
        .auto_shrink(false)
        .show_rows(ui, ROW_HEIGHT, shown.len(), |ui, range| {
            for conversation in &shown[range] {
                let is_open = session.open.as_ref() == Some(&conversation.with);
                if row(ui, view, session, conversation, is_open, actions) {
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

/// One conversation. True if it was clicked.
pub(super) fn row(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    conversation: &Conversation,
    is_open: bool,
    actions: &mut Vec<Action>,
) -> bool {
    let (texts, palette) = (view.texts, view.palette);
    let name = peer_name(texts, &conversation.with);
    let (outer, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::click());
    response.widget_info(|| {
        let mut label = match conversation.unread {
            0 => name.to_owned(),
            count => texts.count_with("list.row_unread", count, &[("name", name)]),
        };
        for (is_so, key) in [
            (conversation.is_pinned, "list.row_pinned"),
            (conversation.is_muted, "list.row_muted"),
        ] {
            if is_so {
                label = texts.fill(key, &[("row", &label)]);
            }
        }
        let mut info = egui::WidgetInfo::selected(egui::Role::Button, true, is_open, label);
        info.current_text_value = row_value(view, session, conversation);
        info
    });
    response.context_menu(|ui| arrange(ui, view, conversation, actions));
    let rect = outer.shrink2(vec2(space::SMALL, 1.0));
    let ground = if is_open {
        Some(palette.chosen)
    } else if response.hovered() || response.has_focus() {
        Some(palette.hover)
    } else {
        None
    };
    let painter = ui.painter();
    if let Some(ground) = ground {
        painter.rect_filled(rect, space::CARD_CORNER - 2, ground);
    }
    let center = pos2(rect.left() + 8.0 + AVATAR / 2.0, rect.center().y);
    match &conversation.with {
        Peer::Person(login) => {
            widget::avatar(painter, palette, center, AVATAR, name);
            let news = session.people.presence(login);
            let ground = ground.unwrap_or(palette.panel);
            presence::dot(painter, palette, center, AVATAR, ground, news);
        }
        Peer::Server => {
            painter.circle_filled(center, AVATAR / 2.0, palette.text_weak);
            Icon::Bubbles.paint(painter, center, 24.0, palette.panel);
        }
    }
    let area = Rect::from_min_max(
        pos2(center.x + AVATAR / 2.0 + 10.0, rect.top()),
        pos2(rect.right() - 10.0, rect.bottom()),
    );
    words(ui, view, session, conversation, area, is_open);
    response.clicked()
}

fn words(
    ui: &Ui,
    view: &View<'_>,
    session: &Session,
    conversation: &Conversation,
    area: Rect,
    is_open: bool,
) {
    let (texts, palette, painter) = (view.texts, view.palette, ui.painter());
    let name = peer_name(texts, &conversation.with);
    let (upper, lower) = (area.center().y - 11.0, area.center().y + 12.0);
    let mut right = area.right();
    if let Some(last) = &conversation.last {
        let today = view.zone.to_datetime(view.now).date();
        let time = texts::row_time(texts, last.at, today, view.zone);
        let ink = match conversation.unread {
            0 => palette.text_weak,
            _ if conversation.is_muted => palette.text_weak,
            _ => palette.accent_text,
        };
        let galley = painter.layout_no_wrap(time, text::tiny(), ink);
        right -= galley.size().x;
        painter.galley(pos2(right, upper - galley.size().y / 2.0), galley, ink);
        right -= space::SMALL;
    }
    for (is_so, sign) in [
        (conversation.is_muted, Icon::Muted),
        (conversation.is_pinned, Icon::Pin),
    ] {
        if is_so {
            let at = pos2(right - SIGN / 2.0, upper);
            sign.paint(painter, at, SIGN, palette.text_weak);
            right -= SIGN + space::TINY;
        }
    }
    let job = widget::one_line(name, text::strong(), palette.text, right - area.left());
    let galley = painter.layout_job(job);
    painter.galley(
        pos2(area.left(), upper - galley.size().y / 2.0),
        galley,
        palette.text,
    );

    let mut right = area.right();
    if conversation.unread > 0 {
        let at = pos2(right, lower);
        let (ground, ink) = match conversation.is_muted {
            false => (palette.accent, palette.on_accent),
            true => (palette.pressed, palette.text),
        };
        let width = widget::badge(painter, (ground, ink), at, conversation.unread);
        right -= width + space::SMALL;
    }
    let mut left = area.left();
    let typing = presence::typing(ui, view, session, &conversation.with);
    let (line, ink) = match (&conversation.last, conversation.draft.trim()) {
        _ if typing.is_some() => (typing.unwrap_or_default(), palette.accent_text),
        (_, draft) if !draft.is_empty() && !is_open => (
            texts.fill(
                "list.draft",
                &[("text", &beginning(markup::split_draft(draft).1))],
            ),
            palette.warning_text,
        ),
        (Some(last), _) => {
            if last.is_own() {
                let (sign, ink) = delivery::sign(view, last, palette.text_weak);
                sign.paint(painter, pos2(left + SIGN / 2.0, lower), SIGN, ink);
                left += SIGN + space::TINY;
            }
            (last_words(texts, last), palette.text_weak)
        }
        (None, _) => (texts.get("list.no_message").to_owned(), palette.text_weak),
    };
    let job = widget::one_line(&line, text::small(), ink, right - left);
    let galley = painter.layout_job(job);
    painter.galley(pos2(left, lower - galley.size().y / 2.0), galley, ink);
}

/// What a screen reader says of a row after its name: the last message, its time, and where the
/// other one is.
fn row_value(view: &View<'_>, session: &Session, conversation: &Conversation) -> Option<String> {
    let (texts, last) = (view.texts, conversation.last.as_ref()?);
    let today = view.zone.to_datetime(view.now).date();
    let (line, time) = (
        last_words(texts, last),
        texts::row_time(texts, last.at, today, view.zone),
    );
    let values = [("line", line.as_str()), ("time", time.as_str())];
    let news = match &conversation.with {
        Peer::Person(login) => session.people.presence(login),
        Peer::Server => None,
    };
    Some(match news.map(|news| presence::words(view, news)) {
        None => texts.fill("list.row_last", &values),
        Some(presence) => {
            let presence = ("presence", presence.as_str());
            texts.fill(
                "list.row_last_with_presence",
                &[&values[..], &[presence]].concat(),
            )
        }
    })
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

/// What a row says of a message.
fn last_words(texts: &Texts, last: &Message) -> String {
    let (_, said) = markup::split_quote(last.text.as_str());
    let text = beginning(&markup::plain(said));
    match &last.author {
        Some(author) => texts.fill("list.author", &[("name", author.as_str()), ("text", &text)]),
        None if last.is_own() => texts.fill("list.own", &[("text", &text)]),
        None => text,
    }
}

/// As much of a text as a row can show, on one line.
pub(super) fn beginning(text: &str) -> String {
    let shown = text.chars().take(160);
    shown
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect()
}
