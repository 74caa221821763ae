//! Why the server does not run, and what to do about it.

use std::path::Path;

use egui::{RichText, Ui};

use super::{sentence, strong, wide};
use crate::{
    engine::HostProblem,
    model::{Action, HostAction, HostState, SaveAction},
    texts::Texts,
    theme::{space, text},
    ui::{View, widget},
};

/// The server has ended by itself.
pub(super) fn crashed(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let texts = view.texts;
    let HostState::Crashed { said, log } = &view.model.hosting.state else {
        return;
    };
    strong(ui, view, texts.get("hosting.crashed"));
    sentence(ui, view, texts.get("hosting.crashed_safe"));
    if !said.is_empty() {
        sentence(ui, view, &texts.fill("hosting.says", &[("words", said)]));
    }
    open_log(ui, view, log, actions);
}

/// What was wanted was not done.
pub(super) fn failed(
    ui: &mut Ui,
    view: &View<'_>,
    problem: &HostProblem,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    let words = RichText::new(said(texts, problem)).font(text::body());
    ui.label(words.color(palette.danger_text));
    match problem {
        HostProblem::PortTaken { port, free } => {
            ui.add_space(space::SMALL);
            if let Some(free) = free {
                let name = texts.fill("hosting.use_port", &[("port", &free.to_string())]);
                if wide(ui, |ui| widget::primary_button(ui, palette, &name)).clicked() {
                    actions.push(Action::Host(HostAction::StartAgain(Some(*free))));
                }
            }
            let name = texts.fill("hosting.join_other", &[("port", &port.to_string())]);
            if wide(ui, |ui| widget::plain_button(ui, &name)).clicked() {
                actions.push(Action::Host(HostAction::JoinOther(*port)));
            }
        }
        HostProblem::NoProgram { .. } if cfg!(target_os = "linux") => {
            sentence(ui, view, texts.get("hosting.no_program_linux"));
        }
        HostProblem::Refused { log: Some(log), .. } => open_log(ui, view, log, actions),
        _ => {}
    }
}

fn open_log(ui: &mut Ui, view: &View<'_>, log: &Path, actions: &mut Vec<Action>) {
    let path = log.display().to_string();
    sentence(
        ui,
        view,
        &view.texts.fill("hosting.log_at", &[("path", &path)]),
    );
    if widget::link_button(ui, view.palette, view.texts.get("hosting.log")).clicked() {
        actions.push(Action::Save(SaveAction::Open(log.to_owned())));
    }
}

fn said(texts: &Texts, problem: &HostProblem) -> String {
    let shown = |path: &Path| path.display().to_string();
    match problem {
        HostProblem::NoProgram { folder } => {
            texts.fill("hosting.no_program", &[("folder", &shown(folder))])
        }
        HostProblem::NotRun { program, why } => texts.fill(
            "hosting.not_run",
            &[("path", &shown(program)), ("why", why)],
        ),
        HostProblem::NoPlace => texts.get("hosting.no_place").to_owned(),
        HostProblem::PortTaken { port, .. } => {
            texts.fill("hosting.port_taken", &[("port", &port.to_string())])
        }
        HostProblem::InUse { data } => texts.fill("hosting.in_use", &[("path", &shown(data))]),
        HostProblem::Refused { said, .. } => texts.fill("hosting.refused", &[("words", said)]),
        HostProblem::NoThread => texts.get("hosting.no_thread").to_owned(),
    }
}
