//! The people and groups one can begin a conversation with.

use egui::{RichText, Role, ScrollArea, Sense, Ui, Vec2, WidgetInfo};
use mensageiro_protocol::Login;

use super::{View, icon::Icon, presence, widget};
use crate::{
    engine::{LinkState, Presence, PresenceNews},
    model::{Action, Person},
    theme::{space, text},
};

const PERSON: f32 = 44.0;

/// Users and groups whose login or name holds what is typed, where the server tells of them, in
/// `room` points of height.
pub fn show(ui: &mut Ui, view: &View<'_>, typed: &str, room: f32, actions: &mut Vec<Action>) {
    let Some(session) = &view.model.session else {
        return;
    };
    let (texts, palette) = (view.texts, view.palette);
    if matches!(session.link, LinkState::Online { .. }) {
        let sentence = RichText::new(texts.get("new.classic")).font(text::small());
        ui.add_space(space::TINY);
        ui.label(sentence.color(palette.text_weak));
        return;
    }
    let all = session.people.matching(typed);
    if all.is_empty() {
        return;
    }
    ui.add_space(space::SMALL);
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt("people")
        .max_height(room.clamp(PERSON, PERSON * 4.5))
        .auto_shrink([false, true])
        .show_rows(ui, PERSON, all.len(), |ui, range| {
            for (login, person) in &all[range] {
                let (name, about) = match person {
                    None => ("", texts.get("new.group")),
                    Some(person) => (person.name.as_str(), ""),
                };
                let news = person.and_then(|person| person.presence.as_ref());
                if person_row(ui, view, login, (name, about), news, person.is_none()) {
                    actions.push(Action::StartWith((*login).clone()));
                }
            }
        });
}

/// The members of a group, those who are there first; a click opens a conversation.
pub fn members(ui: &mut Ui, view: &View<'_>, group: &Login, actions: &mut Vec<Action>) {
    let Some(session) = &view.model.session else {
        return;
    };
    let Some(members) = session.people.members(group) else {
        ui.label(view.texts.get("members.unknown"));
        return;
    };
    let me = &session.account.login;
    let mut rows: Vec<_> = members
        .iter()
        .map(|member| (member, session.people.user(member)))
        .collect();
    let how_far = |member: &Login, person: Option<&Person>| {
        let news = person.and_then(|person| person.presence.as_ref());
        match news.map(|news| news.state) {
            _ if member == me => 0,
            Some(Presence::Online) => 0,
            Some(Presence::Away) => 1,
            _ => 2,
        }
    };
    rows.sort_by_key(|(member, person)| how_far(member, *person));
    ui.spacing_mut().item_spacing.y = 0.0;
    for (member, person) in rows {
        if member == me {
            let you = view.texts.get("members.you");
            person_row(ui, view, member, ("", you), None, false);
            continue;
        }
        let news = person.and_then(|person| person.presence.as_ref());
        let state = news.map_or_else(String::new, |news| presence::words(view, news));
        let name = person.map_or("", |person| person.name.as_str());
        if person_row(ui, view, member, (name, &state), news, false) {
            actions.push(Action::StartWith(member.clone()));
        }
    }
}

/// One user or group to choose: the full name if there is one, and below it the login and what
/// else is to be said. True if it was clicked.
fn person_row(
    ui: &mut Ui,
    view: &View<'_>,
    login: &Login,
    (name, about): (&str, &str),
    news: Option<&PresenceNews>,
    is_group: bool,
) -> bool {
    let (texts, palette, login) = (view.texts, view.palette, login.as_str());
    let (title, below) = match (name, about) {
        ("", about) => (login, about.to_owned()),
        (name, "") => (name, login.to_owned()),
        (name, about) => {
            let values = [("login", login), ("state", about)];
            (name, texts.fill("members.about", &values))
        }
    };
    let size = Vec2::new(ui.available_width(), PERSON);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| {
        let label = match below.as_str() {
            "" => title.to_owned(),
            below => texts.fill("new.person", &[("name", title), ("about", below)]),
        };
        WidgetInfo::labeled(Role::Button, true, label)
    });
    let is_under = response.hovered() || response.has_focus();
    let ground = if is_under {
        palette.hover
    } else {
        palette.raised
    };
    let painter = ui.painter();
    painter.rect_filled(rect, space::CONTROL_CORNER, ground);
    let center = rect.left_center() + Vec2::new(22.0, 0.0);
    if is_group {
        widget::sign_avatar(painter, palette, center, 30.0, Icon::People);
    } else {
        widget::avatar(painter, palette, center, 30.0, (login, title));
    }
    presence::dot(painter, palette, center, 30.0, ground, news);
    let (left, width) = (center.x + 25.0, rect.right() - center.x - 33.0);
    let lines = [
        (title, text::strong(), palette.text),
        (below.as_str(), text::small(), palette.text_weak),
    ];
    let lines = lines.into_iter().filter(|(words, ..)| !words.is_empty());
    let lines: Vec<_> = lines
        .map(|(words, font, ink)| {
            (
                painter.layout_job(widget::one_line(words, font, ink, width)),
                ink,
            )
        })
        .collect();
    let height: f32 = lines.iter().map(|(galley, _)| galley.size().y).sum();
    let mut top = rect.center().y - height / 2.0;
    for (galley, ink) in lines {
        let next = top + galley.size().y;
        painter.galley(egui::pos2(left, top), galley, ink);
        top = next;
    }
    widget::focus_inside(ui, palette, &response, rect, space::CONTROL_CORNER);
    response.clicked()
}
