use std::sync::Arc;

use egui::epaint::text::{FallbackRequest, FontProvider};
use egui::{Context, FontData, FontDefinitions, FontFamily};
use egui_system_font_provider::SystemFontProvider;

/// The family of names and headings.
pub const STRONG: &str = "strong";

const REGULAR_FACE: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
const STRONG_FACE: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");

/// Inter before egui's own fonts, which stay for signs and emoji that Inter has not.
pub fn install(ctx: &Context) {
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

/// Lets the system's fonts help out where Inter and egui's own have no sign: Chinese, Arabic and
/// so on. Finding them takes a while and reads the disk, so a thread of its own does it, and egui
/// only hears of them when they are there.
pub fn follow_system(ctx: &Context) {
    let ctx = ctx.clone();
    let search = move || {
        let provider = SystemFontProvider::new();
        // The first question waits for the search to end.
        let first = FallbackRequest {
            cluster: "語",
            family: &FontFamily::Proportional,
        };
        let found = provider.font_for(&first).is_some();
        tracing::debug!("searched the system's fonts, Chinese found: {found}");
        ctx.add_font_provider(Arc::new(provider));
    };
    let started = std::thread::Builder::new()
        .name("fonts".into())
        .spawn(search);
    if let Err(error) = started {
        tracing::warn!("the system's fonts are not used: {error}");
    }
}
