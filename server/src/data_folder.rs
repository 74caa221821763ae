//! The data folder: where it is if nobody names one, and what a first start puts there.

use std::{
    env, fmt, fs,
    io::{self, ErrorKind, Write},
    path::{self, Path, PathBuf},
};

use directories::BaseDirs;
use mensageiro_protocol::Login;
use thiserror::Error;

use crate::file_rights;

/// The file that makes a folder a data folder.
const USERS: &str = "users.csv";

/// What systemd calls the folder that it makes for a service.
const STATE_DIRECTORY: &str = "STATE_DIRECTORY";

/// Beside the program, it says that everything is kept there: on a USB stick, for example.
const PORTABLE: &str = "portable.txt";

/// The folder beside a portable program.
const PORTABLE_DATA: &str = "server-data";

/// The folder that versions before 0.1 used when none was named, in the current folder, and what in it shows that.
const EARLIER: &str = "data";
const EARLIER_STORE: &str = "data/store";

/// The sample of `--init`.
const SAMPLE: [(&str, &[u8]); 2] = [
    (USERS, include_bytes!("../../data/users.csv")),
    ("groups.csv", include_bytes!("../../data/groups.csv")),
];

/// What a data folder is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A server is going to run on it.
    Serve,
    /// A user is going to be added.
    AddUser,
    /// It is only used, and must be there.
    Use,
}

/// A folder that has just become a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstStart {
    folder: PathBuf,
    users: FirstUsers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FirstUsers {
    /// The sample.
    Sample,
    /// Whoever has started the server.
    Account(Login),
    /// Nobody.
    None,
}

/// Why there is no data folder to use.
#[derive(Debug, Error)]
pub enum DataFolderError {
    /// It cannot be made.
    #[error("{folder}: cannot be made: {source}; with --data name a folder in which you may write")]
    Make {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is one where earlier versions had it.
    #[error(
        "{earlier}: holds the messages of an earlier version, which used this folder when none was named; go on with it by --data {EARLIER}, or begin anew in {standard} with: mensageiro-server --init user add LOGIN"
    )]
    Earlier {
        /// Where that is.
        earlier: PathBuf,
        /// Where it would be now.
        standard: PathBuf,
    },
}

/// Where the data is if nobody names a folder: the first of these that applies.
///
/// 1. `STATE_DIRECTORY`, which systemd sets for a service.
/// 2. `server-data` beside the program, if `portable.txt` is there too.
/// 3. For root, and where there is no home folder: `/var/lib/mensageiro`.
/// 4. `mensageiro-server` in the folder for data of the account (`~/.local/share` on Linux, `~/Library/Application
///    Support` on macOS), and `MeuMensageiro\server` in `%LOCALAPPDATA%` on Windows.
pub fn standard() -> PathBuf {
    let program = env::current_exe().ok();
    let surroundings = Surroundings {
        state: env::var_os(STATE_DIRECTORY).and_then(|all| env::split_paths(&all).next()),
        program: program.as_deref().and_then(Path::parent),
        is_root: is_root(),
        account: BaseDirs::new().map(|folders| folders.data_local_dir().to_owned()),
    };
    surroundings.folder()
}

/// What decides where the data is.
struct Surroundings<'a> {
    state: Option<PathBuf>,
    /// The folder of the program.
    program: Option<&'a Path>,
    is_root: bool,
    /// The account's folder for data.
    account: Option<PathBuf>,
}

impl Surroundings<'_> {
    fn folder(self) -> PathBuf {
        let named = self.state.filter(|folder| !folder.as_os_str().is_empty());
        let portable = self
            .program
            .filter(|program| program.join(PORTABLE).exists());
        if let Some(state) = named {
            return state;
        }
        if let Some(program) = portable {
            return program.join(PORTABLE_DATA);
        }
        match self.account.filter(|_| !self.is_root) {
            Some(account) if cfg!(windows) => account.join("MeuMensageiro").join("server"),
            Some(account) => account.join("mensageiro-server"),
            None if cfg!(windows) => EARLIER.into(),
            None if cfg!(target_os = "macos") => {
                "/Library/Application Support/mensageiro-server".into()
            }
            None => "/var/lib/mensageiro".into(),
        }
    }
}

/// Makes a data folder of a folder that is none yet: of any one with `init`, otherwise of the [`standard`] one.
///
/// # Errors
/// [`DataFolderError`] says what is wrong and what to do.
pub fn prepare(
    folder: &Path,
    init: bool,
    purpose: Purpose,
) -> Result<Option<FirstStart>, DataFolderError> {
    let standard = standard();
    let is_standard = folder == standard;
    // What else may be wrong with the folder is told by whoever opens it.
    if fs::symlink_metadata(folder.join(USERS)).is_ok() || folder.is_file() {
        return Ok(None);
    }
    if is_standard && !init && Path::new(EARLIER_STORE).is_dir() {
        return Err(DataFolderError::Earlier {
            earlier: whole(Path::new(EARLIER)),
            standard,
        });
    }
    let users = match purpose {
        Purpose::Serve if init => FirstUsers::Sample,
        Purpose::Serve if is_standard => account().map_or(FirstUsers::None, FirstUsers::Account),
        Purpose::AddUser if init || is_standard => FirstUsers::None,
        _ => return Ok(None),
    };
    make(folder, &users).map_err(|source| DataFolderError::Make {
        folder: whole(folder),
        source,
    })?;
    let folder = whole(folder);
    Ok(Some(FirstStart { folder, users }))
}

