//! Writes lines to a stream whose reader may be slow or gone: a full pipe, a paused terminal, a
//! Windows console in which somebody selects text. A thread of its own writes, so that nobody else
//! waits.

use std::{
    io::{self, Write},
    mem,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use memchr::memchr_iter;
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use tracing::Level;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime, SystemTime},
};

use super::rate::{COUNTED, Rate};

/// How many bytes may wait; as many again may be on their way. Later lines are lost and counted.
const WAITING_BYTES: usize = 1024 * 1024;

/// Time between two attempts to write to a full stream that does not block.
const RETRY: Duration = Duration::from_millis(10);

/// How many lines are missing in the diagnostic log since the program started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingLines {
    /// Events that were dropped because there were more than `--log-lines` in a second.
    pub dropped: u64,
    /// Lines that were lost because the stream did not take them.
    pub lost: u64,
}

/// A queue of lines for a stream. A line is written completely or lost.
#[derive(Clone, Debug)]
pub struct Lines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Signals that there is something to write or to tell, or that everything is written.
    changed: Condvar,
}

#[derive(Debug)]
struct Queue {
    bytes: Vec<u8>,
    /// How many lines were lost after those in `bytes`.
    lost: u64,
    is_writing: bool,
    rate: Rate,
    missing: MissingLines,
}

impl Lines {
    /// Starts a thread that writes to this stream as long as the program runs. Lines that the
    /// stream refuses are lost, and counted too. [`Lines::admits`] takes `per_second` lines of each kind a
    /// second; 0: all.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn to(stream: impl Write + Send + 'static, per_second: u32) -> io::Result<Self> {
        let queue = Queue {
            bytes: Vec::new(),
            lost: 0,
            is_writing: false,
            rate: Rate::new(per_second, Instant::now()),
            missing: MissingLines::default(),
        };
        let lines = Self(Arc::new(Shared {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        }));
        let own = lines.clone();
        thread::Builder::new()
            .name("log".into())
            .spawn(move || own.write_to(stream))?;
        Ok(lines)
    }

    /// Whether a line of this level may be added now. Otherwise it counts as dropped, and within a second a
    /// line says how many were.
    pub fn admits(&self, level: Level) -> bool {
        let mut queue = self.0.queue.lock();
        let were_dropped = queue.rate.dropped().is_some();
        let is_admitted = queue.rate.admits(level, Instant::now());
        queue.missing.dropped += u64::from(!is_admitted);
        drop(queue);
        if !is_admitted && !were_dropped {
            self.0.changed.notify_all();
        }
        is_admitted
    }

    /// Adds a line, with its line end. Never waits for the stream.
    pub fn say(&self, line: &[u8]) {
        let mut queue = self.0.queue.lock();
        let was_empty = queue.is_empty();
        queue.add(line);
        drop(queue);
        if was_empty {
            self.0.changed.notify_all();
        }
    }

    /// How many lines are missing so far.
    pub fn missing(&self) -> MissingLines {
        self.0.queue.lock().missing
    }

    /// Waits until everything is written, but not longer than this.
    pub fn flush_within(&self, limit: Duration) {
        let unwritten = |queue: &mut Queue| queue.is_writing || !queue.is_empty();
        let mut queue = self.0.queue.lock();
        queue.tell_dropped(Instant::now());
        self.0.changed.notify_all();
        let _ = self.0.changed.wait_while_for(&mut queue, unwritten, limit);
    }

    fn write_to(&self, mut stream: impl Write) {
        // Lines that the stream has refused since it last took some. For example, the disk of a log
        // file may be full.
        let mut refused = 0;
        loop {
            let mut queue = self.0.queue.lock();
            queue.is_writing = false;
            if queue.is_empty() {
                self.0.changed.notify_all();
            }
            loop {
                let until = queue.rate.dropped().map(|dropped| dropped.since + COUNTED);
                let now = Instant::now();
                if until.is_some_and(|until| until <= now) {
                    queue.tell_dropped(now);
                }
                if !queue.is_empty() {
                    break;
                }
                match until {
                    None => self.0.changed.wait(&mut queue),
                    Some(until) => drop(self.0.changed.wait_until(&mut queue, until)),
                }
            }
            queue.is_writing = true;
            let bytes = mem::take(&mut queue.bytes);
            let lost = mem::take(&mut queue.lost);
            drop(queue);
            let all = [gap(refused).as_bytes(), &bytes, gap(lost).as_bytes()].concat();
            match write_all(&mut stream, &all).and_then(|()| stream.flush()) {
                Ok(()) => refused = 0,
                Err(_) => {
                    let unwritten = memchr_iter(b'\n', &bytes).count() as u64;
                    refused += lost + unwritten;
                    self.0.queue.lock().missing.lost += unwritten;
                }
            }
        }
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.lost == 0
    }

    fn add(&mut self, line: &[u8]) {
        // Once a line is lost, the next ones are lost too, until the gap can be reported in its
        // place.
        if self.lost > 0 || self.bytes.len() + line.len() > WAITING_BYTES {
            self.lost += 1;
            self.missing.lost += 1;
        } else {
            self.bytes.extend_from_slice(line);
        }
    }

    fn tell_dropped(&mut self, now: Instant) {
        if let Some(told) = self.rate.take_dropped(now) {
            self.add(warning(&told.to_string()).as_bytes());
        }
    }
}

