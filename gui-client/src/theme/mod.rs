//! Colours, spacing and type. No other module defines any.

mod fonts;
mod palette;

use egui::{Color32, CornerRadius, FontFamily, Margin, Stroke, Style, TextStyle, Vec2};

pub use fonts::{SEARCHING, follow_system};
pub use palette::{DARK, LIGHT, Palette};

use crate::model::ThemeChoice;

/// A unique colour that marks selected text for egui, where it must be recognised.
pub const SELECTED: Color32 = Color32::from_rgba_premultiplied(1, 2, 3, 4);

/// Distances, in points.
pub mod space {
    /// Between things that belong together.
    pub const TINY: f32 = 4.0;
    /// Between a label and its field.
    pub const SMALL: f32 = 8.0;
    /// Inside of cards and rows.
    pub const MEDIUM: f32 = 12.0;
    /// Between groups.
    pub const LARGE: f32 = 16.0;
    /// Around a screen's main card.
    pub const HUGE: f32 = 28.0;
    /// Height of the bars over the list and over the timeline.
    pub const BAR: f32 = 60.0;
    /// Width of messages and of the box below them at most: what is said and what is answered stay
    /// in one view.
    pub const COLUMN: f32 = 1100.0;
    /// Between the text of the composer and its border, across and down.
    pub const COMPOSER_MARGIN: [i8; 2] = [16, 10];
    /// Corner of cards and dialogs.
    pub const CARD_CORNER: u8 = 14;
    /// Corner of buttons and fields.
    pub const CONTROL_CORNER: u8 = 9;
    /// Height of buttons and fields.
    pub const CONTROL: f32 = 36.0;
}

/// Type, by what it is used for.
pub mod text {
    use egui::{FontFamily, FontId};

    use super::{fonts, strong_family};

    /// The one large line of a screen.
    pub fn title() -> FontId {
        FontId::new(23.0, strong_family())
    }

    /// Names and headings.
    pub fn heading() -> FontId {
        FontId::new(16.0, strong_family())
    }

    /// Names in rows and labels of fields.
    pub fn strong() -> FontId {
        FontId::new(14.5, strong_family())
    }

    /// Messages and nearly everything else.
    pub fn body() -> FontId {
        FontId::proportional(14.5)
    }

    /// Code in messages.
    pub fn code() -> FontId {
        FontId::monospace(13.5)
    }

    /// Lines as they go over the wire.
    pub fn wire() -> FontId {
        FontId::monospace(12.5)
    }

    /// Messages of nothing but a few emoji.
    pub fn emoji() -> FontId {
        emoji_as_large_as(&FontId::proportional(34.0))
    }

    /// For emoji that begin with a letter's or a digit's sign, among other text.
    pub fn emoji_as_large_as(other: &FontId) -> FontId {
        FontId::new(other.size, FontFamily::Name(fonts::EMOJI_FIRST.into()))
    }

    /// Second lines of rows, hints.
    pub fn small() -> FontId {
        FontId::proportional(13.0)
    }

    /// Names of authors.
    pub fn small_strong() -> FontId {
        FontId::new(13.0, strong_family())
    }

    /// Times, counters.
    pub fn tiny() -> FontId {
        FontId::proportional(11.5)
    }

    /// Numbers in badges, day lines.
    pub fn tiny_strong() -> FontId {
        FontId::new(11.5, strong_family())
    }
}

/// Whether egui gives the window's frame its theme. Elsewhere winit does not know which theme the system prefers.
pub const EGUI_DRESSES_FRAMES: bool = cfg!(any(windows, target_os = "macos"));

/// Makes fonts and both themes known to egui. Once, before the first frame.
pub fn install(ctx: &egui::Context) {
    fonts::install(ctx);
    ctx.options_mut(|options| {
        // Where the system does not tell, as on a bare window manager.
        options.fallback_theme = egui::Theme::Light;
        options.sync_window_theme = EGUI_DRESSES_FRAMES;
    });
    for (theme, palette) in [(egui::Theme::Light, &LIGHT), (egui::Theme::Dark, &DARK)] {
        ctx.style_mut_of(theme, |style| dress(style, palette));
    }
}

/// Which theme egui is to use.
pub fn preference(choice: ThemeChoice) -> egui::ThemePreference {
    match choice {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::Dark => egui::ThemePreference::Dark,
    }
}

/// The colours in use.
pub fn palette(style: &Style) -> &'static Palette {
    if style.visuals.dark_mode {
        &DARK
    } else {
        &LIGHT
    }
}

