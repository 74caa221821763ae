//! The file that says who may log in: whatever happens while it is changed, it says what it said before or after.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "log_contract/simulated/mod.rs"]
#[allow(dead_code, reason = "made for more")]
mod simulated;

use std::{path::Path, sync::Arc, time::Duration};

use mensageiro_protocol::{
    Login, Name,
    trust::{PublicKey, Secret},
};
use mensageiro_server::access::{
    Change, Register, RegisterError, RegisterFile, Unchanged, invitation, program_key,
};
use simulated::{Chance, Fault, SimulatedDisk};

const NOW: i64 = 1_763_843_211_123;

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn key(number: u8) -> PublicKey {
    PublicKey::from_bytes([number; 32])
}

fn code(number: u8) -> Secret {
    Secret::new([number; 16])
}

fn invite(name: &str, number: u8) -> Change {
    Change::Invite {
        login: login(name),
        hash: code(number).hash(),
        times: (NOW, NOW + 1_000),
    }
}

fn join_at(name: &str, number: u8, device: u8, now: i64) -> Change {
    Change::Join {
        login: login(name),
        code: code(number).hash(),
        key: key(device),
        name: Name::from("a laptop"),
        now,
    }
}

fn join(name: &str, number: u8, device: u8) -> Change {
    join_at(name, number, device, NOW + 1)
}

fn revoke(name: &str, device: u8) -> Change {
    Change::Revoke {
        login: login(name),
        id: key(device).id(),
    }
}

fn file(disk: &SimulatedDisk) -> RegisterFile {
    RegisterFile::on(Arc::new(disk.clone()), Path::new("/data"))
}

/// A disk on which somebody has a device and two invitations.
fn begun() -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    let changes = vec![
        invite("ana", 1),
        join("ana", 1, 1),
        invite("ana", 2),
        invite("bruno", 3),
    ];
    file(&disk).change(|_| changes).unwrap();
    disk
}

#[test]
fn a_crash_between_any_two_writes_leaves_the_state_before_or_after() {
    let changes = [
        ("join", join("bruno", 3, 2)),
        ("revoke", revoke("ana", 1)),
        ("invite", invite("bruno", 4)),
        ("close", Change::Close(true)),
    ];
    for (what, change) in changes {
        let whole = begun();
        let before = file(&whole).read().unwrap();
        whole.set_fault(None);
        let after = file(&whole).change(|_| vec![change.clone()]).unwrap();
        assert_ne!(before, after, "{what}");
        let calls = whole.calls().all;
        let (mut seen_before, mut seen_after) = (0, 0);
        for at in 0..=calls {
            for seed in 0..20 {
                let disk = begun();
                disk.set_fault(Some(Fault::Stop(at)));
                let changed = file(&disk).change(|_| vec![change.clone()]);
                disk.restart();
                // Of every other crash, the power was the cause.
                if seed > 0 {
                    disk.cut_power(&mut Chance::new(seed * 1_000 + at));
                }
                let found = file(&disk).read().unwrap();
                assert!(
                    found == before || found == after,
                    "{what}, call {at}: {found:?}"
                );
                // What was acknowledged stays.
                assert!(changed.is_err() || found == after, "{what}, call {at}");
                seen_before += u32::from(found == before);
                seen_after += u32::from(found == after);
                // And the next change is made.
                let next = file(&disk).change(|_| vec![invite("carla", 5)]).unwrap();
                assert!(next.is_invited(&login("carla"), &code(5).hash(), NOW));
            }
        }
        assert!(seen_before > 0 && seen_after > 0, "{what}");
    }
}

