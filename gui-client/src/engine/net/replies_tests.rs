//! What servers send, chunk by chunk, and what is understood.

use proptest::prelude::*;

use super::*;

fn say(reply: &Reply) -> String {
    match reply {
        Reply::Message(Addressed { login, text }) => format!("{login}: {text}"),
        Reply::End => "end".into(),
        Reply::Other(text) => format!("other: {text}"),
    }
}

/// `chunks`: what each `read` brings, and how many milliseconds pass after it.
fn understood(chunks: &[(&str, u64)]) -> Vec<String> {
    let mut now = Instant::now();
    let mut replies = Replies::new();
    let mut found = Vec::new();
    for (chunk, pause) in chunks {
        found.extend(replies.push(now, chunk.as_bytes()).unwrap());
        let until = now + Duration::from_millis(*pause);
        while let Some(due) = replies.due().filter(|&due| due <= until) {
            found.extend(replies.quiet(due).unwrap());
        }
        now = until;
    }
    found.extend(replies.finish().unwrap());
    found.iter().map(say).collect()
}

fn check(chunks: &[(&str, u64)], expected: &[&str]) {
    assert_eq!(understood(chunks), expected, "{chunks:?}");
}

#[test]
fn lines_are_lines_however_they_are_cut() {
    check(
        &[("@bob oi\r\n@ana f\nf\n", 0)],
        &["bob: oi", "ana: f", "end"],
    );
    check(
        &[("@bo", 10), ("b o", 10), ("i\n", 10), ("f", 10), ("\n", 0)],
        &["bob: oi", "end"],
    );
}

#[test]
fn an_end_mark_without_its_lf_is_found_after_lines() {
    check(&[("@bob oi\n", 50), ("f", 300)], &["bob: oi", "end"]);
    check(
        &[("@bob oi\n@ana staf", 0), ("f\nf\n", 0)],
        &["bob: oi", "ana: staff", "end"],
    );
    check(
        &[("@bob oi\n@ana staff", 2000)],
        &["bob: oi", "ana: staf", "end"],
    );
}

#[test]
fn bare_chunks_are_one_message_each_from_the_first_on() {
    check(
        &[("@bob oi", 40), ("@ana yo", 40), ("f", 300)],
        &["bob: oi", "ana: yo", "end"],
    );
    check(
        &[("@bob oi", 300), ("@ana yo", 1), ("f", 0)],
        &["bob: oi", "ana: yo", "end"],
    );
    check(&[("f", 300)], &["end"]);
}

#[test]
fn a_long_bare_chunk_that_tcp_cut_is_one_message() {
    let long = format!("@bob {}", "x".repeat(1400));
    let expected = format!("bob: {}y", "x".repeat(1400));
    check(&[(&long, 1), ("y", 40), ("f", 300)], &[&expected, "end"]);
    check(
        &[("f", 300), (&long, 1), ("y", 40), ("f", 0)],
        &["end", &expected, "end"],
    );
}

#[test]
fn a_glued_end_mark_needs_two_silent_seconds() {
    check(&[("@bob hif", 1999), ("f", 0)], &["bob: hif", "end"]);
    check(&[("@bob hif", 2000)], &["bob: hi", "end"]);
    check(
        &[("@bob staff", 40), ("@ana xf", 2000)],
        &["bob: staff", "ana: x", "end"],
    );
    check(&[("@bob f", 5000), ("f", 0)], &["bob: f", "end"]);
    check(&[("no newsf", 2000)], &["other: no news", "end"]);
}

#[test]
fn strings_of_c_end_with_nul_and_are_messages() {
    check(
        &[("@bob staff\0@ana yo\0f\0", 300)],
        &["bob: staff", "ana: yo", "end"],
    );
    check(
        &[("@bob hif\0\0\0\0", 40), ("f\0\0\0\0\0\0", 300)],
        &["bob: hif", "end"],
    );
    check(&[("@bob oi\0\n\0f\0\n", 0)], &["bob: oi", "end"]);
}

#[test]
fn an_end_mark_may_be_large_or_quoted_and_no_other_text_is_one() {
    for mark in ["f", "F", " f ", "\"f\"", "'f'", "b'f'", "\u{feff}f", "f\0"] {
        check(&[(mark, 300)], &["end"]);
        check(
            &[(&format!("@bob oi\r\n{mark}\r\n"), 0)],
            &["bob: oi", "end"],
        );
    }
    check(&[("ff", 1000)], &["other: ff"]);
    check(&[("fim\n", 0)], &["other: fim"]);
    check(&[("@bob F\n", 0)], &["bob: F"]);
}

#[test]
fn a_server_that_dies_glued_nothing() {
    check(&[("@bob staff", 40)], &["bob: staff"]);
}

#[test]
fn outside_a_round_no_end_is_cut_off() {
    let now = Instant::now();
    let mut replies = Replies::new();
    replies.expect_end(false);
    replies.push(now, b"@bob staff").unwrap();
    let later = now + Duration::from_secs(5);
    let found = replies.quiet(later).unwrap();
    assert_eq!(found.iter().map(say).collect::<Vec<_>>(), ["bob: staff"]);
    assert_eq!(replies.due(), None);
}

#[test]
fn a_late_caller_does_not_glue_what_came_apart() {
    let now = Instant::now();
    let mut replies = Replies::new();
    let first = replies.push(now, b"@bob oi").unwrap();
    let then = replies
        .push(now + Duration::from_secs(1), b"@ana yo")
        .unwrap();
    assert!(first.is_empty());
    assert_eq!(
        then.iter().map(say).collect::<Vec<_>>(),
        ["bob: oi", "ana: yo"]
    );
}

#[test]
fn other_words_of_a_server_are_kept_and_empty_lines_are_not() {
    check(
        &[("Bem-vindo!\n\n@bob oi\nf\n", 0)],
        &["other: Bem-vindo!", "bob: oi", "end"],
    );
}

proptest! {
    #[test]
    fn memory_is_bounded_whatever_comes(chunk in prop::collection::vec(any::<u8>(), 1..5000)) {
        let mut replies = Replies::new();
        let now = Instant::now();
        for _ in 0..100 {
            if replies.push(now, &chunk).is_err() {
                break;
            }
            let kept = replies.decoder.pending().len()
                + replies.undecided.iter().map(Vec::len).sum::<usize>()
                + replies.held.as_ref().map_or(0, Vec::len);
            prop_assert!(kept <= 2 * LONGEST_REPLY + chunk.len());
        }
    }
}
