//! What the search field finds: conversations and people by name, then messages by their words.

use std::borrow::Cow;

use egui::{
    Align, Button, Id, Label, Layout, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo,
    cache::{ComputerMut, FrameCache},
    pos2, vec2,
};
use mensageiro_protocol::Login;
use unicode_segmentation::UnicodeSegmentation;

use super::{View, bidi, list_row, peer_title, people, timeline::first_link, widget};
use crate::{
    engine::{Message, Peer},
    markup::{self, find_words},
    model::{Action, FoundRow, Session},
    texts,
    theme::{space, text},
};

const ROW_HEIGHT: f32 = 58.0;

/// Rows so far from what is seen are not drawn, and are not reached by the Tab key yet. The next results are asked for when
/// the end is so near.
const FAR: f32 = 600.0;

/// Characters shown before what was looked for.
const BEFORE: usize = 24;

/// Signs of a reply's own words that stand before what it replies to,
const OWN: usize = 20;

/// and characters of that before what was looked for.
const BEFORE_QUOTED: usize = 8;

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
        ui.add_space(space::LARGE);
        let with = Peer::Person(login.clone());
        let title = peer_title(texts, session, &with);
        let one = texts.fill("search.in", &[("name", title)]);
        let choices = [
            (false, texts.get("search.everywhere").to_owned()),
            (true, one),
        ];
        if let Some(in_one) = widget::choices(ui, view.palette, chosen.is_some(), &choices) {
            actions.push(Action::SearchIn(in_one.then_some(with)));
        }
    });
    ui.add_space(space::SMALL);
}

/// The search field, for egui.
pub fn field_id() -> Id {
    Id::unique("filter")
}

/// The row that Enter opens, while the keyboard is in the field.
pub fn marked(ui: &Ui, session: &Session, rows: usize) -> Option<usize> {
    let has_keyboard = ui.memory(|memory| memory.has_focus(field_id()));
    session.search.marked(rows).filter(|_| has_keyboard)
}

/// What was found; `navigated_to` is the row the arrows have just gone to.
pub fn results(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    navigated_to: Option<usize>,
    actions: &mut Vec<Action>,
) {
    let rows = session.found_rows();
    let marked = marked(ui, session, rows.len());
    ScrollArea::vertical()
        .id_salt("found")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
            if rows.is_empty() && session.search.is_answered() {
                nothing(ui, view, session, actions);
                return;
            }
            let mut before = None;
            let seen = ui.clip_rect();
            for (at, row) in rows.iter().enumerate() {
                if before != Some(std::mem::discriminant(row)) {
                    heading(ui, view, &heading_of(view, session, row));
                    before = Some(std::mem::discriminant(row));
                }
                let top = ui.cursor().top();
                let is_far = |y: f32| y < seen.top() - FAR || y > seen.bottom() + FAR;
                if matches!(row, FoundRow::Message(_)) && navigated_to != Some(at) && is_far(top) {
                    ui.allocate_space(vec2(ui.available_width(), ROW_HEIGHT));
                    continue;
                }
                if result(
                    ui,
                    view,
                    session,
                    (row, marked.map(|marked| marked == at)),
                    actions,
                ) {
                    actions.extend(choose(row));
                }
                if navigated_to == Some(at) {
                    let height = top..=ui.cursor().top();
                    let rect = Rect::from_x_y_ranges(ui.max_rect().x_range(), height);
                    ui.scroll_to_rect(rect, None);
                }
            }
            if session.search.may_ask_for_more() && ui.cursor().top() < seen.bottom() + FAR {
                actions.push(Action::MoreFound);
            }
            if session.search.is_answered() && session.search.found().is_empty() {
                heading(ui, view, view.texts.get("search.nothing"));
            }
        });
}

/// What a row leads to.
pub fn choose(row: &FoundRow<'_>) -> Vec<Action> {
    match row {
        FoundRow::Conversation(row) => vec![Action::Open(row.with.clone()), Action::EndSearch],
        FoundRow::Person(login, _) => vec![Action::StartWith((*login).clone())],
        FoundRow::Message(message) => vec![Action::JumpTo((*message).clone())],
    }
}

