//! What the search field finds: conversations by name, then messages by their words.

use std::borrow::Cow;

use egui::{Align, Label, Layout, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{View, peer_name, sidebar, widget};
use crate::{
    engine::{MOST_FOUND, Message, Peer},
    markup::{self, find_words},
    model::{Action, Session},
    texts,
    theme::{space, text},
};

/// Conversations shown above the messages at most.
const CONVERSATIONS: usize = 20;

const ROW_HEIGHT: f32 = 58.0;

/// Characters shown before what was looked for.
const BEFORE: usize = 24;

/// While one searches: in all conversations, or in the open one only.
pub fn scope(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let search = &session.search;
    let chosen = search.with.as_ref();
    let open = session.open.as_ref().filter(|_| search.is_on());
    let Some(Peer::Person(login)) = chosen.or(open) else {
        return;
    };
    let texts = view.texts;
    ui.horizontal(|ui| {
        ui.add_space(space::MEDIUM);
        let one = texts.fill("search.in", &[("name", login.as_str())]);
        let choices = [
            (false, texts.get("search.everywhere").to_owned()),
            (true, one),
        ];
        if let Some(in_one) = widget::choices(ui, view.palette, chosen.is_some(), &choices) {
            let with = Peer::Person(login.clone());
            actions.push(Action::SearchIn(in_one.then_some(with)));
        }
    });
    ui.add_space(space::SMALL);
}

/// What was found.
pub fn results(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let search = &session.search;
    ScrollArea::vertical()
        .id_salt("found")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
            let names = session.conversations.matching(&search.query);
            for conversation in names.filter(|_| search.with.is_none()).take(CONVERSATIONS) {
                let is_open = session.open.as_ref() == Some(&conversation.with);
                if sidebar::row(ui, view, session, conversation, is_open, actions) {
                    actions.push(Action::Open(conversation.with.clone()));
                    actions.push(Action::Filter(String::new()));
                }
            }
            heading(ui, view, session);
            for message in search.found() {
                if found(ui, view, &search.query, message) {
                    actions.push(Action::JumpTo(message.clone()));
                }
            }
        });
}

fn heading(ui: &mut Ui, view: &View<'_>, session: &Session) {
    let search = &session.search;
    let sentence = match (search.is_answered(), search.found().len()) {
        (false, 0) => return,
        (true, 0) => view.texts.get("search.nothing").to_owned(),
        (_, MOST_FOUND..) => {
            let most = MOST_FOUND.to_string();
            view.texts.fill("search.found_most", &[("count", &most)])
        }
        (_, count) => view.texts.count("search.found", count),
    };
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 34.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.add_space(space::LARGE);
            let sentence = RichText::new(sentence).font(text::tiny_strong());
            ui.add(Label::new(sentence.color(view.palette.text_weak)));
        },
    );
}

/// One message that was found. True if it was clicked.
fn found(ui: &mut Ui, view: &View<'_>, query: &str, message: &Message) -> bool {
    let (texts, palette) = (view.texts, view.palette);
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let (outer, response) = ui.allocate_exact_size(size, Sense::click());
    if !ui.is_rect_visible(outer) {
        return response.clicked();
    }
    let name = peer_name(texts, &message.with);
    let who = match &message.author {
        _ if message.is_own() => texts.fill("search.own_in", &[("name", name)]),
        Some(author) => texts.fill(
            "search.author_in",
            &[("author", author.as_str()), ("name", name)],
        ),
        None => name.to_owned(),
    };
    let line = sidebar::beginning(&excerpt(&shown(message.text.as_str(), query), query));
    response.widget_info(|| {
        let label = texts.fill("search.row", &[("name", &who), ("text", &line)]);
        WidgetInfo::labeled(Role::Button, true, label)
    });
    let rect = outer.shrink2(vec2(space::SMALL, 1.0));
    let painter = ui.painter();
    if response.hovered() || response.has_focus() {
        painter.rect_filled(rect, space::CARD_CORNER - 2, palette.hover);
    }
    let (upper, lower) = (rect.center().y - 10.0, rect.center().y + 11.0);
    let today = view.zone.to_datetime(view.now).date();
    let time = texts::row_time(texts, message.at, today, view.zone);
    let time = painter.layout_no_wrap(time, text::tiny(), palette.text_weak);
    let (left, right) = (rect.left() + space::SMALL, rect.right() - 10.0);
    let time_left = right - time.size().x;
    let at = pos2(time_left, upper - time.size().y / 2.0);
    painter.galley(at, time, palette.text_weak);
    for (words, font, ink, y, end) in [
        (
            &who,
            text::small_strong(),
            palette.text,
            upper,
            time_left - space::SMALL,
        ),
        (&line, text::small(), palette.text_weak, lower, right),
    ] {
        let mut job = widget::one_line(words, font, ink, end - left);
        if std::ptr::eq(words, &line) {
            job = widget::mark(job, &find_words(words, query), palette);
        }
        let galley = painter.layout_job(job);
        painter.galley(pos2(left, y - galley.size().y / 2.0), galley, ink);
    }
    response.clicked()
}

/// What of a message a result shows: what was said, and what it replies to only if the words are
/// there alone.
fn shown(text: &str, query: &str) -> String {
    let said = markup::plain(markup::split_quote(text).1);
    if find_words(&said, query).is_empty() {
        return markup::plain(text);
    }
    said
}

/// The text from the beginning of a word a little before the first word that was looked for; from
/// its own beginning if that is near enough.
fn excerpt<'a>(text: &'a str, query: &str) -> Cow<'a, str> {
    let Some(found) = find_words(text, query).into_iter().next() else {
        return text.into();
    };
    let mut before = text[..found.start].char_indices().rev();
    match before.nth(BEFORE - 1) {
        None | Some((0, _)) => text.into(),
        Some((from, _)) => {
            let space = text[from..found.start].find(char::is_whitespace);
            let from = space.map_or(from, |space| from + space);
            format!("…{}", text[from..].trim_start()).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_begins_shortly_before_what_was_looked_for() {
        assert_eq!(excerpt("a reunião é hoje", "reuniao"), "a reunião é hoje");
        let long = format!("{} então a REUNIÃO é hoje", "ção ".repeat(30));
        let shown = excerpt(&long, "uniao hoje");
        assert_eq!(shown, "…ção ção ção  então a REUNIÃO é hoje");
        assert_eq!(excerpt("nothing", "else"), "nothing");
        assert_eq!(excerpt("nothing", " "), "nothing");
    }
}
