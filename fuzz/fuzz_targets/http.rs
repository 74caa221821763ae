//! Whatever somebody sends to the server's port as HTTP: no panic, and a head that is understood is understood the same whatever
//! follows it, and not before it is complete.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mensageiro_protocol::{
    FileName, MediaType,
    live::{FileHash, FileToken},
};
use mensageiro_server::http::{HEAD_BYTES, Request, is_first_line};

fn check_request(bytes: &[u8]) {
    let Ok(Some((request, length))) = Request::parse(bytes) else {
        return;
    };
    assert!(length <= HEAD_BYTES && length <= bytes.len());
    assert!(request.path.starts_with('/'));
    let alone = Request::parse(&bytes[..length]);
    assert_eq!(alone, Ok(Some((request.clone(), length))));
    for end in 0..length {
        assert!(!matches!(Request::parse(&bytes[..end]), Ok(Some(_))));
    }
    if let Some(range) = request.content_range {
        assert!(range.first <= range.last && range.last < range.total);
        assert_eq!(request.length, Some(range.last - range.first + 1));
    }
    for size in [0, 1, 100, u64::MAX] {
        if let Some((first, end)) = request.range.and_then(|range| range.of(size)) {
            assert!(first < end && end <= size);
        }
    }
}

fn check_names(text: &str) {
    let name = FileName::from(text);
    assert_eq!(FileName::from(name.as_str()), name);
    assert!(!name.as_str().is_empty() && !name.as_str().starts_with('.'));
    assert!(!name.as_str().contains(['/', '\\', '\0', '\n', '\r', '"', ':']));
    let kind = MediaType::from(text);
    assert_eq!(MediaType::from(kind.as_str()), kind);
    assert!(kind.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(token) = FileToken::parse(text) {
        assert_eq!(token.to_string(), text);
    }
    if let Some(hash) = FileHash::parse(text) {
        assert_eq!(hash.to_string(), text);
    }
}

fuzz_target!(|bytes: &[u8]| {
    check_request(bytes);
    let _ = is_first_line(bytes);
    check_names(&String::from_utf8_lossy(bytes));
});
