//! Error texts: what went wrong, and what to do about it.

use std::path::Path;

use mensageiro_protocol::LoginError;

use crate::{
    disk::DiskProblem,
    engine::{Doubt, LinkProblem, StorageProblem, Stranger},
    model::{SaveProblem, SettingsProblem},
    texts::Texts,
};

/// Why the local database cannot be used.
pub fn storage(texts: &Texts, problem: &StorageProblem) -> String {
    let with_path = |key: &str, path: &Path| {
        let path = path.display().to_string();
        texts.fill(key, &[("path", &path)])
    };
    match problem {
        StorageProblem::Locked => texts.get("storage.locked").to_owned(),
        StorageProblem::Newer { path, version } => newer(texts, "storage.newer", path, version),
        StorageProblem::Damaged { path } => with_path("storage.damaged", path),
        StorageProblem::Disk { path, why } => {
            let advice = match why {
                DiskProblem::NoPermission | DiskProblem::ReadOnly => "storage.allow",
                DiskProblem::Full => "storage.make_room",
                DiskProblem::Busy => "storage.close_other",
                DiskProblem::WrongKind => "storage.move_away",
                DiskProblem::Missing | DiskProblem::Other(_) => "storage.check",
            };
            disk(texts, path, why, advice)
        }
        StorageProblem::NoThread => texts.get("storage.no_thread").to_owned(),
        StorageProblem::Stopped => texts.get("storage.stopped").to_owned(),
    }
}

/// The same as a short title.
pub fn storage_title<'a>(texts: &'a Texts, problem: &StorageProblem) -> &'a str {
    texts.get(match problem {
        StorageProblem::Locked => "storage.title_locked",
        StorageProblem::Newer { .. } => "storage.title_newer",
        StorageProblem::Damaged { .. } => "storage.title_damaged",
        StorageProblem::Disk { why, .. } => match why {
            DiskProblem::NoPermission => "storage.title_no_permission",
            DiskProblem::ReadOnly => "storage.title_read_only",
            DiskProblem::Full => "storage.title_full",
            DiskProblem::Missing => "storage.title_missing",
            DiskProblem::WrongKind => "storage.title_wrong_kind",
            DiskProblem::Busy => "storage.title_busy",
            DiskProblem::Other(_) => "storage.title_unusable",
        },
        StorageProblem::NoThread => "storage.title_no_thread",
        StorageProblem::Stopped => "storage.title_stopped",
    })
}

/// Why a file was not saved.
pub fn save(texts: &Texts, problem: &SaveProblem) -> String {
    match problem {
        SaveProblem::Write { path, why } => {
            let advice = match why {
                DiskProblem::Full => "save.make_room",
                DiskProblem::Busy => "save.close_other",
                _ => "save.elsewhere",
            };
            disk(texts, path, why, advice)
        }
        SaveProblem::Read(problem) => {
            format!("{} {}", texts.get("save.not_read"), storage(texts, problem))
        }
        SaveProblem::Encode(why) => texts.fill("save.no_picture", &[("why", why)]),
        SaveProblem::NoThread => texts.get("save.no_thread").to_owned(),
    }
}

/// What is wrong with the settings file.
pub fn settings(texts: &Texts, problem: &SettingsProblem) -> String {
    let (key, path, why) = match problem {
        SettingsProblem::SetAside { to } => {
            let to = to.display().to_string();
            return texts.fill("settings.set_aside", &[("path", &to)]);
        }
        SettingsProblem::Newer { path, version } => {
            return newer(texts, "settings.newer", path, version);
        }
        SettingsProblem::Untouched { path, why } => ("settings.untouched", path, why),
        SettingsProblem::NotWritten { path, why } => ("settings.not_written", path, why),
    };
    let advice = match why {
        DiskProblem::NoPermission | DiskProblem::ReadOnly => "settings.allow",
        DiskProblem::Full => "settings.make_room",
        DiskProblem::Busy => "settings.close_other",
        DiskProblem::WrongKind => "settings.move_away",
        DiskProblem::Missing | DiskProblem::Other(_) => "settings.check",
    };
    format!("{} {}", texts.get(key), disk(texts, path, why, advice))
}

/// Why a name cannot be a login, in words.
pub fn login(texts: &Texts, problem: &LoginError) -> String {
    match problem {
        LoginError::Empty => texts.get("login_error.empty").to_owned(),
        LoginError::TooLong { chars } => {
            texts.fill("login_error.too_long", &[("count", &texts.number(*chars))])
        }
        LoginError::BadStart(c) => texts.fill("login_error.bad_start", &[("sign", &c.to_string())]),
        LoginError::BadCharacter(c) if c.is_whitespace() => {
            texts.get("login_error.space").to_owned()
        }
        LoginError::BadCharacter(c) => texts.fill(
            "login_error.bad_character",
            &[("sign", &c.escape_debug().to_string())],
        ),
    }
}

