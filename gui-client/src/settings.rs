//! The settings file: read before the window opens, written by a thread of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::model::{Preferences, SettingsProblem};

/// Name of the settings file in the profile folder.
pub const FILE: &str = "settings.json";

/// Files that were set aside before keep their names; so many are looked for.
const ASIDE_AT_MOST: usize = 1000;

/// What was read at the start.
#[derive(Debug)]
pub struct Loaded {
    /// The settings; those the app has at first where there are none.
    pub preferences: Preferences,
    /// What the person is to be told of the file.
    pub problem: Option<SettingsProblem>,
    /// Whether settings may be written: not where a file would be lost by it.
    pub may_write: bool,
}

/// Reads the settings of a profile folder. A file that cannot be read is set aside, so that what it
/// holds, the remembered accounts above all, is not written over.
pub fn load(folder: &Path) -> Loaded {
    let path = folder.join(FILE);
    let why = match fs::read(&path) {
        Ok(bytes) => match serde_json::from_slice::<Preferences>(&bytes) {
            Ok(preferences) => return loaded(preferences.in_range(), None),
            Err(error) => error.to_string(),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return loaded(Preferences::default(), None);
        }
        Err(error) => error.to_string(),
    };
    tracing::warn!(path = %path.display(), why, "the settings cannot be read");
    let problem = match set_aside(folder, &path) {
        Ok(to) => SettingsProblem::SetAside { to },
        Err(error) => SettingsProblem::Untouched {
            why: (&error).into(),
            path,
        },
    };
    loaded(Preferences::default(), Some(problem))
}

fn loaded(preferences: Preferences, problem: Option<SettingsProblem>) -> Loaded {
    Loaded {
        preferences,
        may_write: !matches!(problem, Some(SettingsProblem::Untouched { .. })),
        problem,
    }
}

/// Gives the file a name that is free; returns its new path.
fn set_aside(folder: &Path, path: &Path) -> io::Result<PathBuf> {
    let names = (1..=ASIDE_AT_MOST).map(|number| match number {
        1 => "settings.unreadable.json".to_owned(),
        number => format!("settings.unreadable-{number}.json"),
    });
    let free = names
        .map(|name| folder.join(name))
        .find(|to| fs::symlink_metadata(to).is_err_and(|e| e.kind() == io::ErrorKind::NotFound));
    let to = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(path, &to)?;
    Ok(to)
}

/// Writes settings without the window waiting for it. Dropping it writes the last ones.
#[derive(Debug)]
pub struct SettingsWriter {
    problems: Receiver<SettingsProblem>,
    latest: Arc<Mutex<Option<Preferences>>>,
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SettingsWriter {
    /// Starts the thread; `wake` is called when there is a [`SettingsWriter::problem`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(folder: PathBuf, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let latest = Arc::new(Mutex::new(None::<Preferences>));
        // One signal is enough: whoever wakes takes the latest settings, however many came.
        let (signal, woken) = bounded::<()>(1);
        let (tell, problems) = bounded(1);
        let thread = std::thread::Builder::new().name("settings".into()).spawn({
            let latest = Arc::clone(&latest);
            move || {
                let mut is_told = false;
                loop {
                    let more = woken.recv().is_ok();
                    let next = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
                    match next.map(|preferences| save(&folder, &preferences)) {
                        None => {}
                        Some(Ok(())) => is_told = false,
                        Some(Err(error)) => {
                            let path = folder.join(FILE);
                            tracing::warn!(path = %path.display(), %error, "settings not written");
                            let why = (&error).into();
                            // Once is enough until it has gone well again; and what nobody has
                            // taken yet says the same.
                            if !std::mem::replace(&mut is_told, true) {
                                let _ = tell.try_send(SettingsProblem::NotWritten { path, why });
                                wake();
                            }
                        }
                    }
                    if !more {
                        break;
                    }
                }
            }
        })?;
        Ok(Self {
            problems,
            latest,
            wake: Some(signal),
            thread: Some(thread),
        })
    }

    /// Why settings could not be written, if the person has not been told.
    pub fn problem(&self) -> Option<SettingsProblem> {
        self.problems.try_recv().ok()
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

fn save(folder: &Path, preferences: &Preferences) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // A file of its own and a rename: a crash leaves the old settings or the new ones.
    let new = folder.join(format!("{FILE}.new"));
    fs::write(&new, serde_json::to_vec_pretty(preferences)?)?;
    fs::rename(&new, folder.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ThemeChoice;

    #[test]
    fn the_latest_settings_are_written_before_the_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile");
        let first = load(&profile);
        assert_eq!(first.preferences, Preferences::default());
        assert!(first.may_write && first.problem.is_none());
        let writer = SettingsWriter::start(profile.clone(), || panic!("it failed")).unwrap();
        for zoom in [1.0, 1.5, 2.0] {
            writer.write(Preferences {
                zoom,
                theme: ThemeChoice::Dark,
                ..Preferences::default()
            });
        }
        drop(writer);
        let read = load(&profile).preferences;
        assert_eq!((read.zoom, read.theme), (2.0, ThemeChoice::Dark));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_set_aside_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for (content, name) in [
            ("not json", "settings.unreadable.json"),
            ("7", "settings.unreadable-2.json"),
        ] {
            fs::write(folder.path().join(FILE), content).unwrap();
            let loaded = load(folder.path());
            let to = folder.path().join(name);
            assert!(loaded.may_write);
            assert_eq!(fs::read_to_string(&to).unwrap(), content);
            assert_eq!(loaded.problem, Some(SettingsProblem::SetAside { to }));
            assert!(!folder.path().join(FILE).exists());
        }
    }

    #[test]
    fn a_zoom_written_by_hand_is_brought_into_range() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), r#"{"zoom": 99}"#).unwrap();
        assert_eq!(load(folder.path()).preferences.zoom, 3.0);
    }

    #[test]
    fn a_file_that_can_be_neither_read_nor_set_aside_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let not_a_folder = folder.path().join("profile");
        fs::write(&not_a_folder, "a file").unwrap();
        let loaded = load(&not_a_folder);
        assert!(!loaded.may_write);
        assert!(
            matches!(loaded.problem, Some(SettingsProblem::Untouched { .. })),
            "{:?}",
            loaded.problem
        );
    }

    #[test]
    fn settings_that_cannot_be_written_are_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::write(&taken, "a file").unwrap();
        let (woke, wakes) = bounded(9);
        let writer = SettingsWriter::start(taken.clone(), move || woke.send(()).unwrap()).unwrap();
        writer.write(Preferences::default());
        wakes.recv().unwrap();
        let told = writer.problem();
        assert!(
            matches!(&told, Some(SettingsProblem::NotWritten { path, .. }) if path.starts_with(&taken)),
            "{told:?}"
        );
        writer.write(Preferences::default());
        drop(writer);
        assert!(wakes.try_recv().is_err(), "once is enough");
    }
}
