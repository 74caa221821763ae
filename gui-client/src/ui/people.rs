//! The people and groups one can begin a conversation with.

use egui::{Color32, Frame, Margin, RichText, Role, ScrollArea, Sense, Ui, Vec2, WidgetInfo};
use mensageiro_protocol::Login;

use super::{View, icon::Icon, list_navigation, presence, row, widget};
use crate::{
    engine::{LinkState, Peer, PresenceNews},
    matching::Query,
    model::{Action, Person, Session},
    theme::{space, text},
};

/// How high the row of a person is.
pub const PERSON: f32 = row::HEIGHT;

/// Groups of so many are looked through without a field.
const FEW: usize = 8;

/// Users and groups whose login or name holds what is typed, where the server tells of them, in
/// `room` points of height; the one that Enter takes is marked.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    (typed, gone_to): (&str, Option<usize>),
    steps: isize,
    room: f32,
    actions: &mut Vec<Action>,
) {
    let Some(session) = &view.model.session else {
        return;
    };
    let (texts, palette) = (view.texts, view.palette);
    let top = ui.cursor().top();
    if matches!(session.link, LinkState::Online { .. }) {
        let sentence = RichText::new(texts.get("new.classic")).font(text::small());
        ui.add_space(space::TINY);
        ui.label(sentence.color(palette.text_weak));
    }
    let all = session.offered(typed);
    let query = Query::new(typed);
    if session.is_nobody(typed) {
        let sentence = texts.fill("new.nobody", &[("name", typed.trim())]);
        let sentence = RichText::new(sentence).font(text::small());
        ui.add_space(space::TINY);
        ui.label(sentence.color(palette.text_weak));
    }
    if all.is_empty() {
        return;
    }
    let marked = session.marked(typed, gone_to, &all);
    let next = list_navigation::next(marked, steps, all.len());
    actions.extend(next.map(Action::GoToOffered));
    ui.add_space(space::SMALL);
    ui.spacing_mut().item_spacing.y = 0.0;
    let room = room - (ui.cursor().top() - top);
    ScrollArea::vertical()
        .id_salt("people")
        .max_height(room.clamp(PERSON, PERSON * 4.5))
        .auto_shrink([false, true])
        .show_rows(ui, PERSON, all.len(), |ui, range| {
            if let Some(next) = next {
                list_navigation::bring_into_sight(ui, next, range.start, PERSON);
            }
            let first = range.start;
            for (at, login) in (first..).zip(&all[range]) {
                let kind = Kind {
                    is_marked: marked == Some(at),
                    is_exact: query.is_login(login),
                    ..Kind::on(palette.raised)
                };
                let person = session.people.user(login);
                if choice(ui, view, login, person, kind) {
                    actions.push(Action::StartWith(login.clone()));
                }
            }
        });
}

/// Somebody, or a group, among what a search found. True if it was clicked.
pub fn found(
    ui: &mut Ui,
    view: &View<'_>,
    (login, person): (&Login, Option<&Person>),
    is_marked: bool,
) -> bool {
    // Its picture begins where those of conversations do.
    let margin = Margin::symmetric(space::SMALL as i8 + 1, 0);
    let session = view.model.session.as_ref();
    let query = session.map_or("", |session| session.search.query.as_str());
    let kind = Kind {
        is_marked,
        is_exact: Query::new(query).is_login(login),
        ..Kind::on(view.palette.panel)
    };
    let shown = Frame::new()
        .inner_margin(margin)
        .show(ui, |ui| choice(ui, view, login, person, kind));
    shown.inner
}

/// A user or a group to choose. True if it was clicked.
fn choice(
    ui: &mut Ui,
    view: &View<'_>,
    login: &Login,
    person: Option<&Person>,
    kind: Kind,
) -> bool {
    let session = view.model.session.as_ref();
    let is_group = session.is_some_and(|session| session.is_group(&Peer::Person(login.clone())));
    let about = match is_group {
        true => view.texts.get("new.group"),
        false => "",
    };
    let name = person.map_or("", |person| person.name.as_str());
    let news = person.and_then(|person| person.presence.as_ref());
    let kind = Kind { is_group, ..kind };
    person_row(ui, view, login, (name, about), news, kind)
}