/// Writes everything, even if another program that shares the stream has made it non-blocking.
fn write_all(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Each write is one whole line, and is passed on at once.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.say(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line that reports a gap.
fn gap(lines: u64) -> String {
    let missing = match lines {
        0 => return String::new(),
        1 => "1 line is missing here",
        _ => &format!("{lines} lines are missing here"),
    };
    warning(&format!("{missing}, as the log could not be written"))
}

/// A line in the form of the others. It is written at every log level.
fn warning(what: &str) -> String {
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    line + &format!("  WARN {what}\n")
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A stream whose reader takes one write at a time.
    struct Paused {
        begun: Sender<()>,
        go_on: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Paused {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.send(()).unwrap();
            self.go_on
                .recv_timeout(PATIENCE)
                .map_err(io::Error::other)?;
            self.written.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_of_where_it_is_missing() {
        let (begun, has_begun) = unbounded();
        let (resume, go_on) = bounded(0);
        let (written, read) = unbounded();
        let stream = Paused {
            begun,
            go_on,
            written,
        };
        let lines = Lines::to(stream, 0).unwrap();
        lines.say(b"first\n");
        has_begun.recv_timeout(PATIENCE).unwrap();
        let long = [vec![b'x'; WAITING_BYTES / 2 - 1], b"\n".to_vec()].concat();
        // Two fit, two are lost. A short line that would still fit does not hide the gap.
        (0..4).for_each(|_| lines.say(&long));
        lines.say(b"short\n");
        lines.flush_within(Duration::ZERO);
        for _ in 0..2 {
            resume.send_timeout((), PATIENCE).unwrap();
        }
        assert_eq!(read.recv_timeout(PATIENCE).unwrap(), b"first\n");
        let rest = read.recv_timeout(PATIENCE).unwrap();
        let told = String::from_utf8(rest[2 * long.len()..].to_vec()).unwrap();
        assert!(told.contains("WARN 3 lines are missing here"), "{told}");
        // A line that is too long by itself is a gap too.
        lines.say(&[&long[..], &long, b"\n"].concat());
        resume.send_timeout((), PATIENCE).unwrap();
        let told = String::from_utf8(read.recv_timeout(PATIENCE).unwrap()).unwrap();
        assert!(told.contains("WARN 1 line is missing here"), "{told}");
        assert_eq!(lines.missing().lost, 4);
        lines.say(b"last\n");
        resume.send_timeout((), PATIENCE).unwrap();
        assert_eq!(read.recv_timeout(PATIENCE).unwrap(), b"last\n");
        lines.flush_within(PATIENCE);
    }

    #[test]
    fn what_a_stream_refuses_is_counted_until_it_takes_something_again() {
        struct Refusing(Receiver<bool>, Sender<Vec<u8>>);
        impl Write for Refusing {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.0.recv_timeout(PATIENCE).unwrap() {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.1.send(bytes.to_vec()).unwrap();
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (refuse, refuses) = unbounded();
        let (written, read) = unbounded();
        let lines = Lines::to(Refusing(refuses, written), 0).unwrap();
        for _ in 0..2 {
            refuse.send(true).unwrap();
            lines.say(b"lost\n");
            lines.flush_within(PATIENCE);
        }
        refuse.send(false).unwrap();
        lines.say(b"last\n");
        let told = String::from_utf8(read.recv_timeout(PATIENCE).unwrap()).unwrap();
        assert!(told.contains("WARN 2 lines are missing here"), "{told}");
        assert_eq!(lines.missing().lost, 2);
        assert!(told.ends_with("\nlast\n"), "{told}");
    }

    /// A stream that passes on what is written to it.
    struct Passing(Sender<Vec<u8>>);

    impl Write for Passing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn dropped_lines_are_told_of_though_no_other_line_follows() {
        let (written, read) = unbounded();
        let lines = Lines::to(Passing(written), 1).unwrap();
        let admitted = (0..100).filter(|_| lines.admits(Level::INFO)).count();
        assert!(admitted < 100);
        assert_eq!(lines.missing().dropped, 100 - admitted as u64);
        let told = String::from_utf8(read.recv_timeout(PATIENCE).unwrap()).unwrap();
        assert!(
            told.contains(" WARN ") && told.contains(" dropped in "),
            "{told}"
        );
    }

    #[test]
    fn the_end_of_the_program_does_not_hide_what_was_dropped() {
        let (written, read) = unbounded();
        let lines = Lines::to(Passing(written), 1).unwrap();
        while lines.admits(Level::WARN) {}
        lines.flush_within(PATIENCE);
        let told = String::from_utf8(read.try_recv().unwrap()).unwrap();
        assert!(told.contains(" 1 line was dropped in "), "{told}");
    }
}
