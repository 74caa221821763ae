//! Databases that are damaged, in any part: the app goes on with a new one, keeps the old one, and takes
//! over what can be read.

use std::path::PathBuf;

use crate::engine::history::{
    database_files::{beside, move_all},
    rescue,
};

use super::*;

/// A page of the database.
pub(super) const PAGE: usize = 4096;

/// An account that has been used: conversations, a draft, messages that wait. Returns its file.
pub(super) fn used(folder: &TempDir, messages: usize) -> PathBuf {
    let mut history = open(folder);
    for number in 0..messages {
        let with = ["bob", "cy", "dora"][number % 3];
        let text = format!("message {number} of many, with some words in it");
        receive(&mut history, &[(with, &text)], None);
    }
    history.save_draft(&person("bob"), "half a sent").unwrap();
    send(&history, "cy", "waits");
    history.remember_way(Way::Classic(Framing::Bare)).unwrap();
    let path = PathBuf::from(history.connection.path().unwrap());
    // All of it is in one file.
    drop(history);
    assert!(!fs::exists(beside(&path, "-wal")).unwrap());
    path
}

/// Everything that the app does with a database.
fn use_all(history: &mut History) -> Result<()> {
    history.outbox()?;
    history.groups()?;
    for row in history.conversations()? {
        let mut before = None;
        loop {
            let (page, is_complete) = history.page(&row.with, before, 100)?;
            before = page.first().map(|message| message.sort_key);
            if is_complete {
                break;
            }
        }
        history.oldest_unread(&row.with)?;
    }
    history.search(&"words".into(), None)?;
    let received = received(&[("bob", "new"), ("eve", "new")]);
    let ends = None;
    history.receive(&Batch { received, ends })?;
    let to = Login::parse("bob").unwrap();
    let id = history.add_to_outbox(&to, &Text::from("x"), None)?.id;
    history.discard(id)?;
    Ok(())
}

/// Opens, and uses all of it, as the worker does.
pub(super) fn open_and_use(folder: &TempDir) -> (History, Option<PathBuf>) {
    let mut history = open(folder);
    let mut to = history.take_set_aside();
    if let Err(error) = use_all(&mut history) {
        assert!(error.is_damage(), "{error}");
        drop(history);
        history = History::open_anew(folder.path(), &account()).unwrap();
        to = history.take_set_aside();
        use_all(&mut history).unwrap();
    }
    (history, to)
}

pub(super) fn write_at(path: &Path, at: usize, bytes: &[u8]) {
    let mut all = fs::read(path).unwrap();
    let end = (at + bytes.len()).min(all.len());
    all[at..end].copy_from_slice(&bytes[..end - at]);
    fs::write(path, all).unwrap();
}

#[test]
fn whatever_is_in_the_place_of_a_database_is_kept_and_a_new_one_is_begun() {
    type Damage = fn(&Path);
    let all: &[(&str, Damage)] = &[
        ("its beginning", |path| write_at(path, 0, &[0xff; 100])),
        ("its first byte", |path| write_at(path, 0, b"?")),
        ("its page size", |path| write_at(path, 16, &[0x12, 0x34])),
        ("its format", |path| write_at(path, 18, &[9, 9])),
        ("its version", |path| write_at(path, 60, &[0x7f; 4])),
        ("an older version", |path| write_at(path, 60, &[0, 0, 0, 1])),
        ("its encoding", |path| write_at(path, 56, &[0, 0, 0, 2])),
        ("its first page", |path| write_at(path, 0, &[0xa5; PAGE])),
        ("nothing", |path| fs::write(path, "").unwrap()),
        ("a few bytes", |path| {
            let all = fs::read(path).unwrap();
            fs::write(path, &all[..50]).unwrap();
        }),
        ("its half", |path| {
            let all = fs::read(path).unwrap();
            fs::write(path, &all[..all.len() / 2]).unwrap();
        }),
        ("a page and a half", |path| {
            let all = fs::read(path).unwrap();
            fs::write(path, &all[..PAGE * 3 / 2]).unwrap();
        }),
        ("a text", |path| fs::write(path, "a letter to bob").unwrap()),
        ("zeros", |path| fs::write(path, vec![0; 9 * PAGE]).unwrap()),
        ("another database", |path| {
            fs::remove_file(path).unwrap();
            let other = Connection::open(path).unwrap();
            other.execute_batch("CREATE TABLE messages (x)").unwrap();
        }),
        ("another database of the same version", |path| {
            fs::remove_file(path).unwrap();
            let other = Connection::open(path).unwrap();
            let version = schema::version();
            other.pragma_update(None, "user_version", version).unwrap();
        }),
        ("a folder", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::write(path.join("x"), "x").unwrap();
        }),
        ("a folder for its log", |path| {
            fs::create_dir(beside(path, "-wal")).unwrap();
        }),
        ("a log that is none", |path| {
            fs::write(beside(path, "-wal"), [7; 5000]).unwrap();
        }),
    ];
    for (what, damage) in all {
        let folder = tempdir().unwrap();
        let path = used(&folder, 300);
        damage(&path);
        let before = path.is_file().then(|| fs::read(&path).unwrap());
        let (mut history, to) = open_and_use(&folder);
        let to = to.unwrap_or_else(|| panic!("{what}: it was not noticed"));
        assert!(to.to_string_lossy().ends_with(".damaged.db"), "{to:?}");
        match before {
            Some(before) => assert!(fs::read(&to).unwrap() == before, "{what}: it was changed"),
            None => assert!(to.join("x").exists()),
        }
        receive(&mut history, &[("bob", "it works")], None);
        drop(history);
        // The next time all is well.
        let mut history = open(&folder);
        assert_eq!(history.take_set_aside(), None, "{what}");
        use_all(&mut history).unwrap();
        let page = history.page(&person("bob"), None, 9).unwrap().0;
        assert!(texts(&page).contains(&"it works"), "{what}");
        let left_over = fs::read_dir(folder.path()).unwrap().filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            name.to_string_lossy().contains("rescued")
        });
        assert_eq!(left_over.count(), 0, "{what}");
    }
}

