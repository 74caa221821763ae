use std::mem::Discriminant;

use egui::{Align, Frame, Id, Layout, Margin, Modal, RichText, ScrollArea, Ui};

use super::{
    Focus, UiState, View, about, administration, bidi, calendar, changes, error_text, hosting,
    icon::Icon, info, journey, link_question, list_navigation, padlock, people, preferences,
    search, shortcuts, widget,
};
use crate::{
    engine::{Message, ReportFormat},
    model::{Action, Overlay, Page, PageAction, SaveAction, SavedFile},
    theme::{space, text},
};

/// The window's height that a dialog leaves free, including its margins.
const AROUND: f32 = 56.0;

/// The id of the dialog's field, for egui.
const FIELD: &str = "question";

/// Room for the scroll bar, beside the contents.
const SCROLL_BAR: f32 = 12.0;

/// Which dialog it is, and which page of it.
pub type Kind = (Discriminant<Overlay>, Option<Discriminant<Page>>);

/// The dialog above everything else. Its title and buttons are always visible; what is between them
/// scrolls.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    screen: egui::Rect,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let kind = view.model.overlay.as_ref().map(kind_of);
    let just_opened = kind.is_some() && kind != state.dialog;
    // What was chosen in it may have led to the search.
    let is_searching = ui.memory(|memory| memory.has_focus(search::field_id()));
    if kind.is_none() && state.dialog.is_some() && !is_searching {
        state.focus.get_or_insert(Focus::Composer);
    }
    state.dialog = kind;
    let Some(overlay) = &view.model.overlay else {
        return;
    };
    let width = match overlay {
        Overlay::Shortcuts if screen.width() >= shortcuts::TWO_COLUMNS => 780.0,
        Overlay::Settings => 440.0,
        Overlay::Shortcuts => 440.0,
        Overlay::Journey(_) => 620.0,
        Overlay::Link(_) => 440.0,
        Overlay::Connection | Overlay::Administration(_) => 440.0,
        Overlay::Hosting | Overlay::Leaving => 440.0,
        Overlay::About | Overlay::License(_) => 560.0,
        _ => 380.0,
    };
    let width = f32::min(width, screen.width() - 2.0 * space::LARGE).max(0.0);
    let frame = Frame::new()
        .fill(view.palette.raised)
        .stroke((1.0, view.palette.line))
        .corner_radius(space::CARD_CORNER)
        .shadow(view.palette.shadow())
        .inner_margin(Margin::same(20));
    let id = Id::unique("dialog");
    let height = (screen.height() - AROUND).max(0.0);
    let modal = Modal::new(id)
        .area(Modal::default_area(id).default_height(height))
        .backdrop_color(view.palette.veil)
        .frame(frame)
        .show(ui.ctx(), |ui| {
            ui.set_width((width - 40.0).max(0.0));
            // Not the last frame's height: a problem may just have been added.
            ui.set_max_height(height);
            let top = ui.cursor().top();
            heading(ui, view, overlay, actions);
            let above = ui.cursor().top() - top;
            let room = (height - above - footer_height(view, overlay)).max(0.0);
            ui.spacing_mut().scroll.floating_allocated_width = SCROLL_BAR;
            let part = match overlay {
                Overlay::License(at) => Some(*at),
                _ => None,
            };
            let entered = ScrollArea::vertical()
                .id_salt((kind, part))
                .max_height(room)
                .min_scrolled_height(0.0)
                .auto_shrink([false, true])
                .show(ui, |ui| match overlay {
                    Overlay::NewConversation { .. } | Overlay::SavePath { .. } => {
                        question(ui, view, overlay, just_opened, room, actions)
                    }
                    Overlay::Settings => {
                        preferences::page(ui, view, actions);
                        false
                    }
                    Overlay::Connection => {
                        padlock::page(ui, view);
                        false
                    }
                    Overlay::Administration(pages) => {
                        administration::show(ui, view, pages, just_opened, room, actions)
                    }
                    Overlay::Hosting => hosting::show(ui, view, just_opened, actions),
                    Overlay::Leaving => {
                        hosting::leaving(ui, view, just_opened, actions);
                        false
                    }
                    Overlay::Shortcuts => {
                        shortcuts::show(ui, view);
                        false
                    }
                    Overlay::About => {
                        about::show(ui, view, room, actions);
                        false
                    }
                    Overlay::License(at) => {
                        about::license(ui, view, *at, actions);
                        false
                    }
                    Overlay::Info { of, typed } => {
                        info::show(ui, view, (of, typed), room, state, actions);
                        false
                    }
                    Overlay::Day { of, month } => {
                        calendar::show(ui, view, *of, *month, actions);
                        false
                    }
                    Overlay::Journey(message) => {
                        journey(ui, view, message);
                        false
                    }
                    Overlay::Link(destination) => {
                        link_question::show(ui, view, destination);
                        false
                    }
                    Overlay::Delete(message) => {
                        changes::delete(ui, view, message);
                        false
                    }
                    Overlay::Versions(_, versions) => {
                        changes::versions(ui, view, versions);
                        false
                    }
                })
                .inner;
            footer(ui, view, overlay, entered, actions);
        });
    widget::settle(ui.ctx(), &modal.response);
    if modal.backdrop_response.clicked() {
        actions.push(close(overlay));
    }
}

