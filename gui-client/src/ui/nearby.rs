//! The servers nearby, on the sign-in card.

use egui::{Align2, RichText, Sense, Ui, Vec2, vec2};

use super::{View, bidi, icon::Icon, widget};
use crate::{
    engine::ServerAddress,
    model::{Action, NearbyServer},
    theme::{space, text},
};

const ROW_HEIGHT: f32 = 44.0;
const SIGN: f32 = 36.0;

/// The list; with none found, it says that they are looked for. A chosen one goes into the server field.
pub fn show(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let Some(nearby) = &view.model.nearby else {
        return;
    };
    let (texts, palette) = (view.texts, view.palette);
    let weak = |words: &str| {
        RichText::new(words)
            .font(text::small())
            .color(palette.text_weak)
    };
    ui.add_space(space::MEDIUM);
    ui.label(weak(texts.get("nearby.title")));
    ui.spacing_mut().item_spacing.y = 2.0;
    if nearby.servers.is_empty() {
        // As high as a row: the first server moves nothing.
        let size = vec2(ui.available_width(), ROW_HEIGHT);
        let words = texts.get("nearby.looking");
        let (rect, shown) = ui.allocate_exact_size(size, Sense::hover());
        shown.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, words));
        let line = widget::one_line(words, text::small(), palette.text_weak, rect.width());
        let galley = bidi::galley(ui, line);
        ui.painter()
            .galley(rect.left_top() + vec2(0.0, 4.0), galley, palette.text_weak);
        return;
    }
    for server in &nearby.servers {
        row(ui, view, server, actions);
    }
    if nearby.has_lookalikes {
        ui.add_space(space::TINY);
        ui.label(weak(texts.get("nearby.alike")));
    }
}

fn row(ui: &mut Ui, view: &View<'_>, server: &NearbyServer, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let is_chosen = ServerAddress::parse(&view.model.login.server)
        .is_ok_and(|address| address.to_string() == server.address);
    let mut about = vec![server.address.as_str()];
    about.extend(server.is_here.then(|| texts.get("nearby.here")));
    about.extend(server.is_closed.then(|| texts.get("nearby.closed")));
    let about = about.join(" · ");
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let (rect, row) = ui.allocate_exact_size(size, Sense::click());
    let values = [("name", server.name.as_str()), ("about", about.as_str())];
    let name = texts.fill("nearby.choose", &values);
    row.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_chosen, &name));
    if row.hovered() || row.has_focus() {
        let corner = space::CONTROL_CORNER;
        ui.painter().rect_filled(rect, corner, palette.hover);
    }
    widget::focus_inside(ui, palette, &row, rect, space::CONTROL_CORNER);
    let center = rect.left_center() + vec2(8.0 + SIGN / 2.0, 0.0);
    widget::sign_avatar(ui.painter(), palette, center, SIGN, Icon::Server);
    let mark = Align2::RIGHT_CENTER.align_size_within_rect(Vec2::splat(SIGN), rect);
    if is_chosen {
        Icon::Check.paint(ui.painter(), mark.center(), 18.0, palette.accent);
    }
    let left = rect.left() + 8.0 + SIGN + 12.0;
    let width = mark.left() - left - 4.0;
    for (line, font, ink, y) in [
        (server.name.as_str(), text::strong(), palette.text, -18.0),
        (about.as_str(), text::small(), palette.text_weak, 1.0),
    ] {
        let galley = bidi::galley(ui, widget::one_line(line, font, ink, width));
        let at = egui::pos2(left, rect.center().y + y);
        ui.painter().galley(at, galley, ink);
    }
    if row.clicked() {
        // The user field takes it, if it is empty.
        row.surrender_focus();
        actions.push(Action::EditServer(server.address.clone()));
    }
}
