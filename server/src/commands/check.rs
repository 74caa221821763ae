//! `check`: reads everything in a data folder and names what is damaged.

use std::{path::Path, sync::Arc};

use super::CommandError;
use crate::{
    files,
    log::{self, Damage, LogError, Position, disk::SystemDisk},
    model::{codec, event::Event},
    progress::{Bar, Interrupt},
};

/// Reads all messages in a data folder or a backup, and prints what is damaged, a line for each place. A server may use it
/// meanwhile.
///
/// # Errors
/// [`CommandError::Damaged`] when anything is, otherwise what prevents it from being read.
pub fn check(data: &Path) -> Result<(), CommandError> {
    let bar = Bar::bytes("reading", Interrupt::listen()?);
    let mut messages = 0;
    let mut said = Ok(());
    let mut visit = |_: Position, payload: &[u8]| {
        let batch = codec::read_batch(payload).map_err(|error| error.to_string())?;
        for event in &batch.events {
            if let Event::Messages(run) = event {
                messages += run.texts.len();
            }
        }
        Ok(())
    };
    let mut found = |damage: Damage| {
        let line = bar.say(described(&damage));
        said = std::mem::replace(&mut said, Ok(())).and(line);
    };
    let disk = Arc::new(SystemDisk);
    let mut progress = |done| bar.show(done);
    let checked = log::check(
        &data.join("store"),
        disk,
        &mut visit,
        &mut found,
        &mut progress,
    )?;
    let mut damages = checked.damages;
    let mut found_file = |line: String| {
        damages += 1;
        said = std::mem::replace(&mut said, Ok(())).and(bar.say(line));
    };
    let files = files::check(data, &mut found_file, &mut || bar.flow())?;
    said?;
    if bar.flow().is_break() {
        return Err(LogError::Cancelled.into());
    }
    if damages > 0 {
        return Err(CommandError::Damaged {
            folder: data.to_owned(),
            damages,
        });
    }
    bar.say(format_args!(
        "{}: no damage; {messages} messages in {} records, {files} files, store {:032x}, epoch {}",
        data.display(),
        checked.records,
        checked.identity.id,
        checked.identity.epoch
    ))?;
    Ok(())
}

fn described(damage: &Damage) -> String {
    let Damage {
        file,
        offset,
        positions,
        reason,
    } = damage;
    let place = format!("{}: byte {offset}: {reason}", file.display());
    match positions.end.0.saturating_sub(positions.start.0) {
        0 => place,
        bytes => format!(
            "{place} ({bytes} bytes of messages, from position {})",
            positions.start.0
        ),
    }
}