/// Why there is no connection.
pub fn link(texts: &Texts, problem: &LinkProblem, server: &str) -> String {
    let (key, why) = match problem {
        LinkProblem::Stranger(stranger) => {
            let what = self::stranger(texts, *stranger);
            return texts.fill("problem.stranger", &[("server", server), ("what", &what)]);
        }
        LinkProblem::TrustFile { path, why } => {
            return disk(texts, path, why, "problem.trust_file");
        }
        LinkProblem::TrustNewer { path, version } => {
            return newer(texts, "problem.trust_newer", path, version);
        }
        LinkProblem::HangsUp(login) => ("problem.hangs_up", login.as_str()),
        LinkProblem::UnknownUser(login) => ("problem.unknown_user", login.as_str()),
        LinkProblem::OtherUser(login) => ("problem.other_user", login.as_str()),
        LinkProblem::Contradicts => ("problem.contradicts", ""),
        LinkProblem::Busy => ("problem.busy", ""),
        LinkProblem::Ended(why) => ("problem.ended", why.as_str()),
        LinkProblem::NoRoom => ("problem.no_room", ""),
        LinkProblem::BadAddress => ("problem.bad_address", ""),
        LinkProblem::UnknownHost => ("problem.unknown_host", ""),
        LinkProblem::NobodyListens => ("problem.nobody_listens", ""),
        LinkProblem::TimedOut => ("problem.timed_out", ""),
        LinkProblem::Broken => ("problem.broken", ""),
        LinkProblem::Unreachable => ("problem.unreachable", ""),
        LinkProblem::NotAllowed => ("problem.not_allowed", ""),
        LinkProblem::NotThisProtocol => ("problem.not_this_protocol", ""),
        LinkProblem::NoThread => ("problem.no_thread", ""),
        LinkProblem::DeviceKey(why) => ("problem.device_key", why.as_str()),
        LinkProblem::Other(why) => ("problem.unknown", why.as_str()),
    };
    texts.fill(key, &[("server", server), ("why", why), ("login", why)])
}

/// What kind of server is there instead.
fn stranger(texts: &Texts, stranger: Stranger) -> String {
    let key = match stranger {
        Stranger::Web => "stranger.web",
        Stranger::Tls => "stranger.tls",
        Stranger::Ssh => "stranger.ssh",
        Stranger::Mail => "stranger.mail",
        Stranger::Files => "stranger.files",
        Stranger::Chat => "stranger.chat",
        Stranger::Database => "stranger.database",
        Stranger::Screen => "stranger.screen",
        Stranger::Terminal => "stranger.terminal",
        Stranger::Other(name) => return texts.fill("stranger.named", &[("name", name)]),
    };
    texts.get(key).to_owned()
}

/// What is uncertain with a server that does not follow the assignment.
pub fn doubt(texts: &Texts, doubt: &Doubt) -> String {
    match doubt {
        Doubt::NoEnd => texts.get("doubt.no_end").to_owned(),
        Doubt::OtherEnd(word) => texts.fill("doubt.other_end", &[("word", word)]),
    }
}

/// A file that another version of the app can read.
fn newer(texts: &Texts, key: &str, path: &Path, version: &Option<String>) -> String {
    let who = match version {
        Some(version) => texts.fill("newer.named", &[("version", version)]),
        None => texts.get("newer.unnamed").to_owned(),
    };
    let path = path.display().to_string();
    texts.fill(key, &[("who", &who), ("path", &path)])
}

