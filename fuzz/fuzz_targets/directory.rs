//! Whatever is saved as users.csv or groups.csv: it loads, or its bad lines are named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mensageiro_server::directory::{BadLine, Groups, Users};

fn check_named(bad: &[BadLine], content: &[u8]) {
    let lines = content
        .iter()
        .filter(|&&byte| matches!(byte, b'\n' | b'\r'))
        .count() as u64
        + 1;
    assert!(!bad.is_empty());
    for bad in bad {
        assert!(!bad.reason.is_empty());
        assert!(bad.line <= lines, "line {} of {lines}", bad.line);
    }
}

fuzz_target!(|content: &[u8]| {
    if let Err(bad) = Users::parse(content) {
        check_named(&bad, content);
    }
    let Ok(users) = Users::parse(b"ana\nbruno\ncarla") else {
        panic!("three users")
    };
    match Groups::parse(content, &users) {
        Ok(groups) => check_strangers(&groups, content),
        Err(bad) => check_named(&bad, content),
    }
});

fn check_strangers(groups: &Groups, content: &[u8]) {
    if !groups.strangers().is_empty() {
        check_named(groups.strangers(), content);
    }
}
