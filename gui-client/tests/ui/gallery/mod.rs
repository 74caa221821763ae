//! Pictures of every screen and state, drawn on the processor and compared with those in
//! `tests/snapshots`.
//!
//! Where one has changed on purpose: `UPDATE_SNAPSHOTS=1 cargo test -p mensageiro --test ui gallery`,
//! then `cargo xtask gallery` to look at all of them.

mod arranged;
mod faults;
mod hosting;
mod identity;
mod messages;
mod names;
mod people;
mod reading;
mod scenes;
mod states;
mod trust;
mod words;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Once,
};

use egui::Vec2;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use mensageiro::model::ThemeChoice;
use mensageiro::texts::Language;

use self::words::Words;
use crate::desk::Desk;

/// The environment variable that updates the pictures.
const UPDATE: &str = "UPDATE_SNAPSHOTS";

/// The time of all pictures: a morning; the messages are from the evening before.
const NOW: &str = "2023-11-15T09:30:00Z";

/// The size most of them have, in points.
const USUAL: Vec2 = Vec2::new(900.0, 620.0);
/// The smallest window that the app supports.
const SMALL: Vec2 = Vec2::new(360.0, 480.0);
const FOUR_K: Vec2 = Vec2::new(3840.0, 2160.0);
const LARGE: Vec2 = Vec2::new(1600.0, 900.0);

/// The language and the theme of each picture of a scene. Each language and each theme occurs once. The other two
/// combinations would show nothing new: a language changes texts and their layout, a theme only colours.
const VARIANTS: [(&str, Language, ThemeChoice); 2] = [
    ("en.light", Language::English, ThemeChoice::Light),
    ("pt-BR.dark", Language::Portuguese, ThemeChoice::Dark),
];

/// Compares a scene with its pictures. Whatever can be clicked in it, or can have the keyboard's
/// focus, must have a name.
fn picture(name: &str, size: Vec2, scene: impl Fn(&Words) -> Desk) {
    let mut wrong = Vec::new();
    for (variant, language, theme) in VARIANTS {
        let mut desk = scene(&words::of(language));
        desk.stop_clock(NOW);
        desk.choose(language);
        desk.dress(theme);
        desk.harness.set_size(size);
        desk.harness.run();
        let name = format!("{name}.{variant}");
        wrong.extend(names::missing(&desk).map(|node| format!("{name}: {node}")));
        wrong.extend(compare(&mut desk, &name).err());
    }
    assert!(
        wrong.is_empty(),
        "{}\nIf this is meant to be so: {UPDATE}=1 cargo test -p mensageiro --test ui gallery",
        wrong.join("\n")
    );
}

/// Compares the window with this picture, pixel by pixel, or takes the picture anew.
fn compare(desk: &mut Desk, name: &str) -> Result<(), String> {
    if !is_updating() && !snapshots().exists() {
        say_what_is_left_out();
        return Ok(());
    }
    let compared = desk.harness.try_snapshot(name);
    compared.map_err(|error| error.to_string())?;
    if is_updating() {
        make_small(&snapshots().join(format!("{name}.png")));
    }
    Ok(())
}

fn is_updating() -> bool {
    std::env::var_os(UPDATE).is_some()
}

/// The folder of the pictures. The sources that are handed in come without it.
fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

fn say_what_is_left_out() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // Past the test harness, which shows nothing of a test that passes.
        let _ = writeln!(
            io::stderr(),
            "\nskipped: comparing pictures, since {} does not exist. All scenes are drawn \
             and checked without them. `cargo xtask gallery --update` takes pictures of this \
             version, to compare later ones with.",
            snapshots().display()
        );
    });
}

/// Writes a picture that was just taken once more, in fewer bytes. Without a filter, equal glyphs
/// are equal bytes: three quarters of what the usual filters give.
fn make_small(path: &Path) {
    let picture = image::open(path).unwrap().into_rgb8();
    let file = BufWriter::new(File::create(path).unwrap());
    let best = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::NoFilter);
    picture.write_with_encoder(best).unwrap();
}

#[test]
fn every_scene_has_one_picture_of_each_variant() {
    if is_updating() {
        return; // The other tests are just taking them.
    }
    let Ok(folder) = fs::read_dir(snapshots()) else {
        return say_what_is_left_out();
    };
    let mut scenes = BTreeMap::<String, Vec<String>>::new();
    for entry in folder {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // What a failed test leaves has one part more: chat.en.light.diff.png.
        if let [scene, language, theme, "png"] = name.split('.').collect::<Vec<_>>()[..] {
            let variants = scenes.entry(scene.to_owned()).or_default();
            variants.push(format!("{language}.{theme}"));
        }
    }
    for (scene, mut variants) in scenes {
        variants.sort();
        assert_eq!(variants, VARIANTS.map(|(name, ..)| name), "{scene}");
    }
}
