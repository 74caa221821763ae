use std::{fmt, path::Path};

use crate::source;

/// 1980-01-01: sources that say of no commit, and for which nobody gave a time. No archive knows an
/// earlier one.
const UNKNOWN_TIME: u64 = 315_532_800;

/// Which version a release is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `0.1.0`
    pub number: String,
    /// The hash of the commit, if it is known.
    pub commit: Option<String>,
    /// The time of everything in it, in seconds since 1970: `SOURCE_DATE_EPOCH`, otherwise that of the
    /// commit.
    pub epoch: u64,
    /// Whether the sources differ from the commit.
    is_changed: bool,
}

impl Version {
    /// That of the sources in this folder.
    pub fn of_sources(root: &Path) -> Self {
        let commit = source::commit(root);
        let time = source::given_time().or(commit.as_ref().map(|commit| commit.time));
        let changes = source::git(root, &["status", "--porcelain", "--untracked-files=no"]);
        Self {
            number: env!("CARGO_PKG_VERSION").to_owned(),
            is_changed: root.join(".git").exists()
                && changes.is_some_and(|changes| !changes.trim().is_empty()),
            commit: commit.map(|commit| commit.hash),
            epoch: time.unwrap_or(UNKNOWN_TIME),
        }
    }

    /// The same sources under another number, as packages of an earlier version have it.
    pub fn with_number(&self, number: &str) -> Self {
        Self {
            number: number.to_owned(),
            ..self.clone()
        }
    }

    /// The day of [`Self::epoch`], in UTC, as `2026-11-30`.
    pub fn date(&self) -> String {
        source::day(self.epoch)
    }

    /// What the build script of the programs must know.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![("SOURCE_DATE_EPOCH", self.epoch.to_string())];
        variables.extend(self.name().map(|name| ("MENSAGEIRO_COMMIT", name)));
        variables
    }

    /// The commit as `--version` names it.
    fn name(&self) -> Option<String> {
        let changed = if self.is_changed { "-changed" } else { "" };
        Some(format!("{}{changed}", self.commit.as_ref()?.get(..7)?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commit = self.name().unwrap_or_else(|| "no commit".into());
        write!(f, "{} ({commit} {})", self.number, self.date())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn packed_sources_say_of_which_commit_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let hash = "0e18b15a0e18b15a0e18b15a0e18b15a0e18b15a";
        fs::write(
            folder.path().join("commit.txt"),
            format!("{hash} 1795962251\n"),
        )
        .unwrap();
        let commit = source::commit(folder.path()).unwrap();
        assert_eq!((commit.hash.as_str(), commit.time), (hash, 1_795_962_251));
        // Neither a clone nor packed by anybody.
        fs::write(folder.path().join("commit.txt"), "$Format:%H %ct$\n").unwrap();
        assert_eq!(source::commit(folder.path()), None);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_962_251, "2026-11-29"),
            (4_107_542_400, "2100-03-01"),
            (4_107_542_399, "2100-02-28"),
            (1_798_761_599, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
        ] {
            assert_eq!(source::day(seconds), day);
        }
    }
}
