//! The icon of the window, drawn as the files in `assets/` have it.

use egui::IconData;

const GROUND: [u8; 3] = [0x0B, 0x7A, 0x6B];
const BEHIND: [u8; 3] = [0x8F, 0xD3, 0xC8];
const FRONT: [u8; 3] = [0xFF, 0xFF, 0xFF];

/// Samples per pixel and direction, for smooth edges.
const SAMPLES: u32 = 4;

/// Draws the icon, `side` pixels wide and high.
pub fn draw(side: u32) -> IconData {
    let mut rgba = Vec::with_capacity((side * side * 4) as usize);
    for y in 0..side {
        for x in 0..side {
            rgba.extend(pixel(x, y, side));
        }
    }
    IconData {
        rgba,
        width: side,
        height: side,
    }
}

fn pixel(x: u32, y: u32, side: u32) -> [u8; 4] {
    let mut sum = [0_u32; 3];
    let mut hits = 0;
    for sample in 0..SAMPLES * SAMPLES {
        let part = |whole: u32, step: u32| {
            (f64::from(whole) + (f64::from(step) + 0.5) / f64::from(SAMPLES)) / f64::from(side)
        };
        let at = (part(x, sample % SAMPLES), part(y, sample / SAMPLES));
        if let Some(colour) = colour(at) {
            hits += 1;
            for (sum, part) in sum.iter_mut().zip(colour) {
                *sum += u32::from(part);
            }
        }
    }
    let mean = |sum: u32| (sum / u32::max(hits, 1)) as u8;
    let alpha = (hits * 255 / (SAMPLES * SAMPLES)) as u8;
    [mean(sum[0]), mean(sum[1]), mean(sum[2]), alpha]
}

/// The colour at a point of the unit square: two speech bubbles on a rounded ground.
fn colour(at: (f64, f64)) -> Option<[u8; 3]> {
    if rounded(at, (0.18, 0.21), (0.70, 0.57), 0.13) || tail(at, (0.26, 0.53), 0.14, 1.0) {
        return Some(FRONT);
    }
    if rounded(at, (0.36, 0.44), (0.84, 0.76), 0.12) || tail(at, (0.76, 0.72), 0.13, -1.0) {
        return Some(BEHIND);
    }
    rounded(at, (0.0, 0.0), (1.0, 1.0), 0.23).then_some(GROUND)
}

fn rounded((x, y): (f64, f64), min: (f64, f64), max: (f64, f64), radius: f64) -> bool {
    let off = |at: f64, min: f64, max: f64| (min + radius - at).max(at - max + radius).max(0.0);
    let (dx, dy) = (off(x, min.0, max.0), off(y, min.1, max.1));
    dx * dx + dy * dy <= radius * radius
}

/// A small triangle below a bubble, leaning to the left (1) or to the right (-1).
fn tail((x, y): (f64, f64), top: (f64, f64), side: f64, lean: f64) -> bool {
    let (right, down) = ((x - top.0) * lean, y - top.1);
    (0.0..=side).contains(&right) && (0.0..=side - right).contains(&down)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PNG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/icon.png");

    /// The sizes that Windows shows icons in. The last one is a PNG, as Windows wants it: the one in `assets/`.
    const WINDOWS: [u32; 7] = [16, 20, 24, 32, 48, 64, 256];

    /// With `UPDATE_ICON=1` it writes the file instead.
    #[test]
    fn the_file_of_windows_has_the_same_icon() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../packaging/windows/mensageiro.ico"
        );
        let drawn = icon_file();
        if std::env::var_os("UPDATE_ICON").is_some() {
            fs::write(path, &drawn).unwrap();
        }
        assert!(
            fs::read(path).unwrap() == drawn,
            "run the tests once with UPDATE_ICON=1"
        );
    }

    /// An ICO file: a table of all sizes, then their pictures.
    fn icon_file() -> Vec<u8> {
        const HEADER: usize = 6;
        const ROW: usize = 16;
        let mut table = Vec::new();
        for number in [0, 1, WINDOWS.len() as u16] {
            table.extend(number.to_le_bytes());
        }
        let mut pictures = Vec::new();
        for side in WINDOWS {
            let picture = match side {
                256 => fs::read(PNG).unwrap(),
                _ => bitmap(side),
            };
            let at = HEADER + ROW * WINDOWS.len() + pictures.len();
            // 0 stands for 256.
            table.extend([side as u8, side as u8, 0, 0]);
            table.extend([1_u16, 32].map(u16::to_le_bytes).concat());
            table.extend(
                [picture.len() as u32, at as u32]
                    .map(u32::to_le_bytes)
                    .concat(),
            );
            pictures.extend(picture);
        }
        [table, pictures].concat()
    }

    /// The lowest row first, blue before red, then a mask of which transparent pixels make no use.
    fn bitmap(side: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [40, side, 2 * side] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([1_u16, 32].map(u16::to_le_bytes).concat());
        bytes.extend([0; 24]);
        let drawn = draw(side).rgba;
        for row in drawn.chunks(side as usize * 4).rev() {
            for pixel in row.chunks(4) {
                bytes.extend([pixel[2], pixel[1], pixel[0], pixel[3]]);
            }
        }
        let mask_row = side.div_ceil(32) * 4;
        bytes.extend(vec![0; (mask_row * side) as usize]);
        bytes
    }

    /// With `UPDATE_ICON=1` it writes the files instead.
    #[test]
    fn the_files_are_what_the_window_shows() {
        for (side, name) in [(256, "icon.png"), (48, "icon-48.png")] {
            let path = format!("{}/../assets/{name}", env!("CARGO_MANIFEST_DIR"));
            let drawn = image::RgbaImage::from_raw(side, side, draw(side).rgba).unwrap();
            if std::env::var_os("UPDATE_ICON").is_some() {
                drawn.save(&path).unwrap();
            }
            let file = image::open(&path).unwrap().into_rgba8();
            assert!(file == drawn, "run the tests once with UPDATE_ICON=1");
        }
    }
}
