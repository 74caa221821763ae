//! Where the settings and the messages of the person are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The file beside the program that makes it portable: then everything it writes is beside it, too. The zip for USB sticks
/// has it.
const MARKER: &str = "portable.txt";

/// The folder of the profile beside a portable program.
const FOLDER: &str = "profile";

/// The profile beside the program; `None`: the program is not portable.
pub fn beside_program() -> Option<PathBuf> {
    beside(&env::current_exe().ok()?)
}

/// The profile in the person's own folder on this computer; `None`: there is no home folder.
pub fn of_this_computer() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "MeuMensageiro")?;
    // Of Windows' two folders the one that stays on the computer, like the key in its keyring.
    Some(folders.data_local_dir().to_owned())
}

fn beside(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    folder.join(MARKER).is_file().then(|| folder.join(FOLDER))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_profile_is_beside_the_program_only_if_the_marker_is() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("mensageiro");
        assert_eq!(beside(&program), None);
        fs::write(folder.path().join(MARKER), "").unwrap();
        assert_eq!(beside(&program), Some(folder.path().join(FOLDER)));
    }
}
