use std::fs;

use mensageiro_protocol::{Name, live::Role};
use proptest::prelude::*;

use super::{
    super::{Groups, Users, decoding::decode},
    *,
};

const OPERATOR: Author<'static> = Author::Operator { founder: None };

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn logins(names: &[&str]) -> Vec<Login> {
    names.iter().map(|name| login(name)).collect()
}

fn add(name: &str, full: &str) -> Change {
    Change::AddUser {
        login: login(name),
        name: Name::from(full),
        role: None,
        keep: false,
    }
}

fn rename(name: &str, full: &str) -> Change {
    Change::RenameUser {
        login: login(name),
        name: Name::from(full),
    }
}

fn remove(name: &str) -> Change {
    Change::RemoveUser { login: login(name) }
}

fn set_role(name: &str, is_admin: bool) -> Change {
    Change::SetRole {
        login: login(name),
        role: is_admin.then_some(Role::Admin),
    }
}

fn create(group: &str, members: &[&str]) -> Change {
    Change::CreateGroup {
        group: login(group),
        members: logins(members),
    }
}

fn add_members(group: &str, members: &[&str]) -> Change {
    Change::AddMembers {
        group: login(group),
        members: logins(members),
    }
}

fn remove_members(group: &str, members: &[&str]) -> Change {
    Change::RemoveMembers {
        group: login(group),
        members: logins(members),
    }
}

fn set_member_role(group: &str, member: &str, is_admin: bool) -> Change {
    Change::SetMemberRole {
        group: login(group),
        member: login(member),
        role: is_admin.then_some(Role::Admin),
    }
}

fn files() -> [PathBuf; 2] {
    ["users.csv", "groups.csv"].map(PathBuf::from)
}

fn plan(
    users: &[u8],
    groups: &[u8],
    change: &Change,
    author: Author<'_>,
) -> Result<Plan, EditError> {
    let content = Content {
        files: &files(),
        users,
        groups,
    };
    content.plan(change, author)
}

fn check_users(before: impl AsRef<[u8]>, change: &Change, after: impl AsRef<[u8]>) {
    let before = before.as_ref();
    let shown = String::from_utf8_lossy(before).into_owned();
    let plan =
        plan(before, b"", change, OPERATOR).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    let new = plan.new_users.unwrap();
    assert_eq!(
        String::from_utf8_lossy(&new),
        String::from_utf8_lossy(after.as_ref()),
        "{shown:?}"
    );
    assert_eq!(new, after.as_ref());
}

/// The users are ana, bob, carla and zoe.
fn check_groups(before: &str, change: &Change, author: Author<'_>, after: &str) {
    let users = b"login,name,role\nana,Ana,admin\nbob,,\ncarla,,\nzoe,,\n";
    let plan = plan(users, before.as_bytes(), change, author);
    let plan = plan.unwrap_or_else(|error| panic!("{before:?}: {error}"));
    assert!(plan.new_users.is_none());
    assert_eq!(String::from_utf8(plan.new_groups.unwrap()).unwrap(), after);
}