#[test]
fn a_disk_that_fails_at_any_call_is_told_and_leaves_the_state_before_or_after() {
    let before = file(&begun()).read().unwrap();
    let mut failed = 0;
    for at in 0..20 {
        let disk = begun();
        disk.set_fault(Some(Fault::Failure(at)));
        let changed = file(&disk).change(|_| vec![revoke("ana", 1)]);
        disk.restart();
        let found = file(&disk).read().unwrap();
        match changed {
            Ok(after) => assert_eq!(found, after),
            Err(RegisterError::Io { .. }) => {
                failed += 1;
                assert!(found == before || !found.has(&login("ana"), &key(1).id()));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(failed > 2);
}

/// Applies changes one after the other.
fn register(changes: &[Change]) -> Register {
    let mut register = Register::default();
    for change in changes {
        register.apply(change).unwrap();
    }
    register
}

#[test]
fn a_code_works_once_in_its_time_and_for_its_login() {
    let mut register = register(&[invite("ana", 1), invite("ana", 2)]);
    let bad = Err(Unchanged::BadCode);
    assert_eq!(register.apply(&join("bruno", 1, 1)), bad);
    assert_eq!(register.apply(&join("ana", 9, 1)), bad);
    assert_eq!(register.apply(&join_at("ana", 1, 1, NOW + 1_000)), bad);
    assert_eq!(register.apply(&join("ana", 1, 1)), Ok(true));
    assert_eq!(register.apply(&join("ana", 1, 2)), bad);
    // The same device again needs no code, and uses none up.
    assert_eq!(register.apply(&join("ana", 2, 1)), Ok(false));
    assert_eq!(register.apply(&join("ana", 2, 2)), Ok(true));
    assert_eq!(register.apply(&revoke("ana", 1)), Ok(true));
    assert_eq!(register.apply(&revoke("ana", 1)), Err(Unchanged::NoDevice));
    assert_eq!(register.apply(&join("ana", 1, 1)), bad);
}

#[test]
fn what_one_login_has_is_limited() {
    let mut register = Register::default();
    for number in 0..9 {
        register.apply(&invite("ana", number)).unwrap();
    }
    let is_open = |number| register.is_invited(&login("ana"), &code(number).hash(), NOW);
    assert!(!is_open(0), "the oldest has made room");
    assert!((1..9).all(is_open));
    for number in 0..64 {
        register.apply(&invite("ana", number)).unwrap();
        register.apply(&join("ana", number, number)).unwrap();
    }
    register.apply(&invite("ana", 70)).unwrap();
    let one_more = register.apply(&join("ana", 70, 70));
    assert_eq!(one_more, Err(Unchanged::TooMany));
    assert!(register.is_invited(&login("ana"), &code(70).hash(), NOW));
}

#[test]
fn the_next_one_who_has_a_login_does_not_get_the_devices_of_the_one_before() {
    let edit = |register: &mut Register, keeps: Option<bool>, now| {
        for change in register.edits(|_| keeps, now) {
            register.apply(&change).unwrap();
        }
    };
    let ana = login("ana");
    let before = [invite("ana", 1), join("ana", 1, 1), invite("ana", 2)];
    for keeps in [true, false] {
        let mut register = register(&before);
        edit(&mut register, Some(false), NOW + 5);
        assert!(register.device(&ana, &key(1)).is_some(), "nobody has gone");
        edit(&mut register, None, NOW + 10);
        // A command may invite the next one before the server has seen the edit.
        let next = Change::Invite {
            login: ana.clone(),
            hash: code(3).hash(),
            times: (NOW + 20, NOW + 1_000),
        };
        register.apply(&next).unwrap();
        edit(&mut register, Some(keeps), NOW + 30);
        assert_eq!(register.device(&ana, &key(1)).is_some(), keeps);
        assert_eq!(register.is_invited(&ana, &code(2).hash(), NOW + 30), keeps);
        assert!(register.is_invited(&ana, &code(3).hash(), NOW + 30));
        edit(&mut register, Some(false), NOW + 40);
        assert_eq!(register.device(&ana, &key(1)).is_some(), keeps);
    }
}

#[test]
fn a_file_that_cannot_be_understood_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = RegisterFile::new(folder.path());
    assert_eq!(file.read().unwrap(), Register::default());
    std::fs::write(file.path(), "{").unwrap();
    assert!(matches!(file.read(), Err(RegisterError::Damaged { .. })));
    let newer = r#"{"format":3,"version":"7.8.9","who":"ana"}"#;
    std::fs::write(file.path(), newer).unwrap();
    let newer = file.read().unwrap_err();
    assert!(matches!(newer, RegisterError::Newer { .. }));
    assert!(newer.to_string().contains("start version 7.8.9"), "{newer}");
    let change = file.change(|_| vec![Change::Close(false)]);
    assert!(matches!(change, Err(RegisterError::Newer { .. })));
    for damaged in [
        r#"{"format":1}"#,
        r#"{"format":1,"closed":true,"color":"red"}"#,
        r#"{"format":0,"closed":true}"#,
        r#"{"format":2,"closed":true}"#,
        r#"{"format":2,"version":"0.1.0","access":{"closed":true,"users":{}}}"#,
        r#"{"format":2,"version":"0.1.0","checksum":"0000000000000000","access":{"closed":true,"users":{}}}"#,
    ] {
        std::fs::write(file.path(), damaged).unwrap();
        assert!(matches!(file.read(), Err(RegisterError::Damaged { .. })));
    }
}

#[test]
fn a_flipped_bit_is_noticed_and_the_file_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = RegisterFile::new(folder.path());
    let changes = vec![Change::Close(true), invite("ana", 1), join("ana", 1, 1)];
    let register = file.change(|_| changes).unwrap();
    let whole = std::fs::read(file.path()).unwrap();
    let mut refused = 0;
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(file.path(), &damaged).unwrap();
        match file.read() {
            // The space between the words, and the case of the letters of a key.
            Ok(found) => assert_eq!(found, register, "bit {bit}"),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("access.json: "), "{error}");
            }
        }
    }
    assert!(
        refused > whole.len() * 6,
        "{refused} of {}",
        whole.len() * 8
    );
}

