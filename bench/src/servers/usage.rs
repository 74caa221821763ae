//! What a process has used of the machine, as Linux tells it in `/proc`.

use std::fs;

/// What a process has used since it started; a figure is `None` where the system does not tell it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    cpu_seconds: Option<f64>,
    disk_bytes: Option<f64>,
}

/// What one message took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Processor time of all threads, in microseconds.
    pub cpu_micros: Option<f64>,
    /// Bytes that were written to files, in whole pages, as the disk will see them.
    pub disk_bytes: Option<f64>,
}

impl Usage {
    /// Of the process with this id, so far.
    pub fn of(process: u32) -> Self {
        Self {
            cpu_seconds: cpu_seconds(process),
            disk_bytes: disk_bytes(process),
        }
    }

    /// Seconds of processor time between an earlier moment and this one.
    pub fn cpu_seconds_since(self, earlier: Self) -> Option<f64> {
        Some(self.cpu_seconds? - earlier.cpu_seconds?)
    }

    /// Used for each of so many messages since an earlier moment.
    pub fn per_message(self, earlier: Self, messages: f64) -> Used {
        let cpu = self.cpu_seconds_since(earlier);
        let bytes = self.disk_bytes.zip(earlier.disk_bytes);
        Used {
            cpu_micros: cpu.map(|seconds| seconds / messages * 1e6),
            disk_bytes: bytes.map(|(now, then)| (now - then) / messages),
        }
    }
}

fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    // The unit is fixed at 1/100 s for programs, whatever the kernel uses inside.
    Some((user + system) / 100.0)
}

fn disk_bytes(process: u32) -> Option<f64> {
    field(&format!("/proc/{process}/io"), "write_bytes:")
}

/// Resident memory of a process in KiB; `None` where the system does not tell it.
pub fn memory_kib(process: u32) -> Option<f64> {
    field(&format!("/proc/{process}/status"), "VmRSS:")
}

fn field(file: &str, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
