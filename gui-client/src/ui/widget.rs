use egui::{
    Align2, Button, Color32, Painter, Panel, Pos2, Response, RichText, Role, Sense, Stroke, Ui,
    Vec2, WidgetInfo, text::LayoutJob, vec2,
};

use super::{bidi, icon::Icon};
pub use super::{
    field::{Look, edit, field, field_id, hint_text},
    runs::{mark, one_line},
};
use crate::theme::{self, Palette, space, text};

/// Height of [`small_button`], and size of round ones in a field.
pub const SMALL_CONTROL: f32 = 28.0;

/// The one button of a screen that does what the screen is for.
pub fn primary_button(ui: &mut Ui, palette: &Palette, label: &str) -> Response {
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for (widget, fill) in [
            (&mut widgets.inactive, palette.accent),
            (&mut widgets.hovered, palette.accent_hover),
            (&mut widgets.active, palette.accent_hover),
        ] {
            widget.weak_bg_fill = fill;
            widget.bg_stroke = Stroke::NONE;
        }
        let label = RichText::new(label)
            .font(text::strong())
            .color(palette.on_accent);
        button(ui, palette, label)
    })
    .inner
}

/// A button of the usual height, with the usual ring where the keyboard is.
fn button(ui: &mut Ui, palette: &Palette, label: RichText) -> Response {
    let response = ui.add(Button::new(label).min_size(vec2(0.0, space::CONTROL)));
    focus_ring(ui, palette, &response, response.rect, space::CONTROL_CORNER);
    response
}

/// Any other button.
pub fn plain_button(ui: &mut Ui, label: &str) -> Response {
    let palette = theme::palette(ui.style());
    button(ui, palette, RichText::new(label).font(text::body()))
}

/// A button beside a small line.
pub fn small_button(ui: &mut Ui, palette: &Palette, label: &str) -> Response {
    let width = ui.max_rect().width() - 2.0 * ui.spacing().button_padding.x;
    let label = one_line(label, text::small(), palette.text, width);
    let response = ui.add(Button::new(bidi::galley(ui, label)).min_size(vec2(0.0, SMALL_CONTROL)));
    focus_ring(ui, palette, &response, response.rect, space::CONTROL_CORNER);
    response
}

/// How wide [`plain_button`] is.
pub fn button_width(ui: &Ui, label: &str) -> f32 {
    let galley = ui
        .painter()
        .layout_no_wrap(label.to_owned(), text::body(), Color32::PLACEHOLDER);
    (galley.size().x + 2.0 * ui.spacing().button_padding.x).ceil()
}

/// Shows a bar whose height is that of its contents.
pub fn bar<R>(panel: Panel, ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let shown = panel.show(ui, contents);
    settle(ui.ctx(), &shown.response);
    shown.inner
}

/// Panels and dialogs take their size from the frame before. Where it has changed, the frame is
/// laid out once more before anybody sees it.
pub fn settle(ctx: &egui::Context, shown: &Response) {
    let (id, size) = (shown.id.with("size"), shown.rect.size());
    let before = ctx.data_mut(|data| data.get_temp::<Vec2>(id));
    if before != Some(size) {
        ctx.data_mut(|data| data.insert_temp(id, size));
        ctx.request_discard("it has another size");
    }
}

/// The part in the middle that is not wider than text can be.
pub fn column(area: egui::Rect) -> egui::Rect {
    let width = area.width().min(space::COLUMN);
    let size = vec2(width, area.height());
    // Whole points: text is sharp then.
    let left = (area.center().x - width / 2.0).floor();
    egui::Rect::from_min_size(egui::pos2(left, area.top()), size)
}

/// Draws within this rectangle alone: marks that are stacked on letters stay out of what is around it.
pub fn clipped<R>(ui: &mut Ui, rect: egui::Rect, draw: impl FnOnce(&mut Ui) -> R) -> R {
    let around = ui.clip_rect();
    ui.set_clip_rect(around.intersect(rect));
    let drawn = draw(ui);
    ui.set_clip_rect(around);
    drawn
}

