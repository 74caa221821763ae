//! The hint above the composer, about the draft in it.

use egui::{
    Color32, Frame, Label, Margin, RichText, Ui, Vec2,
    text::{CCursor, CCursorRange},
    text_edit::TextEditState,
};
use mensageiro_protocol::{Login, limits::LINE_BYTES};

use super::{Focus, UiState, View, bidi, error_text, focus, peer_name, peer_title, widget};
use crate::{
    engine::{LinkState, NotSent, Peer},
    model::{Action, ComposeProblem, Session, characters_in},
    texts::Texts,
    theme::{space, text},
};

/// The counter is shown from this many bytes on.
const COUNT_FROM: usize = LINE_BYTES - 2048;

/// The most important of: why the draft was not sent, where it goes, how much room is left, how it
/// will change.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let palette = view.palette;
    if let Some(problem) = problem(view, session) {
        line(ui, &problem, palette.danger_text);
    } else if let Some(to) = session.diverted_to() {
        diverted(ui, view, session, to, state, actions);
    } else if let Some(to) = session.mentioned() {
        mentioned(ui, view, session, to, state, actions);
    } else if let Some(advice) = advice(view, session) {
        line(ui, &advice, palette.text_weak);
    }
}

/// Why the draft was not sent, or cannot be.
fn problem(view: &View<'_>, session: &Session) -> Option<String> {
    let bytes = session.line_bytes();
    let too_long = (bytes > LINE_BYTES).then_some(ComposeProblem::TooLong { bytes });
    let problem = too_long.as_ref().or(session.compose_problem.as_ref());
    problem.map(|problem| problem_text(view.texts, problem, session.draft()))
}

/// Says that the draft begins with a login and goes to that person alone, and offers to send it
/// here.
fn diverted(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    to: Login,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let texts = view.texts;
    let Some(open) = &session.open else {
        return;
    };
    let key = match session.is_no_login(&to) {
        true => "compose.diverted_to_nobody",
        false => "compose.diverted",
    };
    let to = Peer::Person(to);
    let (to, title) = (
        peer_title(texts, session, &to),
        peer_title(texts, session, open),
    );
    let sentence = texts.fill(key, &[("name", to), ("open", title)]);
    let instead = texts.fill("compose.instead", &[("open", title)]);
    if choice(ui, view, (&sentence, view.palette.warning_text), &instead) {
        let draft = format!("@{} {}", peer_name(texts, open), session.draft());
        cursor_to_end(ui, session, &draft);
        actions.push(Action::Write(draft));
        state.focus = Some(Focus::Composer);
    }
}

/// Says that the draft mentions a group member and goes to the group, and offers to send it to them
/// alone.
fn mentioned(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    whom: Login,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let texts = view.texts;
    let Some(open) = &session.open else {
        return;
    };
    let whom = Peer::Person(whom);
    let sentence = [("open", peer_title(texts, session, open))];
    let sentence = texts.fill("compose.mentioned", &sentence);
    let alone = [("name", peer_title(texts, session, &whom))];
    let alone = texts.fill("compose.alone", &alone);
    if choice(ui, view, (&sentence, view.palette.text_weak), &alone) {
        actions.push(Action::WriteAlone);
        state.focus = Some(Focus::Composer);
    }
}

/// The destination, and a button for the other one. True if it was clicked.
fn choice(ui: &mut Ui, view: &View<'_>, (sentence, ink): (&str, Color32), instead: &str) -> bool {
    let margin = Margin {
        left: space::LARGE as i8 + space::COMPOSER_MARGIN[0] + 1,
        right: space::LARGE as i8,
        ..Margin::ZERO
    };
    let shown = Frame::new().inner_margin(margin).show(ui, |ui| {
        let row = ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = Vec2::new(space::SMALL, space::TINY);
            bidi::label(ui, RichText::new(sentence).font(text::small()).color(ink));
            widget::small_button(ui, view.palette, instead).clicked()
        });
        row.inner
    });
    ui.add_space(space::SMALL);
    shown.inner
}

/// Puts the cursor at the end of the draft.
pub(super) fn cursor_to_end(ui: &Ui, session: &Session, draft: &str) {
    let id = focus::composer_id(session);
    let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let end = CCursor::new(draft.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::one(end)));
    state.store(ui.ctx(), id);
}

/// How much room is left, or how the text will change.
fn advice(view: &View<'_>, session: &Session) -> Option<String> {
    let draft = session.draft();
    let bytes = session.line_bytes();
    let keeps_lines = matches!(session.link, LinkState::Live { .. });
    if bytes > COUNT_FROM {
        Some(view.texts.count("compose.left", LINE_BYTES - bytes))
    } else if draft.trim_end().contains('\n') && !keeps_lines {
        Some(view.texts.get("compose.line_breaks").to_owned())
    } else {
        None
    }
}

fn line(ui: &mut Ui, sentence: &str, ink: Color32) {
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        // Aligned with the first letter of the draft.
        ui.add_space(space::LARGE + f32::from(space::COMPOSER_MARGIN[0]) + 1.0);
        ui.add(Label::new(RichText::new(sentence).font(text::small()).color(ink)).wrap());
    });
    ui.add_space(space::SMALL);
}

/// Why what is typed was not sent.
fn problem_text(texts: &Texts, problem: &ComposeProblem, typed: &str) -> String {
    let too_long = |bytes: usize| {
        let longer = characters_in(typed, bytes.saturating_sub(LINE_BYTES));
        texts.count("compose.too_long", longer)
    };
    match problem {
        ComposeProblem::Nothing | ComposeProblem::NotSent(NotSent::Empty) => {
            texts.get("compose.nothing").to_owned()
        }
        ComposeProblem::NoRecipient => texts.get("compose.no_recipient").to_owned(),
        ComposeProblem::NoText => texts.get("compose.no_text").to_owned(),
        ComposeProblem::Login(problem) => error_text::login(texts, problem),
        ComposeProblem::TooLong { bytes } => too_long(*bytes),
        ComposeProblem::NotSent(NotSent::TooLong { bytes, .. }) => too_long(*bytes),
        ComposeProblem::ReadOnly => texts.get("compose.read_only").to_owned(),
        ComposeProblem::NotSent(NotSent::SignedOut) => texts.get("compose.signed_out").to_owned(),
        ComposeProblem::NotSent(NotSent::Storage) => texts.get("compose.not_kept").to_owned(),
    }
}
