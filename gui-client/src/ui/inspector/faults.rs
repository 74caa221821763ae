//! Faults of the app's own link, made on purpose to see how the protocol copes.

use std::time::Duration;

use egui::{Frame, Label, Margin, RichText, Ui, Vec2};

use crate::{
    engine::{Fault, MessageFault},
    model::{Action, InspectAction},
    theme::{space, text},
    ui::{View, widget},
};

/// How long the link can be held. The longer time is more than the app waits for an answer.
const HOLDS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// The buttons, on a ground that warns while anything is disturbed.
pub(super) fn show(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let active = view.model.inspector.faults;
    let is_active = active.held_until.is_some() || active.next_message.is_some();
    let (palette, texts) = (view.palette, view.texts);
    let fill = match is_active {
        true => palette.warning,
        false => palette.panel,
    };
    let mut disturb = |fault| actions.push(Action::Inspect(InspectAction::Disturb(fault)));
    let margin = Margin::symmetric(space::LARGE as i8, space::SMALL as i8);
    Frame::new().fill(fill).inner_margin(margin).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing = Vec2::splat(6.0);
        let session = view.model.session.as_ref();
        let is_online = session.is_some_and(|session| session.link.is_online());
        ui.add_enabled_ui(is_online, |ui| {
            ui.horizontal_wrapped(|ui| {
                name(ui, view, "fault.link");
                if widget::small_button(ui, palette, texts.get("fault.cut")).clicked() {
                    disturb(Some(Fault::Cut));
                }
                if let Some(until) = active.held_until {
                    let left = until.saturating_duration_since(view.instant);
                    let seconds = left.as_secs_f32().ceil().to_string();
                    let sentence = texts.fill("fault.held", &[("count", &seconds)]);
                    let sentence = RichText::new(sentence).font(text::small_strong());
                    ui.label(sentence.color(palette.warning_text));
                    ui.ctx().request_repaint_after(Duration::from_secs(1));
                    return;
                }
                for time in HOLDS {
                    let seconds = time.as_secs().to_string();
                    let label = texts.fill("fault.hold", &[("count", &seconds)]);
                    if widget::small_button(ui, palette, &label).clicked() {
                        disturb(Some(Fault::Hold(time)));
                    }
                }
            });
        });
        name(ui, view, "fault.next");
        let all = [
            (None, "fault.none"),
            (Some(MessageFault::Drop), "fault.drop"),
            (Some(MessageFault::Double), "fault.double"),
            (Some(MessageFault::Split), "fault.split"),
            (Some(MessageFault::LoseAnswer), "fault.lose_answer"),
        ]
        .map(|(choice, key)| (choice, texts.get(key).to_owned()));
        if let Some(choice) = widget::choices(ui, palette, active.next_message, &all) {
            disturb(Some(Fault::NextMessage(choice)));
        }
        if is_active && widget::small_button(ui, palette, texts.get("fault.end")).clicked() {
            disturb(None);
        }
        remark(ui, view, "fault.about");
        if session.is_some_and(|session| !session.live) {
            remark(ui, view, "fault.classic");
        }
    });
}

fn name(ui: &mut Ui, view: &View<'_>, key: &str) {
    let name = RichText::new(view.texts.get(key)).font(text::small());
    ui.label(name.color(view.palette.text));
}

fn remark(ui: &mut Ui, view: &View<'_>, key: &str) {
    let remark = RichText::new(view.texts.get(key)).font(text::tiny());
    ui.add(Label::new(remark.color(view.palette.text_weak)).wrap());
}