#[test]
fn bytes_that_are_anything_anywhere_never_keep_the_app_from_working() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 400);
    let healthy = fs::read(&path).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for turn in 0..90 {
        let _ = fs::remove_dir_all(folder.path());
        fs::create_dir_all(folder.path()).unwrap();
        let mut bytes = healthy.clone();
        let at = random.usize(..bytes.len());
        let length = 1 << random.usize(..13);
        let end = (at + length).min(bytes.len());
        match turn % 3 {
            0 => bytes[at..end].fill(0),
            1 => random.fill(&mut bytes[at..end]),
            _ => bytes.truncate(at),
        }
        fs::write(&path, &bytes).unwrap();
        // As after a start: there has been a database.
        fs::write(path.with_extension("lock"), "used").unwrap();
        let (_, to) = open_and_use(&folder);
        if let Some(to) = to {
            assert!(to.exists());
        }
    }
}

#[test]
fn a_log_with_a_damaged_part_is_noticed_and_one_that_a_power_cut_left_is_not() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 3);
    let mut history = open(&folder);
    for number in 0..20 {
        receive(
            &mut history,
            &[("bob", &format!("in the log {number}"))],
            None,
        );
    }
    let log = beside(&path, "-wal");
    let (main, whole) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    drop(history);
    let set_aside = |log_bytes: &[u8]| {
        fs::write(&path, &main).unwrap();
        fs::write(&log, log_bytes).unwrap();
        let mut history = open(&folder);
        use_all(&mut history).unwrap();
        history.take_set_aside()
    };
    assert_eq!(set_aside(&whole), None);
    assert_eq!(set_aside(&whole[..whole.len() - 100]), None, "cut off");
    let mut torn = whole.clone();
    let end = torn.len();
    torn[end - 3000..end - 2000].fill(0xff);
    assert_eq!(set_aside(&torn), None, "the last page never got there");
    let mut damaged = whole;
    damaged[end / 2..end / 2 + 100].fill(0xff);
    let to = set_aside(&damaged).unwrap();
    assert!(fs::read(beside(&to, "-wal")).unwrap() == damaged);
}

#[test]
fn damaged_databases_do_not_take_each_others_names_and_an_unfinished_rescue_is_finished() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 3);
    let mut names = Vec::new();
    for _ in 0..3 {
        fs::write(&path, "damaged").unwrap();
        names.push(open(&folder).take_set_aside().unwrap());
    }
    names.dedup();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| name.exists()));
    // The app died before the new one had its name.
    fs::rename(&path, path.with_extension("rescued.db")).unwrap();
    let mut history = open(&folder);
    assert_eq!(history.take_set_aside(), None);
    assert!(path.exists() && !path.with_extension("rescued.db").exists());
    use_all(&mut history).unwrap();
}

#[test]
fn a_database_that_was_never_filled_is_not_damaged() {
    let folder = tempdir().unwrap();
    let name = file::name(&account());
    fs::write(folder.path().join(format!("{name}.db")), "").unwrap();
    assert_eq!(open(&folder).take_set_aside(), None);
}

