//! Describes when and where figures were measured.

use std::{env, fs, path::Path, process::Command};

/// Date, server version and machine, in one line.
pub fn describe(server: &Path) -> String {
    let day = jiff::Zoned::now().date();
    let version = Command::new(server).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = processor().unwrap_or_else(|| env::consts::ARCH.into());
    let mut parts = vec![
        day.to_string(),
        version.unwrap_or_default(),
        format!("{cores} cores of {processor}"),
        system(),
    ];
    parts.extend(file_system());
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(": ")?;
    Some(name.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn system() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let numbers = release.trim().split('.').take(2).collect::<Vec<_>>();
    format!("{} {}", env::consts::OS, numbers.join("."))
        .trim_end()
        .to_owned()
}

/// The file system of the stores, which are in the folder for temporary files.
fn file_system() -> Option<String> {
    let folder = env::temp_dir().canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let place = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        folder.starts_with(place).then_some((place.len(), kind))
    });
    place
        .max_by_key(|&(length, _)| length)
        .map(|(_, kind)| kind.to_owned())
}