/// The members of a group, oneself and those who are there first; a click opens a conversation. Of many
/// one can look for some, whose login or name holds what is typed.
pub fn members(
    ui: &mut Ui,
    view: &View<'_>,
    (group, typed): (&Login, &str),
    room: f32,
    actions: &mut Vec<Action>,
) {
    let Some(session) = &view.model.session else {
        return;
    };
    let texts = view.texts;
    let Some(members) = session.people.members(group) else {
        ui.label(texts.get("members.unknown"));
        return;
    };
    let top = ui.cursor().top();
    if members.len() > FEW {
        let name = texts.get("members.find");
        let (typed, _) = widget::field(ui, view.palette, "members", name, typed, "", None);
        actions.extend(typed.map(Action::EditOverlay));
        ui.add_space(space::SMALL);
    }
    let rows = session.members_matching(group, typed);
    if rows.is_empty() {
        let sentence = texts.fill("members.nobody", &[("name", typed.trim())]);
        let sentence = RichText::new(sentence).font(text::small());
        ui.label(sentence.color(view.palette.text_weak));
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let room = (room - (ui.cursor().top() - top)).max(PERSON);
    ScrollArea::vertical()
        .id_salt("members")
        .max_height(room)
        .auto_shrink([false, true])
        .show_rows(ui, PERSON, rows.len(), |ui, range| {
            for member in &rows[range] {
                if member_row(ui, view, session, member) {
                    actions.push(Action::StartWith((*member).clone()));
                }
            }
        });
}

/// One member. True if it was clicked and is not oneself.
fn member_row(ui: &mut Ui, view: &View<'_>, session: &Session, member: &Login) -> bool {
    let kind = Kind::on(view.palette.raised);
    if *member == session.account.login {
        let name = session.people.me().map_or("", |me| me.name.as_str());
        let you = view.texts.get("members.you");
        person_row(ui, view, member, (name, you), None, kind);
        return false;
    }
    let person = session.people.user(member);
    let news = person.and_then(|person| person.presence.as_ref());
    let state = news.map_or_else(String::new, |news| presence::words(view, news));
    let name = person.map_or("", |person| person.name.as_str());
    person_row(ui, view, member, (name, &state), news, kind)
}

/// What a row is besides a name.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// It is a group.
    pub is_group: bool,
    /// Enter takes it.
    pub is_marked: bool,
    /// Its login is what was typed.
    pub is_exact: bool,
    /// What it stands on.
    pub ground: Color32,
}

impl Kind {
    /// A person on this ground.
    pub fn on(ground: Color32) -> Self {
        Self {
            is_group: false,
            is_marked: false,
            is_exact: false,
            ground,
        }
    }
}

/// One user or group to choose: the full name if there is one, and below it the login and what
/// else is to be said. True if it was clicked.
pub fn person_row(
    ui: &mut Ui,
    view: &View<'_>,
    login: &Login,
    (name, about): (&str, &str),
    news: Option<&PresenceNews>,
    kind: Kind,
) -> bool {
    let (texts, palette, login) = (view.texts, view.palette, login.as_str());
    let exact = texts.get("find.exact");
    let about = match (kind.is_exact, about) {
        (false, about) => about.to_owned(),
        (true, "") => exact.to_owned(),
        (true, about) => texts.fill("find.exact_and", &[("about", about), ("exact", exact)]),
    };
    let (title, below) = match (name, about.as_str()) {
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
        if kind.is_marked {
            WidgetInfo::selected(Role::Button, true, true, label)
        } else {
            WidgetInfo::labeled(Role::Button, true, label)
        }
    });
    let is_under = response.hovered() || response.has_focus();
    let ground = if kind.is_marked {
        palette.chosen
    } else if is_under {
        palette.hover
    } else {
        kind.ground
    };
    let painter = &ui.painter_at(rect);
    painter.rect_filled(rect, space::CONTROL_CORNER, ground);
    let center = rect.left_center() + Vec2::new(22.0, 0.0);
    if kind.is_group {
        widget::sign_avatar(painter, palette, center, 30.0, Icon::People);
    } else {
        widget::avatar(painter, palette, center, 30.0, (login, title));
    }
    presence::dot(painter, palette, center, 30.0, ground, news);
    let below_ink = match kind.is_exact {
        true => palette.accent_text,
        false => palette.text_weak,
    };
    let (left, width) = (center.x + 25.0, rect.right() - center.x - 33.0);
    let lines = [
        (title, text::strong(), palette.text),
        (below.as_str(), text::small(), below_ink),
    ];
    row::lines(ui, painter, (left, width), rect.center().y, lines);
    widget::focus_inside(ui, palette, &response, rect, space::CONTROL_CORNER);
    response.clicked()
}
