//! `backup`: a copy of a data folder that a server can be started on.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use super::CommandError;
use crate::{
    access, files,
    log::{Backup, disk::SystemDisk},
    progress::{Bar, Interrupt},
};

/// Everything in a data folder that is no part of the log. The archive's position comes before messages.csv, and both
/// before the log: rows that it does not count, and read marks without rows, are what the archive finds after a crash as well.
const FILES: [&str; 7] = [
    access::FILE,
    "users.csv",
    "groups.csv",
    "tls/key.pem",
    "tls/cert.pem",
    "store/archive",
    "messages.csv",
];

/// Copies the data folder `data` to `to`, which must be a new or an empty folder. A server may use `data` meanwhile.
/// When it fails or is interrupted there is no new folder.
///
/// # Errors
/// [`CommandError`] says what is wrong and what to do.
pub fn backup(data: &Path, to: &Path) -> Result<(), CommandError> {
    let bar = Bar::bytes("copying", Interrupt::listen()?);
    let backup = Backup {
        data,
        store: "store",
        files: &FILES,
        folders: &[files::SLOTS, files::CONTENTS],
        to,
        disk: Arc::new(SystemDisk),
    };
    let made = backup.run(&mut |done| bar.show(done))?;
    drop(bar);
    let bytes = made.positions.end.0 - made.positions.start.0;
    writeln!(
        io::stdout(),
        "{}: a backup of {} with {bytes} bytes of messages; mensageiro-server --data {} starts a server on it",
        to.display(),
        data.display(),
        to.display(),
    )?;
    Ok(())
}
