//! Where the server's program is, and where its data are.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::engine::host::HostProblem;

/// The name of the program.
const PROGRAM: &str = if cfg!(windows) {
    "mensageiro-server.exe"
} else {
    "mensageiro-server"
};

/// A file beside the programs that says that all data are to be beside them too, as on a USB stick.
const PORTABLE: &str = "portable.txt";

/// Where the server's program is, and where its data are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostPlace {
    /// The folders in which the program is looked for, in this order.
    pub programs: Vec<PathBuf>,
    /// The data folder; `None`: the system has no place for it.
    pub data: Option<PathBuf>,
}

impl HostPlace {
    /// The folder of this program, then those of `PATH`; and the data folder that the server has if nobody names another one.
    pub fn of_system() -> Self {
        let own = env::current_exe().ok();
        let own = own.as_deref().and_then(Path::parent);
        let path = env::var_os("PATH").unwrap_or_default();
        // An empty or relative entry is a folder that somebody else may have filled.
        let listed = env::split_paths(&path).filter(|folder| folder.is_absolute());
        let portable = own.filter(|folder| folder.join(PORTABLE).exists());
        let data = match portable {
            Some(folder) => Some(folder.join("server-data")),
            None => directories::BaseDirs::new().map(|folders| {
                folders.data_local_dir().join(match cfg!(windows) {
                    true => "MeuMensageiro\\server",
                    false => "mensageiro-server",
                })
            }),
        };
        Self {
            programs: own.map(Path::to_owned).into_iter().chain(listed).collect(),
            data,
        }
    }

    /// The same with another data folder.
    pub fn with_data(self, data: PathBuf) -> Self {
        Self {
            data: Some(data),
            ..self
        }
    }

    pub(super) fn program(&self) -> Result<PathBuf, HostProblem> {
        let found = self.programs.iter().map(|folder| folder.join(PROGRAM));
        let folder = || self.programs.first().cloned().unwrap_or_default();
        found
            .into_iter()
            .find(|program| program.is_file())
            .ok_or_else(|| HostProblem::NoProgram { folder: folder() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_program_beside_the_app_comes_before_others() {
        let folder = tempfile::tempdir().unwrap();
        let folders = ["own", "first", "second"].map(|name| folder.path().join(name));
        folders.iter().for_each(|one| fs::create_dir(one).unwrap());
        let place = HostPlace {
            programs: folders.to_vec(),
            data: None,
        };
        let missing = HostProblem::NoProgram {
            folder: folders[0].clone(),
        };
        assert_eq!(place.program(), Err(missing));
        // A folder of this name is no program.
        fs::create_dir(folders[1].join(PROGRAM)).unwrap();
        for at in [2, 0] {
            let program = folders[at].join(PROGRAM);
            fs::write(&program, "").unwrap();
            assert_eq!(place.program(), Ok(program));
        }
    }
}
