use egui::{Event, Key, KeyboardShortcut, Modifiers, Ui};

use super::{UiState, View, calendar, focus, info, inspector, timeline};
use crate::{
    engine::{FOR_GOOD, Peer},
    markup,
    model::{
        Action, DayUse, InspectAction, MOST_PASTED, MOST_TYPED, Notice, Overlay, Page, PageAction,
        SaveAction, SavedFile, Session, cut_to,
    },
};

/// What is asked for with Ctrl and Shift.
const COMMAND_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

const PIN: KeyboardShortcut = KeyboardShortcut::new(COMMAND_SHIFT, Key::P);
const MUTE: KeyboardShortcut = KeyboardShortcut::new(COMMAND_SHIFT, Key::M);
const NEW: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::N);
const FILTER: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::K);
const FIND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
const GO_TO_DAY: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::G);
const INFO: KeyboardShortcut = KeyboardShortcut::new(COMMAND_SHIFT, Key::I);
const SETTINGS: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Comma);
const FETCH: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::R);
const LATEST: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::End);
const QUIT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Q);
const HELP: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F1);
const INSPECT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F10);
const PICTURE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::NONE, Key::F12);
const REPLY: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::ArrowUp);
const REPLY_BELOW: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::ArrowDown);
const LINK: KeyboardShortcut = KeyboardShortcut::new(COMMAND_SHIFT, Key::O);
const COPY: KeyboardShortcut = KeyboardShortcut::new(COMMAND_SHIFT, Key::Y);
const WAY: KeyboardShortcut = KeyboardShortcut::new(COMMAND_SHIFT, Key::J);
const SELECT: KeyboardShortcut = KeyboardShortcut::new(COMMAND_SHIFT, Key::X);
const SELECT_ABOVE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::SHIFT, Key::ArrowUp);
const SELECT_BELOW: KeyboardShortcut = KeyboardShortcut::new(Modifiers::SHIFT, Key::ArrowDown);
const ABOVE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowUp);
const BELOW: KeyboardShortcut = KeyboardShortcut::new(Modifiers::ALT, Key::ArrowDown);

/// Cuts what is pasted to what a field can hold, before it is laid out: the clipboard may hold a book.
pub fn cut_pasted(ui: &Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let focused = ui.memory(|memory| memory.focused());
    let session = view.model.session.as_ref();
    let is_box = session.is_some_and(|session| focused == Some(focus::composer_id(session)));
    // A list of names may be long too.
    let is_list = matches!(&view.model.overlay, Some(Overlay::Administration(pages))
        if matches!(pages.page(), Page::AddUsers { .. }));
    let most = match is_box || is_list {
        true => MOST_TYPED,
        false => MOST_PASTED,
    };
    let mut is_cut = false;
    ui.input_mut(|input| {
        for event in &mut input.events {
            if let Event::Paste(text) | Event::Text(text) = event {
                is_cut |= cut_to(text, most);
            }
        }
    });
    if is_cut && focused.is_some() {
        actions.push(Action::Tell(Notice::PastedInPart));
    }
}

