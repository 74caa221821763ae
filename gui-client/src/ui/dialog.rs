use egui::{Align, Frame, Grid, Id, Layout, Margin, Modal, RichText, ScrollArea, Ui};

use super::{
    Focus, UiState, View, icon::Icon, journey, keys, login::login_problem, people, preferences,
    trouble, widget,
};
use crate::{
    engine::{Message, ReportFormat},
    model::{Action, InspectAction, Overlay, SaveAction, SavedFile},
    theme::{space, text},
};

/// Height of the window that a dialog leaves free, with its own margins.
const AROUND: f32 = 72.0;

/// The dialog over everything else.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    screen: egui::Rect,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let kind = view.model.overlay.as_ref().map(std::mem::discriminant);
    let just_opened = kind.is_some() && kind != state.dialog;
    if kind.is_none() && state.dialog.is_some() {
        state.focus.get_or_insert(Focus::Compose);
    }
    state.dialog = kind;
    let Some(overlay) = &view.model.overlay else {
        return;
    };
    let width = match overlay {
        Overlay::Settings | Overlay::Shortcuts => 440.0,
        Overlay::Journey(_) => 620.0,
        _ => 380.0,
    };
    let width = f32::min(width, screen.width() - 2.0 * space::LARGE);
    let frame = Frame::new()
        .fill(view.palette.raised)
        .stroke((1.0, view.palette.line))
        .corner_radius(space::CARD_CORNER)
        .shadow(view.palette.shadow())
        .inner_margin(Margin::same(20));
    let id = Id::unique("dialog");
    let height = screen.height() - AROUND;
    let modal = Modal::new(id)
        .area(Modal::default_area(id).default_height(height))
        .backdrop_color(view.palette.veil)
        .frame(frame)
        .show(ui.ctx(), |ui| {
            ui.set_width(width - 40.0);
            // Not the height of the last frame: a problem may just have been told.
            ui.set_max_height(height);
            ScrollArea::vertical()
                .max_height(height)
                .show(ui, |ui| match overlay {
                    Overlay::NewConversation { .. } | Overlay::SavePath { .. } => {
                        question(ui, view, overlay, just_opened, actions);
                    }
                    Overlay::Settings => settings(ui, view, actions),
                    Overlay::Shortcuts => shortcuts(ui, view, actions),
                    Overlay::Members(group) => {
                        let title = view
                            .texts
                            .fill("members.title", &[("name", group.as_str())]);
                        heading(ui, view, &title, actions, overlay);
                        ui.add_space(space::SMALL);
                        people::members(ui, view, group, actions);
                    }
                    Overlay::Journey(message) => journey(ui, view, message, actions),
                });
        });
    widget::settle(ui.ctx(), &modal.response);
    if modal.backdrop_response.clicked() {
        actions.push(close(overlay));
    }
}

fn close(overlay: &Overlay) -> Action {
    match overlay {
        Overlay::SavePath { .. } => Action::Save(SaveAction::Drop),
        _ => Action::CloseOverlay,
    }
}

/// A dialog with one field.
fn question(
    ui: &mut Ui,
    view: &View<'_>,
    overlay: &Overlay,
    just_opened: bool,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    let (title, advice, label, hint, value, problem, accept, accepted) = match overlay {
        Overlay::SavePath {
            file,
            path,
            problem,
        } => (
            texts.get(match file {
                SavedFile::Picture => "save.picture",
                SavedFile::Journey => "save.picture",
                SavedFile::Transcript => "save.transcript",
                SavedFile::Report(ReportFormat::Text) => "save.conversation",
                SavedFile::Report(_) => "save.report",
            }),
            texts.get("save.advice"),
            texts.get("save.path"),
            "",
            path,
            problem.as_ref().map(|p| trouble::save(texts, p)),
            texts.get("save.save"),
            Action::Save(SaveAction::There),
        ),
        Overlay::NewConversation { login, problem } => (
            texts.get("new.title"),
            texts.get("new.advice"),
            texts.get("new.login"),
            texts.get("new.hint"),
            login,
            problem.as_ref().map(|p| login_problem(texts, p)),
            texts.get("new.start"),
            Action::StartConversation,
        ),
        Overlay::Settings | Overlay::Shortcuts | Overlay::Members(_) | Overlay::Journey(_) => {
            return;
        }
    };
    let top = ui.cursor().top();
    heading(ui, view, title, actions, overlay);
    ui.label(
        RichText::new(advice)
            .font(text::body())
            .color(palette.text_weak),
    );
    ui.add_space(space::SMALL);
    let (typed, field) = widget::field(ui, palette, label, value, hint, problem.as_deref());
    actions.extend(typed.map(Action::EditOverlay));
    if just_opened {
        field.request_focus();
    }
    let entered = field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    if entered {
        // Still there if it was not accepted.
        field.request_focus();
    }
    if let Overlay::NewConversation { login, .. } = overlay {
        // The buttons below are to be seen too.
        let buttons = space::MEDIUM + space::CONTROL + space::SMALL;
        let height = ui.ctx().content_rect().height() - AROUND - buttons;
        let room = height - (ui.cursor().top() - top);
        ui.scope(|ui| people::show(ui, view, login, room, actions));
    }
    ui.add_space(space::MEDIUM);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if widget::primary_button(ui, palette, accept).clicked() || entered {
                actions.push(accepted);
            }
            if widget::plain_button(ui, texts.get("dialog.cancel")).clicked() {
                actions.push(close(overlay));
            }
        });
    });
}