/// A menu is as wide as its longest entry.
pub fn menu(ui: &mut Ui) {
    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
    ui.spacing_mut().button_padding = vec2(space::MEDIUM, 7.0);
    ui.spacing_mut().item_spacing.y = 2.0;
}

/// A button that looks like a link.
pub fn link_button(ui: &mut Ui, palette: &Palette, label: &str) -> Response {
    let label = RichText::new(label)
        .font(text::strong())
        .color(palette.accent_text);
    let response = ui.add(Button::new(label).frame(false));
    focus_ring(ui, palette, &response, response.rect, space::TINY as u8);
    response
}

/// A round button with a sign; `name` is its tooltip and what a screen reader says.
pub fn icon_button(ui: &mut Ui, palette: &Palette, icon: Icon, name: &str) -> Response {
    let (_, response) = ui.allocate_exact_size(Vec2::splat(space::CONTROL), Sense::click());
    round_button(ui, palette, response, icon, name)
}

/// The same for a place that is there already, and of its size.
pub fn round_button(
    ui: &Ui,
    palette: &Palette,
    response: Response,
    icon: Icon,
    name: &str,
) -> Response {
    let rect = response.rect;
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    let (ground, ink) = if response.is_pointer_button_down_on() {
        (palette.pressed, palette.text)
    } else if response.hovered() || response.has_focus() {
        (palette.hover, palette.text)
    } else {
        (Color32::TRANSPARENT, palette.text_weak)
    };
    ui.painter()
        .circle_filled(rect.center(), rect.width() / 2.0, ground);
    let size = (rect.width() / 1.8).round();
    icon.paint(ui.painter(), rect.center(), size, ink);
    focus_inside(ui, palette, &response, rect, rect.width() as u8 / 2);
    response.on_hover_text(name)
}

/// Shows that the keyboard is at something that egui does not draw itself.
pub fn focus_ring(ui: &Ui, palette: &Palette, response: &Response, rect: egui::Rect, corner: u8) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, palette.accent_text);
        ui.painter().rect_stroke(
            rect.expand(3.0),
            corner + 3,
            stroke,
            egui::StrokeKind::Middle,
        );
    }
}

/// The same for what has neighbours: the ring stays inside.
pub fn focus_inside(ui: &Ui, palette: &Palette, response: &Response, rect: egui::Rect, corner: u8) {
    focus_ring(
        ui,
        palette,
        response,
        rect.shrink(4.0),
        corner.saturating_sub(4),
    );
}

/// A few choices side by side, of which one is chosen; wraps where there is no room.
pub fn choices<T: Copy + PartialEq>(
    ui: &mut Ui,
    palette: &Palette,
    chosen: T,
    all: &[(T, String)],
) -> Option<T> {
    let mut clicked = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(6.0);
        for (choice, label) in all {
            let is_chosen = *choice == chosen;
            let (fill, ink) = if is_chosen {
                (palette.accent, palette.on_accent)
            } else {
                (palette.control, palette.text)
            };
            let label = LayoutJob::simple_singleline(label.clone(), text::small(), ink);
            let mut button = Button::new(bidi::galley(ui, label))
                .min_size(vec2(40.0, 32.0))
                .selected(is_chosen);
            if is_chosen {
                button = button.fill(fill).stroke(Stroke::new(1.0, fill));
            }
            let response = ui.add(button);
            focus_ring(ui, palette, &response, response.rect, space::CONTROL_CORNER);
            if response.clicked() && !is_chosen {
                clicked = Some(*choice);
            }
        }
    });
    clicked
}