#[test]
fn a_new_user_is_written_as_the_others_are() {
    let zoe = add("zoe", "Zoe");
    check_users(
        "login,name\nana,Ana\n",
        &zoe,
        "login,name\nana,Ana\nzoe,Zoe\n",
    );
    check_users(
        "login;nome\r\nana;Ana",
        &zoe,
        "login;nome\r\nana;Ana\r\nzoe;Zoe",
    );
    check_users("ana\rbob\r\r\r", &zoe, "ana\rbob\rzoe,Zoe\r\r\r");
    check_users(
        "turma;nome;login;x\n3A;\"Lima, Ana\";ana;1\n;;;\n",
        &zoe,
        "turma;nome;login;x\n3A;\"Lima, Ana\";ana;1\n;Zoe;zoe;\n;;;\n",
    );
    check_users(
        "\"ana\",\"Ana\"\n",
        &zoe,
        "\"ana\",\"Ana\"\n\"zoe\",\"Zoe\"\n",
    );
    check_users(
        "sep=;\nana;Ana\n\u{1a}",
        &zoe,
        "sep=;\nana;Ana\nzoe;Zoe\n\u{1a}",
    );
    check_users("ana", &add("zoe", ""), "ana\nzoe");
    check_users(
        "ana\n",
        &add("zoe", "Dias, \"Zoe\""),
        "ana\nzoe,\"Dias, \"\"Zoe\"\"\"\n",
    );
    check_users("", &zoe, "login,name\nzoe,Zoe\n");
    check_users(
        "\u{feff}\r\n",
        &zoe,
        "\u{feff}\r\nlogin,name\r\nzoe,Zoe\r\n",
    );
    check_users("login\n", &zoe, "login\nzoe,Zoe\n");
    check_users(
        "login,email\nana,a@x\n",
        &zoe,
        "login,email,name\nana,a@x\nzoe,,Zoe\n",
    );
    let everything = Change::AddUser {
        login: login("zoe"),
        name: Name::from("Zoe"),
        role: Some(Role::Admin),
        keep: true,
    };
    check_users(
        "login,name,role\nana,Ana\n",
        &everything,
        "login,name,role,history\nana,Ana\nzoe,Zoe,admin,keep\n",
    );
    check_users(
        "ana,Ana,3A\nbob\n",
        &everything,
        "login,name,,role,history\nana,Ana,3A\nbob\nzoe,Zoe,,admin,keep\n",
    );
}

#[test]
fn only_the_field_changes_that_an_edit_is_about() {
    let anna = rename("ana", "Anna");
    check_users(
        "login ; nome;x\n\n ana ; Ana ;1;;\nbob;\"B\"\n",
        &anna,
        "login ; nome;x\n\n ana ; Anna ;1;;\nbob;\"B\"\n",
    );
    check_users(
        "ana,\"Ana \"\"A\"\" Lima\",x\nb\n",
        &anna,
        "ana,\"Anna\",x\nb\n",
    );
    check_users("b\nana", &anna, "b\nana,Anna");
    check_users(
        "b,\"in two\nlines\"\nana,A\n",
        &anna,
        "b,\"in two\nlines\"\nana,Anna\n",
    );
    check_users("x,\"in two\nlines\",1\n", &rename("x", "X"), "x,\"X\",1\n");
    check_users(
        "=\"007\",Ana\nb\n",
        &rename("007", "James"),
        "=\"007\",James\nb\n",
    );
    check_users("ana, \"Ana\" ,x\n", &anna, "ana, \"Anna\" ,x\n");
    check_users("b\n\u{feff}\"ana\",A\n", &anna, "b\n\u{feff}\"ana\",Anna\n");
    check_users("ana,Ana\n", &rename("ana", ""), "ana,\n");
    check_users(
        "login,role\nana,\n",
        &set_role("ana", true),
        "login,role\nana,admin\n",
    );
    check_users(
        "login,name\nana,Ana\nlogin,name\nbob,Bob,x\n",
        &set_role("ana", true),
        "login,name,,role\nana,Ana,,admin\nlogin,name,,role\nbob,Bob,x\n",
    );
    check_users(
        "ana\r\nbob\r\n",
        &set_role("bob", true),
        "login,name,role\r\nana\r\nbob,,admin\r\n",
    );
    check_users(
        "login;papel\nana;Administradora;x\n",
        &set_role("ana", false),
        "login;papel\nana;;x\n",
    );
}

#[test]
fn a_removed_row_leaves_everything_else() {
    check_users("login\nana\n\nbob\n", &remove("ana"), "login\n\nbob\n");
    check_users("ana\r\nbob", &remove("bob"), "ana\r\n");
    check_users("ana\rbob\r", &remove("ana"), "bob\r");
    check_users("b\nana,\"in two\nlines\"\nc\n", &remove("ana"), "b\nc\n");
    check_users("\u{feff}ana\nbob\n", &remove("ana"), "\u{feff}bob\n");
}

