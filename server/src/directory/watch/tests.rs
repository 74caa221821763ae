use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use mensageiro_protocol::live::Change;

use super::{
    super::edit::{Author, edit},
    *,
};

/// Counts them.
struct Counted(Arc<AtomicUsize>);

impl Edits for Counted {
    fn prepare(&self, _: &People, _: &People) -> bool {
        true
    }

    fn done(&self, _: &People, _: &People) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads these users one after the other, each time after that many seconds, and compares how
/// many users there are then.
fn check(is_stable: bool, edits: &[(&str, u64, usize)]) {
    let folder = tempfile::tempdir().unwrap();
    let files = ["users.csv", "groups.csv"].map(|file| folder.path().join(file));
    fs::write(&files[0], "ana\nbruno\ncarla\n").unwrap();
    let directory = Arc::new(Directory::open(&files[0], &files[1]).unwrap());
    let changes = Arc::<AtomicUsize>::default();
    let mut follower = Follower::new(directory.clone(), Counted(changes.clone()));
    let mut expected_changes = 0;
    for &(users, seconds, expected) in edits {
        fs::write(&files[0], users).unwrap();
        if let Some((_, since)) = &mut follower.gone {
            *since = since.checked_sub(Duration::from_secs(seconds)).unwrap();
        }
        let before = directory.people();
        follower.read(is_stable, None);
        let people = directory.people();
        assert_eq!(people.users.len(), expected, "{users:?}");
        expected_changes += usize::from(people != before);
        assert_eq!(
            changes.load(Ordering::Relaxed),
            expected_changes,
            "{users:?}"
        );
    }
}

#[test]
fn who_is_gone_from_files_that_go_on_changing_is_removed_after_a_minute() {
    check(
        false,
        &[
            ("ana\nbruno\n", 0, 3),
            ("ana\nbruno\nzoe\n", 40, 4),
            ("ana\nbruno\nzoe\nyara\n", 21, 4),
        ],
    );
    // Different users are missing each time.
    check(false, &[("ana\nbruno\n", 0, 3), ("ana\ncarla\n", 61, 3)]);
    check(
        false,
        &[
            ("ana\n", 0, 3),
            ("ana\nbruno\ncarla\n", 0, 3),
            ("ana\n", 61, 3),
        ],
    );
}

#[test]
fn who_is_new_does_not_wait_for_those_who_are_gone() {
    check(
        false,
        &[
            ("ana\nzoe\n", 0, 4),
            ("ana\nzoe\nyara\n", 40, 5),
            // Nobody may be confused with a user who is still there.
            ("ana\nzoe\nyara\nBruno\n", 1, 5),
        ],
    );
}

#[test]
fn half_a_login_at_the_end_is_nobody_until_the_file_is_stable() {
    let half = "ana\nbruno\ncarla\nzo";
    check(false, &[(half, 0, 3), ("ana\nbruno\ncarla\nzoe\n", 0, 4)]);
    check(true, &[(half, 0, 4)]);
    // A user who is known stays known.
    check(false, &[("ana\nbruno\ncarla", 0, 3), ("ana\nbruno", 0, 3)]);
}

#[test]
fn an_edit_of_the_servers_own_counts_at_once_and_takes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["users.csv", "groups.csv"].map(|file| folder.path().join(file));
    fs::write(&files[0], "ana\nbruno\ncarla").unwrap();
    fs::write(&files[1], "a,ana\na,bruno\na,carla\n").unwrap();
    let directory = Arc::new(Directory::open(&files[0], &files[1]).unwrap());
    let mut follower = Follower::new(directory.clone(), Counted(Arc::default()));
    let mut edited = |change| {
        let operator = Author::Operator { founder: None };
        let made = edit(&files, &change, operator).unwrap();
        follower.read(false, Some(&made));
        let people = directory.people();
        let group = Login::parse("a").unwrap();
        (people.users.len(), people.size(&group))
    };
    let login = |name| Login::parse(name).unwrap();
    let add = |name| Change::AddUser {
        login: login(name),
        name: "".into(),
        role: None,
        keep: false,
    };
    let leave = Change::RemoveMembers {
        group: login("a"),
        members: vec![login("ana")],
    };
    // The last line has no end.
    assert_eq!(edited(add("zoe")), (4, 3));
    assert_eq!(edited(leave), (4, 2));
    assert_eq!(
        edited(Change::RemoveUser {
            login: login("bruno")
        }),
        (3, 1)
    );
    // Somebody is just writing the file: who is not in it yet is not taken for gone.
    fs::write(&files[0], "ana\n").unwrap();
    assert_eq!(edited(add("yara")), (4, 1));
}

#[test]
fn who_is_new_counts_at_once_and_nothing_of_a_bad_file_does() {
    let edits = [
        ("ana\nbruno\ncarla\nzoe\n", 0, 4),
        ("", 0, 4),
        ("login\n", 61, 4),
        ("ana\nbruno\n\"carla\nzoe\nyara\n", 61, 4),
        ("zoe\nyara\nbruno\ncarla\nana\n", 0, 5),
    ];
    check(false, &edits);
    // Nor if the file stays as it is.
    check(true, &edits);
}