/// Puts something into the middle of what is left of the screen, where there is room for it.
pub fn centred<R>(ui: &mut Ui, width: f32, name: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    let area = ui.available_rect_before_wrap();
    let width = width.min(area.width() - 2.0 * space::LARGE).max(0.0);
    // As high as it was in the last frame; in the first one it is only measured.
    let id = ui.scope_id().with(name);
    let known: Option<f32> = ui.data(|data| data.get_temp(id));
    let height = known.unwrap_or_default();
    let left = area.center().x - width / 2.0;
    let top = (area.center().y - height / 2.0).max(area.top() + space::LARGE);
    let rect = egui::Rect::from_min_max(
        egui::pos2(left.round(), top.round()),
        egui::pos2((left + width).round(), f32::max(area.bottom(), top + 1.0)),
    );
    let builder = egui::UiBuilder::new()
        .id_salt(name)
        .max_rect(rect)
        .layout(egui::Layout::top_down(egui::Align::Center));
    let shown = ui.scope_builder(builder, |ui| {
        ui.set_width(rect.width());
        add(ui)
    });
    let measured = shown.response.rect.height();
    if known.is_none_or(|known| (known - measured).abs() > 0.5) {
        ui.data_mut(|data| data.insert_temp(id, measured));
        ui.ctx().request_discard("centred");
    }
    shown.inner
}

/// A round picture with the initials of how somebody is called, in the colour of their login.
pub fn avatar(
    painter: &Painter,
    palette: &Palette,
    center: Pos2,
    size: f32,
    (login, title): (&str, &str),
) {
    painter.circle_filled(center, size / 2.0, palette.avatar(login));
    let mut font = text::strong();
    font.size = size * 0.38;
    painter.text(
        center,
        Align2::CENTER_CENTER,
        initials(title),
        font,
        palette.on_avatar,
    );
}

/// The round picture of a group, or of whoever else has no letters: a sign on a neutral ground.
pub fn sign_avatar(painter: &Painter, palette: &Palette, center: Pos2, size: f32, sign: Icon) {
    painter.circle_filled(center, size / 2.0, palette.sign_ground);
    sign.paint(painter, center, size * 0.54, palette.on_sign_ground);
}

/// A number on a round ground, its right edge at `right`.
pub fn badge(
    painter: &Painter,
    (ground, ink): (Color32, Color32),
    right: Pos2,
    count: usize,
) -> f32 {
    let label = match count {
        0..=999 => count.to_string(),
        _ => "999+".to_owned(),
    };
    let galley = painter.layout_no_wrap(label, text::tiny_strong(), ink);
    let size = vec2((galley.size().x + 12.0).max(20.0), 20.0);
    let rect = egui::Rect::from_min_size(right - vec2(size.x, size.y / 2.0), size);
    painter.rect_filled(rect, 10.0, ground);
    painter.galley(rect.center() - galley.size() / 2.0, galley, ink);
    size.x
}

/// Up to two letters that stand for a name: of its first and its last word, or of the first two parts
/// of a login.
fn initials(name: &str) -> String {
    let is_login = !name.contains(char::is_whitespace);
    let parts = name.split(|c: char| match is_login {
        true => ".-_+@".contains(c),
        false => c.is_whitespace(),
    });
    // What is in brackets tells two of one name apart.
    let mut letters = parts
        .filter_map(|part| part.chars().next())
        .filter(|letter| letter.is_alphanumeric());
    let first = letters.next().unwrap_or('?');
    let second = match is_login {
        true => letters.next(),
        false => letters.next_back(),
    };
    let both = std::iter::once(first).chain(second.filter(|c| c.is_alphabetic()));
    both.flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_those_of_the_parts_of_a_name() {
        for (name, expected) in [
            ("alice", "A"),
            ("joão.silva", "JS"),
            ("maria@escola.br", "ME"),
            ("2026123", "2"),
            ("Bruno Lima", "BL"),
            ("Ana Beatriz de Souza", "AS"),
            ("Ana Lima (ana.lima)", "AL"),
            ("Ana (ana2)", "A"),
            ("a-1", "A"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