/// Reads the shortcuts, before any field can take them.
pub fn read(ui: &Ui, view: &View<'_>, state: &mut UiState, actions: &mut Vec<Action>) {
    let pressed =
        |shortcut: &KeyboardShortcut| ui.input_mut(|input| input.consume_shortcut(shortcut));
    if pressed(&PICTURE) {
        actions.push(Action::Save(SaveAction::Take(SavedFile::Picture)));
    }
    if pressed(&INSPECT) {
        actions.push(Action::Inspect(InspectAction::Toggle));
    }
    if pressed(&QUIT) {
        actions.push(Action::Quit);
    }
    // A question mark that nobody is writing, and that cannot be the beginning of a message, asks
    // for help too.
    let asks = ui.memory(|memory| memory.focused().is_none())
        && !focus::is_for_the_box(ui, view)
        && ui.input(|input| input.events.contains(&Event::Text("?".into())));
    if pressed(&HELP) || asks {
        actions.push(Action::Show(Overlay::Shortcuts));
    }
    if pressed(&SETTINGS) {
        actions.push(Action::Show(Overlay::Settings));
    }
    let session = view.model.session.as_ref();
    let session = session.filter(|s| s.ready && !s.is_entering);
    if let Some(session) = session {
        if pressed(&NEW) {
            actions.push(Action::Show(Overlay::new_conversation()));
        }
        if pressed(&FILTER) {
            actions.push(Action::SearchIn(None));
            focus::go_to_filter(state, actions);
        }
        if pressed(&FIND) {
            let one = session.open.clone();
            actions.push(Action::SearchIn(one.filter(|peer| *peer != Peer::Server)));
            focus::go_to_filter(state, actions);
        }
        if let Some(Peer::Person(of)) = &session.open
            && pressed(&INFO)
        {
            actions.push(info::open(of));
        }
        if session.open.is_some() && pressed(&GO_TO_DAY) {
            actions.push(calendar::ask(view, DayUse::GoTo));
        }
        let open = session.open.as_ref();
        if let Some(row) = open.and_then(|open| session.conversations.get(open)) {
            if pressed(&PIN) {
                actions.push(Action::Pin(row.with.clone(), !row.is_pinned));
            }
            if pressed(&MUTE) {
                let until = (!row.is_muted()).then_some(FOR_GOOD);
                actions.push(Action::Mute(row.with.clone(), until));
            }
        }
        if pressed(&FETCH) {
            actions.push(Action::FetchNow);
        }
        if pressed(&LATEST) {
            state.timeline.jump_to_latest();
        }
        if pressed(&REPLY) {
            actions.push(Action::ReplyAbove);
        }
        if pressed(&REPLY_BELOW) {
            actions.push(Action::ReplyBelow);
        }
        if session.selection().is_some() {
            for (shortcut, is_above) in [(&SELECT_ABOVE, true), (&SELECT_BELOW, false)] {
                if pressed(shortcut) {
                    actions.push(Action::SelectNext { is_above });
                }
            }
            if pressed(&SELECT) {
                actions.push(Action::EndSelection);
            }
            if takes_copy(ui) {
                actions.push(Action::CopySelected);
            }
        }
        if let Some(message) = session.at_hand() {
            if pressed(&SELECT) {
                actions.push(Action::Select(Box::new(message.clone())));
            }
            if pressed(&LINK) {
                actions.extend(timeline::follow(session, message));
            }
            if pressed(&COPY) {
                let (_, said) = markup::split_quote(message.text.as_str());
                ui.ctx().copy_text(markup::plain(said));
            }
            if message.is_own() && pressed(&WAY) {
                let way = Overlay::Journey(Box::new(message.clone()));
                actions.push(Action::Show(way));
            }
        }
        for (shortcut, step) in [(ABOVE, -1), (BELOW, 1)] {
            if pressed(&shortcut) {
                actions.extend(neighbour(session, step));
            }
        }
    }
    let escape = !state.compose.takes_escape()
        && !egui::Popup::is_any_open(ui.ctx())
        && pressed(&KeyboardShortcut::new(Modifiers::NONE, Key::Escape));
    if escape {
        actions.extend(close_one_thing(view, session, inspector::is_alone(ui)));
    }
}

/// Takes the system's keys for copying.
fn takes_copy(ui: &Ui) -> bool {
    ui.input_mut(|input| {
        let before = input.events.len();
        input.events.retain(|event| *event != Event::Copy);
        input.events.len() < before
    })
}

/// Escape closes what is on top, one thing at a time.
fn close_one_thing(
    view: &View<'_>,
    session: Option<&Session>,
    inspector_is_alone: bool,
) -> Option<Action> {
    if view.model.overlay.is_some() {
        return Some(match &view.model.overlay {
            Some(Overlay::SavePath { .. }) => Action::Save(SaveAction::Drop),
            Some(Overlay::Administration(_)) => Action::Page(PageAction::Back),
            _ => Action::CloseOverlay,
        });
    }
    if view.model.inspector.is_open && inspector_is_alone {
        return Some(Action::Inspect(InspectAction::Toggle));
    }
    if session.is_some_and(|session| session.selection().is_some()) {
        return Some(Action::EndSelection);
    }
    if view.model.is_entering() {
        return Some(Action::SignOut);
    }
    let session = session?;
    if !session.search.query.is_empty() || session.search.with.is_some() {
        return Some(Action::EndSearch);
    }
    if session.edited().is_some() {
        return Some(Action::EndEdit);
    }
    if markup::split_draft(session.draft()).0.is_some() {
        return Some(Action::ReplyToNothing);
    }
    session.open.as_ref().map(|_| Action::CloseConversation)
}

/// The conversation above or below the open one, as the list shows them.
fn neighbour(session: &Session, step: isize) -> Option<Action> {
    let shown = session.matching(&session.search.query);
    let last = shown.len().checked_sub(1)?;
    let open = session.open.as_ref();
    let at = shown.iter().position(|row| Some(&row.with) == open);
    let next = match at {
        Some(at) => at.saturating_add_signed(step).min(last),
        None if step > 0 => 0,
        None => last,
    };
    Some(Action::Open(shown[next].with.clone()))
}