/// One row of any kind, and whether it is the marked one, if any is. True if it was clicked.
fn result(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    (row, is_marked): (&FoundRow<'_>, Option<bool>),
    actions: &mut Vec<Action>,
) -> bool {
    match row {
        FoundRow::Conversation(row) => {
            let is_open = session.open.as_ref() == Some(&row.with);
            list_row::show(
                ui,
                view,
                session,
                row,
                is_marked.unwrap_or(is_open),
                actions,
            )
        }
        FoundRow::Person(login, person) => {
            people::found(ui, view, (login, *person), is_marked == Some(true))
        }
        FoundRow::Message(message) => found(ui, view, session, message, is_marked == Some(true)),
    }
}

/// Nothing holds what is typed, which may be somebody's name.
fn nothing(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let query = session.search.query.as_str();
    let typed = query.trim().trim_start_matches('@');
    widget::centred(ui, 240.0, "nothing found", |ui| {
        ui.spacing_mut().item_spacing.y = space::MEDIUM;
        let sentence = RichText::new(texts.get("search.nothing")).font(text::small());
        ui.label(sentence.color(palette.text_weak));
        let is_somebody = !session.is_nobody(query);
        let login = Login::parse(typed).ok().filter(|_| is_somebody);
        if let Some(login) = login.filter(|login| *login != session.account.login) {
            let start = texts.fill("search.start", &[("login", login.as_str())]);
            let start = widget::one_line(&start, text::body(), palette.text, 200.0);
            let button = Button::new(start).min_size(vec2(0.0, space::CONTROL));
            if ui.add(button).clicked() {
                actions.push(Action::StartWith(login));
            }
        }
    });
}

/// What stands over the first row of a kind.
fn heading_of(view: &View<'_>, session: &Session, row: &FoundRow<'_>) -> String {
    let texts = view.texts;
    match (row, session.search.found().len()) {
        (FoundRow::Conversation(_), _) => texts.get("search.conversations").to_owned(),
        (FoundRow::Person(..), _) => texts.get("search.people").to_owned(),
        (FoundRow::Message(_), count) if session.search.has_more() => {
            let count = texts.number(count);
            texts.fill("search.found_most", &[("count", &count)])
        }
        (FoundRow::Message(_), count) => texts.count("search.found", count),
    }
}

fn heading(ui: &mut Ui, view: &View<'_>, sentence: &str) {
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
fn found(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    message: &Message,
    is_marked: bool,
) -> bool {
    let (texts, palette) = (view.texts, view.palette);
    let query = session.search.query.as_str();
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let (outer, response) = ui.allocate_exact_size(size, Sense::click());
    let (who, line) = words(ui, view, session, message);
    response.widget_info(|| {
        let label = texts.fill("search.row", &[("name", &who), ("text", &line)]);
        WidgetInfo::selected(Role::Button, true, is_marked, label)
    });
    if !ui.is_rect_visible(outer) {
        return response.clicked();
    }
    let rect = outer.shrink2(vec2(space::SMALL, 1.0));
    let painter = &ui.painter_at(rect);
    let is_under = response.hovered() || response.has_focus();
    let under = is_under.then_some(palette.hover);
    if let Some(ground) = is_marked.then_some(palette.chosen).or(under) {
        painter.rect_filled(rect, space::CARD_CORNER - 2, ground);
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
        let galley = bidi::galley(ui, job);
        painter.galley(pos2(left, y - galley.size().y / 2.0), galley, ink);
    }
    widget::focus_inside(ui, palette, &response, rect, space::CARD_CORNER - 2);
    response.clicked()
}

/// Who wrote a message that was found, and what of it is shown.
fn words(ui: &Ui, view: &View<'_>, session: &Session, message: &Message) -> (String, String) {
    let (texts, query) = (view.texts, session.search.query.as_str());
    let name = peer_title(texts, session, &message.with);
    let who = match &message.author {
        _ if message.is_own() => texts.fill("search.own_in", &[("name", name)]),
        Some(author) => {
            let author = view.person(author.as_str());
            texts.fill("search.author_in", &[("author", author), ("name", name)])
        }
        None => name.to_owned(),
    };
    // What is searched for without words is shown where it begins.
    let link = Some(message.text.as_str())
        .filter(|_| session.search.has_link && query.trim().is_empty())
        .and_then(first_link);
    let query = link.as_deref().unwrap_or(query);
    let line = ui.memory_mut(|memory| {
        let read: &mut FrameCache<String, Excerpt> = memory.caches.cache();
        read.get((message.text.as_str(), query)).clone()
    });
    (who, line)
}

/// What a row shows of a message, by the words that were looked for. Its text is read once, and not
/// with every frame.
#[derive(Default)]
struct Excerpt;

impl ComputerMut<(&str, &str), String> for Excerpt {
    fn compute(&mut self, (text, query): (&str, &str)) -> String {
        list_row::beginning(&shown(text, query))
    }
}

/// What of a message a result shows: its own words. If what was looked for is only in what it
/// replies to, that stands after them.
fn shown(text: &str, query: &str) -> String {
    let (quote, said) = markup::split_quote(text);
    let said = markup::plain(said);
    let is_in = |text: &str| !find_words(text, query).is_empty();
    match quote {
        Some(quote) if !is_in(&said) && is_in(quote.excerpt) => {
            let own = beginning(said.trim(), OWN);
            let quoted = excerpt(quote.excerpt, query, BEFORE_QUOTED);
            format!("{own} · “{quoted}”")
        }
        _ => excerpt(&said, query, BEFORE).into_owned(),
    }
}

/// So many signs of a text at most, as people count them.
fn beginning(text: &str, signs: usize) -> Cow<'_, str> {
    match text.grapheme_indices(true).nth(signs) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()).into(),
    }
}

