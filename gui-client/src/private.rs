//! Files and folders that only the person's own account can open. On Windows they get the rights of the folder that
//! they are in; the folders of a user there are their own.

#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write},
    path::Path,
    thread,
    time::Duration,
};

use tempfile::NamedTempFile;

use crate::disk::is_open_elsewhere;

/// Makes a folder, and those above it that are missing. One that is there keeps its rights.
///
/// # Errors
/// What the system says.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder)
}

/// How a file is opened to be written, made if it is missing.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    options
}

/// Makes an empty file if there is none, for a database: what SQLite keeps beside that gets its rights. If it cannot be
/// made, whoever opens it will say why. One that is there is not opened: closing it would undo SQLite's locks.
pub fn create_file(path: &Path) {
    let _ = options().create_new(true).open(path);
}

/// A new file, which will get its name later. Others who may write to the folder cannot guess its name.
///
/// # Errors
/// What the system says.
pub fn new_file_for(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
}

/// Gives a new file its name. It replaces the one that is there. On Windows another program, such as a virus scanner, may
/// have that open for a moment; then this waits for it, 2 seconds at most.
///
/// # Errors
/// What the system says.
pub fn persist(mut new: NamedTempFile, path: &Path) -> io::Result<()> {
    for pause in PAUSES {
        new = match new.persist(path) {
            Ok(_) => return Ok(()),
            Err(refused) if may_pass(&refused.error) => refused.file,
            Err(refused) => return Err(refused.error),
        };
        thread::sleep(Duration::from_millis(pause));
    }
    new.persist(path)?;
    Ok(())
}

/// How long [`persist`] waits before each further attempt, in milliseconds.
const PAUSES: [u64; 8] = [5, 10, 20, 50, 100, 300, 500, 1000];

/// Whether somebody has the file open. For one that is to be replaced, Windows calls that a denied access, too.
fn may_pass(error: &io::Error) -> bool {
    is_open_elsewhere(error) || cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied
}

/// Writes a file in the place of the one that is there: a crash leaves one of them.
///
/// # Errors
/// What the system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = new_file_for(path)?;
    new.write_all(bytes)?;
    persist(new, path)
}

/// The same, and the new content is on the disk when it returns, also after a power cut.
///
/// # Errors
/// What the system says.
pub fn replace_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = new_file_for(path)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    persist(new, path)?;
    // Where the system can do so, the name too.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Takes from others the rights to what an earlier version has made in a profile.
#[cfg(unix)]
pub fn tighten(profile: &Path) {
    const OTHERS: u32 = 0o077;
    const STICKY: u32 = 0o1000;
    let parts = ["", "accounts", "windows", "settings.json"];
    for path in parts.map(|part| profile.join(part)) {
        let Ok(found) = fs::metadata(&path) else {
            continue;
        };
        let mode = found.permissions().mode() & 0o7777;
        if mode & OTHERS == 0 {
            continue;
        }
        if mode & STICKY != 0 {
            tracing::warn!(path = %path.display(), "everybody may write there, as to /tmp");
            continue;
        }
        let private = fs::Permissions::from_mode(mode & !OTHERS);
        let (tightened, path) = (fs::set_permissions(&path, private), path.display());
        match tightened {
            Ok(()) => tracing::warn!(%path, "other users of this computer could open it"),
            Err(error) => tracing::warn!(%path, %error, "other users of this computer may open it"),
        }
    }
}

/// Other systems have no such rights.
#[cfg(not(unix))]
pub fn tighten(_profile: &Path) {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("profile").join("accounts");
        create_folder(&inner).unwrap();
        create_file(&inner.join("a.db"));
        replace(&inner.join("b"), b"x").unwrap();
        assert_eq!(mode(&folder.path().join("profile")), 0o700);
        assert_eq!(mode(&inner), 0o700);
        for name in ["a.db", "b"] {
            assert_eq!(mode(&inner.join(name)), 0o600);
        }
    }

    /// The tests of what is made, with the rights that the account gives new files by default.
    #[test]
    fn what_is_made_is_closed_whatever_the_mask() {
        let tests = [
            "private::tests::what_is_made_is_closed_to_others",
            "engine::history::tests::nobody_else_can_open_the_database",
            "files::tests::what_is_saved_is_only_for_the_person_and_goes_through_no_link",
        ];
        for mask in ["000", "077"] {
            let run = format!("umask {mask}; exec \"$@\"");
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", &run, "sh"]);
            shell.arg(std::env::current_exe().unwrap()).arg("--exact");
            let output = shell.args(tests).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("3 passed; 0 failed"), "{mask}: {said}");
        }
    }

    #[test]
    fn what_replaces_a_link_leaves_alone_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &link).unwrap();
        replace(&link, b"ours").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        assert_eq!(fs::read(&link).unwrap(), b"ours");
        assert_eq!(mode(&link), 0o600);
    }

    #[test]
    fn profile_of_an_earlier_version_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile");
        fs::create_dir_all(profile.join("accounts")).unwrap();
        fs::write(profile.join("settings.json"), "{}").unwrap();
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        open(&profile, 0o755);
        open(&profile.join("accounts"), 0o777);
        open(&profile.join("settings.json"), 0o644);
        tighten(&profile);
        assert_eq!(mode(&profile), 0o700);
        assert_eq!(mode(&profile.join("accounts")), 0o700);
        assert_eq!(mode(&profile.join("settings.json")), 0o600);
    }
}