/// The path from the root on: whoever starts a server elsewhere than intended sees where that is.
pub(crate) fn whole(folder: &Path) -> PathBuf {
    path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

/// The login that whoever starts a server has on the computer. A service and root are no persons.
fn account() -> Option<Login> {
    if is_root() || env::var_os(STATE_DIRECTORY).is_some() {
        return None;
    }
    let mut names = if cfg!(windows) {
        ["USERNAME"].iter()
    } else {
        ["USER", "LOGNAME"].iter()
    };
    names.find_map(|name| Login::parse(&env::var(name).ok()?).ok())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Elsewhere administrators have folders of their own.
#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

fn make(folder: &Path, users: &FirstUsers) -> io::Result<()> {
    file_rights::create_folder(folder)?;
    match users {
        FirstUsers::Sample => {
            // The users last: they make it a data folder.
            let mut files = SAMPLE.iter().rev();
            files.try_for_each(|(name, content)| create(&folder.join(name), content))
        }
        FirstUsers::None => create(&folder.join(USERS), b"login,name\n"),
        FirstUsers::Account(login) => {
            let content = format!("login,name,role\n{login},,admin\n");
            create(&folder.join(USERS), content.as_bytes())
        }
    }
}

/// Makes a file; leaves alone one that is there.
fn create(file: &Path, content: &[u8]) -> io::Result<()> {
    match fs::File::create_new(file) {
        Ok(mut made) => {
            file_rights::give_to_owner_of_folder(&made, file);
            made.write_all(content)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Says where the files are, who may log in, and how others are added.
impl fmt::Display for FirstStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        write!(f, "This is the first start: the files are in {folder}, ")?;
        match &self.users {
            FirstUsers::Sample => write!(f, "with some people as an example")?,
            FirstUsers::Account(login) => write!(f, "you may log in as {login}")?,
            FirstUsers::None => write!(f, "and nobody may log in yet")?,
        }
        let more = match self.users {
            FirstUsers::None => "adds people",
            _ => "adds others",
        };
        write!(f, "; mensageiro-server user add LOGIN \"Full Name\"")?;
        if self.folder != standard() {
            write!(f, " --data {folder}")?;
        }
        write!(f, " {more}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_that_applies_is_the_folder() {
        let portable = tempfile::tempdir().unwrap();
        fs::write(portable.path().join(PORTABLE), "").unwrap();
        let installed = tempfile::tempdir().unwrap();
        let home = Path::new("/home/ana/data");
        let folder = |state: Option<&str>, program: &Path, is_root, account: Option<&Path>| {
            let surroundings = Surroundings {
                state: state.map(PathBuf::from),
                program: Some(program),
                is_root,
                account: account.map(Path::to_owned),
            };
            surroundings.folder()
        };
        let state = Some("/var/lib/x");
        assert_eq!(
            folder(state, portable.path(), true, Some(home)),
            Path::new("/var/lib/x")
        );
        let beside = portable.path().join(PORTABLE_DATA);
        assert_eq!(folder(None, portable.path(), true, Some(home)), beside);
        assert_eq!(folder(Some(""), portable.path(), false, None), beside);
        let own = folder(None, installed.path(), false, Some(home));
        assert!(own.starts_with(home) && own != home);
        let of_system = folder(None, installed.path(), true, Some(home));
        assert!(!of_system.starts_with(home));
        assert_eq!(folder(None, installed.path(), false, None), of_system);
    }

    #[test]
    fn a_first_start_says_where_the_files_are_and_how_people_are_added() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        let first = prepare(&data, true, Purpose::Serve).unwrap().unwrap();
        let said = first.to_string();
        assert!(said.contains(data.to_str().unwrap()), "{said}");
        assert!(
            said.contains("user add LOGIN \"Full Name\" --data "),
            "{said}"
        );
        assert_eq!(prepare(&data, true, Purpose::Serve).unwrap(), None);
        let users = fs::read_to_string(data.join(USERS)).unwrap();
        assert!(users.lines().count() > 3, "{users}");
        assert!(data.join("groups.csv").exists());
    }

    #[test]
    fn a_folder_that_was_named_is_made_only_if_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        for purpose in [Purpose::Serve, Purpose::AddUser, Purpose::Use] {
            assert_eq!(prepare(&data, false, purpose).unwrap(), None);
        }
        assert!(!data.exists());
        let first = prepare(&data, true, Purpose::AddUser).unwrap().unwrap();
        assert!(first.to_string().contains("nobody may log in yet"));
        assert_eq!(
            fs::read_to_string(data.join(USERS)).unwrap(),
            "login,name\n"
        );
    }
}
