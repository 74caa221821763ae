//! The settings file: read before the window opens, written by a separate thread.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    copies,
    model::{AccountPreferences, Preferences, SettingsProblem},
    private, version,
};

/// Name of the settings file in the profile folder.
pub const FILE: &str = "settings.json";

/// The format of the file, in its field `format`. Format 1 has no such field.
const FORMAT: u64 = 2;

/// The copy that is kept of a file of format 1, which this version has converted.
const COPY: &str = "settings-format-1.json";

/// The fields of the file's format, and of the version of the app that wrote it.
const FORMAT_FIELD: &str = "format";
const VERSION_FIELD: &str = "version";

/// The key of the accounts' preferences in the file.
const ACCOUNTS: &str = "accounts";

/// The preferences that earlier versions kept for all accounts together.
const OF_ACCOUNTS: [&str; 5] = ["note", "notify_of", "sound", "fetch_every", "recent_emoji"];

/// The most file names that are tried to set a file aside: earlier files keep their names.
const ASIDE_AT_MOST: usize = 1000;

/// The result of reading the settings.
#[derive(Debug)]
pub struct Loaded {
    /// The settings, with defaults for what the file does not contain.
    pub preferences: Preferences,
    /// The notice to show about the file, if any.
    pub problem: Option<SettingsProblem>,
    /// Whether settings may be written: not if that would destroy a file that could not be read.
    pub may_write: bool,
}

