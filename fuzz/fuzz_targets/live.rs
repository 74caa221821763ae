//! Whatever a live peer says, in either direction: no panic, and what was understood is understood
//! the same when it is said again.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use mensageiro_protocol::live::{Event, Hello, Join, Request};

fn check<T: Debug + PartialEq>(
    first: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    parse: impl Fn(&[u8]) -> Option<T>,
) {
    let line = encode(first);
    assert!(!line.contains(&b'\n'), "{first:?} is two lines");
    let again = parse(&line);
    assert_eq!(
        again.as_ref(),
        Some(first),
        "{:?}",
        String::from_utf8_lossy(&line)
    );
    if let Some(again) = again {
        assert_eq!(encode(&again), line);
    }
}

fn check_request(line: &[u8]) {
    let Ok(request) = Request::parse(line) else {
        return;
    };
    // Nothing is written for what has no meaning.
    if request == Request::Unknown {
        return;
    }
    let encode = |request: &Request| {
        let mut out = Vec::new();
        request.encode(&mut out);
        out
    };
    check(&request, encode, |line| Request::parse(line).ok());
}

fn check_event(line: &[u8]) {
    let Ok(event) = Event::parse(line) else {
        return;
    };
    let encode = |event: &Event| {
        let mut out = Vec::new();
        event.encode(&mut out);
        out
    };
    if event != Event::Unknown {
        check(&event, encode, |line| Event::parse(line).ok());
    }
}

fn check_hello(line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    let Some(Ok(hello)) = Hello::parse(&line) else {
        return;
    };
    let encode = |hello: &Hello| {
        let mut out = Vec::new();
        hello.encode(&mut out);
        out
    };
    check(&hello, encode, |line| {
        Hello::parse(str::from_utf8(line).ok()?)?.ok()
    });
}

fn check_join(line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    let Some(Ok(join)) = Join::parse(&line) else {
        return;
    };
    let encode = |join: &Join| {
        let mut out = Vec::new();
        join.encode(&mut out);
        out
    };
    check(&join, encode, |line| {
        Join::parse(str::from_utf8(line).ok()?)?.ok()
    });
}

fuzz_target!(|data: &[u8]| {
    for line in data.split(|&byte| byte == b'\n') {
        check_request(line);
        check_event(line);
        check_hello(line);
        check_join(line);
    }
});
