//! Fields.

use egui::{
    Align2, Frame, Id, Margin, Response, RichText, Stroke, TextEdit, Ui,
    text::{LayoutJob, TextFormat},
    vec2,
};

use crate::theme::{Palette, space, text};

/// A field. Its size does not depend on its content or focus.
pub fn edit(ui: &mut Ui, palette: &Palette, edit: TextEdit<'_>, look: Look) -> Response {
    let frame = Frame::new()
        .fill(palette.field)
        .corner_radius(space::CONTROL_CORNER)
        .inner_margin(look.margin);
    let align = match look.has_lines {
        true => Align2::LEFT_TOP,
        false => Align2::LEFT_CENTER,
    };
    let edit = edit
        .frame(frame)
        .min_size(vec2(0.0, space::CONTROL))
        .align(align);
    let response = ui.add(edit);
    let stroke = match (response.has_focus(), look.is_wrong) {
        (true, false) => Stroke::new(2.0, palette.accent_text),
        (true, true) => Stroke::new(2.0, palette.danger_text),
        (false, true) => Stroke::new(1.0, palette.danger_text),
        (false, false) if look.is_quiet => Stroke::NONE,
        (false, false) => Stroke::new(1.0, palette.control_line),
    };
    ui.painter().rect_stroke(
        response.rect,
        space::CONTROL_CORNER,
        stroke,
        egui::StrokeKind::Inside,
    );
    response
}

/// The look of an [`edit`].
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Around the text.
    pub margin: Margin,
    /// Its content is wrong.
    pub is_wrong: bool,
    /// It has no border without the focus.
    pub is_quiet: bool,
    /// It has several lines.
    pub has_lines: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            margin: Margin::symmetric(space::MEDIUM as i8, 6),
            is_wrong: false,
            is_quiet: false,
            has_lines: false,
        }
    }
}

/// A labelled single-line field with room for a problem. `id` is its name within this part of the
/// window, in any language.
///
/// Returns the new text, if it changed, and the field's response.
pub fn field(
    ui: &mut Ui,
    palette: &Palette,
    id: &str,
    label: &str,
    value: &str,
    hint: &str,
    problem: Option<&str>,
) -> (Option<String>, Response) {
    let name = ui.label(
        RichText::new(label)
            .font(text::small())
            .color(palette.text_weak),
    );
    ui.add_space(-space::TINY);
    let mut typed = value.to_owned();
    let field = TextEdit::singleline(&mut typed)
        .id(field_id(ui, id))
        .font(text::body())
        .hint_text(hint_text(palette, hint, text::body()))
        .desired_width(f32::INFINITY);
    let look = Look {
        is_wrong: problem.is_some(),
        ..Look::default()
    };
    let response = edit(ui, palette, field, look).labelled_by(name.id);
    if let Some(problem) = problem {
        ui.add_space(-space::TINY);
        ui.label(
            RichText::new(problem)
                .font(text::small())
                .color(palette.danger_text),
        );
    }
    (response.changed().then_some(typed), response)
}

/// The [`field`] of this name in this part of the window, for egui.
pub fn field_id(ui: &Ui, id: &str) -> Id {
    ui.scope_id().with(id)
}

/// The hint in an empty field, in the size of its text.
pub fn hint_text(palette: &Palette, hint: &str, font: egui::FontId) -> LayoutJob {
    /// The caret covers no letter.
    const CARET: f32 = 2.0;
    let mut job = LayoutJob::default();
    job.append(hint, CARET, TextFormat::simple(font, palette.text_weak));
    job
}
