use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

/// The family of names and headings.
pub const STRONG: &str = "strong";

const REGULAR_FACE: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
const STRONG_FACE: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");

/// Inter before egui's own fonts, which stay for signs and emoji that Inter has not.
pub fn install(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::default();
    for (name, face) in [("inter", REGULAR_FACE), ("inter-strong", STRONG_FACE)] {
        fonts
            .font_data
            .insert(name.into(), Arc::new(FontData::from_static(face)));
    }
    let fallback = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    let family = |first: &str| {
        let first = std::iter::once(first.to_owned());
        first.chain(fallback.iter().cloned()).collect::<Vec<_>>()
    };
    fonts
        .families
        .insert(FontFamily::Proportional, family("inter"));
    fonts
        .families
        .insert(FontFamily::Name(STRONG.into()), family("inter-strong"));
    ctx.set_fonts(fonts);
}
