//! Files that a person asks for, pictures of the window and transcripts: asking where to save
//! one, and writing it. Never called on the window's thread.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use egui::ColorImage;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use thiserror::Error;

/// Asks a person for a path to save at.
pub trait AskPath: Send + Sync {
    /// Blocks until there is an answer. `None`: cancelled, or no dialog can open here; on Linux
    /// these cannot be told apart.
    fn ask(&self, folder: &Path, name: &str) -> Option<PathBuf>;
}

/// The save dialog of the desktop.
#[derive(Clone, Copy, Debug)]
pub struct DesktopDialog;

impl AskPath for DesktopDialog {
    fn ask(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let ending = name.rsplit('.').next().unwrap_or_default();
        rfd::FileDialog::new()
            .set_directory(folder)
            .set_file_name(name)
            .add_filter(ending.to_uppercase(), &[ending])
            .save_file()
    }
}

/// Why a file was not saved.
#[derive(Debug, Error)]
pub enum SaveError {
    /// The file could not be written.
    #[error("{path}: {cause}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is a picture that could not be encoded.
    #[error("{0}")]
    Encode(#[from] image::ImageError),
}

/// Writes a picture as PNG. Folders that are missing are made.
///
/// # Errors
/// [`SaveError`], with the path where it matters.
pub fn save_picture(picture: &Arc<ColorImage>, path: &Path) -> Result<(), SaveError> {
    let [width, height] = picture.size;
    let opaque: Vec<u8> = picture
        .pixels
        .iter()
        .flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()])
        .collect();
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(
        &opaque,
        u32::try_from(width).unwrap_or(u32::MAX),
        u32::try_from(height).unwrap_or(u32::MAX),
        ExtendedColorType::Rgb8,
    )?;
    write(path, &png)
}

/// Writes a text as UTF-8. Folders that are missing are made.
///
/// # Errors
/// [`SaveError::Write`], with the path.
pub fn save_text(text: &str, path: &Path) -> Result<(), SaveError> {
    write(path, text.as_bytes())
}

/// Where pictures go unless told otherwise.
pub fn pictures_folder() -> PathBuf {
    let folders = directories::UserDirs::new();
    let pictures = folders
        .as_ref()
        .map(|user| user.picture_dir().unwrap_or(user.home_dir()).to_owned());
    pictures.unwrap_or_else(|| PathBuf::from("."))
}

/// Where texts go unless told otherwise.
pub fn documents_folder() -> PathBuf {
    let folders = directories::UserDirs::new();
    let documents = folders
        .as_ref()
        .map(|user| user.document_dir().unwrap_or(user.home_dir()).to_owned());
    documents.unwrap_or_else(|| PathBuf::from("."))
}

/// A file name that tells when it was made.
pub fn file_name(now: &jiff::Zoned, ending: &str) -> String {
    let name = now.strftime("mensageiro-%Y%m%d-%H%M%S");
    format!("{name}.{ending}")
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)
    };
    write().map_err(|cause| SaveError::Write {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::*;

    #[test]
    fn what_is_saved_is_what_was_on_the_screen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new folder").join("shot.png");
        let mut picture = ColorImage::filled([3, 2], Color32::from_rgb(1, 2, 3));
        picture.pixels[5] = Color32::from_rgb(200, 100, 50);
        save_picture(&Arc::new(picture), &path).unwrap();
        let read = image::open(&path).unwrap().into_rgb8();
        assert_eq!(read.dimensions(), (3, 2));
        assert_eq!(read.get_pixel(0, 0).0, [1, 2, 3]);
        assert_eq!(read.get_pixel(2, 1).0, [200, 100, 50]);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let picture = Arc::new(ColorImage::filled([1, 1], Color32::BLACK));
        let error = save_picture(&picture, folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&folder.path().display().to_string()),
            "{error}"
        );
    }
}
