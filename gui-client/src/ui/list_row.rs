//! One row of the conversation list.

use egui::{
    Rect, RichText, Sense, Ui,
    cache::{ComputerMut, FrameCache},
    pos2, vec2,
};

use super::{
    View, avatar, bidi, conversation_menu, icon::Icon, peer_name, peer_title, presence,
    timeline::delivery, widget,
};
use crate::{
    engine::{Conversation, Message, Peer},
    markup,
    matching::Query,
    model::{Action, Session},
    texts,
    theme::{space, text},
};

/// How high a row is.
pub const HEIGHT: f32 = 66.0;

const AVATAR: f32 = 46.0;
const SIGN: f32 = 15.0;
/// Half of the dot of what is marked as unread.
const DOT: f32 = 6.0;

/// One conversation; `is_chosen`: its ground says so. True if it was clicked.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    conversation: &Conversation,
    is_chosen: bool,
    actions: &mut Vec<Action>,
) -> bool {
    let (texts, palette) = (view.texts, view.palette);
    let is_open = session.open.as_ref() == Some(&conversation.with);
    let name = peer_name(texts, &conversation.with);
    let last = conversation.last.as_ref();
    let said = last.map(|last| last_words(ui, view, last));
    let (outer, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
    response.widget_info(|| {
        let mut label = match conversation.unread {
            0 => name.to_owned(),
            count => texts.count_with("list.row_unread", count, &[("name", name)]),
        };
        for (is_so, key) in [
            (conversation.is_pinned, "list.row_pinned"),
            (conversation.is_muted(), "list.row_muted"),
            (conversation.is_archived(), "list.row_archived"),
            (is_marked(conversation), "list.row_marked"),
        ] {
            if is_so {
                label = texts.fill(key, &[("row", &label)]);
            }
        }
        let mut info = egui::WidgetInfo::selected(egui::Role::Button, true, is_chosen, label);
        info.current_text_value = row_value(view, session, conversation, said.as_deref());
        info
    });
    response.context_menu(|ui| {
        widget::menu(ui);
        conversation_menu::show(ui, view, conversation, actions);
    });
    let rect = outer.shrink2(vec2(space::SMALL, 1.0));
    let ground = if is_chosen {
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
    let on = ground.unwrap_or(palette.panel);
    avatar::paint(
        painter,
        view,
        session,
        &conversation.with,
        center,
        AVATAR,
        on,
    );
    let area = Rect::from_min_max(
        pos2(center.x + AVATAR / 2.0 + 10.0, rect.top()),
        pos2(rect.right() - 10.0, rect.bottom()),
    );
    let said = said.unwrap_or_default();
    let is_cut = widget::clipped(ui, rect, |ui| {
        words(ui, view, session, (conversation, said), area, is_open)
    });
    widget::focus_inside(ui, palette, &response, rect, space::CARD_CORNER - 2);
    let is_clicked = response.clicked();
    if is_cut {
        response.on_hover_ui(|ui| {
            let name = peer_title(texts, session, &conversation.with);
            bidi::label(ui, RichText::new(name));
        });
    }
    is_clicked
}

/// Who it is with, and what was `said` last. True if the name has no room.
fn words(
    ui: &Ui,
    view: &View<'_>,
    session: &Session,
    (conversation, said): (&Conversation, String),
    area: Rect,
    is_open: bool,
) -> bool {
    let (texts, palette, painter) = (view.texts, view.palette, ui.painter());
    let name = peer_title(texts, session, &conversation.with);
    let (upper, lower) = (area.center().y - 11.0, area.center().y + 12.0);
    let mut right = area.right();
    if let Some(last) = &conversation.last {
        let today = view.zone.to_datetime(view.now).date();
        let time = texts::row_time(texts, last.at, today, view.zone);
        let ink = match conversation.unread {
            0 => palette.text_weak,
            _ if conversation.is_muted() => palette.text_weak,
            _ => palette.accent_text,
        };
        let galley = painter.layout_no_wrap(time, text::tiny(), ink);
        right -= galley.size().x;
        painter.galley(pos2(right, upper - galley.size().y / 2.0), galley, ink);
        right -= space::SMALL;
    }
    for (is_so, sign) in [
        (conversation.is_muted(), Icon::Muted),
        (conversation.is_pinned, Icon::Pin),
    ] {
        if is_so {
            let at = pos2(right - SIGN / 2.0, upper);
            sign.paint(painter, at, SIGN, palette.text_weak);
            right -= SIGN + space::TINY;
        }
    }
    let job = widget::one_line(name, text::strong(), palette.text, right - area.left());
    let galley = bidi::galley(ui, job);
    let is_cut = galley.elided;
    painter.galley(
        pos2(area.left(), upper - galley.size().y / 2.0),
        galley,
        palette.text,
    );

    let mut right = area.right();
    if conversation.unread > 0 {
        let at = pos2(right, lower);
        let (ground, ink) = match conversation.is_muted() {
            false => (palette.accent, palette.on_accent),
            true => (palette.pressed, palette.text),
        };
        let width = widget::badge(painter, (ground, ink), at, conversation.unread);
        right -= width + space::SMALL;
    } else if is_marked(conversation) {
        let at = pos2(right - DOT, lower);
        painter.circle_filled(at, DOT, palette.accent);
        right -= 2.0 * DOT + space::SMALL;
    }
    let mut left = area.left();
    let typing = presence::typing(ui, view, session, &conversation.with);
    let (line, ink) = match (&conversation.last, conversation.draft.trim()) {
        _ if is_exact(session, &conversation.with) => {
            (exact(view, &conversation.with), palette.accent_text)
        }
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
            (said, palette.text_weak)
        }
        (None, _) => (texts.get("list.no_message").to_owned(), palette.text_weak),
    };
    let job = widget::one_line(&line, text::small(), ink, right - left);
    let galley = bidi::galley(ui, job);
    painter.galley(pos2(left, lower - galley.size().y / 2.0), galley, ink);
    is_cut
}

/// Whether only the mark says that it is unread.
fn is_marked(conversation: &Conversation) -> bool {
    conversation.is_marked_unread && conversation.unread == 0
}

/// Whether one looks for whoever has just this login.
fn is_exact(session: &Session, with: &Peer) -> bool {
    let query = session.search.query.as_str();
    matches!(with, Peer::Person(login) if !query.is_empty() && Query::new(query).is_login(login))
}

/// The login, and that it is the one that was typed.
fn exact(view: &View<'_>, with: &Peer) -> String {
    let (login, exact) = (peer_name(view.texts, with), view.texts.get("find.exact"));
    let values = [("about", login), ("exact", exact)];
    view.texts.fill("find.exact_and", &values)
}

/// What a screen reader says of a row after its name: the last message, its time, and where the
/// other one is.
fn row_value(
    view: &View<'_>,
    session: &Session,
    conversation: &Conversation,
    said: Option<&str>,
) -> Option<String> {
    let (texts, last) = (view.texts, conversation.last.as_ref()?);
    let today = view.zone.to_datetime(view.now).date();
    let time = texts::row_time(texts, last.at, today, view.zone);
    let exact = is_exact(session, &conversation.with).then(|| exact(view, &conversation.with));
    let line = exact.as_deref().or(said)?;
    let values = [("line", line), ("time", time.as_str())];
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

/// What a row says of a message.
fn last_words(ui: &Ui, view: &View<'_>, last: &Message) -> String {
    let texts = view.texts;
    let text = ui.memory_mut(|memory| {
        let read: &mut FrameCache<String, Beginning> = memory.caches.cache();
        read.get(last.text.as_str()).clone()
    });
    match &last.author {
        Some(author) => {
            let name = view.person(author.as_str());
            texts.fill("list.author", &[("name", name), ("text", &text)])
        }
        None if last.is_own() => texts.fill("list.own", &[("text", &text)]),
        None => text,
    }
}

/// What a message says first. Its text is read once, and not with every frame.
#[derive(Default)]
struct Beginning;

impl ComputerMut<&str, String> for Beginning {
    fn compute(&mut self, text: &str) -> String {
        of(text)
    }
}

/// The same, without looking whether it is known.
pub fn of(text: &str) -> String {
    let (_, said) = markup::split_quote(text);
    beginning(&markup::plain(said))
}

/// As much of a text as a row can show, on one line.
pub fn beginning(text: &str) -> String {
    let shown: String = text.trim_start().chars().take(160).collect();
    let words: Vec<&str> = shown.split_whitespace().collect();
    words.join(" ")
}
