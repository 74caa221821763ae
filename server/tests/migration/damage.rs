//! Stores of format 3 that are not whole.

use std::{fs, path::Path};

use fjall::{Database, KeyspaceCreateOptions};
use mensageiro_server::migration::{Loss, MigrationError, format_3::OldStore};

use crate::{
    batches::{Said, said},
    copy::copy_of,
    sample,
};

/// Reads a damaged store, or says why not.
fn read(store: &Path, loss: Loss) -> Result<Said, MigrationError> {
    OldStore::open(store, loss).and_then(|store| said(&store))
}

/// Changes the byte so far before the last place of a text.
fn damage(file: &Path, text: &str, before: usize) {
    let mut content = fs::read(file).unwrap();
    let at = content
        .windows(text.len())
        .rposition(|some| some == text.as_bytes());
    content[at.expect("it is in the file") - before] ^= 0x40;
    fs::write(file, content).unwrap();
}

fn refusal(store: &Path) -> MigrationError {
    let error = read(store, Loss::Refused).err().expect("it was read");
    assert!(error.to_string().contains("backup"), "{error}");
    error
}

fn has(said: &Said, text: &str) -> bool {
    said.messages
        .values()
        .any(|message| message.text.as_str() == text)
}

#[test]
fn a_hole_in_the_log_is_refused_and_all_the_rest_is_converted_if_that_is_accepted() {
    let data = sample::data();
    let store = data.path().join("store");
    damage(&store.join("0.wal"), "only in the log 1", 0);
    let error = refusal(&store);
    assert!(matches!(error, MigrationError::Damaged { .. }), "{error}");
    for loss in [Loss::OfTheEnd, Loss::Accepted] {
        let said = read(&store, loss).unwrap();
        assert!(
            has(&said, "only in the log 0")
                && !has(&said, "only in the log 1")
                && has(&said, "only in the log 2")
        );
        assert_eq!((said.messages.len(), said.last.message.0), (89, 90));
    }
}

#[test]
fn a_log_that_is_gone_is_noticed_by_the_last_number_which_is_not_used_again() {
    let data = sample::data();
    let store = data.path().join("store");
    fs::remove_file(store.join("0.wal")).unwrap();
    let error = refusal(&store);
    assert!(
        matches!(error, MigrationError::Lost { missing: 4, .. }),
        "{error}"
    );
    let said = read(&store, Loss::Accepted).unwrap();
    assert_eq!((said.messages.len(), said.last.message.0), (86, 90));
}

#[test]
fn what_the_database_has_lost_at_its_end_comes_from_the_log_once() {
    let data = sample::data();
    let store = data.path().join("store");
    let before = read(&store, Loss::Refused).unwrap();
    // It has the last block, and not that it has it.
    let database = Database::builder(&store).open().unwrap();
    let numbers = database
        .keyspace("numbers", KeyspaceCreateOptions::default)
        .unwrap();
    let settled = numbers.get("settled").unwrap().unwrap();
    let settled = u64::from_be_bytes((*settled).try_into().unwrap());
    numbers
        .insert("settled", (settled - 1).to_be_bytes())
        .unwrap();
    drop((numbers, database));
    let after = read(&store, Loss::Refused).unwrap();
    assert_eq!(after.messages, before.messages);
    assert_eq!((after.cursors, after.last), (before.cursors, before.last));
}

#[test]
fn a_record_that_cannot_be_read_is_left_out_only_if_that_is_accepted() {
    let data = sample::data();
    let store = data.path().join("store");
    let whole = read(&store, Loss::Refused).unwrap().messages.len();
    let database = Database::builder(&store).open().unwrap();
    for name in ["messages", "cursors", "reads", "seen", "rosters"] {
        let part = database
            .keyspace(name, KeyspaceCreateOptions::default)
            .unwrap();
        part.insert("\u{1}no key", "no value").unwrap();
    }
    let messages = database
        .keyspace("messages", KeyspaceCreateOptions::default)
        .unwrap();
    let (key, block) = messages.first_key_value().unwrap().into_inner().unwrap();
    messages.insert(key, &block[..block.len() - 1]).unwrap();
    drop((messages, database));
    for loss in [Loss::Refused, Loss::OfTheEnd] {
        let error = read(&store, loss).err().unwrap();
        assert!(error.to_string().contains("--repair"), "{error}");
    }
    let store = OldStore::open(&store, Loss::Accepted).unwrap();
    let mut messages = 0;
    let read = store.batches(jiff::Timestamp::now(), &mut |_, _| {
        messages += 1;
        Ok(())
    });
    let read = read.unwrap();
    assert_eq!((read.messages, read.unreadable), (whole as u64 - 1, 6));
}

