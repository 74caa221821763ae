//! Files that a person asks for, pictures of the window and transcripts: asking where to save
//! one, and writing it. Never called on the window's thread.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use egui::ColorImage;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use crate::model::SaveProblem;

/// What ends sooner was no dialog that somebody has seen.
const FASTEST_CANCEL: Duration = Duration::from_millis(500);

/// Where to save a file, as a person says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathAnswer {
    /// There.
    At(PathBuf),
    /// Nowhere: the dialog was cancelled.
    Cancelled,
    /// Nobody could be asked: no dialog can open here.
    NoDialog,
}

/// Asks a person for a path to save at.
pub trait AskPath: Send + Sync {
    /// Blocks until there is an answer.
    fn ask(&self, folder: &Path, name: &str) -> PathAnswer;
}

/// The save dialog of the desktop.
#[derive(Clone, Copy, Debug)]
pub struct DesktopDialog;

impl AskPath for DesktopDialog {
    fn ask(&self, folder: &Path, name: &str) -> PathAnswer {
        let ending = name.rsplit('.').next().unwrap_or_default();
        let begun = Instant::now();
        let path = rfd::FileDialog::new()
            .set_directory(folder)
            .set_file_name(name)
            .add_filter(ending.to_uppercase(), &[ending])
            .save_file();
        let may_be_missing = cfg!(all(unix, not(target_os = "macos")));
        answer(path, begun.elapsed(), may_be_missing)
    }
}

/// No person cancels a dialog faster than it opens. Where dialogs belong to a desktop that may not
/// be there, the library says the same of a dialog that could not open and of one that was cancelled.
fn answer(path: Option<PathBuf>, took: Duration, may_be_missing: bool) -> PathAnswer {
    match path {
        Some(path) => PathAnswer::At(path),
        None if may_be_missing && took < FASTEST_CANCEL => PathAnswer::NoDialog,
        None => PathAnswer::Cancelled,
    }
}

/// Writes a picture as PNG. Folders that are missing are made.
///
/// # Errors
/// [`SaveProblem`], with the path where it matters.
pub fn save_picture(picture: &Arc<ColorImage>, path: &Path) -> Result<(), SaveProblem> {
    let [width, height] = picture.size;
    let opaque: Vec<u8> = picture
        .pixels
        .iter()
        .flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()])
        .collect();
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(
            &opaque,
            u32::try_from(width).unwrap_or(u32::MAX),
            u32::try_from(height).unwrap_or(u32::MAX),
            ExtendedColorType::Rgb8,
        )
        .map_err(|error| SaveProblem::Encode(error.to_string()))?;
    write(path, &png)
}

/// Writes a text as UTF-8. Folders that are missing are made.
///
/// # Errors
/// [`SaveProblem::Write`], with the path.
pub fn save_text(text: &str, path: &Path) -> Result<(), SaveProblem> {
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

fn write(path: &Path, bytes: &[u8]) -> Result<(), SaveProblem> {
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)
    };
    write().map_err(|error| SaveProblem::Write {
        path: path.to_owned(),
        why: (&error).into(),
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
    fn a_dialog_that_was_cancelled_is_told_from_one_that_never_opened() {
        let (at_once, later) = (Duration::from_millis(20), Duration::from_secs(2));
        assert_eq!(answer(None, at_once, true), PathAnswer::NoDialog);
        assert_eq!(answer(None, later, true), PathAnswer::Cancelled);
        assert_eq!(answer(None, at_once, false), PathAnswer::Cancelled);
        let path = PathBuf::from("a.png");
        assert_eq!(
            answer(Some(path.clone()), at_once, true),
            PathAnswer::At(path)
        );
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