#[test]
fn an_edit_is_written_in_the_encoding_of_the_file() {
    let zoe = add("zoe", "Zoé");
    check_users(b"ana,Jo\xe3o\n", &zoe, b"ana,Jo\xe3o\nzoe,Zo\xe9\n");
    check_users("ana,João\n", &zoe, "ana,João\nzoe,Zoé\n");
    check_users("ana\n", &zoe, "ana\nzoe,Zoé\n");
    let wide = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    check_users(
        wide("\u{feff}ana\r\n"),
        &zoe,
        wide("\u{feff}ana\r\nzoe,Zoé\r\n"),
    );
    check_users(
        wide("ana\tAna"),
        &rename("ana", "Ирина"),
        wide("ana\tИрина"),
    );
    let lacks = plan(b"ana,Jo\xe3o\n", b"", &add("zoe", "Łucja"), OPERATOR).unwrap_err();
    let lacks = lacks.to_string();
    assert!(lacks.contains("windows-1252, which has no 'Ł'"), "{lacks}");
}

#[test]
fn groups_are_edited_as_people_wrote_them() {
    let bob = login("bob");
    let by_bob = Author::User {
        login: &bob,
        is_admin: false,
        may_create_groups: true,
    };
    check_groups(
        "",
        &create("a", &["zoe", "bob", "zoe"]),
        by_bob,
        "group,member,role\na,bob,admin\na,zoe,\n",
    );
    check_groups(
        "a,ana\n",
        &create("b", &["zoe"]),
        OPERATOR,
        "a,ana\nb,zoe\n",
    );
    check_groups(
        "turma;aluno\na;ana\n",
        &create("b", &["zoe"]),
        by_bob,
        "turma;aluno;role\na;ana\nb;bob;admin\nb;zoe\n",
    );
    check_groups(
        "login;turma\nana;a\nbob;b\n",
        &add_members("a", &["zoe", "ana", "carla"]),
        OPERATOR,
        "login;turma\nana;a\nzoe;a\ncarla;a\nbob;b\n",
    );
    check_groups(
        "a,ana\r\na,bob",
        &add_members("a", &["zoe"]),
        OPERATOR,
        "a,ana\r\na,bob\r\na,zoe",
    );
    check_groups(
        "a,ana\na,bob\nb,bob\na,bob\n",
        &remove_members("a", &["bob"]),
        OPERATOR,
        "a,ana\nb,bob\n",
    );
    check_groups(
        "a,ana\nb,bob\na,gone\n",
        &Change::RemoveGroup { group: login("a") },
        OPERATOR,
        "b,bob\n",
    );
    check_groups(
        "a,ana,note\na,bob\n",
        &set_member_role("a", "bob", true),
        OPERATOR,
        "group,member,,role\na,ana,note\na,bob,,admin\n",
    );
    check_groups(
        "group,member,role\na,bob,Admin\na,bob,admin\na,ana,admin\n",
        &set_member_role("a", "bob", false),
        OPERATOR,
        "group,member,role\na,bob,\na,bob,\na,ana,admin\n",
    );
}

