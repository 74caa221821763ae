use std::{
    fs,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
};

use super::{
    Address, Answer, Forward, LINE, PATIENCE, Question, WINDOWS_AT_MOST, folder, open_lock,
    read_line,
};
use crate::model::WindowPlace;

/// A window that runs with the same profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Other {
    /// Where it is, if the system tells.
    pub place: Option<WindowPlace>,
}

/// The windows that run with this profile.
pub fn others(profile: &Path) -> Vec<Other> {
    let all = files(profile).into_iter();
    let answers = all.filter_map(|file| ask(&file, None));
    answers
        .map(|answer| Other {
            place: answer.place,
        })
        .collect()
}

/// Has one of the windows of this profile come forward; the first of these that there is. False:
/// none did.
pub fn bring_forward(profile: &Path, which: &[Forward]) -> bool {
    let files = files(profile);
    which.iter().any(|which| {
        let asked = files.iter().map(|file| ask(file, Some(which.clone())));
        asked.flatten().any(|answer| answer.came)
    })
}

/// The files of the other windows, the newest first.
fn files(profile: &Path) -> Vec<PathBuf> {
    let own = format!("{}.json", std::process::id());
    let entries = fs::read_dir(folder(profile)).into_iter().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let path = entry.path();
            let is_one = path.extension().is_some_and(|ending| ending == "json");
            let is_other = is_one && entry.file_name() != own.as_str();
            is_other.then_some((entry.metadata().ok()?.modified().ok(), path))
        })
        .collect();
    files.sort();
    files.reverse();
    files.truncate(WINDOWS_AT_MOST);
    files.into_iter().map(|(_, path)| path).collect()
}

/// Asks one window, unless it has died.
fn ask(file: &Path, forward: Option<Forward>) -> Option<Answer> {
    if has_died(file) {
        return None;
    }
    let address = fs::read(file).ok()?;
    let answer = serde_json::from_slice::<Address>(&address)
        .map_err(io::Error::from)
        .and_then(|address| exchange(&address, forward));
    answer
        .inspect_err(|error| {
            tracing::debug!(%error, file = %file.display(), "a window does not answer");
        })
        .ok()
}

/// Whether a window has died: then its lock is free, and its files are taken away. One that hangs or
/// answers late has its lock.
fn has_died(file: &Path) -> bool {
    let path = file.with_extension("lock");
    let lock = open_lock(&path);
    let has_died = lock.as_ref().is_ok_and(|lock| lock.try_lock().is_ok());
    if has_died {
        for path in [file, &path] {
            let _ = fs::remove_file(path);
        }
    }
    has_died
}

fn exchange(address: &Address, forward: Option<Forward>) -> io::Result<Answer> {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port));
    let connection = TcpStream::connect_timeout(&to, LINE)?;
    connection.set_write_timeout(Some(LINE))?;
    let question = Question {
        key: address.key.clone(),
        forward,
    };
    let mut line = serde_json::to_vec(&question)?;
    line.push(b'\n');
    (&connection).write_all(&line)?;
    // Another one may be answered before, and the window may take its time.
    let answer = read_line(&connection, 2 * (PATIENCE + LINE))?;
    Ok(serde_json::from_slice(&answer)?)
}

#[cfg(test)]
mod tests {
    use std::{io::Read, net::TcpListener, sync::Arc, thread};

    use crossbeam_channel::unbounded;

    use super::*;
    use crate::{private::replace, single_instance::Instance};

    /// A window of another process, which has this account open.
    fn window(profile: &Path, name: &str, account: &'static str) -> Instance {
        let (wake, woken) = unbounded();
        let place = WindowPlace {
            x: Some(30.0),
            ..WindowPlace::default()
        };
        let wake = move || wake.send(()).unwrap();
        let running = Instance::start(profile, Some(place), wake).unwrap();
        // Its own process would have another number.
        let folder = folder(profile);
        for ending in ["json", "lock"] {
            let own = format!("{}.{ending}", std::process::id());
            let new = folder.join(name).with_extension(ending);
            fs::rename(folder.join(own), new).unwrap();
        }
        let asked = running.asked().clone();
        thread::spawn(move || {
            for () in woken {
                let asked = asked.recv().unwrap();
                let comes = match asked.which {
                    Forward::Any => true,
                    Forward::With(wanted) => wanted == account,
                };
                asked.answer.send(comes).unwrap();
            }
        });
        running
    }