/// The text from the beginning of a word a little before the first word that was looked for; from
/// its own beginning if that is near enough.
fn excerpt<'a>(text: &'a str, query: &str, most: usize) -> Cow<'a, str> {
    let Some(found) = find_words(text, query).into_iter().next() else {
        return text.into();
    };
    let mut before = text[..found.start].char_indices().rev();
    match before.nth(most - 1) {
        None | Some((0, _)) => text.into(),
        Some((from, _)) => {
            // Where no word begins so near, one begins a little before; in a long address, none.
            let after = text[from..found.start].find(char::is_whitespace);
            let begin = after.map(|after| from + after);
            let begin = begin.or_else(|| {
                let before = text[..from].rfind(char::is_whitespace)?;
                (from - before <= 2 * most).then_some(before)
            });
            format!("…{}", text[begin.unwrap_or(from)..].trim_start()).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_shows_its_own_words_and_then_what_it_replies_to_if_that_was_found() {
        let text = "> bruno: “A reunião  é às 10?”\nSim, *é*.";
        assert_eq!(shown(text, "sim"), "Sim, é.");
        let quoted = list_row::beginning(&shown(text, "reunião"));
        assert_eq!(quoted, "Sim, é. · “A reunião é às 10?”");
        // The words are in both together, or only in the name.
        assert_eq!(shown(text, "sim reunião"), "Sim, é.");
        assert_eq!(shown(text, "bruno"), "Sim, é.");
    }

    #[test]
    fn the_own_words_of_a_long_reply_are_shown_with_what_was_looked_for() {
        let (quoted, own) = ("ção ".repeat(20), "é claro ".repeat(20));
        let text = format!("> bruno: “{quoted}reunião”\n{own}");
        assert_eq!(
            shown(&text, "reunião"),
            "é claro é claro é cl… · “…ção reunião”"
        );
        let far = format!("> bruno: “reunião”\n{own} sim, reunião às dez");
        let line = shown(&far, "reunião");
        let is_own = line.contains("sim, reunião às dez") && !line.contains('“');
        assert!(is_own, "{line}");
    }

    #[test]
    fn an_excerpt_begins_shortly_before_what_was_looked_for() {
        assert_eq!(
            excerpt("a reunião é hoje", "reuniao", BEFORE),
            "a reunião é hoje"
        );
        let long = format!("{} então a REUNIÃO é hoje", "ção ".repeat(30));
        let shown = excerpt(&long, "uniao hoje", BEFORE);
        assert_eq!(shown, "…ção ção ção  então a REUNIÃO é hoje");
        let word = format!("{} anticonstitucionalissimamente", "ção ".repeat(30));
        assert_eq!(
            excerpt(&word, "mente", BEFORE),
            "…anticonstitucionalissimamente"
        );
        assert_eq!(excerpt("nothing", "else", BEFORE), "nothing");
        assert_eq!(excerpt("nothing", " ", BEFORE), "nothing");
    }
}
