//! What the disk has at each step, and edits at the same time.

use std::fs;

use super::{
    super::super::{Groups, Users},
    *,
};

/// A folder with files, and their paths.
fn folder(users: &str, groups: &str) -> (tempfile::TempDir, [PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let files = ["users.csv", "groups.csv"].map(|file| folder.path().join(file));
    fs::write(&files[0], users).unwrap();
    fs::write(&files[1], groups).unwrap();
    (folder, files)
}

#[test]
fn a_computer_that_stops_at_any_step_leaves_the_state_before_or_after() {
    let (before_users, after_users) = ("login,name\nana,Ana\nzoe,Zoe\n", "login,name\nana,Ana\n");
    let (before_groups, after_groups) = ("a,ana\na,zoe\n", "a,ana\n");
    let steps = |stop_at: Option<usize>| {
        let (folder, files) = folder(before_users, before_groups);
        let mut seen = Vec::new();
        let mut copy = None;
        let mut step = || {
            let [users, groups] = files
                .each_ref()
                .map(|file| fs::read_to_string(file).unwrap());
            let people = Users::parse(users.as_bytes()).unwrap();
            let groups_read = Groups::parse(groups.as_bytes(), &people).unwrap();
            let members = groups_read
                .members(&login("a"))
                .map(|members| members.len());
            // Who is removed is in no group any more, whatever its rows say.
            seen.push((people.len(), members));
            assert!([before_users, after_users].contains(&&*users), "{users:?}");
            assert!(
                [before_groups, after_groups].contains(&&*groups),
                "{groups:?}"
            );
            if stop_at == Some(seen.len()) {
                // What the computer would find when it starts again.
                let left = tempfile::tempdir().unwrap();
                for entry in fs::read_dir(folder.path()).unwrap() {
                    let entry = entry.unwrap();
                    fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
                }
                copy = Some(left);
            }
        };
        edit_in_steps(&files, &remove("zoe"), OPERATOR, &mut step).unwrap();
        (seen, copy)
    };
    let (seen, _) = steps(None);
    assert!(seen.len() >= 10, "{seen:?}");
    let changed = seen
        .iter()
        .position(|state| *state == (1, Some(1)))
        .unwrap();
    assert!(
        seen[..changed].iter().all(|state| *state == (2, Some(2))),
        "{seen:?}"
    );
    assert!(
        seen[changed..].iter().all(|state| *state == (1, Some(1))),
        "{seen:?}"
    );
    for stop_at in 1..=seen.len() {
        let (_, left) = steps(Some(stop_at));
        let left = left.unwrap();
        let files = ["users.csv", "groups.csv"].map(|file| left.path().join(file));
        edit(&files, &add("yara", ""), OPERATOR).unwrap();
        let [users, groups] = files
            .each_ref()
            .map(|file| fs::read_to_string(file).unwrap());
        let is_removed = !users.contains("zoe");
        assert_eq!(is_removed, stop_at > changed, "stopped at {stop_at}");
        // The next edit has finished what was begun.
        assert_eq!(
            groups,
            if is_removed {
                after_groups
            } else {
                before_groups
            }
        );
        let names = fs::read_dir(left.path()).unwrap().count();
        assert_eq!(names, 3, "something is left over");
    }
}

#[cfg(unix)]
#[test]
fn a_replaced_file_keeps_its_rights_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, mut files) = folder("ana\n", "");
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("people.csv");
    fs::rename(&files[0], &target).unwrap();
    symlink(&target, &files[0]).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    edit(&files, &add("bob", "Bob"), OPERATOR).unwrap();
    assert!(fs::symlink_metadata(&files[0]).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), "ana\nbob,Bob\n");
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    // A new file gets the rights of users.csv.
    files[1] = folder.path().join("new.csv");
    edit(&files, &create("a", &["ana"]), OPERATOR).unwrap();
    assert_eq!(
        fs::metadata(&files[1]).unwrap().permissions().mode() & 0o777,
        0o640
    );
    fs::remove_file(&target).unwrap();
    let error = edit(&files, &add("carla", ""), OPERATOR)
        .unwrap_err()
        .to_string();
    assert!(error.contains("which is not there"), "{error}");
}

#[test]
fn an_edit_by_somebody_else_meanwhile_is_kept() {
    let (_folder, files) = folder("ana\n", "");
    let mut is_first = true;
    let mut step = || {
        if std::mem::take(&mut is_first) {
            fs::write(&files[0], "ana\ncarla,by,hand\n").unwrap();
        }
    };
    edit_in_steps(&files, &add("bob", ""), OPERATOR, &mut step).unwrap();
    assert_eq!(
        fs::read_to_string(&files[0]).unwrap(),
        "ana\ncarla,by,hand\nbob,,\n"
    );
    let mut number = 0;
    let mut step = || {
        number += 1;
        fs::write(&files[0], format!("ana\nb{number}\n")).unwrap();
    };
    let busy = edit_in_steps(&files, &add("zoe", ""), OPERATOR, &mut step).unwrap_err();
    assert!(matches!(busy, EditError::Busy(_)), "{busy}");
    assert!(!fs::read_to_string(&files[0]).unwrap().contains("zoe"));
}

#[test]
fn edits_of_many_programs_at_once_are_all_made() {
    let (_folder, files) = folder("ana\n", "");
    thread::scope(|scope| {
        for thread in 0..4 {
            let files = &files;
            scope.spawn(move || {
                for number in 0..5 {
                    edit(files, &add(&format!("u{thread}x{number}"), ""), OPERATOR).unwrap();
                }
            });
        }
    });
    let users = Users::parse(&fs::read(&files[0]).unwrap()).unwrap();
    assert_eq!(users.len(), 21);
}
