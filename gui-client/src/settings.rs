//! The settings file: read before the window opens, written by a thread of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use crossbeam_channel::{Sender, bounded};
use thiserror::Error;

use crate::model::Preferences;

/// Name of the settings file in the profile folder.
pub const FILE: &str = "settings.json";

/// Why the settings could not be kept.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("the settings in {path} could not be read: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is not what this app writes.
    #[error("the settings in {path} could not be understood: {cause}")]
    Understand {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: serde_json::Error,
    },
    /// The file could not be written.
    #[error("the settings could not be written to {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Reads the settings of a profile folder; a folder without any gives the defaults.
///
/// # Errors
/// The caller may go on with the defaults, and tell.
pub fn load(folder: &Path) -> Result<Preferences, SettingsError> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Preferences::default()),
        Err(cause) => return Err(SettingsError::Read { path, cause }),
    };
    serde_json::from_slice(&bytes).map_err(|cause| SettingsError::Understand { path, cause })
}

/// Writes settings without the window waiting for it. Dropping it writes the last ones.
#[derive(Debug)]
pub struct SettingsWriter {
    latest: Arc<Mutex<Option<Preferences>>>,
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SettingsWriter {
    /// Starts the thread; `failed` is told about each failure.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        folder: PathBuf,
        failed: impl Fn(SettingsError) + Send + 'static,
    ) -> io::Result<Self> {
        let latest = Arc::new(Mutex::new(None::<Preferences>));
        // One signal is enough: whoever wakes takes the latest settings, however many came.
        let (wake, woken) = bounded::<()>(1);
        let thread = std::thread::Builder::new().name("settings".into()).spawn({
            let latest = Arc::clone(&latest);
            move || {
                loop {
                    let more = woken.recv().is_ok();
                    let next = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(Err(error)) = next.map(|preferences| save(&folder, &preferences)) {
                        failed(error);
                    }
                    if !more {
                        break;
                    }
                }
            }
        })?;
        Ok(Self {
            latest,
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Hands over what is to be written; replaces what has not been written yet.
    pub fn write(&self, preferences: Preferences) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(preferences);
        if let Some(wake) = &self.wake {
            // Full: the thread has not taken the last signal yet and will see the new value.
            let _ = wake.try_send(());
        }
    }
}

impl Drop for SettingsWriter {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn save(folder: &Path, preferences: &Preferences) -> Result<(), SettingsError> {
    let path = folder.join(FILE);
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        // A file of its own and a rename: a crash leaves the old settings or the new ones.
        let new = folder.join(format!("{FILE}.new"));
        fs::write(&new, serde_json::to_vec_pretty(preferences)?)?;
        fs::rename(&new, &path)
    };
    write().map_err(|cause| SettingsError::Write { path, cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ThemeChoice;

    #[test]
    fn the_latest_settings_are_written_before_the_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile");
        assert_eq!(load(&profile).unwrap(), Preferences::default());
        let writer = SettingsWriter::start(profile.clone(), |error| panic!("{error}")).unwrap();
        for zoom in [1.0, 1.5, 2.0] {
            writer.write(Preferences {
                zoom,
                theme: ThemeChoice::Dark,
                ..Preferences::default()
            });
        }
        drop(writer);
        let read = load(&profile).unwrap();
        assert_eq!((read.zoom, read.theme), (2.0, ThemeChoice::Dark));
    }

    #[test]
    fn settings_that_cannot_be_read_say_which_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "not json").unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(FILE), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::write(&taken, "a file").unwrap();
        let (told, heard) = bounded(1);
        let writer = SettingsWriter::start(taken, move |error| {
            let _ = told.send(error.to_string());
        })
        .unwrap();
        writer.write(Preferences::default());
        drop(writer);
        assert!(heard.try_recv().unwrap().contains("taken"));
    }
}
