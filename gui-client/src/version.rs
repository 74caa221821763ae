//! The version of the app, as its files record it: a version that cannot read one says which version can.

/// The one that is running.
pub const THIS: &str = env!("CARGO_PKG_VERSION");

/// The longest name of a version that is believed.
const LONGEST: usize = 20;

/// The version that a file names, if it looks like one: the file may say anything.
pub fn named(text: &str) -> Option<String> {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_version = text.len() <= LONGEST && text.split('.').count() == 3;
    (is_version && text.split('.').all(is_part)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_version_is_told_to_a_person() {
        assert_eq!(named(THIS).as_deref(), Some(THIS));
        for other in [
            "",
            "1.2",
            "1.2.",
            "1.2.3.4",
            "1.2.x",
            "<b>",
            "1.2.99999999999999999999",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
