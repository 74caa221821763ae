//! For tests: work on a text that somebody else has written must take time linear in its length.

use std::time::{Duration, Instant};

/// Bytes of a short text.
const SHORT: usize = 1_000;
/// A long one is so many times as long.
const TIMES: usize = 32;

/// Does some work on a short text of this form and on a long one, and fails if the time grows as the
/// square of the length does.
pub fn check(part: &str, mut work: impl FnMut(&str)) {
    check_within(("", part, ""), &mut work);
}

/// The same for a text with a beginning and an end.
pub fn check_within((begin, part, end): (&str, &str, &str), work: &mut impl FnMut(&str)) {
    let text = |length: usize| begin.to_owned() + &part.repeat(length / part.len()) + end;
    let mut quickest = |length: usize| {
        let text = text(length);
        let times = [(); 3].map(|()| {
            let begun = Instant::now();
            work(&text);
            begun.elapsed()
        });
        // What else the computer does is not meant.
        times.into_iter().min().unwrap()
    };
    let (short, long) = (quickest(SHORT), quickest(SHORT * TIMES));
    // Twelve times what is right, for a computer that is busy with something else; the square would be
    // 32 times.
    let most = short.max(Duration::from_micros(200)) * (12 * TIMES as u32);
    assert!(
        long < most,
        "{begin:?} {part:?} {end:?}: {short:?}, {long:?}"
    );
}
