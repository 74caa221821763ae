//! The menu of a message, and the selected part of it.

use egui::{
    Context, FullOutput, OutputCommand, Plugin, Response, Sense, Ui, response::Flags,
    text_selection::LabelSelectionState,
};

use crate::{
    engine::{Message, Peer},
    markup,
    model::{Action, Overlay},
    ui::{View, widget},
};

/// The last selection, as egui reports it.
#[derive(Debug, Default)]
struct SelectedText(String);

impl Plugin for SelectedText {
    fn debug_name(&self) -> &'static str {
        "selected text of messages"
    }

    fn output_hook(&mut self, _: &Context, output: &mut FullOutput) {
        for command in &output.platform_output.commands {
            if let OutputCommand::TextSelectionSettled(text) = command {
                self.0.clone_from(text);
            }
        }
    }
}

/// The selection when a menu was opened: a click in the menu ends it.
#[derive(Clone, Debug, Default)]
struct Aim {
    selected: Option<String>,
    link: Option<String>,
}

/// Begins to track the selection.
pub fn watch_selection(ui: &Ui) {
    ui.ctx().plugin_or_default::<SelectedText>();
}

/// The response of a message's text without the secondary button, so that opening the menu does not change the selection. Whoever
/// selects messages does not select parts of their texts.
pub fn for_selection(ui: &Ui, response: &Response, is_selecting: bool) -> Response {
    let mut response = response.clone();
    let is_for_menu = ui.input(|input| {
        let pointer = &input.pointer;
        pointer.secondary_down() || pointer.secondary_released()
    });
    if is_for_menu || is_selecting {
        response.sense = Sense::hover();
        response.flags.remove(Flags::IS_POINTER_BUTTON_DOWN_ON);
    }
    response
}

/// Shows the menu; `link` is the link under the pointer.
pub fn show(
    ui: &Ui,
    view: &View<'_>,
    message: &Message,
    response: &Response,
    link: Option<&str>,
    actions: &mut Vec<Action>,
) {
    let (_, said) = markup::split_quote(message.text.as_str());
    let id = response.id.with("aim");
    if response.secondary_clicked() {
        let aim = Aim {
            selected: selected_in(ui, &markup::plain(said)),
            link: link.map(str::to_owned).or_else(|| first_link(said)),
        };
        ui.data_mut(|data| data.insert_temp(id, aim));
    }
    response.context_menu(|ui| {
        widget::menu(ui);
        let aim: Aim = ui.data(|data| data.get_temp(id)).unwrap_or_default();
        if message.with != Peer::Server && ui.button(view.texts.get("chat.reply")).clicked() {
            actions.push(Action::Reply(message.clone()));
            ui.close();
        }
        let session = view.model.session.as_ref();
        let may_change = session.is_some_and(|session| session.may_change(message));
        if may_change && ui.button(view.texts.get("chat.edit")).clicked() {
            actions.push(Action::Edit(message.clone()));
            ui.close();
        }
        if ui.button(view.texts.get("chat.forward")).clicked() {
            actions.push(Action::Show(Overlay::forward(said.to_owned())));
            ui.close();
        }
        if ui.button(view.texts.get("selection.begin")).clicked() {
            actions.push(Action::Select(Box::new(message.clone())));
            ui.close();
        }
        if let Some(selected) = aim.selected {
            copy(ui, view.texts.get("chat.copy_selected"), selected);
        }
        copy(ui, view.texts.get("chat.copy"), markup::plain(said));
        if let Some(link) = aim.link {
            copy(ui, view.texts.get("chat.copy_link"), link);
        }
        if message.edited.is_some() && ui.button(view.texts.get("chat.versions")).clicked() {
            actions.push(Action::ShowVersions(message.id));
            ui.close();
        }
        if may_change && ui.button(view.texts.get("chat.delete")).clicked() {
            actions.push(Action::Show(Overlay::Delete(Box::new(message.clone()))));
            ui.close();
        }
        if message.is_own() && ui.button(view.texts.get("journey.open")).clicked() {
            actions.push(Action::Show(Overlay::Journey(Box::new(message.clone()))));
            ui.close();
        }
    });
}

fn copy(ui: &mut Ui, name: &str, text: String) {
    if ui.button(name).clicked() {
        ui.ctx().copy_text(text);
        ui.close();
    }
}

/// The selected part of this text; `None` if all of it or nothing is selected.
fn selected_in(ui: &Ui, text: &str) -> Option<String> {
    let is_any = ui
        .ctx()
        .plugin::<LabelSelectionState>()
        .lock()
        .has_selection();
    let selected = ui
        .ctx()
        .plugin_or_default::<SelectedText>()
        .lock()
        .0
        .clone();
    let is_part = is_any && selected != text && text.contains(&selected);
    Some(selected).filter(|selected| is_part && !selected.is_empty())
}

/// The first link of a message, as shown.
pub fn first_link(said: &str) -> Option<String> {
    let shown = markup::plain(said);
    let link = markup::find_links(&shown).into_iter().next()?;
    Some(shown[link].to_owned())
}
