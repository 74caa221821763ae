//! Databases of each version of the schema, as that version of the app left them: `tests/data/databases`.

use rusqlite::functions::FunctionFlags;

use super::*;
use crate::matching::fold;

/// Makes the kept database of a version.
fn sample(folder: &TempDir, version: i64) -> PathBuf {
    let path = folder.path().join(format!("{}.db", file::name(&account())));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/databases");
    let sql = fs::read_to_string(kept.join(format!("format-{version}.sql"))).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .create_scalar_function("fold", 1, FunctionFlags::SQLITE_UTF8, |context| {
            Ok(fold(context.get_raw(0).as_str()?))
        })
        .unwrap();
    connection.execute_batch(&sql).unwrap();
    path
}

/// The version of a database, and its messages with Bob in the order they were stored.
fn content(path: &Path) -> (i64, String) {
    let connection = Connection::open(path).unwrap();
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    let query = "SELECT group_concat(text, '|') FROM messages WHERE conversation = 1";
    let texts = connection.query_row(query, [], |row| row.get(0));
    (version.unwrap(), texts.unwrap())
}

#[test]
fn the_database_of_each_version_is_converted_and_kept_as_a_copy() {
    let expected = [
        ("Oi, vamos à reunião?", Delivery::Received),
        ("Sim, às 10 na biblioteca ☕", Delivery::Accepted),
        ("Łódź, Gartenstraße 7", Delivery::Received),
        ("Levo o café", Delivery::Waiting),
        ("Já saí de casa", Delivery::Unconfirmed),
    ];
    for version in 1..=schema::version() {
        let folder = tempdir().unwrap();
        let path = sample(&folder, version);
        let before = content(&path);
        assert_eq!(before.0, version);
        let history = open(&folder);
        let bob = person("bob");
        let messages = history.page(&bob, None, 99).unwrap().0;
        let messages = messages.iter().map(|one| (one.text.as_str(), one.delivery));
        assert_eq!(messages.collect::<Vec<_>>(), expected, "version {version}");
        let waiting = history.outbox().unwrap();
        assert_eq!(waiting.len(), 1, "version {version}");
        let conversation = history.conversation(&bob).unwrap().unwrap();
        assert_eq!(
            (conversation.unread, conversation.draft.as_str()),
            (1, "um rascunho")
        );
        assert_eq!(conversation.is_pinned, version >= 3);
        // What was set before the server knew of it is told to it once.
        let set = history.unset_of(&bob).unwrap().unwrap();
        assert_eq!(set.pinned, (version >= 3).then_some(true));
        assert_eq!(set.draft, Some(Text::from("um rascunho")));
        for words in ["gartenstrasse", "lodz", "reuniao"] {
            let found = history.search(&words.into(), None).unwrap().0;
            assert_eq!(found.len(), 1, "{words} in version {version}");
        }
        if version >= 2 {
            let group = history.conversation(&person("turma-a")).unwrap().unwrap();
            assert!(group.is_group && group.unread == 1);
            assert_eq!(group.is_muted(), version >= 3);
        }
        assert_eq!(history.groups().unwrap().len(), usize::from(version >= 5));
        drop(history);

        let copy = copy_path(&path, version);
        assert_eq!(copy.exists(), version < schema::version());
        if copy.exists() {
            assert_eq!(content(&copy), before);
            let named: Option<String> =
                fact(&Connection::open(&path).unwrap(), schema::VERSION).unwrap();
            assert_eq!(named.as_deref(), Some(version::THIS));
            let kept = fs::read(&copy).unwrap();
            drop(open(&folder));
            assert_eq!(fs::read(&copy).unwrap(), kept, "converted once");
        }
    }
}

#[test]
fn the_messages_of_the_kept_profile_are_read() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/profile/accounts");
    let ana = Account {
        server: "localhost:3977".into(),
        ..account()
    };
    let folder = tempdir().unwrap();
    let name = format!("{}.db", file::name(&ana));
    fs::copy(kept.join(&name), folder.path().join(&name)).unwrap();
    let mut history = History::open(folder.path(), &ana).unwrap();
    assert_eq!(history.take_set_aside(), None);
    let messages = history.page(&person("bruno"), None, 9).unwrap().0;
    assert_eq!(texts(&messages), ["Oi, Bruno!"]);
    assert_eq!(messages[0].delivery, Delivery::Accepted);
}

#[test]
fn a_copy_that_was_left_half_written_is_in_nobodys_way() {
    let folder = tempdir().unwrap();
    let path = sample(&folder, 7);
    let copy = copy_path(&path, 7);
    fs::write(copy.with_extension("new"), "half").unwrap();
    fs::write(&copy, "an older one").unwrap();
    drop(open(&folder));
    assert_eq!(content(&copy).0, 7);
    assert!(!copy.with_extension("new").exists());
}

#[test]
fn without_a_copy_nothing_is_converted() {
    let folder = tempdir().unwrap();
    let path = sample(&folder, 7);
    let before = content(&path);
    // A folder in its place that is not empty.
    fs::create_dir_all(copy_path(&path, 7).join("x")).unwrap();
    let error = History::open(folder.path(), &account()).unwrap_err();
    assert!(matches!(error, HistoryError::Reach { .. }), "{error}");
    assert_eq!(content(&path), before);
    assert!(!copy_path(&path, 7).with_extension("new").exists());
}

#[cfg(unix)]
#[test]
fn nobody_else_can_open_a_copy() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let path = sample(&folder, 7);
    drop(open(&folder));
    let mode = fs::metadata(copy_path(&path, 7))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
