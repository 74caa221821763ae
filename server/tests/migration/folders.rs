//! The folders of a conversion, whatever interrupts it.

use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use mensageiro_server::{
    log::{Log, LogError, Position, Record, Records},
    migration::{self, ArchivePosition, Converted, Loss, MigrationError, Progress},
    model::codec,
};

use crate::{
    batches::Said,
    sample::{self, expected},
};

/// A log that writes one file for each record, and refuses at some moment.
struct Pages {
    folder: PathBuf,
    next: Mutex<u64>,
    left: Arc<AtomicUsize>,
}

/// Refuses at the last of so many steps.
fn step(left: &AtomicUsize) -> io::Result<()> {
    match left.fetch_sub(1, Ordering::SeqCst) {
        1 => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    }
}

impl Log for Pages {
    fn append(&self, payload: &[u8]) -> Result<Record, LogError> {
        let mut next = self.next.lock().unwrap();
        let file = self.folder.join(format!("{next:04}"));
        // A part of it is written.
        fs::write(&file, &payload[..payload.len() / 2]).unwrap();
        step(&self.left).map_err(|source| LogError::Io {
            file: file.clone(),
            source,
        })?;
        fs::write(&file, payload).unwrap();
        *next += 1;
        Ok(Record {
            position: Position(*next - 1),
            next: Position(*next),
            payload: payload.to_vec(),
        })
    }

    fn read_from(&self, _: Position) -> Result<Records<'_>, LogError> {
        Ok(Box::new([].into_iter()))
    }

    fn end(&self) -> Position {
        Position(*self.next.lock().unwrap())
    }
}

/// Converts the store of a data folder, as far as it gets.
fn convert(data: &Path, steps: usize) -> Result<Option<Converted>, MigrationError> {
    convert_while(data, steps, &mut |_| ControlFlow::Continue(()))
}

fn convert_while(
    data: &Path,
    steps: usize,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Converted>, MigrationError> {
    let left = Arc::new(AtomicUsize::new(steps));
    let create = |folder: &Path| {
        let log = folder.join("log");
        fs::create_dir(&log).unwrap();
        step(&left).map_err(|source| LogError::Io {
            file: log.clone(),
            source,
        })?;
        Ok(Pages {
            folder: log,
            next: Mutex::new(0),
            left: left.clone(),
        })
    };
    let finish = |folder: &Path, archive: ArchivePosition| {
        step(&left)?;
        fs::write(folder.join("archive"), archive.last_mark.to_string())
    };
    migration::run(&data.join("store"), Loss::Refused, create, finish, watch)
}

/// What the new store says.
fn converted(data: &Path) -> Said {
    let mut said = Said::default();
    let pages = fs::read_dir(data.join("store/log")).unwrap();
    let mut pages: Vec<_> = pages.map(|page| page.unwrap().path()).collect();
    pages.sort();
    for page in pages {
        said.apply(codec::read_batch(&fs::read(page).unwrap()).unwrap());
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
    assert_eq!(convert(data, 0).unwrap(), None, "once is enough");
    // The copy is whole: it can be converted again.
    fs::remove_dir_all(data.join("store")).unwrap();
    fs::rename(data.join("store-format-3"), data.join("store")).unwrap();
    convert(data, usize::MAX).unwrap().unwrap();
    assert_eq!(converted(data).messages, said.messages);
}

#[test]
fn a_disk_that_refuses_anything_changes_nothing_and_the_next_start_converts_all() {
    let data = sample::data();
    let mut steps = 1;
    loop {
        match convert(data.path(), steps) {
            Ok(converted) => {
                let converted = converted.unwrap();
                assert_eq!((converted.messages, converted.unreadable), (90, 0));
                assert_eq!(converted.copy, data.path().join("store-format-3"));
                break;
            }
            Err(error) => {
                assert!(error.to_string().contains("make room"), "{error}");
                assert_eq!(names(data.path()), ["store"]);
            }
        }
        steps += 1;
    }
    assert!(steps > 6, "{steps}");
    check_converted(data.path());
}

#[test]
fn a_conversion_that_is_ended_changes_nothing() {
    let data = sample::data();
    let mut told = Vec::new();
    let ended = convert_while(data.path(), usize::MAX, &mut |progress| {
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
    convert(data.path(), usize::MAX).unwrap().unwrap();
    check_converted(data.path());
}

/// As kill -9 leaves them between any two renames.
#[test]
fn an_interrupted_conversion_is_begun_anew_or_finished() {
    let data = sample::data();
    let at = |name: &str| data.path().join(name);
    // While it was written, and when it was whole.
    for left in ["store.converting", "store.new"] {
        fs::create_dir_all(at(left).join("log")).unwrap();
        fs::write(at(left).join("log/0000"), "half a rec").unwrap();
    }
    convert(data.path(), usize::MAX).unwrap().unwrap();
    // When the old store had gone already.
    fs::rename(at("store"), at("store.new")).unwrap();
    assert_eq!(convert(data.path(), 0).unwrap(), None);
    check_converted(data.path());
}

#[test]
fn a_copy_of_an_earlier_store_is_not_overwritten() {
    let data = sample::data();
    fs::create_dir(data.path().join("store-format-3")).unwrap();
    let converted = convert(data.path(), usize::MAX).unwrap().unwrap();
    assert_eq!(converted.copy, data.path().join("store-format-3-2"));
}

#[test]
fn no_store_and_one_of_today_are_left_alone() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(convert(data.path(), 0).unwrap(), None);
    assert!(names(data.path()).is_empty());
    for folder in ["store", "store/log"] {
        fs::create_dir(data.path().join(folder)).unwrap();
        assert_eq!(convert(data.path(), 0).unwrap(), None);
        assert_eq!(names(data.path()), ["store"]);
    }
}

#[test]
fn a_store_that_two_versions_have_written_to_is_refused() {
    let data = sample::data();
    fs::create_dir(data.path().join("store/log")).unwrap();
    let error = convert(data.path(), usize::MAX).unwrap_err();
    assert!(matches!(error, MigrationError::Mixed { .. }), "{error}");
    assert_eq!(names(data.path()), ["store"]);
}