#[test]
fn who_leaves_users_csv_leaves_groups_csv() {
    let groups = b"a,ana\na,zoe\nb,zoe\n";
    let plan = plan(b"ana\nzoe\n", groups, &remove("zoe"), OPERATOR).unwrap();
    assert_eq!(plan.new_users.unwrap(), b"ana\n");
    assert_eq!(plan.new_groups.unwrap(), b"a,ana\n");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let users = "login,name\nana,Ana\nbob,Bob\n";
    for (change, words) in [
        (add("ana", ""), "ana is a user already"),
        (add("Ana", ""), "Ana looks like the user ana"),
        (add("b\u{43e}b", ""), "looks like the user bob"),
        (add("turma", ""), "turma is the name of a group"),
        (add("Turma", ""), "Turma looks like the group turma"),
        (add("2E+5", ""), "a number that a spreadsheet has shortened"),
        (add("zoe", "=1+1"), "a name does not begin with ="),
        (rename("bob", "@bob"), "a name does not begin with @"),
        (rename("zoe", "Zoe"), "there is no user zoe"),
        (remove("zoe"), "there is no user zoe"),
        (create("ana", &["bob"]), "ana is the name of a user"),
        (create("turma", &["bob"]), "turma is a group already"),
        (
            create("TURMA", &["bob"]),
            "TURMA looks like the group turma",
        ),
        (create("b", &["zoe"]), "there is no user zoe"),
        (create("b", &[]), "b has no members; name at least one"),
        (add_members("b", &["ana"]), "there is no group b"),
        (add_members("turma", &["zoe"]), "there is no user zoe"),
        (add_members("turma", &["ana"]), "ana is in turma already"),
        (remove_members("turma", &["bob"]), "bob is not in turma"),
        (
            remove_members("turma", &["ana"]),
            "turma would have no members",
        ),
        (set_member_role("turma", "bob", true), "bob is not in turma"),
    ] {
        let refused = plan(users.as_bytes(), b"turma,ana\n", &change, OPERATOR);
        let reason = refused.unwrap_err().to_string();
        assert!(reason.contains(words), "{reason}");
    }
    let only = plan(b"ana\n", b"", &remove("ana"), OPERATOR)
        .unwrap_err()
        .to_string();
    assert!(only.contains("the only user"), "{only}");
    let broken = plan(b"ana\na b\n", b"", &add("zoe", ""), OPERATOR)
        .unwrap_err()
        .to_string();
    assert!(broken.contains("users.csv: line 2"), "{broken}");
}

#[test]
fn a_new_user_must_not_change_how_other_lines_are_read() {
    // With a user called `member`, the first line of groups.csv is no header.
    let refused = plan(
        b"ana\n",
        b"group,member\na,ana\n",
        &add("member", ""),
        OPERATOR,
    );
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("make it by hand"), "{reason}");
    // A header that is added names no user.
    let users = b"ana\nmember\n";
    let plan = plan(
        users,
        b"a,ana\na,member\n",
        &set_member_role("a", "ana", true),
        OPERATOR,
    )
    .unwrap();
    assert_eq!(
        plan.new_groups.unwrap(),
        b"group,membro,role\na,ana,admin\na,member\n"
    );
}

#[test]
fn who_may_change_what() {
    let users = b"login,name,role\nana,,admin\nbob,,\ncarla,,\n";
    let groups = b"group,member,role\na,bob,admin\na,carla,\nb,carla,\n";
    let [ana, bob, carla] = ["ana", "bob", "carla"].map(login);
    let by = |login, is_admin, may_create_groups| Author::User {
        login,
        is_admin,
        may_create_groups,
    };
    let ana_by_name = by(&ana, false, true);
    let [ana, bob, carla] = [
        by(&ana, true, true),
        by(&bob, true, false),
        by(&carla, false, true),
    ];
    for (change, author, is_allowed) in [
        (add("zoe", ""), ana, true),
        // A name alone proves nothing, nor does a session of somebody who is no administrator.
        (add("zoe", ""), ana_by_name, false),
        (add("zoe", ""), bob, false),
        (rename("bob", "B"), bob, false),
        (set_role("bob", true), bob, false),
        (set_role("bob", true), ana, true),
        (remove("bob"), ana, true),
        (create("c", &[]), carla, true),
        (create("c", &[]), bob, false),
        (create("c", &["bob"]), ana, true),
        (add_members("a", &["ana"]), bob, true),
        (add_members("a", &["ana"]), carla, false),
        (add_members("a", &["ana"]), ana, true),
        (add_members("b", &["ana"]), bob, false),
        (remove_members("a", &["carla"]), bob, true),
        (remove_members("a", &["carla"]), carla, false),
        (set_member_role("a", "carla", true), bob, true),
        (Change::RemoveGroup { group: login("a") }, bob, true),
        (Change::RemoveGroup { group: login("a") }, carla, false),
        (Change::RemoveGroup { group: login("b") }, ana, true),
    ] {
        match plan(users, groups, &change, author) {
            Ok(_) => assert!(is_allowed, "{change:?} by {author:?}"),
            Err(EditError::NotAllowed(_)) => assert!(!is_allowed, "{change:?} by {author:?}"),
            Err(error) => panic!("{change:?} by {author:?}: {error}"),
        }
    }
    let is_last = |change, author| {
        let refused = plan(users, groups, &change, author);
        matches!(refused, Err(EditError::LastAdministrator(_)))
    };
    assert!(is_last(remove("ana"), ana) && is_last(set_role("ana", false), ana));
    assert!(!is_last(remove("ana"), OPERATOR) && !is_last(set_role("ana", false), OPERATOR));
    assert!(is_last(remove_members("a", &["bob"]), bob));
    assert!(is_last(set_member_role("a", "bob", false), bob));
    assert!(!is_last(remove_members("a", &["bob"]), ana));
}