fn settings(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    heading(
        ui,
        view,
        texts.get("settings.title"),
        actions,
        &Overlay::Settings,
    );
    preferences::all(ui, view, actions);
    ui.add_space(space::LARGE);
    ui.horizontal_wrapped(|ui| {
        if widget::plain_button(ui, texts.get("settings.picture")).clicked() {
            actions.push(Action::CloseOverlay);
            actions.push(Action::Save(SaveAction::Take(SavedFile::Picture)));
        }
        if widget::plain_button(ui, texts.get("wire.open")).clicked() {
            actions.push(Action::CloseOverlay);
            actions.push(Action::Inspect(InspectAction::Toggle));
        }
        if widget::plain_button(ui, texts.get("keys.title")).clicked() {
            actions.push(Action::Show(Overlay::Shortcuts));
        }
        if let Some(session) = &view.model.session {
            let login = session.account.login.as_str();
            let label = texts.fill("settings.sign_out", &[("login", login)]);
            if widget::plain_button(ui, &label).clicked() {
                actions.push(Action::SignOut);
            }
        }
    });
    ui.add_space(space::SMALL);
    let version = texts.fill(
        "settings.version",
        &[("version", env!("CARGO_PKG_VERSION"))],
    );
    ui.label(
        RichText::new(version)
            .font(text::tiny())
            .color(palette.text_weak),
    );
}

/// The way of a message, as far as it is known by now.
fn journey(ui: &mut Ui, view: &View<'_>, message: &Message, actions: &mut Vec<Action>) {
    let texts = view.texts;
    let Some(session) = &view.model.session else {
        return;
    };
    let timeline = session.timeline();
    let known = timeline.and_then(|known| known.get(known.index_of(message.id)?));
    let overlay = view.model.overlay.as_ref().unwrap_or(&Overlay::Settings);
    heading(ui, view, texts.get("journey.title"), actions, overlay);
    ui.add_space(space::SMALL);
    journey::show(ui, view, session, known.unwrap_or(message));
    ui.add_space(space::MEDIUM);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if widget::plain_button(ui, texts.get("journey.save")).clicked() {
                actions.push(Action::Save(SaveAction::Take(SavedFile::Journey)));
            }
        });
    });
}

fn shortcuts(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    heading(
        ui,
        view,
        texts.get("keys.title"),
        actions,
        &Overlay::Shortcuts,
    );
    Grid::new("shortcuts")
        .num_columns(2)
        .min_row_height(20.0)
        .spacing([space::LARGE, space::SMALL])
        .show(ui, |ui| {
            for (keys, what) in keys::SHEET {
                ui.label(
                    RichText::new(*keys)
                        .font(text::tiny_strong())
                        .color(palette.text),
                );
                let what = RichText::new(texts.get(what)).font(text::small());
                ui.add(egui::Label::new(what.color(palette.text_weak)).wrap());
                ui.end_row();
            }
        });
}

fn heading(
    ui: &mut Ui,
    view: &View<'_>,
    title: &str,
    actions: &mut Vec<Action>,
    overlay: &Overlay,
) {
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(title)
                .font(text::heading())
                .color(view.palette.text),
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let name = view.texts.get("dialog.close");
            if widget::icon_button(ui, view.palette, Icon::Close, name).clicked() {
                actions.push(close(overlay));
            }
        });
    });
}