#[test]
fn a_store_of_another_format_is_refused_by_its_number() {
    let data = sample::data();
    let store = data.path().join("store");
    let database = Database::builder(&store).open().unwrap();
    for name in ["messages", "cursors"] {
        let part = database
            .keyspace(name, KeyspaceCreateOptions::default)
            .unwrap();
        for record in part.iter().collect::<Vec<_>>() {
            let (key, mut value) = record
                .into_inner()
                .map(|(key, value)| (key, value.to_vec()))
                .unwrap();
            value[0] = 2;
            part.insert(key, value).unwrap();
        }
    }
    drop(database);
    let error = read(&store, Loss::Accepted).err().unwrap();
    assert!(
        matches!(error, MigrationError::Format { found: 2, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn a_store_that_is_in_use_is_not_touched() {
    let data = sample::data();
    let store = data.path().join("store");
    let first = OldStore::open(&store, Loss::Refused).unwrap();
    let error = read(&store, Loss::Accepted).err().unwrap();
    assert!(matches!(error, MigrationError::InUse(_)), "{error}");
    drop(first);
    read(&store, Loss::Refused).unwrap();
}

#[test]
fn a_journal_with_a_wrong_checksum_is_refused_with_advice() {
    let data = sample::data();
    let store = data.path().join("store");
    damage(&store.join("0.jnl"), "linha 5", 0);
    for loss in [Loss::Refused, Loss::Accepted] {
        let error = read(&store, loss).err().unwrap();
        assert!(
            matches!(error, MigrationError::Unopenable { .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains("the version that wrote it"),
            "{error}"
        );
    }
}

#[test]
fn an_older_journal_that_is_torn_is_refused_and_read_as_far_as_it_goes_if_that_is_accepted() {
    let data = sample::data();
    let store = data.path().join("store");
    let whole = fs::read(store.join("0.jnl")).unwrap();
    fs::write(store.join("1.jnl"), &whole).unwrap();
    fs::write(store.join("0.jnl"), &whole[..whole.len() / 2]).unwrap();
    let error = refusal(&store);
    assert!(error.to_string().contains("0.jnl"), "{error}");
    assert_eq!(read(&store, Loss::Accepted).unwrap().messages.len(), 90);
}

#[test]
fn a_list_of_tables_with_another_bit_is_beyond_repair() {
    let data = sample::data();
    let store = data.path().join("store");
    let lists = fs::read_dir(store.join("keyspaces/0")).unwrap();
    let mut lists = lists.map(|file| file.unwrap().path());
    let list = lists.find(|file| file.file_name().unwrap().as_encoded_bytes()[0] == b'v');
    let list = list.unwrap();
    let mut content = fs::read(&list).unwrap();
    content[0] ^= 1;
    fs::write(list, content).unwrap();
    let error = read(&store, Loss::Accepted).err().unwrap();
    assert!(
        matches!(error, MigrationError::BeyondRepair { .. }),
        "{error}"
    );
}

#[test]
fn what_stands_around_a_damaged_place_in_a_table_is_converted_if_that_is_accepted() {
    let data = sample::data();
    let store = data.path().join("store");
    let database = Database::builder(&store).open().unwrap();
    let messages = database
        .keyspace("messages", KeyspaceCreateOptions::default)
        .unwrap();
    messages.rotate_memtable_and_wait().unwrap();
    let tables = messages.path().join("tables");
    drop((messages, database));
    let table = fs::read_dir(tables)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = fs::read(&table).unwrap();
    let mut most = 0;
    for at in (0..whole.len() / 2).step_by(whole.len() / 40) {
        let copy = copy_of(data.path());
        let store = copy.path().join("store");
        let table = store.join(table.strip_prefix(data.path().join("store")).unwrap());
        let mut content = whole.clone();
        content[at] ^= 0x10;
        fs::write(table, content).unwrap();
        let error = refusal(&store);
        assert!(error.to_string().contains("damaged"), "{at}: {error}");
        let found = read(&store, Loss::Accepted).unwrap().messages.len();
        assert!(found < 90, "{at}");
        most = most.max(found);
    }
    assert!(most > 4, "{most}: more than what the log alone has");
}