fn strong_family() -> FontFamily {
    FontFamily::Name(fonts::STRONG.into())
}

fn dress(style: &mut Style, palette: &Palette) {
    style.text_styles = [
        (TextStyle::Heading, text::heading()),
        (TextStyle::Body, text::body()),
        (TextStyle::Button, text::body()),
        (TextStyle::Small, text::small()),
        (TextStyle::Monospace, text::code()),
    ]
    .into();
    // Nothing moves by itself, so that an idle window draws no frames.
    style.animation_time = 0.0;
    style.scroll_animation = egui::style::ScrollAnimation::none();
    style.visuals.text_cursor.blink = false;
    // Whoever does not move the pointer sees too that there is more, and no line is greyed for it.
    style.spacing.scroll.dormant_handle_opacity = 0.5;
    style.spacing.scroll.floating_width = 5.0;
    style.spacing.scroll.fade.strength = 0.0;

    style.spacing.item_spacing = Vec2::splat(space::SMALL);
    style.spacing.button_padding = Vec2::new(space::MEDIUM, 7.0);
    style.spacing.interact_size.y = 32.0;
    style.spacing.menu_margin = Margin::same(6);
    style.interaction.selectable_labels = false;
    style.spacing.icon_width = 20.0;
    style.spacing.icon_width_inner = 12.0;
    style.interaction.tooltip_delay = 0.4;

    let corner = CornerRadius::same(space::CONTROL_CORNER);
    let visuals = &mut style.visuals;
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(palette.text_weak);
    visuals.panel_fill = palette.panel;
    visuals.window_fill = palette.raised;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.window_corner_radius = CornerRadius::same(space::CARD_CORNER);
    visuals.menu_corner_radius = CornerRadius::same(space::CONTROL_CORNER);
    visuals.extreme_bg_color = palette.field;
    visuals.text_edit_bg_color = Some(palette.field);
    visuals.faint_bg_color = palette.hover;
    visuals.hyperlink_color = palette.accent_text;
    visuals.error_fg_color = palette.danger_text;
    visuals.warn_fg_color = palette.warning_text;
    visuals.selection.bg_fill = palette.selection;
    visuals.selection.stroke = Stroke::new(1.5, palette.accent_text);
    visuals.popup_shadow = palette.shadow();
    visuals.window_shadow = palette.shadow();

    let widgets = &mut visuals.widgets;
    let states = [
        (&mut widgets.noninteractive, palette.panel, palette.line),
        (&mut widgets.inactive, palette.control, palette.control_line),
        (&mut widgets.hovered, palette.hover, palette.control_line),
        (&mut widgets.active, palette.pressed, palette.accent),
        (&mut widgets.open, palette.hover, palette.control_line),
    ];
    for (widget, fill, line) in states {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, line);
        widget.fg_stroke = Stroke::new(1.5, palette.text);
        widget.corner_radius = corner;
        widget.expansion = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{space, text};

    #[test]
    fn the_design_document_has_the_distances_and_the_type() {
        let document = include_str!("../../../docs/DESIGN.md");
        let rows: BTreeMap<_, _> = document
            .lines()
            .filter_map(|line| {
                let mut cells = line.split('|').map(str::trim);
                let name = cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?;
                let number = cells.next()?.split([',', ' ']).next()?;
                Some((name, number.parse::<f32>().ok()?))
            })
            .collect();
        let expected = [
            ("TINY", space::TINY),
            ("SMALL", space::SMALL),
            ("MEDIUM", space::MEDIUM),
            ("LARGE", space::LARGE),
            ("HUGE", space::HUGE),
            ("BAR", space::BAR),
            ("COLUMN", space::COLUMN),
            ("CONTROL", space::CONTROL),
            ("CONTROL_CORNER", space::CONTROL_CORNER.into()),
            ("CARD_CORNER", space::CARD_CORNER.into()),
            ("title", text::title().size),
            ("heading", text::heading().size),
            ("strong", text::strong().size),
            ("body", text::body().size),
            ("code", text::code().size),
            ("wire", text::wire().size),
            ("emoji", text::emoji().size),
            ("small", text::small().size),
            ("small_strong", text::small_strong().size),
            ("tiny", text::tiny().size),
            ("tiny_strong", text::tiny_strong().size),
        ];
        assert_eq!(rows, BTreeMap::from(expected));
    }
}
