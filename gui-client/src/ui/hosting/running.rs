//! A server that runs: how others join, and how it is stopped.

use std::net::SocketAddr;

use egui::{Frame, Margin, RichText, Ui};

use super::{is_administrator, is_signed_in, sentence, strong};
use crate::{
    engine::Host,
    model::{Action, HostAction, SaveAction},
    theme::{space, text},
    ui::{View, setting_row, widget},
};

pub(super) fn show(ui: &mut Ui, view: &View<'_>, host: &Host, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    strong(ui, view, texts.get("hosting.running"));
    addresses(ui, view, host);
    let join = match (is_administrator(view), host.is_closed) {
        (false, _) if is_signed_in(view) => "hosting.no_administrator",
        (false, _) => "hosting.sign_in",
        (true, true) => "hosting.join_closed",
        (true, false) => "hosting.join_open",
    };
    sentence(ui, view, texts.get(join));
    sentence(ui, view, texts.get("hosting.goes_on"));
    if cfg!(windows) {
        sentence(ui, view, texts.get("hosting.firewall"));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.add_space(space::SMALL);
    setting_row::line(ui, palette);
    ui.add_space(space::SMALL);
    if setting_row::deed(ui, palette, texts.get("hosting.log"), "") {
        actions.push(Action::Save(SaveAction::Open(host.log.clone())));
    }
    if setting_row::ending(ui, palette, texts.get("hosting.stop")) {
        actions.push(Action::Host(HostAction::Stop));
    }
}

/// Where others find the server.
fn addresses(ui: &mut Ui, view: &View<'_>, host: &Host) {
    let (texts, palette) = (view.texts, view.palette);
    let addresses = host.addresses.iter();
    let addresses: Vec<_> = addresses
        .map(|address| SocketAddr::new(*address, host.port).to_string())
        .collect();
    let Some(first) = addresses.first() else {
        sentence(ui, view, texts.get("hosting.no_network"));
        return;
    };
    sentence(ui, view, &texts.count("hosting.reach", addresses.len()));
    Frame::new()
        .fill(palette.field)
        .corner_radius(space::CONTROL_CORNER)
        .inner_margin(Margin::symmetric(space::MEDIUM as i8, space::SMALL as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            for address in &addresses {
                let address = RichText::new(address).font(text::wire());
                ui.label(address.color(palette.text));
            }
        });
    if widget::link_button(ui, palette, texts.get("hosting.copy")).clicked() {
        ui.ctx().copy_text(first.clone());
    }
    ui.add_space(space::SMALL);
}
