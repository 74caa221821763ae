//! The server on this computer: starting it, how others join, stopping it.

mod form;
mod problem;
mod running;

use egui::{Align, Layout, RichText, Ui};

use super::{View, setting_row, widget};
use crate::{
    engine::{Host, HostProblem},
    model::{Action, HostAction, HostState, Hosted, Overlay},
    theme::{space, text},
};

/// The row of the settings, for whoever has started a server.
pub fn setting(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    if view.model.preferences.hosted.is_some()
        && setting_row::deed(ui, view.palette, view.texts.get("hosting.title"), "")
    {
        actions.push(Action::Show(Overlay::Hosting));
    }
}

/// What the dialog shows.
enum Shown<'a> {
    /// The form; there may be a server already, which somebody else or another profile has started.
    Form,
    /// Something is being done: the key of a sentence.
    Busy(&'static str),
    Running(&'a Host),
    Crashed,
    Failed(&'a HostProblem),
}

fn shown<'a>(view: &View<'a>) -> Shown<'a> {
    let model = view.model;
    match &model.hosting.state {
        HostState::Starting => Shown::Busy("hosting.starting"),
        HostState::Stopping => Shown::Busy("hosting.stopping"),
        HostState::Running(host) if model.preferences.hosted.is_some() => Shown::Running(host),
        HostState::Running(_) | HostState::Unknown | HostState::NotRunning { .. } => Shown::Form,
        HostState::Crashed { .. } => Shown::Crashed,
        HostState::Failed(problem) => Shown::Failed(problem),
    }
}

/// The dialog's contents. True if Enter was pressed in its field.
pub fn show(ui: &mut Ui, view: &View<'_>, just_opened: bool, actions: &mut Vec<Action>) -> bool {
    match shown(view) {
        Shown::Form => return form::show(ui, view, just_opened, actions),
        Shown::Busy(key) => sentence(ui, view, view.texts.get(key)),
        Shown::Running(host) => running::show(ui, view, host, actions),
        Shown::Crashed => problem::crashed(ui, view, actions),
        Shown::Failed(problem) => problem::failed(ui, view, problem, actions),
    }
    false
}

/// Whether the dialog has buttons below its contents.
pub fn has_footer(view: &View<'_>) -> bool {
    !matches!(shown(view), Shown::Busy(_))
}

/// The dialog's buttons. `entered`: Enter was pressed in its field.
pub fn footer(ui: &mut Ui, view: &View<'_>, entered: bool, actions: &mut Vec<Action>) {
    let model = view.model;
    let (name, action, cancel) = match shown(view) {
        Shown::Busy(_) => return,
        Shown::Form => {
            let name = match model.hosting.running() {
                Some(_) => "login.sign_in",
                None => "hosting.start",
            };
            let action = Some(Action::Host(HostAction::Start));
            (name, action, Some(Action::CloseOverlay))
        }
        Shown::Running(_) => match is_signed_in(view) {
            true => (
                "hosting.people",
                is_administrator(view).then(|| Action::Show(Overlay::add_users())),
                None,
            ),
            false => (
                "login.sign_in",
                Some(Action::Host(HostAction::StartAgain(None))),
                None,
            ),
        },
        Shown::Crashed | Shown::Failed(HostProblem::PortTaken { .. }) => {
            let again = Action::Host(HostAction::StartAgain(None));
            ("hosting.again", Some(again), Some(Action::CloseOverlay))
        }
        Shown::Failed(_) => {
            let back = Action::Host(HostAction::Back);
            ("hosting.try_again", Some(back), Some(Action::CloseOverlay))
        }
    };
    ui.add_space(space::MEDIUM);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let Some(action) = action else {
                return;
            };
            // The contents have a better choice where the port is taken.
            let is_main = !matches!(shown(view), Shown::Failed(HostProblem::PortTaken { .. }));
            let name = view.texts.get(name);
            let clicked = match is_main {
                true => widget::primary_button(ui, view.palette, name).clicked(),
                false => widget::plain_button(ui, name).clicked(),
            };
            if clicked || entered {
                actions.push(action);
            }
            if let Some(cancel) = cancel
                && widget::plain_button(ui, view.texts.get("dialog.cancel")).clicked()
            {
                actions.push(cancel);
            }
        });
    });
}

/// Asks whether the server is to go on without the app.
pub fn leaving(ui: &mut Ui, view: &View<'_>, just_opened: bool, actions: &mut Vec<Action>) {
    let texts = view.texts;
    if view.model.hosting.is_leaving {
        sentence(ui, view, texts.get("hosting.stopping"));
        return;
    }
    sentence(ui, view, texts.get("hosting.leave"));
    ui.add_space(space::SMALL);
    let keep = wide(ui, |ui| {
        widget::primary_button(ui, view.palette, texts.get("hosting.leave_keep"))
    });
    if just_opened {
        keep.request_focus();
    }
    if keep.clicked() {
        actions.push(Action::Quit);
    }
    let stop = wide(ui, |ui| {
        widget::plain_button(ui, texts.get("hosting.leave_stop"))
    });
    if stop.clicked() {
        actions.push(Action::Host(HostAction::StopAndQuit));
    }
}

/// A button that is as wide as the dialog: its words may be long.
fn wide(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> egui::Response) -> egui::Response {
    ui.with_layout(Layout::top_down_justified(Align::Center), add)
        .inner
}

fn is_signed_in(view: &View<'_>) -> bool {
    let session = view.model.session.as_ref();
    let hosted: Option<&Hosted> = view.model.preferences.hosted.as_ref();
    let both = session.zip(hosted);
    both.is_some_and(|(session, hosted)| hosted.has(&session.account))
}

fn is_administrator(view: &View<'_>) -> bool {
    let session = view.model.session.as_ref();
    session.is_some_and(|session| session.rights().is_administrator)
}

fn sentence(ui: &mut Ui, view: &View<'_>, words: &str) {
    let words = RichText::new(words).font(text::body());
    ui.label(words.color(view.palette.text_weak));
    ui.add_space(space::TINY);
}

fn strong(ui: &mut Ui, view: &View<'_>, words: &str) {
    let words = RichText::new(words).font(text::strong());
    ui.label(words.color(view.palette.text));
    ui.add_space(space::TINY);
}
