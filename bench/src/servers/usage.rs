//! What a process has used of the machine, from `/proc` and `/sys` on Linux.

use std::{fs, path::Path};

/// What a process has used since it started. A figure is `None` if the system does not report it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    cpu_seconds: Option<f64>,
    written_bytes: Option<f64>,
    device_bytes: Option<f64>,
}

/// What one message used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// CPU time of all threads, in microseconds.
    pub cpu_micros: Option<f64>,
    /// Bytes that the process has given the system for its files. Not `write_bytes`: where a file
    /// was filled before, that counts the whole large page around a small write.
    pub written_bytes: Option<f64>,
    /// Bytes that have reached the disk, including the file system's journal and all other
    /// programs.
    pub device_bytes: Option<f64>,
}

impl Usage {
    /// The usage so far of the process with this id, whose files are in this folder.
    pub fn of(process: u32, folder: &Path) -> Self {
        Self {
            cpu_seconds: cpu_seconds(process),
            written_bytes: field(&format!("/proc/{process}/io"), "wchar:"),
            device_bytes: device_bytes(folder),
        }
    }

    /// Seconds of CPU time between an earlier moment and this one.
    pub fn cpu_seconds_since(self, earlier: Self) -> Option<f64> {
        Some(self.cpu_seconds? - earlier.cpu_seconds?)
    }

    /// The usage per message since an earlier moment.
    pub fn per_message(self, earlier: Self, messages: f64) -> Used {
        let cpu = self.cpu_seconds_since(earlier);
        let each = |now: Option<f64>, then: Option<f64>| Some((now? - then?) / messages);
        Used {
            cpu_micros: cpu.map(|seconds| seconds / messages * 1e6),
            written_bytes: each(self.written_bytes, earlier.written_bytes),
            device_bytes: each(self.device_bytes, earlier.device_bytes),
        }
    }
}

fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    // The unit is always 1/100 s for programs, whatever the kernel uses inside.
    Some((user + system) / 100.0)
}

/// Bytes written to the device of a folder.
#[cfg(target_os = "linux")]
fn device_bytes(folder: &Path) -> Option<f64> {
    use std::os::linux::fs::MetadataExt;
    let device = fs::metadata(folder).ok()?.st_dev();
    let major = (device >> 8) & 0xfff | (device >> 32) & !0xfff;
    let minor = device & 0xff | (device >> 12) & !0xff;
    let stat = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
    // The unit is always 512 bytes, whatever the device has.
    let sectors: f64 = stat.split_whitespace().nth(6)?.parse().ok()?;
    Some(sectors * 512.0)
}

#[cfg(not(target_os = "linux"))]
fn device_bytes(_: &Path) -> Option<f64> {
    None
}

/// Resident memory of a process in KiB; `None` if the system does not report it.
pub fn memory_kib(process: u32) -> Option<f64> {
    field(&format!("/proc/{process}/status"), "VmRSS:")
}

fn field(file: &str, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
