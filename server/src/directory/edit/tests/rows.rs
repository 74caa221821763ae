//! How the rows are written.

use super::*;

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