/// Changes when another dialog, or another page of one, comes.
fn kind_of(overlay: &Overlay) -> Kind {
    let page = match overlay {
        Overlay::Administration(pages) => Some(std::mem::discriminant(pages.page())),
        _ => None,
    };
    (std::mem::discriminant(overlay), page)
}

fn close(overlay: &Overlay) -> Action {
    match overlay {
        Overlay::SavePath { .. } => Action::Save(SaveAction::Drop),
        _ => Action::CloseOverlay,
    }
}

/// The title, and the button that closes.
fn heading(ui: &mut Ui, view: &View<'_>, overlay: &Overlay, actions: &mut Vec<Action>) {
    let texts = view.texts;
    let title = match overlay {
        Overlay::NewConversation {
            forwarded: Some(_), ..
        } => texts.get("forward.title").to_owned(),
        Overlay::NewConversation { .. } => texts.get("new.title").to_owned(),
        Overlay::SavePath { file, .. } => texts.get(file_key(*file)).to_owned(),
        Overlay::Settings => texts.get("settings.title").to_owned(),
        Overlay::Connection => texts.get("security.title").to_owned(),
        Overlay::Administration(pages) => administration::title(view, pages.page()),
        Overlay::Hosting => texts.get("hosting.title").to_owned(),
        Overlay::Leaving => texts.get("hosting.leave_title").to_owned(),
        Overlay::Shortcuts => texts.get("keys.title").to_owned(),
        Overlay::About => texts.get("about.title").to_owned(),
        Overlay::License(at) => about::name(*at).to_owned(),
        Overlay::Info { of, .. } => {
            let session = view.model.session.as_ref();
            texts.get(info::title(session, of)).to_owned()
        }
        Overlay::Day { of, .. } => texts.get(calendar::title(*of)).to_owned(),
        Overlay::Journey(_) => texts.get("journey.title").to_owned(),
        Overlay::Link(_) => texts.get("link_question.title").to_owned(),
        Overlay::Delete(_) => texts.get("delete.title").to_owned(),
        Overlay::Versions(..) => texts.get("versions.title").to_owned(),
    };
    ui.horizontal(|ui| {
        let back = match overlay {
            Overlay::Administration(_) => Some(Action::Page(PageAction::Back)),
            Overlay::About => Some(Action::Show(Overlay::Settings)),
            Overlay::License(_) => Some(Action::Show(Overlay::About)),
            _ => None,
        };
        if let Some(back) = back {
            let name = texts.get("dialog.back");
            if widget::icon_button(ui, view.palette, Icon::Back, name).clicked() {
                actions.push(back);
            }
        }
        let width = (ui.available_width() - space::CONTROL - space::SMALL).max(0.0);
        let ink = view.palette.text;
        let title = widget::one_line(&title, text::heading(), ink, width);
        ui.label(bidi::galley(ui, title));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let name = texts.get("dialog.close");
            if widget::icon_button(ui, view.palette, Icon::Close, name).clicked() {
                actions.push(close(overlay));
            }
        });
    });
    ui.add_space(space::TINY);
}

fn file_key(file: SavedFile) -> &'static str {
    match file {
        SavedFile::Picture | SavedFile::Journey => "save.picture",
        SavedFile::Transcript => "save.transcript",
        SavedFile::Messages => "selection.save",
        SavedFile::Report(ReportFormat::Text) => "save.conversation",
        SavedFile::Report(_) => "save.report",
    }
}

/// The height of [`footer`], with the space above it.
fn footer_height(view: &View<'_>, overlay: &Overlay) -> f32 {
    match overlay {
        Overlay::NewConversation { .. }
        | Overlay::SavePath { .. }
        | Overlay::Journey(_)
        | Overlay::Delete(_)
        | Overlay::Link(_) => space::MEDIUM + space::CONTROL + 2.0 * space::SMALL,
        Overlay::Administration(pages) if administration::has_footer(pages.page()) => {
            space::MEDIUM + space::CONTROL + 2.0 * space::SMALL
        }
        Overlay::Hosting if hosting::has_footer(view) => {
            space::MEDIUM + space::CONTROL + 2.0 * space::SMALL
        }
        Overlay::Settings
        | Overlay::Connection
        | Overlay::Administration(_)
        | Overlay::Hosting
        | Overlay::Leaving
        | Overlay::Shortcuts
        | Overlay::About
        | Overlay::License(_)
        | Overlay::Versions(..)
        | Overlay::Day { .. }
        | Overlay::Info { .. } => 0.0,
    }
}

