//! What is refused, and to whom.

use super::*;

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
