use std::sync::Arc;

use egui::epaint::text::{FallbackRequest, FontProvider};
use egui::{Context, FontData, FontDefinitions, FontFamily};
use egui_system_font_provider::SystemFontProvider;

/// The family of names and headings.
pub const STRONG: &str = "strong";

/// The family of what is written as emoji though it begins with a letter's or a digit's sign.
pub const EMOJI_FIRST: &str = "emoji first";

const INTER: &str = "inter";
const INTER_STRONG: &str = "inter-strong";
const EMOJI: &str = "emoji";
const MANY: &str = "many";
const CONTROLS: &str = "controls";

const FACES: [(&str, &[u8]); 5] = [
    (
        INTER,
        include_bytes!("../../../assets/fonts/Inter-Regular.otf"),
    ),
    (
        INTER_STRONG,
        include_bytes!("../../../assets/fonts/Inter-SemiBold.otf"),
    ),
    // In colour, as layers of outlines: sharp at every size.
    (EMOJI, include_bytes!("../../../assets/fonts/Twemoji.ttf")),
    // Hebrew, Arabic, Armenian, Georgian, mathematics, arrows, U+FFFD.
    (MANY, include_bytes!("../../../assets/fonts/DejaVuSans.ttf")),
    // What control characters become on the way (PROTOCOL.md, L5).
    (
        CONTROLS,
        include_bytes!("../../../assets/fonts/ControlPictures.ttf"),
    ),
];

/// Who is asked for a sign that the first face of a family has not, in this order.
const HELPERS: [&str; 3] = [EMOJI, MANY, CONTROLS];

/// The threads that search the system's fonts: ours and the library's. The library panics where there is no font at all, and
/// then our own fonts remain.
pub const SEARCHING: [&str; 2] = ["fonts", "egui_system_font_provider"];

/// Gives the app its fonts: on every system they have a sign for all of Latin, Greek, Cyrillic,
/// Hebrew, Arabic and emoji.
pub fn install(ctx: &Context) {
    let mut fonts = FontDefinitions::default();
    for (name, face) in FACES {
        let face = Arc::new(FontData::from_static(face));
        fonts.font_data.insert(name.into(), face);
    }
    let strong = FontFamily::Name(STRONG.into());
    let emoji_first = FontFamily::Name(EMOJI_FIRST.into());
    let faces = [EMOJI, INTER, MANY, CONTROLS].map(str::to_owned);
    fonts.families.insert(emoji_first, faces.to_vec());
    for (family, first) in [
        (FontFamily::Proportional, Some(INTER)),
        (strong, Some(INTER_STRONG)),
        // After egui's own.
        (FontFamily::Monospace, None),
    ] {
        let faces = fonts.families.entry(family).or_default();
        let at = if first.is_some() { 0 } else { faces.len() };
        let ours = first.into_iter().chain(HELPERS).map(str::to_owned);
        faces.splice(at..at, ours);
    }
    ctx.set_fonts(fonts);
}

/// Lets the system's fonts help out where ours have no sign: Chinese, Hindi
/// and so on. Finding them takes a while and reads the disk, so a thread of its own does it, and
/// egui only hears of them when they are there.
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
        .name(SEARCHING[0].into())
        .spawn(search);
    if let Err(error) = started {
        tracing::warn!("the system's fonts are not used: {error}");
    }
}