#[test]
fn one_that_cannot_be_moved_is_left_alone_and_named() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 3);
    fs::write(&path, "damaged").unwrap();
    fs::write(path.with_extension("damaged.db"), "x").unwrap();
    for number in 2..=1000 {
        fs::write(path.with_extension(format!("damaged-{number}.db")), "x").unwrap();
    }
    let error = History::open(folder.path(), &account()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"damaged");
    let problem = error.problem(folder.path());
    assert_eq!(problem, StorageProblem::Damaged { path });
}

#[test]
fn nothing_is_set_aside_when_the_new_database_cannot_be_written() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 30);
    write_at(&path, 0, &[0xff; 100]);
    let before = fs::read(&path).unwrap();
    // In the place of the new one, and of the copy that is read, is what cannot be written to.
    for ending in ["rescued.db", "rescued.copy.db"] {
        let in_the_way = path.with_extension(ending);
        fs::create_dir(&in_the_way).unwrap();
        fs::write(in_the_way.join("x"), "x").unwrap();
        let error = History::open(folder.path(), &account()).unwrap_err();
        assert!(!error.is_damage(), "{ending}: {error}");
        assert!(fs::read(&path).unwrap() == before, "{ending}");
        assert!(!path.with_extension("damaged.db").exists(), "{ending}");
        fs::remove_dir_all(&in_the_way).unwrap();
    }
    // Later there is room, and nothing is lost.
    let mut history = open(&folder);
    assert!(history.take_set_aside().is_some());
    assert_eq!(history.outbox().unwrap().len(), 1);
}

#[test]
fn nothing_is_set_aside_while_another_program_holds_the_database() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 30);
    let other = Connection::open(&path).unwrap();
    other
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .unwrap();
    other.execute_batch("BEGIN IMMEDIATE; COMMIT").unwrap();
    let error = History::open_anew(folder.path(), &account()).unwrap_err();
    assert!(!error.is_damage(), "{error}");
    assert!(!path.with_extension("damaged.db").exists());
    assert!(!path.with_extension("rescued.db").exists());
    drop(other);
    let mut history = History::open_anew(folder.path(), &account()).unwrap();
    assert!(history.take_set_aside().is_some());
    assert_eq!(history.outbox().unwrap().len(), 1);
}

#[test]
fn what_is_told_of_a_disk_is_not_taken_for_damage() {
    use rusqlite::ffi;
    let failed = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    for code in [
        ffi::SQLITE_FULL,
        ffi::SQLITE_READONLY,
        ffi::SQLITE_BUSY,
        ffi::SQLITE_LOCKED,
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_NOMEM,
    ] {
        assert!(rescue::is_passing(&failed(code)), "{code}");
    }
    for code in [
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_NOTADB,
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
    ] {
        assert!(!rescue::is_passing(&failed(code)), "{code}");
    }
}

#[test]
fn a_database_that_cannot_be_moved_keeps_its_log() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.db");
    let to = folder.path().join("b.db");
    for ending in ["", "-wal", "-shm"] {
        fs::write(beside(&path, ending), ending).unwrap();
    }
    // It cannot take this name.
    fs::create_dir(&to).unwrap();
    fs::write(to.join("x"), "x").unwrap();
    move_all(&path, &to).unwrap_err();
    for ending in ["", "-wal", "-shm"] {
        let kept = fs::read_to_string(beside(&path, ending)).unwrap();
        assert_eq!(kept, ending);
    }
}

#[test]
fn the_log_of_a_database_that_was_half_moved_aside_is_put_back() {
    let folder = tempdir().unwrap();
    let path = used(&folder, 30);
    // Another one was moved aside before.
    fs::write(path.with_extension("damaged.db"), "older").unwrap();
    let older = beside(&path.with_extension("damaged.db"), "-wal");
    fs::write(&older, "its log").unwrap();
    let mut history = open(&folder);
    receive(&mut history, &[("bob", "only in the log")], None);
    let log = beside(&path, "-wal");
    let (main, log_bytes) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    drop(history);
    // The app died after it had moved the log.
    fs::write(&path, main).unwrap();
    fs::write(path.with_extension("rescued.db"), "made before").unwrap();
    let aside = beside(&path.with_extension("damaged-2.db"), "-wal");
    fs::write(&aside, log_bytes).unwrap();
    let mut history = open(&folder);
    assert_eq!(history.take_set_aside(), None);
    let page = history.page(&person("bob"), None, 100).unwrap().0;
    assert_eq!(*texts(&page).last().unwrap(), "only in the log");
    assert!(!aside.exists() && !path.with_extension("rescued.db").exists());
    assert_eq!(fs::read_to_string(older).unwrap(), "its log");
}
