//! The folders of a conversion, whatever interrupts it.

use std::{
    fs,
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::Arc,
};

use mensageiro_server::{
    log::{FileLog, Log, Loss as LogLoss, Position, Settings},
    migration::{self, ArchivePosition, Converted, Loss, MigrationError, Progress},
    model::codec,
    options::Durability,
};

use crate::{
    batches::Said,
    disk::{End, FailingDisk},
    sample::{self, expected},
};

/// Converts the store of a data folder.
fn convert(data: &Path) -> Result<Option<Converted>, MigrationError> {
    convert_on(data, &FailingDisk::new(usize::MAX, End::Full))
}

/// The same on a disk that may refuse at some moment.
fn convert_on(data: &Path, disk: &FailingDisk) -> Result<Option<Converted>, MigrationError> {
    convert_while(data, disk, &mut |_| ControlFlow::Continue(()))
}

fn convert_while(
    data: &Path,
    disk: &FailingDisk,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Converted>, MigrationError> {
    let create = |folder: &Path| {
        let settings = Settings {
            disk: Arc::new(disk.clone()),
            ..Settings::new(Durability::Relaxed, LogLoss::Refused)
        };
        FileLog::open(folder, &settings, &mut |_| ControlFlow::Continue(()))
    };
    let finish = |folder: &Path, archive: ArchivePosition| {
        disk.step()?;
        fs::write(folder.join("archive"), archive.last_mark.to_string())?;
        disk.step()
    };
    migration::run(&data.join("store"), Loss::Refused, create, finish, watch)
}

/// What the new store says.
fn converted(data: &Path) -> Said {
    let settings = Settings::new(Durability::Sync, LogLoss::Refused);
    let go_on = &mut |_| ControlFlow::Continue(());
    let log = FileLog::open(&data.join("store"), &settings, go_on).unwrap();
    let mut said = Said::default();
    for record in log.read_from(Position::START).unwrap() {
        said.apply(codec::read_batch(&record.unwrap().payload).unwrap());
    }
    said
}

fn names(data: &Path) -> Vec<String> {
    let names = fs::read_dir(data).unwrap();
    let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("store")).collect();
    names.sort();
    names
}

fn check_converted(data: &Path) {
    assert_eq!(names(data), ["store", "store-format-3"]);
    let said = converted(data);
    assert_eq!(said.messages.len(), 90);
    let rows = sample::rows(&expected().archive).len();
    assert!(said.marks.len() < rows);
    assert!(data.join("store/archive").exists());
    assert_eq!(convert(data).unwrap(), None, "once is enough");
    // The copy is whole: it can be converted again.
    fs::remove_dir_all(data.join("store")).unwrap();
    fs::rename(data.join("store-format-3"), data.join("store")).unwrap();
    convert(data).unwrap().unwrap();
    assert_eq!(converted(data).messages, said.messages);
}

#[test]
fn a_disk_that_is_full_at_any_moment_changes_nothing_and_the_next_start_converts_all() {
    let data = sample::data();
    let mut steps = 1;
    let converted = loop {
        match convert_on(data.path(), &FailingDisk::new(steps, End::Full)) {
            Ok(converted) => break converted.unwrap(),
            Err(error) => {
                assert!(error.to_string().contains("make room"), "{error}");
                assert_eq!(names(data.path()), ["store"]);
            }
        }
        steps += 1;
    };
    assert!(steps > 20, "{steps}");
    assert_eq!((converted.messages, converted.unreadable), (90, 0));
    assert_eq!(converted.copy, data.path().join("store-format-3"));
    check_converted(data.path());
}

/// The calls of the log and of what notes how far the archive is; for those of the folders see below.
#[test]
fn a_conversion_killed_between_any_two_calls_is_begun_anew() {
    let data = sample::data();
    let mut steps = 1;
    loop {
        let disk = FailingDisk::new(steps, End::Killed);
        let run = panic::catch_unwind(AssertUnwindSafe(|| convert_on(data.path(), &disk)));
        match run {
            Err(end) => assert!(end.is::<End>()),
            Ok(converted) => break drop(converted.unwrap().unwrap()),
        }
        assert_eq!(names(data.path()), ["store", "store.converting"]);
        steps += 1;
    }
    assert!(steps > 20, "{steps}");
    check_converted(data.path());
}

