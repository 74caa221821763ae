//! The text in a timeline without messages.

use egui::{Rect, RichText, Ui, UiBuilder};

use super::separators::older_key;
use crate::{
    engine::Peer,
    model::{Action, NotLoaded, Timeline},
    theme::{space, text},
    ui::{View, bidi, error_text, peer_name, widget},
};

/// Tells the person what to do, or why the conversation is empty.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    open: &Peer,
    messages: &Timeline,
    window: Rect,
    actions: &mut Vec<Action>,
) {
    ui.scope_builder(UiBuilder::new().max_rect(window), |ui| {
        if let Some(problem) = &messages.not_loaded {
            widget::centred(ui, 420.0, "not loaded", |ui| {
                not_loaded(ui, view, problem, actions);
            });
        } else if messages.loaded {
            widget::centred(ui, 360.0, "nothing yet", |ui| {
                nothing_yet(ui, view, open, messages);
            });
        }
    });
}

fn not_loaded(ui: &mut Ui, view: &View<'_>, problem: &NotLoaded, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    ui.spacing_mut().item_spacing.y = space::SMALL;
    let what = RichText::new(texts.get("chat.not_loaded")).font(text::strong());
    ui.label(what.color(palette.text));
    let why = RichText::new(error_text::storage(texts, &problem.problem)).font(text::body());
    ui.label(why.color(palette.text_weak));
    ui.add_space(space::TINY);
    if widget::plain_button(ui, texts.get("chat.load_again")).clicked() {
        actions.push(Action::LoadAgain);
    }
}

fn nothing_yet(ui: &mut Ui, view: &View<'_>, open: &Peer, messages: &Timeline) {
    let name = match open {
        Peer::Person(login) => view.person(login.as_str()),
        Peer::Server => peer_name(view.texts, open),
    };
    let key = if messages.loading {
        "chat.loading"
    } else if messages.older_at_server {
        older_key(view)
    } else {
        "chat.nothing_yet"
    };
    let sentence = RichText::new(view.texts.fill(key, &[("name", name)])).font(text::body());
    bidi::label(ui, sentence.color(view.palette.text_weak));
}