#[test]
fn a_user_administers_a_limited_number_of_groups() {
    let bob = login("bob");
    let author = Author::User {
        login: &bob,
        is_admin: false,
        may_create_groups: true,
    };
    let mut groups = Vec::new();
    for number in 0..=64 {
        let new = plan(
            b"ana\nbob\n",
            &groups,
            &create(&format!("g{number}"), &[]),
            author,
        );
        match new {
            Ok(plan) => groups = plan.new_groups.unwrap(),
            Err(EditError::TooMany(_)) => assert_eq!(number, 64),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(groups.iter().filter(|byte| **byte == b'\n').count(), 65);
}

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

/// How somebody wrote a file.
#[derive(Clone, Debug)]
struct Style {
    delimiter: char,
    line_end: &'static str,
    header: usize,
    encoding: usize,
    is_quoted: bool,
    ends: bool,
    blanks: Vec<usize>,
    more: Vec<&'static str>,
}

fn styles() -> impl Strategy<Value = Style> {
    let delimiters = prop::sample::select(vec![',', ';', '\t']);
    let line_ends = prop::sample::select(vec!["\n", "\r\n", "\r"]);
    let more = prop::sample::select(vec!["", "x", "3A", "a b"]);
    (
        (delimiters, line_ends, 0..5_usize, 0..6_usize),
        (any::<bool>(), any::<bool>()),
        prop::collection::vec(0..3_usize, 6),
        prop::collection::vec(more, 0..3),
    )
        .prop_map(
            |((delimiter, line_end, header, encoding), (is_quoted, ends), blanks, more)| Style {
                delimiter,
                line_end,
                header,
                encoding,
                is_quoted,
                ends,
                blanks,
                more,
            },
        )
}

/// users.csv with these users, and the header's columns of login and name.
fn written(style: &Style, users: &[(&str, &str)]) -> Vec<u8> {
    let columns: &[&str] = match style.header {
        0 => &["login", "name"],
        1 => &["", "Nome", "Usuário"],
        2 => &["papel", "login", "nome"],
        3 => &["login", "history", "role", "name"],
        _ => &[],
    };
    let order: Vec<Option<bool>> = match style.header {
        1 => vec![None, Some(false), Some(true)],
        2 => vec![None, Some(true), Some(false)],
        3 => vec![Some(true), None, None, Some(false)],
        _ => vec![Some(true), Some(false)],
    };
    let quoted = |field: &str| match style.is_quoted || field.contains(style.delimiter) {
        true => format!("\"{field}\""),
        false => field.to_owned(),
    };
    let joined = |fields: Vec<String>| fields.join(&style.delimiter.to_string());
    let mut rows = Vec::new();
    if !columns.is_empty() {
        rows.push(joined(
            columns.iter().map(|column| quoted(column)).collect(),
        ));
    }
    for (number, (login, name)) in users.iter().enumerate() {
        let field = |place: &Option<bool>| match place {
            Some(true) => quoted(login),
            Some(false) => quoted(name),
            None => String::new(),
        };
        let mut fields: Vec<_> = order.iter().map(field).collect();
        fields.extend(style.more.iter().map(|more| quoted(more)));
        rows.push(joined(fields));
        rows.extend(vec![
            String::new();
            style.blanks[number % style.blanks.len()]
        ]);
    }
    let mut text = rows.join(style.line_end);
    if style.ends {
        text += style.line_end;
    }
    match style.encoding {
        0 => text.into_bytes(),
        1 => format!("\u{feff}{text}").into_bytes(),
        2 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        3 => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        4 => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect(),
        // Ctrl-Z of DOS.
        _ => format!("{text}{}\u{1a}", style.line_end).into_bytes(),
    }
}

/// The lines of a file as bytes of its own encoding, each with its end.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = decode(bytes).unwrap().text.into_owned();
    let mut lines = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let last = lines.len() - 1;
        lines[last].push(c);
        let is_end = c == '\n' || (c == '\r' && characters.peek() != Some(&'\n'));
        if is_end {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// How many lines at the beginning and at the end are the same.
fn same(before: &[String], after: &[String]) -> (usize, usize) {
    let same = |pairs: &mut dyn Iterator<Item = (&String, &String)>| {
        pairs.take_while(|(a, b)| a == b).count()
    };
    let start = same(&mut before.iter().zip(after));
    let end = same(&mut before.iter().rev().zip(after.iter().rev()));
    (start, end.min(before.len().min(after.len()) - start))
}

proptest! {
    #[test]
    fn an_edit_of_any_file_leaves_all_other_lines_as_they_were(
        style in styles(),
        row in 0..4_usize,
        kind in 0..4_usize,
        name in prop::sample::select(vec!["Zoe", "Zoé, a de cá", "Z;e", "", "Zoe \"Z\" Dias"]),
    ) {
        let users = [("ana", "Ana"), ("joão", "João; Lima"), ("carla", ""), ("d.e", "D, E")];
        let before = written(&style, &users);
        let (login, _) = users[row];
        let change = match kind {
            0 => add("zoe", name),
            1 => rename(login, name),
            2 => remove(login),
            _ => set_role(login, true),
        };
        let plan = plan(&before, b"", &change, OPERATOR).unwrap();
        let after = plan.new_users.unwrap();
        // The encoding is the same, to the byte order mark.
        let mark = before.iter().take_while(|byte| **byte >= 0xbb).count();
        prop_assert_eq!(&before[..mark], &after[..mark]);
        let (old, new) = (lines(&before), lines(&after));
        let (start, end) = same(&old, &new);
        let has_role = matches!(style.header, 2 | 3);
        match kind {
            // At most the last line gets a line end.
            0 => prop_assert!(start + end + 1 >= old.len() && new.len() == old.len() + 1, "{:?} {:?}", old, new),
            2 => prop_assert!(start + end >= new.len() - 1 && old.len() == new.len() + 1, "{:?} {:?}", old, new),
            _ if kind == 1 || has_role => prop_assert!(start + end + 1 >= old.len() && old.len() == new.len(), "{:?} {:?}", old, new),
            // A header is added or gets a column, and the row changes.
            _ => {
                let is_new = style.header > 3;
                prop_assert_eq!(old.len() + usize::from(is_new), new.len());
                let rest = if is_new { &new[1..] } else { &new[..] };
                let changed = old.iter().zip(rest).filter(|(old, new)| old != new).count();
                prop_assert!(changed <= 1 + usize::from(!is_new), "{:?} {:?}", old, new);
            }
        }
    }
}