/// Reads the settings of a profile folder. A file that cannot be read is set aside, so that its content, above all the
/// remembered accounts, is not overwritten.
pub fn load(folder: &Path) -> Loaded {
    let path = folder.join(FILE);
    let why = match fs::read(&path) {
        Ok(bytes) => match read(&bytes) {
            Ok(Read::Preferences(preferences)) => {
                copies::remove_old(&folder.join(COPY));
                return loaded(preferences.in_range(), None);
            }
            Ok(Read::Newer(version)) => {
                tracing::warn!(path = %path.display(), ?version, "a newer version wrote the settings");
                let problem = SettingsProblem::Newer { path, version };
                return loaded(Preferences::default(), Some(problem));
            }
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

/// What a file holds.
enum Read {
    Preferences(Preferences),
    /// Something that another version understands: this one, perhaps.
    Newer(Option<String>),
}

fn read(bytes: &[u8]) -> serde_json::Result<Read> {
    let file: Value = serde_json::from_slice(bytes)?;
    if let Some(version) = newer(&file) {
        return Ok(Read::Newer(version));
    }
    let mut preferences = Preferences::deserialize(&file)?;
    // Earlier versions had one of each for all accounts. The note and the emoji belong to the last account; the choices for
    // notifications were meant for all.
    if file.get(ACCOUNTS).is_none() && OF_ACCOUNTS.iter().any(|name| file.get(name).is_some()) {
        let mut own = AccountPreferences::deserialize(&file)?;
        for remembered in &preferences.remembered {
            preferences.accounts.insert(remembered.key(), own.clone());
            (own.note, own.recent_emoji) = (String::new(), Vec::new());
        }
    }
    Ok(Read::Preferences(preferences))
}

/// The version that wrote a file, if its format is newer than this one's.
fn newer(file: &Value) -> Option<Option<String>> {
    let format = file.get(FORMAT_FIELD)?.as_u64()?;
    let version = file.get(VERSION_FIELD).and_then(Value::as_str);
    (format > FORMAT).then(|| version.and_then(version::named))
}

fn loaded(preferences: Preferences, problem: Option<SettingsProblem>) -> Loaded {
    Loaded {
        preferences,
        may_write: !matches!(
            problem,
            Some(SettingsProblem::Untouched { .. } | SettingsProblem::Newer { .. })
        ),
        problem,
    }
}

/// Renames the file to a free name. Returns the new path.
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

/// Writes settings in the background. Dropping this writes the last ones.
#[derive(Debug)]
pub struct SettingsWriter {
    problems: Receiver<SettingsProblem>,
    latest: Arc<Mutex<Option<Preferences>>>,
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SettingsWriter {
    /// Starts the thread with the settings that were read. `wake` is called when there is a [`SettingsWriter::problem`].
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        folder: PathBuf,
        read: &Preferences,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let mut known = serde_json::to_value(read)?;
        let latest = Arc::new(Mutex::new(None::<Preferences>));
        // One signal is enough: the thread takes the latest settings when it wakes up.
        let (signal, woken) = bounded::<()>(1);
        let (tell, problems) = bounded(1);
        let thread = std::thread::Builder::new().name("settings".into()).spawn({
            let latest = Arc::clone(&latest);
            move || {
                let mut is_told = false;
                loop {
                    let more = woken.recv().is_ok();
                    let next = latest.lock().take();
                    match next.map(|preferences| save(&folder, &preferences, &mut known)) {
                        None => {}
                        Some(Ok(())) => is_told = false,
                        Some(Err(problem)) => {
                            tracing::warn!(?problem, "settings not written");
                            // Reported once, until writing succeeds again; a problem that nobody has taken yet says the same.
                            if !std::mem::replace(&mut is_told, true) {
                                let _ = tell.try_send(problem);
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

    /// Why settings could not be written; returned once.
    pub fn problem(&self) -> Option<SettingsProblem> {
        self.problems.try_recv().ok()
    }

    /// Hands settings to the thread. They replace those that have not been written yet.
    pub fn write(&self, preferences: Preferences) {
        *self.latest.lock() = Some(preferences);
        if let Some(wake) = &self.wake {
            // Full: the thread has not taken the last signal yet, and will see the new value.
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

/// Writes what has changed since `known`. Changes that another window of the app has written meanwhile stay.
fn save(
    folder: &Path,
    preferences: &Preferences,
    known: &mut Value,
) -> Result<(), SettingsProblem> {
    let path = folder.join(FILE);
    let bytes = fs::read(&path).ok();
    let read = bytes
        .as_ref()
        .and_then(|bytes| serde_json::from_slice(bytes).ok());
    // An app that was updated meanwhile may have another window open.
    if let Some(version) = read.as_ref().and_then(newer) {
        return Err(SettingsProblem::Newer { path, version });
    }
    let not_written = |error: io::Error| SettingsProblem::NotWritten {
        path: path.clone(),
        why: (&error).into(),
    };
    let next = serde_json::to_value(preferences).map_err(|error| not_written(error.into()))?;
    let mut all = match read {
        Some(Value::Object(there)) => {
            if !there.contains_key(FORMAT_FIELD) {
                let old = bytes.unwrap_or_default();
                private::replace(&folder.join(COPY), &old).map_err(not_written)?;
            }
            merged(there, known, &next)
        }
        _ => next.clone(),
    };
    all[FORMAT_FIELD] = FORMAT.into();
    all[VERSION_FIELD] = version::THIS.into();
    private::create_folder(folder).map_err(not_written)?;
    let written = serde_json::to_vec_pretty(&all).map_err(|error| not_written(error.into()))?;
    private::replace(&path, &written).map_err(not_written)?;
    *known = next;
    Ok(())
}

fn merged(mut there: Map<String, Value>, known: &Value, next: &Value) -> Value {
    for name in OF_ACCOUNTS {
        there.remove(name);
    }
    let accounts = match (there.get(ACCOUNTS), next.get(ACCOUNTS)) {
        (Some(Value::Object(accounts)), Some(next)) => {
            let known = known.get(ACCOUNTS).unwrap_or(&Value::Null);
            Some(changed(accounts.clone(), known, next))
        }
        _ => None,
    };
    let mut all = changed(there, known, next);
    if let Some(accounts) = accounts {
        all[ACCOUNTS] = accounts;
    }
    all
}

/// The content of the file, with the fields in which `next` differs from `known`.
fn changed(mut there: Map<String, Value>, known: &Value, next: &Value) -> Value {
    for (name, value) in next.as_object().into_iter().flatten() {
        if known.get(name) != Some(value) || !there.contains_key(name) {
            there.insert(name.clone(), value.clone());
        }
    }
    there.into()
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Login;

    use super::*;
    use crate::{engine::Account, model::ThemeChoice};

    #[test]
    fn the_latest_settings_are_written_before_the_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile");
        let first = load(&profile);
        assert_eq!(first.preferences, Preferences::default());
        assert!(first.may_write && first.problem.is_none());
        let fail = || panic!("it failed");
        let writer = SettingsWriter::start(profile.clone(), &first.preferences, fail).unwrap();
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

    fn account(login: &str) -> Account {
        Account {
            login: Login::parse(login).unwrap(),
            server: "localhost:3333".into(),
        }
    }

    /// The content after a file was read, changed and read again.
    fn rewritten(content: &str, change: impl FnOnce(&mut Preferences)) -> Preferences {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), content).unwrap();
        let mut preferences = load(folder.path()).preferences;
        let fail = || panic!("it failed");
        let writer = SettingsWriter::start(folder.path().into(), &preferences, fail).unwrap();
        change(&mut preferences);
        writer.write(preferences);
        drop(writer);
        let file = fs::read_to_string(folder.path().join(FILE)).unwrap();
        let file: Value = serde_json::from_str(&file).unwrap();
        assert!(OF_ACCOUNTS.iter().all(|name| file.get(name).is_none()));
        load(folder.path()).preferences
    }

    #[test]
    fn a_note_of_an_older_version_is_of_the_account_used_last() {
        let old = r#"{"note": "lunch", "sound": true, "recent_emoji": ["🎉"], "theme": "dark",
            "remembered": [{"login": "ana", "server": "localhost:3333"},
                           {"login": "bruno", "server": "localhost:3333"}]}"#;
        let read = rewritten(old, |preferences| preferences.zoom = 2.0);
        let (ana, bruno) = (read.of(&account("ana")), read.of(&account("bruno")));
        assert_eq!((ana.note.as_str(), bruno.note.as_str()), ("lunch", ""));
        assert_eq!((ana.recent_emoji.len(), bruno.recent_emoji.len()), (1, 0));
        assert!(ana.sound && bruno.sound);
        assert_eq!(read.of(&account("zoe")), &AccountPreferences::USUAL);
        assert_eq!((read.zoom, read.theme), (2.0, ThemeChoice::Dark));
    }

    #[test]
    fn what_two_windows_change_at_a_time_is_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let start = Preferences::default();
        let window = || {
            let fail = || panic!("it failed");
            SettingsWriter::start(folder.path().into(), &start, fail).unwrap()
        };
        let (one, other) = (window(), window());
        let mut ana = start.clone();
        ana.of_mut(&account("ana")).write_note("lunch");
        ana.theme = ThemeChoice::Dark;
        one.write(ana);
        drop(one);
        let mut bruno = start;
        bruno.of_mut(&account("bruno")).write_note("home");
        bruno.zoom = 1.5;
        other.write(bruno);
        drop(other);
        let read = load(folder.path()).preferences;
        assert_eq!(read.of(&account("ana")).note, "lunch");
        assert_eq!(read.of(&account("bruno")).note, "home");
        assert_eq!((read.zoom, read.theme), (1.5, ThemeChoice::Dark));
    }

    #[test]
    fn what_a_newer_version_keeps_stays_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, r#"{"colour_of_the_sky": "blue"}"#).unwrap();
        let mut preferences = load(folder.path()).preferences;
        let fail = || panic!("it failed");
        let writer = SettingsWriter::start(folder.path().into(), &preferences, fail).unwrap();
        preferences.zoom = 2.0;
        writer.write(preferences);
        drop(writer);
        assert!(fs::read_to_string(&path).unwrap().contains("blue"));
    }

    /// Reads the settings, changes the zoom and writes them.
    fn change_zoom(folder: &Path) -> Option<SettingsProblem> {
        let mut preferences = load(folder).preferences;
        let (woke, wakes) = bounded(9);
        let wake = move || woke.send(()).unwrap();
        let writer = SettingsWriter::start(folder.into(), &preferences, wake).unwrap();
        preferences.zoom = 2.0;
        writer.write(preferences);
        // Either it has written, or it tells.
        let path = folder.join(FILE);
        let before = fs::read(&path).unwrap();
        while wakes.is_empty() && fs::read(&path).unwrap() == before {
            std::thread::yield_now();
        }
        writer.problem()
    }

    #[test]
    fn a_file_of_format_1_is_converted_and_kept_as_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join(FILE), folder.path().join(COPY));
        let old = r#"{"note": "lunch", "theme": "dark",
            "remembered": [{"login": "ana", "server": "localhost:3333"}]}"#;
        fs::write(&path, old).unwrap();
        assert_eq!(change_zoom(folder.path()), None);
        assert_eq!(fs::read_to_string(&copy).unwrap(), old);
        let new: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(new[FORMAT_FIELD], FORMAT);
        assert_eq!(new[VERSION_FIELD], version::THIS);
        let read = load(folder.path()).preferences;
        assert_eq!(read.of(&account("ana")).note, "lunch");
        assert_eq!((read.zoom, read.theme), (2.0, ThemeChoice::Dark));
        // Today's format needs none.
        fs::remove_file(&copy).unwrap();
        fs::write(
            &path,
            fs::read_to_string(&path).unwrap().replace("2.0", "1.5"),
        )
        .unwrap();
        assert_eq!(change_zoom(folder.path()), None);
        assert!(!copy.exists());
    }

    #[test]
    fn the_settings_of_the_kept_profile_are_read() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/profile");
        let folder = tempfile::tempdir().unwrap();
        fs::copy(kept.join(FILE), folder.path().join(FILE)).unwrap();
        let Loaded {
            preferences,
            problem,
            may_write,
        } = load(folder.path());
        assert!(may_write && problem.is_none());
        assert_eq!(preferences.theme, ThemeChoice::Dark);
        assert_eq!(preferences.remembered[0].login, "ana");
        assert_eq!(preferences.window.map(|window| window.width), Some(980.0));
    }

    #[test]
    fn a_file_of_a_newer_format_is_neither_used_nor_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let newer = r#"{"format": 3, "version": "7.8.9", "theme": {"of": "ana", "is": "dark"}}"#;
        fs::write(&path, newer).unwrap();
        let loaded = load(folder.path());
        let problem = SettingsProblem::Newer {
            path: path.clone(),
            version: Some("7.8.9".into()),
        };
        assert_eq!(loaded.problem, Some(problem.clone()));
        assert!(!loaded.may_write);
        assert_eq!(loaded.preferences, Preferences::default());
        // A window that was open before does not write either.
        assert_eq!(change_zoom(folder.path()), Some(problem));
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);
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
        let read = Preferences::default();
        let wake = move || woke.send(()).unwrap();
        let writer = SettingsWriter::start(taken.clone(), &read, wake).unwrap();
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
