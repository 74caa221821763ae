//! Files that a person asks for, pictures of the window and transcripts: asking where to save
//! one, and writing it. Never called on the window's thread.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use egui::ColorImage;
use image::{ExtendedColorType, ImageEncoder, ImageError, codecs::png::PngEncoder};

use crate::{engine::StorageProblem, model::SaveProblem, private};

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
    save(path, |file| {
        PngEncoder::new(file)
            .write_image(
                &opaque,
                u32::try_from(width).unwrap_or(u32::MAX),
                u32::try_from(height).unwrap_or(u32::MAX),
                ExtendedColorType::Rgb8,
            )
            .map_err(|error| match error {
                ImageError::IoError(error) => error.into(),
                other => Unwritten::Encode(other.to_string()),
            })
    })
}

/// Writes a text as UTF-8. Folders that are missing are made.
///
/// # Errors
/// [`SaveProblem::Write`], with the path.
pub fn save_text(text: &str, path: &Path) -> Result<(), SaveProblem> {
    save(path, |file| Ok(file.write_all(text.as_bytes())?))
}

/// Why the contents of a file are not there.
#[derive(Debug)]
pub enum Unwritten {
    /// The disk does not take them.
    Disk(io::Error),
    /// What is to be written cannot be read.
    Read(StorageProblem),
    /// It is a picture that cannot be encoded.
    Encode(String),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<StorageProblem> for Unwritten {
    fn from(problem: StorageProblem) -> Self {
        Self::Read(problem)
    }
}

/// Has a file written as it goes: beside the one that is asked for, which it replaces at the end. So
/// there is never half of one. Other users of the computer cannot open it, and nothing is written through links that
/// they have put in the folder. Folders that are missing are made.
///
/// # Errors
/// [`SaveProblem`], with the path where it matters.
pub fn save<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Unwritten>,
) -> Result<T, SaveProblem> {
    write_and_replace(path, write).map_err(|error| match error {
        Unwritten::Disk(error) => SaveProblem::Write {
            path: path.to_owned(),
            why: (&error).into(),
        },
        Unwritten::Read(problem) => SaveProblem::Read(problem),
        Unwritten::Encode(why) => SaveProblem::Encode(why),
    })
}

fn write_and_replace<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Unwritten>,
) -> Result<T, Unwritten> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        private::create_folder(folder)?;
    }
    let mut file = BufWriter::new(private::new_file_for(path)?);
    let written = write(&mut file)?;
    let new = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    private::persist(new, path)?;
    Ok(written)
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

#[cfg(test)]
mod tests {
    use std::fs;

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
    fn what_cannot_be_finished_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conversation.txt");
        save_text("the old one", &path).unwrap();
        let failed = save::<()>(&path, |file| {
            file.write_all(b"half of the new one")?;
            Err(StorageProblem::Stopped.into())
        });
        assert_eq!(failed, Err(SaveProblem::Read(StorageProblem::Stopped)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "the old one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        save_text("the new one", &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "the new one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_saved_is_only_for_the_person_and_goes_through_no_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join("theirs");
        fs::write(&theirs, "theirs").unwrap();
        let shared = folder.path().join("shared");
        fs::create_dir(&shared).unwrap();
        let path = shared.join("conversation.txt");
        // Where it is saved, and under the names that could be guessed while it is written.
        let id = std::process::id();
        for name in [
            "conversation.txt".into(),
            "conversation.txt.part".into(),
            format!("conversation.txt.{id}.part"),
        ] {
            symlink(&theirs, shared.join(name)).unwrap();
        }
        save_text("ours", &path).unwrap();
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
        let saved = fs::symlink_metadata(&path).unwrap();
        assert_eq!(saved.permissions().mode() & 0o7777, 0o600);
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