#[test]
fn a_conversion_that_is_ended_changes_nothing() {
    let data = sample::data();
    let mut told = Vec::new();
    let disk = FailingDisk::new(usize::MAX, End::Full);
    let ended = convert_while(data.path(), &disk, &mut |progress| {
        told.push(progress);
        match progress.message.0 {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    });
    assert!(matches!(ended, Err(MigrationError::Cancelled(_))));
    assert_eq!(names(data.path()), ["store"]);
    assert!(told.iter().all(|progress| progress.last.0 == 90));
    assert_eq!(
        told.last().unwrap().message.0,
        90,
        "all of them fit into one batch"
    );
    convert(data.path()).unwrap().unwrap();
    check_converted(data.path());
}

/// As kill -9 leaves the folders between any two renames.
#[test]
fn an_interrupted_conversion_is_begun_anew_or_finished() {
    let data = sample::data();
    let at = |name: &str| data.path().join(name);
    // While it was written, and when it was whole.
    for left in ["store.converting", "store.new"] {
        fs::create_dir_all(at(left).join("log")).unwrap();
        fs::write(at(left).join("log/0000.segment"), "half a rec").unwrap();
    }
    convert(data.path()).unwrap().unwrap();
    // When the old store had gone already.
    fs::rename(at("store"), at("store.new")).unwrap();
    assert_eq!(convert(data.path()).unwrap(), None);
    check_converted(data.path());
}

#[test]
fn a_copy_of_an_earlier_store_is_not_overwritten() {
    let data = sample::data();
    fs::create_dir(data.path().join("store-format-3")).unwrap();
    let converted = convert(data.path()).unwrap().unwrap();
    assert_eq!(converted.copy, data.path().join("store-format-3-2"));
}

#[test]
fn no_store_and_one_of_today_are_left_alone() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(convert(data.path()).unwrap(), None);
    assert!(names(data.path()).is_empty());
    for folder in ["store", "store/log"] {
        fs::create_dir(data.path().join(folder)).unwrap();
        assert_eq!(convert(data.path()).unwrap(), None);
        assert_eq!(names(data.path()), ["store"]);
    }
}

#[test]
fn a_store_that_two_versions_have_written_to_is_refused() {
    let data = sample::data();
    fs::create_dir(data.path().join("store/log")).unwrap();
    let error = convert(data.path()).unwrap_err();
    assert!(matches!(error, MigrationError::Mixed { .. }), "{error}");
    assert_eq!(names(data.path()), ["store"]);
}

#[test]
fn a_store_in_which_nothing_was_ever_written_is_converted_too() {
    let data = tempfile::tempdir().unwrap();
    drop(
        fjall::Database::builder(data.path().join("store"))
            .open()
            .unwrap(),
    );
    let done = convert(data.path()).unwrap().unwrap();
    assert_eq!(done.messages, 0);
    assert!(converted(data.path()).messages.is_empty());
}

/// As somebody leaves it who has moved the store to a larger disk.
#[cfg(unix)]
#[test]
fn a_store_that_is_a_link_is_converted_where_it_leads_to() {
    let (data, other) = (sample::data(), tempfile::tempdir().unwrap());
    let (store, elsewhere) = (data.path().join("store"), other.path().join("store"));
    fs::rename(&store, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &store).unwrap();
    let done = convert(data.path()).unwrap().unwrap();
    assert_eq!(done.copy, other.path().join("store-format-3"));
    assert_eq!(names(data.path()), ["store"]);
    assert_eq!(converted(other.path()).messages.len(), 90);
    // And between the last two renames.
    fs::rename(&elsewhere, other.path().join("store.new")).unwrap();
    assert_eq!(convert(data.path()).unwrap(), None);
    assert_eq!(converted(data.path()).messages.len(), 90);
}
