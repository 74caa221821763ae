//! Who may open what the server writes: the account that runs it, and no other user of the computer.
//!
//! On Unix everything is made under a file mode mask. On Windows a folder that is made here lets in only its
//! owner, the system and administrators, and what is in it inherits that.

#[cfg(unix)]
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

#[cfg(unix)]
use rustix::{
    fs::{Mode, OFlags},
    process::{geteuid, umask},
};
#[cfg(any(unix, windows))]
use tracing::warn;
#[cfg(unix)]
use tracing::{debug, info};

use crate::rename::rename;

/// From now on, what this process makes can be opened by its own account only, and with `group_may_read`
/// be read by the account's group.
#[cfg(unix)]
pub fn limit(group_may_read: bool) {
    let from_group = if group_may_read {
        Mode::WGRP
    } else {
        Mode::RWXG
    };
    umask(Mode::RWXO | from_group);
}

/// Folders that were made before keep their rights on Windows.
#[cfg(not(unix))]
pub fn limit(_group_may_read: bool) {}

/// Makes a folder, and those above it that are missing.
///
/// # Errors
/// What the system says.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        let mut options = OpenOptions::new();
        options.read(true);
        let made = through_no_link(options, OFlags::DIRECTORY).open(folder)?;
        give_to_owner_of_folder(&made, folder);
    }
    make_private(folder)
}

/// Makes a folder in one that others may write to. What is there already under this name is not used.
///
/// # Errors
/// `AlreadyExists`, or what else the system says.
pub(crate) fn create_new_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    make_private(folder)
}