/// The dialog's buttons. `entered`: Enter was pressed in its field.
fn footer(
    ui: &mut Ui,
    view: &View<'_>,
    overlay: &Overlay,
    entered: bool,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    if let Overlay::Administration(pages) = overlay {
        administration::footer(ui, view, pages, entered, actions);
        return;
    }
    if let Overlay::Hosting = overlay {
        hosting::footer(ui, view, entered, actions);
        return;
    }
    let (accept, accepted) = match overlay {
        Overlay::NewConversation { forwarded, .. } => {
            let name = match forwarded {
                Some(_) => "forward.choose",
                None => "new.start",
            };
            (texts.get(name), Action::StartConversation)
        }
        Overlay::SavePath { .. } => (texts.get("save.save"), Action::Save(SaveAction::There)),
        Overlay::Journey(_) => (
            texts.get("journey.save"),
            Action::Save(SaveAction::Take(SavedFile::Journey)),
        ),
        Overlay::Link(destination) => (
            texts.get("link_question.open"),
            Action::OpenLink(destination.url.clone()),
        ),
        Overlay::Delete(message) => (texts.get("delete.delete"), Action::Delete(message.id)),
        Overlay::Settings
        | Overlay::Connection
        | Overlay::Administration(_)
        | Overlay::Hosting
        | Overlay::Leaving
        | Overlay::Shortcuts
        | Overlay::About
        | Overlay::License(_)
        | Overlay::Versions(..)
        | Overlay::Day { .. }
        | Overlay::Info { .. } => return,
    };
    ui.add_space(space::MEDIUM);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if matches!(overlay, Overlay::Journey(_)) {
                if widget::plain_button(ui, accept).clicked() {
                    actions.push(accepted);
                }
                return;
            }
            let is_enabled = !asks_for_nobody(view, overlay);
            let accept = ui.add_enabled_ui(is_enabled, |ui| match overlay {
                // It is not what the dialog advises.
                Overlay::Link(_) | Overlay::Delete(_) => widget::plain_button(ui, accept).clicked(),
                _ => widget::primary_button(ui, palette, accept).clicked(),
            });
            if accept.inner || entered {
                actions.push(accepted);
            }
            if widget::plain_button(ui, texts.get("dialog.cancel")).clicked() {
                actions.push(close(overlay));
            }
        });
    });
}

/// Says that no name matches.
fn asks_for_nobody(view: &View<'_>, overlay: &Overlay) -> bool {
    let Overlay::NewConversation { login, .. } = overlay else {
        return false;
    };
    let session = view.model.session.as_ref();
    session.is_some_and(|session| session.is_nobody(login))
}

/// A dialog with one field. True if Enter was pressed in it.
fn question(
    ui: &mut Ui,
    view: &View<'_>,
    overlay: &Overlay,
    just_opened: bool,
    room: f32,
    actions: &mut Vec<Action>,
) -> bool {
    let (texts, palette) = (view.texts, view.palette);
    let (advice, label, hint, value, problem) = match overlay {
        Overlay::SavePath { path, problem, .. } => (
            texts.get("save.advice"),
            texts.get("save.path"),
            "",
            path,
            problem
                .as_ref()
                .map(|problem| error_text::save(texts, problem)),
        ),
        Overlay::NewConversation {
            login,
            problem,
            forwarded,
            ..
        } => (
            texts.get(match forwarded {
                Some(_) => "forward.advice",
                None => "new.advice",
            }),
            texts.get("new.name"),
            texts.get("new.hint"),
            login,
            problem.as_ref().map(|p| error_text::login(texts, p)),
        ),
        Overlay::Settings
        | Overlay::Connection
        | Overlay::Administration(_)
        | Overlay::Hosting
        | Overlay::Leaving
        | Overlay::Shortcuts
        | Overlay::About
        | Overlay::License(_)
        | Overlay::Info { .. }
        | Overlay::Day { .. }
        | Overlay::Journey(_)
        | Overlay::Delete(_)
        | Overlay::Versions(..)
        | Overlay::Link(_) => return false,
    };
    let top = ui.cursor().top();
    ui.label(
        RichText::new(advice)
            .font(text::body())
            .color(palette.text_weak),
    );
    ui.add_space(space::SMALL);
    // Before the field can take them.
    let steps = if ui.memory(|memory| memory.has_focus(widget::field_id(ui, FIELD))) {
        list_navigation::steps(ui)
    } else {
        0
    };
    let (typed, field) = widget::field(ui, palette, FIELD, label, value, hint, problem.as_deref());
    actions.extend(typed.map(Action::EditOverlay));
    if just_opened {
        field.request_focus();
    }
    let entered = field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    if entered {
        // Still there if it was not accepted.
        field.request_focus();
    }
    if let Overlay::NewConversation { login, gone_to, .. } = overlay {
        let room = (room - (ui.cursor().top() - top) - space::MEDIUM).max(0.0);
        ui.scope(|ui| people::show(ui, view, (login, *gone_to), steps, room, actions));
    }
    entered
}

/// The way of a message, as far as it is known by now.
fn journey(ui: &mut Ui, view: &View<'_>, message: &Message) {
    let Some(session) = &view.model.session else {
        return;
    };
    let timeline = session.timeline();
    let known = timeline.and_then(|known| known.get(known.index_of(message.id)?));
    journey::show(ui, view, session, known.unwrap_or(message));
}
