//! The devices of a user.

use egui::{Rect, RichText, Role, ScrollArea, Sense, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2};
use mensageiro_protocol::Login;

use super::{Draw, sentence};
use crate::{
    engine::{Device, Request},
    model::{Action, Page, PageAction},
    texts::{moment, row_time},
    theme::{space, text},
    ui::{View, icon::Icon, row, setting_row, widget},
};

/// How high the row of a device is.
const DEVICE: f32 = 52.0;

/// Each device with its name and when it was used, and what takes it its access.
pub fn list(
    ui: &mut Ui,
    draw: &Draw<'_>,
    of: &Login,
    devices: Option<&[Device]>,
    actions: &mut Vec<Action>,
) {
    let (view, top) = (draw.view, ui.cursor().top());
    let texts = view.texts;
    let is_own = view.is_me(of.as_str());
    if is_own {
        sentence(ui, view, texts.get("devices.advice"));
    }
    let Some(devices) = devices else {
        let key = match draw.pages.is_waiting() {
            true => "devices.asking",
            false => "devices.not_here",
        };
        sentence(ui, view, texts.get(key));
        let again = texts.get("refused.again");
        if !draw.pages.is_waiting() && widget::plain_button(ui, again).clicked() {
            let request = Request::Devices(of.clone());
            actions.push(Action::Page(PageAction::Ask(request)));
        }
        return;
    };
    if devices.is_empty() {
        sentence(ui, view, texts.get("devices.none"));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    // What stands below the list.
    let below = if is_own {
        space::CONTROL + 2.0 * space::SMALL + 1.0
    } else {
        0.0
    };
    let height = (draw.room - (ui.cursor().top() - top) - below).max(DEVICE);
    ScrollArea::vertical()
        .id_salt("devices")
        .max_height(height)
        .auto_shrink([false, true])
        .show_rows(ui, DEVICE, devices.len(), |ui, range| {
            for device in &devices[range] {
                device_row(ui, view, of, device, actions);
            }
        });
    if is_own {
        ui.add_space(space::SMALL);
        setting_row::line(ui, view.palette);
        ui.add_space(space::SMALL);
        if setting_row::deed(ui, view.palette, texts.get("key.add"), "") {
            let page = Page::AddKey {
                name: String::new(),
            };
            actions.push(Action::Page(PageAction::Open(page)));
        }
    }
}

fn device_row(
    ui: &mut Ui,
    view: &View<'_>,
    of: &Login,
    device: &Device,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    let size = vec2(ui.available_width(), DEVICE);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let (name, about) = (name(view, device), about(view, device));
    let label = texts.fill("new.person", &[("name", &name), ("about", &about)]);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
    let center = rect.left_center() + Vec2::new(18.0, 0.0);
    let icon = match device.is_program {
        true => Icon::Program,
        false => Icon::Device,
    };
    icon.paint(ui.painter(), center, 24.0, palette.text_weak);
    let button = Rect::from_center_size(
        pos2(rect.right() - space::CONTROL / 2.0, rect.center().y),
        Vec2::splat(space::CONTROL),
    );
    let left = center.x + 26.0;
    let width = button.left() - space::SMALL - left;
    let lines = [
        (name.as_str(), text::strong(), palette.text),
        (about.as_str(), text::small(), palette.text_weak),
    ];
    row::lines(
        ui,
        &ui.painter_at(rect),
        (left, width),
        rect.center().y,
        lines,
    );
    response.on_hover_text(when(view, device));
    let revoke = texts.fill("devices.revoke_name", &[("name", &name)]);
    let builder = UiBuilder::new().max_rect(button);
    let clicked = ui.scope_builder(builder, |ui| {
        widget::icon_button(ui, palette, Icon::Close, &revoke).clicked()
    });
    if clicked.inner {
        let (of, device) = (of.clone(), device.clone());
        actions.push(Action::Page(PageAction::Open(Page::Revoke { of, device })));
    }
}

/// The question whether to take a device its access.
pub fn question(ui: &mut Ui, draw: &Draw<'_>, of: &Login, device: &Device) {
    let view = draw.view;
    let key = match (device.is_this, view.is_me(of.as_str()), device.is_program) {
        (true, ..) => "devices.revoke_this",
        (_, _, true) => "devices.revoke_program",
        (_, true, _) => "devices.revoke_own",
        (_, false, _) => "devices.revoke_other",
    };
    let values = [
        ("device", &*name(view, device)),
        ("name", view.person(of.as_str())),
    ];
    sentence(ui, view, &view.texts.fill(key, &values));
    let when = RichText::new(when(view, device)).font(text::small());
    ui.label(when.color(view.palette.text_weak));
}

fn name(view: &View<'_>, device: &Device) -> String {
    match device.name.as_str() {
        "" => view.texts.get("devices.no_name").to_owned(),
        name => name.to_owned(),
    }
}

/// What a row has room for: this device or when it was used, and what it is.
fn about(view: &View<'_>, device: &Device) -> String {
    let texts = view.texts;
    let used = match (device.is_this, device.seen) {
        (true, _) => texts.get("devices.this").to_owned(),
        (_, None) => texts.get("devices.never").to_owned(),
        (_, Some(seen)) => {
            let seen = moment(texts, seen, view.now, view.zone);
            texts.fill("devices.used", &[("moment", &seen)])
        }
    };
    let today = view.zone.to_datetime(view.now).date();
    let added = row_time(texts, device.added, today, view.zone);
    let added = texts.fill("devices.added", &[("when", &added)]);
    texts.fill("devices.about", &[("used", &used), ("added", &added)])
}

/// All that is known of when.
fn when(view: &View<'_>, device: &Device) -> String {
    let texts = view.texts;
    let added = moment(texts, device.added, view.now, view.zone);
    let added = texts.fill("devices.added_moment", &[("moment", &added)]);
    let seen = match device.seen {
        None => texts.get("devices.never_sentence").to_owned(),
        Some(seen) => {
            let seen = moment(texts, seen, view.now, view.zone);
            texts.fill("devices.used_moment", &[("moment", &seen)])
        }
    };
    format!("{added} {seen}")
}