#[test]
fn a_file_of_format_1_is_converted_and_kept_as_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let file = RegisterFile::new(folder.path());
    let kept =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store-log-1/data/access.json");
    let old = std::fs::read(kept).unwrap();
    std::fs::write(file.path(), &old).unwrap();
    let read = file.read().unwrap();
    assert_eq!(read.counts(), (1, 1));
    assert_eq!(read.of(&login("ana"))[0].name.as_str(), "Laptop da Ana");
    assert!(read.of(&login("bruno"))[0].is_program);
    assert_eq!(
        std::fs::read(file.path()).unwrap(),
        old,
        "reading changes nothing"
    );
    // What starts a server.
    assert_eq!(file.begin(None).unwrap(), read);
    let copy = folder.path().join("access-format-1.json");
    assert_eq!(std::fs::read(&copy).unwrap(), old);
    let new = std::fs::read_to_string(file.path()).unwrap();
    assert!(
        new.contains("\"format\": 2") && new.contains("\"checksum\""),
        "{new}"
    );
    assert!(new.contains(env!("CARGO_PKG_VERSION")), "{new}");
    assert_eq!(file.read().unwrap(), read);
    // Later starts have nothing to convert.
    std::fs::remove_file(&copy).unwrap();
    assert_eq!(file.begin(Some(false)).unwrap(), read);
    assert!(file.begin(Some(true)).unwrap().closed);
    assert!(!copy.exists());
}

#[test]
fn no_code_and_no_key_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let file = RegisterFile::new(folder.path());
    let (code, invited, _) = invitation(&login("ana"), Duration::from_secs(60)).unwrap();
    let (key, added) = program_key(&login("ana"), Name::default()).unwrap();
    file.change(|_| vec![invited, added]).unwrap();
    let content = std::fs::read_to_string(file.path()).unwrap();
    for secret in [code, key] {
        assert!(!content.contains(secret.plain().as_str()));
        assert!(!content.contains(secret.written().as_str()));
    }
}
