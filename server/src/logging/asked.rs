//! Parses `RUST_LOG`.

use std::ffi::OsStr;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// A part of `RUST_LOG` that makes no sense. Without this error, a part that is not a level would
/// count as the name of a module, and silence everything else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "RUST_LOG={asked}: {part:?} is no level; write error, warn, info, debug, trace or off, or module=level as in mensageiro_server=debug; until then it is info"
)]
pub(super) struct NotUnderstood {
    asked: String,
    part: String,
}

/// What is logged by default.
pub(super) fn usual() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("fjall", LevelFilter::WARN)
        .with_target("lsm_tree", LevelFilter::WARN)
}

/// Parses a list of `level` and `module=level`, separated by commas. A level alone applies to
/// everything. Without one, everything that is not named keeps its default.
///
/// # Errors
/// [`NotUnderstood`] names the first part that is neither.
pub(super) fn read(asked: &OsStr) -> Result<Targets, NotUnderstood> {
    let asked = asked.to_string_lossy();
    // `set RUST_LOG="debug"` on Windows keeps the quotes.
    let asked = asked.trim().trim_matches(['"', '\'']);
    let parts = asked.split(',').map(str::trim);
    let mut levels = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let read = match part.split_once('=') {
            Some((module, level)) => named(module.trim()).zip(level_of(level.trim())),
            None => level_of(part).map(|level| (None, level)),
        };
        levels.push(read.ok_or_else(|| NotUnderstood {
            asked: asked.to_owned(),
            part: part.to_owned(),
        })?);
    }
    let is_for_all = levels.iter().any(|(module, _)| module.is_none());
    let start = if is_for_all { Targets::new() } else { usual() };
    Ok(levels
        .into_iter()
        .fold(start, |targets, (module, level)| match module {
            Some(module) => targets.with_target(module, level),
            None => targets.with_default(level),
        }))
}

/// The name of a module as the compiler writes it, with `_` where a crate's name has `-`.
fn named(module: &str) -> Option<Option<String>> {
    let is_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | ':');
    let is_module = !module.is_empty() && module.chars().all(is_name);
    is_module.then(|| Some(module.replace('-', "_")))
}

/// Numbers are levels too, but people cannot know which one 1 is.
fn level_of(word: &str) -> Option<LevelFilter> {
    let is_word = word.chars().all(|one| one.is_ascii_alphabetic());
    word.parse().ok().filter(|_| is_word && !word.is_empty())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// The least important levels at which the server and its database log.
    fn check(asked: &str, server: Option<Level>, database: Option<Level>) {
        let targets = read(asked.as_ref()).unwrap_or_else(|error| panic!("{error}"));
        let logs = |module: &'static str| {
            let levels = [
                Level::TRACE,
                Level::DEBUG,
                Level::INFO,
                Level::WARN,
                Level::ERROR,
            ];
            let would = |level: &Level| targets.would_enable(module, level);
            levels.into_iter().find(would)
        };
        let found = (logs("mensageiro_server::commit"), logs("lsm_tree"));
        assert_eq!(found, (server, database), "RUST_LOG={asked}");
    }

    #[test]
    fn levels_and_modules_are_understood() {
        let (debug, info) = (Some(Level::DEBUG), Some(Level::INFO));
        let (warn, error) = (Some(Level::WARN), Some(Level::ERROR));
        for usual in ["", " ", ",", "\"\"", "mensageiro_protocol=trace"] {
            check(usual, info, warn);
        }
        for (asked, server, database) in [
            ("debug", debug, debug),
            ("DEBUG", debug, debug),
            (" error ", error, error),
            ("\"debug\"", debug, debug),
            ("'warn'", warn, warn),
            ("off", None, None),
            ("mensageiro_server=debug", debug, warn),
            ("mensageiro-server=debug", debug, warn),
            ("mensageiro_server::commit=debug,", debug, warn),
            ("fjall=off, lsm_tree=error", info, error),
            ("warn,mensageiro_server=debug", debug, warn),
            ("mensageiro_server = debug , error", debug, error),
        ] {
            check(asked, server, database);
        }
    }

    #[test]
    fn a_part_that_is_no_level_is_named() {
        for (asked, part) in [
            ("warning", "warning"),
            ("verbose", "verbose"),
            ("inf", "inf"),
            ("3", "3"),
            ("true", "true"),
            ("mensageiro_server", "mensageiro_server"),
            ("info,foo=bar", "foo=bar"),
            ("info;debug", "info;debug"),
            ("info debug", "info debug"),
            ("=debug", "=debug"),
            ("debug=", "debug="),
            ("mensageiro_server:debug", "mensageiro_server:debug"),
            ("[session]=debug", "[session]=debug"),
            ("debug/regex", "debug/regex"),
        ] {
            let error = read(asked.as_ref()).unwrap_err();
            assert_eq!(error.part, part, "RUST_LOG={asked}");
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("RUST_LOG={asked}: "))
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_no_level() {
        use std::os::unix::ffi::OsStrExt;
        assert!(read(OsStr::from_bytes(b"inf\xff")).is_err());
    }
}