/// A problem of a file or folder, then the advice with this key. The system's own words, which are
/// not translated, come last.
fn disk(texts: &Texts, path: &Path, problem: &DiskProblem, advice: &str) -> String {
    let (key, said) = match problem {
        DiskProblem::NoPermission => ("disk.no_permission", None),
        DiskProblem::ReadOnly => ("disk.read_only", None),
        DiskProblem::Full => ("disk.full", None),
        DiskProblem::Missing => ("disk.missing", None),
        DiskProblem::WrongKind => ("disk.wrong_kind", None),
        DiskProblem::Busy => ("disk.busy", None),
        DiskProblem::Other(why) => ("disk.unusable", Some(why.as_str())),
    };
    let path = path.display().to_string();
    let cause = texts.fill(key, &[("path", &path)]);
    let advice = texts.get(advice);
    match said {
        None => format!("{cause} {advice}"),
        Some(why) => {
            let said = texts.fill("disk.system_says", &[("why", why)]);
            format!("{cause} {advice} {said}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::PathBuf};

    use mensageiro_protocol::Login;

    use super::*;
    use crate::texts::Language;

    const RAW: &str = "os error 5";

    fn disk_problems() -> [DiskProblem; 7] {
        [
            DiskProblem::NoPermission,
            DiskProblem::ReadOnly,
            DiskProblem::Full,
            DiskProblem::Missing,
            DiskProblem::WrongKind,
            DiskProblem::Busy,
            DiskProblem::Other(RAW.into()),
        ]
    }

    fn storage_problems() -> Vec<StorageProblem> {
        let path = || PathBuf::from("/a/place");
        let disk = disk_problems().map(|why| StorageProblem::Disk { path: path(), why });
        let others = [
            StorageProblem::Locked,
            StorageProblem::Newer {
                path: path(),
                version: None,
            },
            StorageProblem::Damaged { path: path() },
            StorageProblem::NoThread,
            StorageProblem::Stopped,
        ];
        disk.into_iter().chain(others).collect()
    }

    #[test]
    fn each_cause_has_a_title_of_its_own_in_both_languages() {
        let mut titles = BTreeSet::new();
        for language in [Language::English, Language::Portuguese] {
            let texts = Texts::of(language);
            for problem in storage_problems() {
                let title = storage_title(texts, &problem);
                assert!(!title.contains("storage."), "{title}");
                assert!(titles.insert(title), "{title} is said of two");
            }
        }
    }

    /// Everything there is to say in a language.
    fn all(texts: &Texts) -> Vec<String> {
        let path = || PathBuf::from("/a/place");
        let mut said = Vec::new();
        for why in disk_problems() {
            let (second, third) = (why.clone(), why.clone());
            said.push(save(texts, &SaveProblem::Write { path: path(), why }));
            let untouched = SettingsProblem::Untouched {
                path: path(),
                why: second,
            };
            said.push(settings(texts, &untouched));
            let not_written = SettingsProblem::NotWritten {
                path: path(),
                why: third,
            };
            said.push(settings(texts, &not_written));
        }
        let problems = storage_problems();
        said.extend(problems.iter().map(|problem| storage(texts, problem)));
        said.push(save(texts, &SaveProblem::Encode(RAW.into())));
        said.push(save(texts, &SaveProblem::NoThread));
        said.push(save(texts, &SaveProblem::Read(StorageProblem::Locked)));
        said.push(settings(texts, &SettingsProblem::SetAside { to: path() }));
        for version in [None, Some("7".to_owned())] {
            let (path, second) = (path(), version.clone());
            said.push(settings(texts, &SettingsProblem::Newer { path, version }));
            let (path, version) = (PathBuf::from("/a/place"), second);
            let problem = LinkProblem::TrustNewer { path, version };
            said.push(link(texts, &problem, "school:3333"));
        }
        said.extend([Doubt::NoEnd, Doubt::OtherEnd("fim".into())].map(|one| doubt(texts, &one)));
        let strangers = [
            Stranger::Web,
            Stranger::Tls,
            Stranger::Ssh,
            Stranger::Mail,
            Stranger::Files,
            Stranger::Chat,
            Stranger::Database,
            Stranger::Screen,
            Stranger::Terminal,
            Stranger::Other("rsync"),
        ];
        let strangers = strangers.map(LinkProblem::Stranger);
        said.extend(strangers.map(|problem| link(texts, &problem, "school:3333")));
        let login = Login::parse("zoe").unwrap();
        said.extend(
            [
                LinkProblem::BadAddress,
                LinkProblem::UnknownHost,
                LinkProblem::NobodyListens,
                LinkProblem::TimedOut,
                LinkProblem::Broken,
                LinkProblem::Unreachable,
                LinkProblem::NotAllowed,
                LinkProblem::NotThisProtocol,
                LinkProblem::NoThread,
                LinkProblem::Contradicts,
                LinkProblem::Busy,
                LinkProblem::NoRoom,
                LinkProblem::HangsUp(login.clone()),
                LinkProblem::UnknownUser(login.clone()),
                LinkProblem::OtherUser(login),
                LinkProblem::Ended(RAW.into()),
                LinkProblem::Other(RAW.into()),
            ]
            .iter()
            .map(|problem| link(texts, problem, "school:3333")),
        );
        said
    }

    #[test]
    fn every_cause_is_worded_in_both_languages() {
        let english = all(Texts::of(Language::English));
        let portuguese = all(Texts::of(Language::Portuguese));
        for (english, portuguese) in english.iter().zip(&portuguese) {
            assert_ne!(english, portuguese, "not translated");
            for sentence in [english, portuguese] {
                // No key, no place left open, nothing as the program spells it.
                for raw in ["{", "}", "\"", "::", "Some(", "Problem"] {
                    assert!(!sentence.contains(raw), "{raw}: {sentence}");
                }
                let is_key = |word: &str| word.trim_end_matches('.').contains('.');
                assert!(!sentence.split_whitespace().any(is_key), "{sentence}");
                let ends_raw = sentence.ends_with(RAW);
                assert!(ends_raw || sentence.ends_with('.'), "{sentence}");
                assert_eq!(ends_raw, sentence.contains(RAW), "{sentence}");
            }
        }
        for said in [english, portuguese] {
            let different: BTreeSet<_> = said.iter().collect();
            assert_eq!(different.len(), said.len(), "two causes sound the same");
        }
    }

    #[test]
    fn the_path_is_named_where_it_helps() {
        let texts = Texts::of(Language::English);
        for why in disk_problems() {
            let path = PathBuf::from("/a/place");
            let problem = SaveProblem::Write { path, why };
            assert!(save(texts, &problem).contains("/a/place"), "{problem:?}");
        }
    }
}