    #[test]
    fn the_window_of_an_account_comes_forward_and_no_other() {
        let profile = tempfile::tempdir().unwrap();
        let profile = profile.path();
        let with = |account: &str| vec![Forward::With(account.to_owned())];
        assert!(!bring_forward(profile, &[Forward::Any]), "there is none");
        let _ana = window(profile, "1.json", "ana at h:1");
        let _bruno = window(profile, "2.json", "bruno at h:1");
        assert!(bring_forward(profile, &with("ana at h:1")));
        assert!(bring_forward(profile, &with("bruno at h:1")));
        assert!(!bring_forward(profile, &with("zoe at h:1")));
        let any = [with("zoe at h:1"), vec![Forward::Any]].concat();
        assert!(bring_forward(profile, &any));
        let places = others(profile);
        assert_eq!(places.len(), 2);
        assert_eq!(places[0].place.unwrap().x, Some(30.0));
    }

    #[test]
    fn a_window_that_hangs_does_not_come_and_is_not_forgotten() {
        let profile = tempfile::tempdir().unwrap();
        let profile = profile.path();
        let running = Instance::start(profile, None, || {}).unwrap();
        let own = folder(profile).join(format!("{}.json", std::process::id()));
        let file = folder(profile).join("1.json");
        fs::rename(&own, &file).unwrap();
        let own = own.with_extension("lock");
        fs::rename(own, file.with_extension("lock")).unwrap();
        assert!(!bring_forward(profile, &[Forward::Any]));
        assert!(file.exists());
        // It still tells where it is.
        assert_eq!(others(profile).len(), 1);
        drop(running);
    }

    #[test]
    fn only_the_lock_says_whether_a_window_lives() {
        let profile = tempfile::tempdir().unwrap();
        let folder = folder(profile.path());
        fs::create_dir(&folder).unwrap();
        // One that closes every connection, and one that is just writing its file.
        let hasty = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = hasty.local_addr().unwrap().port();
        thread::spawn(move || hasty.incoming().for_each(drop));
        let address = format!(r#"{{"port":{port},"key":"x"}}"#);
        let files =
            [("1.json", address.as_str()), ("2.json", "half of a fi")].map(|(name, content)| {
                let file = folder.join(name);
                replace(&file, content.as_bytes()).unwrap();
                let lock = open_lock(&file.with_extension("lock")).unwrap();
                lock.lock().unwrap();
                (file, lock)
            });
        assert!(!bring_forward(profile.path(), &[Forward::Any]));
        assert_eq!(others(profile.path()), []);
        for (file, lock) in files {
            assert!(file.exists(), "{file:?} is of a window that lives");
            drop(lock);
            assert!(others(profile.path()).is_empty());
            assert!(!file.exists() && !file.with_extension("lock").exists());
        }
    }

    #[test]
    fn a_port_that_another_program_has_by_now_is_not_asked() {
        let profile = tempfile::tempdir().unwrap();
        let folder = folder(profile.path());
        fs::create_dir(&folder).unwrap();
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        other.set_nonblocking(true).unwrap();
        let port = other.local_addr().unwrap().port();
        let address = format!(r#"{{"port":{port},"key":"x"}}"#);
        replace(&folder.join("1.json"), address.as_bytes()).unwrap();
        assert!(!bring_forward(profile.path(), &[Forward::Any]));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        let asked = other.accept().unwrap_err();
        assert_eq!(asked.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn files_of_windows_that_have_died_go_away() {
        let profile = tempfile::tempdir().unwrap();
        let folder = folder(profile.path());
        fs::create_dir(&folder).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let address = format!(r#"{{"port":{port},"key":"x"}}"#);
        replace(&folder.join("1.json"), address.as_bytes()).unwrap();
        replace(&folder.join("2.json"), b"half of a fi").unwrap();
        assert!(!bring_forward(profile.path(), &[Forward::Any]));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn whoever_does_not_know_the_key_is_told_nothing() {
        let profile = tempfile::tempdir().unwrap();
        let woken = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = Arc::clone(&woken);
        let wake = move || seen.store(true, std::sync::atomic::Ordering::Relaxed);
        let running = Instance::start(profile.path(), None, wake).unwrap();
        let file = folder(profile.path()).join(format!("{}.json", std::process::id()));
        let mut address: Address = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        address.key = "0".repeat(32);
        exchange(&address, Some(Forward::Any)).unwrap_err();
        for line in ["", "\n", "GET / HTTP/1.1\r\n\r\n", "{}\n"] {
            let to = (Ipv4Addr::LOCALHOST, address.port);
            let mut stranger = TcpStream::connect(to).unwrap();
            stranger.write_all(line.as_bytes()).unwrap();
            stranger.shutdown(std::net::Shutdown::Write).unwrap();
            let mut said = String::new();
            let _ = stranger.read_to_string(&mut said);
            assert_eq!(said, "", "{line:?}");
        }
        assert!(!woken.load(std::sync::atomic::Ordering::Relaxed));
        drop(running);
        assert!(!file.exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_where_a_window_listens() {
        use std::os::unix::fs::PermissionsExt;
        let profile = tempfile::tempdir().unwrap();
        let _running = Instance::start(profile.path(), None, || {}).unwrap();
        let file = folder(profile.path()).join(format!("{}.json", std::process::id()));
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}
