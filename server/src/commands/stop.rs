//! `stop`: asks the server on a data folder to stop, on every system in the same way.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::CommandError;
use crate::{log, metrics};

/// How long to wait for the end of the server, which takes 20 s at most.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// How often it is looked meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks the server to stop, and returns when nobody uses the data folder any more.
///
/// # Errors
/// [`CommandError`], if no server is running, or if it has not stopped in time.
pub fn stop(data: &Path) -> Result<(), CommandError> {
    metrics::tell_to_stop(data)?;
    let begin = Instant::now();
    while log::is_in_use(&data.join("store"))? {
        if begin.elapsed() > LONGEST_WAIT {
            return Err(CommandError::NotStopped(data.to_owned()));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
