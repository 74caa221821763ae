//! Checks a screenshot: whether it is one, how large it is, and whether it shows anything.

use std::{collections::HashSet, fs, io::Cursor, path::Path};

use anyhow::{Context, Result, bail};

/// A picture with fewer colours than this shows an empty window.
const FEWEST_COLOURS: usize = 24;

/// Reads a PNG and checks that it shows a screen.
///
/// Returns its width and height.
pub fn check(path: &Path) -> Result<(u32, u32)> {
    let bytes = fs::read(path);
    let checked = bytes
        .map_err(Into::into)
        .and_then(|bytes| check_bytes(&bytes));
    checked.with_context(|| format!("{} is not a picture", path.display()))
}

/// Like [`check`], for the bytes of a PNG.
pub fn check_bytes(png: &[u8]) -> Result<(u32, u32)> {
    let picture = Picture::read(png)?;
    let colours = picture.pixels.iter().collect::<HashSet<_>>().len();
    if colours < FEWEST_COLOURS {
        bail!("it shows nothing: it has {colours} colours");
    }
    Ok((picture.width, picture.height))
}

/// Red, green and blue.
pub type Colour = [u8; 3];

/// The pixels of a PNG.
pub struct Picture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// From left to right, from top to bottom.
    pixels: Vec<Colour>,
}

impl Picture {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(anyhow::Error::from);
        let picture = bytes.and_then(|bytes| Self::read(&bytes));
        picture.with_context(|| format!("{} is not a picture", path.display()))
    }

    fn read(png: &[u8]) -> Result<Self> {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let size = reader.output_buffer_size().context("it is too large")?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes)?;
        let samples = info.color_type.samples();
        let pixels = bytes[..info.buffer_size()].chunks_exact(samples);
        // Grey has one sample, or two with its alpha.
        let colour = |pixel: &[u8]| match *pixel {
            [red, green, blue, ..] => [red, green, blue],
            [grey, ..] => [grey; 3],
            [] => [0; 3],
        };
        Ok(Self {
            width: info.width,
            height: info.height,
            pixels: pixels.map(colour).collect(),
        })
    }

    /// One pixel; black outside of it.
    pub fn at(&self, x: u32, y: u32) -> Colour {
        let index = (x < self.width).then(|| y as usize * self.width as usize + x as usize);
        index
            .and_then(|index| self.pixels.get(index).copied())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_painted(paint: impl Fn(usize) -> u8, expected: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 40, 20);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        let pixels: Vec<u8> = (0..40 * 20).map(paint).collect();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        assert_eq!(check(&path).ok(), expected.then_some((40, 20)));
    }

    #[test]
    fn a_picture_of_one_colour_is_no_screen() {
        check_painted(|_| 7, false);
        check_painted(|at| (at % 40) as u8, true);
    }
}