/// Writes a file that its owner alone can open, whatever [`limit`] says. Whoever opens it finds all of it or what was there
/// before, also after a power cut.
///
/// # Errors
/// What the system says.
pub(crate) fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    let new = file.with_added_extension("new");
    // An old one may be readable by others, or may have been put there to be written through.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Windows gives the file the rights of its folder.
    #[cfg(unix)]
    options.mode(0o600);
    let mut to = options.open(&new)?;
    give_to_owner_of_folder(&to, &new);
    to.write_all(content)?;
    to.sync_all()?;
    rename(&new, file)?;
    match file.parent() {
        // Windows cannot do that, and writes down by itself what is in a folder.
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Opens a file with these options, and makes it if it is not there. Root may do this in a folder of somebody else, who must
/// not get a file of root's by it: a link in the place of the file is an error, and only what is made here is given to the
/// owner of the folder.
///
/// # Errors
/// What the system says.
pub(crate) fn open_or_create(options: &OpenOptions, file: &Path) -> io::Result<File> {
    let options = options.clone();
    #[cfg(unix)]
    let options = through_no_link(options, OFlags::empty());
    match options.clone().create_new(true).open(file) {
        Ok(made) => {
            give_to_owner_of_folder(&made, file);
            Ok(made)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(file),
        Err(error) => Err(error),
    }
}

/// Opens no link, and with `more` what that says.
#[cfg(unix)]
fn through_no_link(mut options: OpenOptions, more: OFlags) -> OpenOptions {
    options.custom_flags((OFlags::NOFOLLOW | more).bits().cast_signed());
    options
}

/// Gives a file the owner of another one: who changes it with a command may be root, and the server must be able to open it.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub(crate) fn take_owner(file: &File, of: &fs::Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    let uid = (new.uid() != of.uid()).then_some(of.uid());
    let gid = (new.gid() != of.gid()).then_some(of.gid());
    if uid.is_some() || gid.is_some() {
        fchown(file, uid, gid)?;
    }
    Ok(())
}

/// Elsewhere the folder decides.
#[cfg(not(unix))]
pub(crate) fn take_owner(_file: &File, _of: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Gives what root has just made to the owner of the folder it is in: the account that runs the server. Where root may not
/// do that either, it stays root's.
#[cfg(unix)]
pub(crate) fn give_to_owner_of_folder(made: &File, path: &Path) {
    if !geteuid().is_root() {
        return;
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new(".")));
    if let Err(error) = folder.and_then(|folder| take_owner(made, &folder)) {
        debug!("{}: stays root's: {error}", path.display());
    }
}

/// Elsewhere the folder decides.
#[cfg(not(unix))]
pub(crate) fn give_to_owner_of_folder(_made: &File, _path: &Path) {}

#[cfg(unix)]
fn make_private(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives a folder the rights that Windows gives the folders of a user: no inherited ones, and all for its owner,
/// the system and administrators. A disk that knows no rights, such as a USB stick, has none to give.
#[cfg(windows)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::{env, os::windows::process::CommandExt, path::PathBuf, process};

    const NO_WINDOW: u32 = 0x0800_0000;
    let system = env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    let set = process::Command::new(PathBuf::from(system).join(r"System32\icacls.exe"))
        .arg(folder)
        .args(["/inheritance:r", "/grant:r"])
        .args([
            "*S-1-3-4:(OI)(CI)F",
            "*S-1-5-18:(OI)(CI)F",
            "*S-1-5-32-544:(OI)(CI)F",
        ])
        .creation_flags(NO_WINDOW)
        .output();
    if !set.is_ok_and(|set| set.status.success()) {
        let folder = folder.display();
        warn!("{folder}: its rights cannot be limited; other users of this computer may read it");
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn make_private(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// What a data folder has that is the server's: files of the directory and of the archive, the store, and what people have sent.
#[cfg(unix)]
const OURS: [&str; 8] = [
    "access", "files", "users", "groups", "messages", "running", "store", "tls",
];

/// Closes a data folder that others can open, which an earlier version or a person has made, and what in it is the
/// server's; with `group_may_read` the group keeps its rights. Follows no links. The log says what was changed.
#[cfg(unix)]
pub(crate) fn tighten(data: &Path, group_may_read: bool) {
    let taken = if group_may_read { 0o007 } else { 0o077 };
    if fs::metadata(data).is_ok_and(|found| found.permissions().mode() & taken == 0) {
        return;
    }
    let mut changed = 0;
    let is_ours = |name: &str| OURS.iter().any(|ours| name.starts_with(ours));
    let tightened = tighten_folder(data, taken, &is_ours, &mut changed);
    let data = data.display();
    if changed > 0 {
        info!(
            "{data}: other users of this computer could open it; the rights of {changed} files and folders were limited (--group-may-read is for a group that shares them)"
        );
    }
    if let Err(error) = tightened {
        warn!(
            "{data}: other users of this computer can open it, and that cannot be changed: {error}; name another folder with --data"
        );
    }
}

/// Other systems have no such rights.
#[cfg(not(unix))]
pub(crate) fn tighten(_data: &Path, _group_may_read: bool) {}

/// The folder first: then nobody can put a link in the place of what is in it.
#[cfg(unix)]
fn tighten_folder(
    folder: &Path,
    taken: u32,
    is_wanted: &dyn Fn(&str) -> bool,
    changed: &mut usize,
) -> io::Result<()> {
    *changed += usize::from(take(folder, taken)?);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_wanted = entry.file_name().to_str().is_some_and(is_wanted);
        if is_wanted && kind.is_dir() {
            tighten_folder(&path, taken, &|_| true, changed)?;
        } else if is_wanted && kind.is_file() {
            *changed += usize::from(take(&path, taken)?);
        }
    }
    Ok(())
}

/// Says whether others had any of these rights.
#[cfg(unix)]
fn take(path: &Path, taken: u32) -> io::Result<bool> {
    const STICKY: u32 = 0o1000;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & taken == 0 {
        return Ok(false);
    }
    if mode & STICKY != 0 {
        return Err(io::Error::other("it is for everybody, as /tmp is"));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777 & !taken))?;
    Ok(true)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    fn a_link_that_somebody_has_put_there_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, missing) = (folder.path().join("secret"), folder.path().join("missing"));
        fs::write(&secret, "of root").unwrap();
        for target in [&secret, &missing] {
            let link = folder.path().join("lock");
            symlink(target, &link).unwrap();
            for truncates in [false, true] {
                let mut options = OpenOptions::new();
                options.write(true).truncate(truncates);
                assert!(open_or_create(&options, &link).is_err());
            }
            fs::remove_file(&link).unwrap();
        }
        assert_eq!(fs::read(&secret).unwrap(), b"of root");
        assert!(!missing.exists());
    }

    #[test]
    fn only_what_is_made_gets_the_owner_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (there, new) = (folder.path().join("there"), folder.path().join("new"));
        fs::write(&there, "kept").unwrap();
        let own = fs::metadata(&there).unwrap().uid();
        let mut of_folder = own;
        if geteuid().is_root() {
            of_folder = 12_345;
            chown(folder.path(), Some(of_folder), None).unwrap();
        }
        for (file, owner) in [(&there, own), (&new, of_folder)] {
            let opened = open_or_create(OpenOptions::new().write(true), file).unwrap();
            assert_eq!(opened.metadata().unwrap().uid(), owner);
        }
        assert_eq!(fs::read(&there).unwrap(), b"kept");
        let made = folder.path().join("made");
        create_folder(&made).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().uid(), of_folder);
    }
}
