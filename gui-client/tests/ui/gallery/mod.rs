//! Pictures of every screen and state, light and dark, in both languages, drawn on the processor.
//!
//! Where one has changed on purpose: `UPDATE_SNAPSHOTS=1 cargo test -p mensageiro --test ui gallery`,
//! then `cargo xtask gallery` to look at all of them.

mod messages;
mod names;
mod people;
mod reading;
mod scenes;
mod states;
mod words;

use std::{fs::File, io::BufWriter};

use egui::Vec2;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use mensageiro::model::{Language, ThemeChoice};

use self::words::Words;
use crate::desk::Desk;

/// Set to take the pictures anew.
const UPDATE: &str = "UPDATE_SNAPSHOTS";

/// The moment of all pictures: a morning on which the messages are of last night.
const NOW: &str = "2023-11-15T09:30:00Z";

/// The size most of them have, in points.
const USUAL: Vec2 = Vec2::new(900.0, 620.0);
/// The smallest window that is promised to be of use.
const SMALL: Vec2 = Vec2::new(360.0, 480.0);
const FOUR_K: Vec2 = Vec2::new(3840.0, 2160.0);
const LARGE: Vec2 = Vec2::new(1600.0, 900.0);

/// Scenes so large that light in English and dark in Portuguese have to do.
const IN_TWO: [&str; 2] = ["chat-4k", "list-5000"];

/// Takes the pictures of a scene: in both themes and languages. What can be clicked in it, or have
/// the keyboard's focus, has a name.
fn picture(name: &str, size: Vec2, scene: impl Fn(&Words) -> Desk) {
    let is_updating = std::env::var_os(UPDATE).is_some();
    let mut different = Vec::new();
    for (language, tag) in [(Language::English, "en"), (Language::Portuguese, "pt-BR")] {
        let words = words::of(language);
        for (theme, shade) in [(ThemeChoice::Light, "light"), (ThemeChoice::Dark, "dark")] {
            let is_usual = matches!((tag, shade), ("en", "light") | ("pt-BR", "dark"));
            if !is_usual && IN_TWO.contains(&name) {
                continue;
            }
            let mut desk = scene(&words);
            desk.stop_clock(NOW);
            desk.choose(language);
            desk.dress(theme);
            desk.harness.set_size(size);
            desk.harness.run();
            let name = format!("{name}.{tag}.{shade}");
            different.extend(names::missing(&desk).map(|node| format!("{name}: {node}")));
            if let Err(error) = desk.harness.try_snapshot(&name) {
                different.push(error.to_string());
            } else if is_updating {
                make_small(&name);
            }
        }
    }
    assert!(
        different.is_empty(),
        "{}\nIf this is meant to be so: {UPDATE}=1 cargo test -p mensageiro --test ui gallery",
        different.join("\n")
    );
}

/// Writes a picture that was just taken once more, in fewer bytes.
fn make_small(name: &str) {
    let path = format!("{}/tests/snapshots/{name}.png", env!("CARGO_MANIFEST_DIR"));
    let picture = image::open(&path).unwrap().into_rgb8();
    let file = BufWriter::new(File::create(&path).unwrap());
    let best = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive);
    picture.write_with_encoder(best).unwrap();
}
