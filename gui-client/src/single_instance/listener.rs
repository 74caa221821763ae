use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::{Address, Answer, Forward, LINE, PATIENCE, Question, folder, open_lock, read_line};
use crate::{model::WindowPlace, private};

/// How long to wait after a connection that the system could not hand over, for want of memory perhaps.
const AFTER_FAILED: Duration = Duration::from_millis(100);

/// A start wants a window to come forward.
#[derive(Debug)]
pub struct Asked {
    /// Which one.
    pub which: Forward,
    /// Hears whether this one does.
    pub answer: Sender<bool>,
}

/// This window can be found by other starts, until it is dropped.
#[derive(Debug)]
pub struct Instance {
    profile: PathBuf,
    file: PathBuf,
    /// Held as long as the window lives; the system lets go of it when the app dies. `None` while it
    /// ends.
    lock: Option<File>,
    place: Arc<Mutex<Option<WindowPlace>>>,
    asked: Receiver<Asked>,
}

impl Instance {
    /// Listens, in a thread of its own, and writes down where. `place` is where the window is about
    /// to be; `wake` is called when there is something in [`Instance::asked`].
    ///
    /// # Errors
    /// The system gives no port or no thread, or the profile cannot be written to.
    pub fn start(
        profile: &Path,
        place: Option<WindowPlace>,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let key = new_key()?;
        let address = Address {
            port: listener.local_addr()?.port(),
            key: key.clone(),
        };
        let folder = folder(profile);
        private::create_folder(&folder)?;
        let file = folder.join(format!("{}.json", std::process::id()));
        let lock = open_lock(&file.with_extension("lock"))?;
        // Where files cannot be locked, nobody takes it for dead either.
        if let Err(error) = lock.try_lock() {
            tracing::debug!(%error, "the file of the window cannot be locked");
        }
        // One at a time: whoever asks waits for the answer.
        let (ask, asked) = bounded(1);
        let place = Arc::new(Mutex::new(place));
        let answering = Answering {
            key,
            place: Arc::clone(&place),
            ask,
            wake: Box::new(wake),
        };
        thread::Builder::new()
            .name("windows".into())
            .spawn(move || answering.run(&listener))?;
        private::replace(&file, &serde_json::to_vec(&address)?)?;
        Ok(Self {
            profile: profile.to_owned(),
            file,
            lock: Some(lock),
            place,
            asked,
        })
    }

    /// What other starts want.
    pub fn asked(&self) -> &Receiver<Asked> {
        &self.asked
    }

    /// The profile it belongs to.
    pub fn profile(&self) -> &Path {
        &self.profile
    }

    /// Where the window is now.
    pub fn stands(&self, place: Option<WindowPlace>) {
        *self.place.lock() = place;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // The thread ends with the process.
        let _ = fs::remove_file(&self.file);
        self.lock = None;
        let _ = fs::remove_file(self.file.with_extension("lock"));
    }
}

/// 128 bits that nobody guesses.
fn new_key() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().fold(String::new(), |mut key, byte| {
        // Writing to a String cannot fail.
        let _ = write!(key, "{byte:02x}");
        key
    }))
}

struct Answering {
    key: String,
    place: Arc<Mutex<Option<WindowPlace>>>,
    ask: Sender<Asked>,
    wake: Box<dyn Fn() + Send>,
}

impl Answering {
    /// One connection after the other: each is over after [`LINE`] and [`PATIENCE`].
    fn run(&self, listener: &TcpListener) {
        for connection in listener.incoming() {
            let answered = match connection {
                Ok(connection) => self.answer(&connection),
                Err(error) => {
                    thread::sleep(AFTER_FAILED);
                    Err(error)
                }
            };
            if let Err(error) = answered {
                tracing::debug!(%error, "a start was not answered");
            }
        }
    }

    fn answer(&self, mut connection: &TcpStream) -> io::Result<()> {
        connection.set_write_timeout(Some(LINE))?;
        let line = read_line(connection, LINE)?;
        let question: Question = serde_json::from_slice(&line)?;
        if question.key != self.key {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let answer = Answer {
            came: question.forward.is_some_and(|which| self.comes(which)),
            place: *self.place.lock(),
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        connection.write_all(&line)
    }

    /// Whether the window comes forward. One that hangs does not.
    fn comes(&self, which: Forward) -> bool {
        let (answer, answered) = bounded(1);
        if self.ask.try_send(Asked { which, answer }).is_err() {
            return false;
        }
        (self.wake)();
        answered.recv_timeout(PATIENCE).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn one_that_speaks_byte_by_byte_is_not_heard_for_ever() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let slow = TcpStream::connect(to).unwrap();
        let heard = thread::spawn(move || {
            let (connection, _) = listener.accept().unwrap();
            read_line(&connection, LINE)
        });
        // Each byte comes well before the time for a line is over, until the other side is gone.
        for _ in 0..600 {
            if heard.is_finished() || (&slow).write_all(b" ").is_err() {
                break;
            }
            thread::sleep(LINE / 10);
        }
        assert!(heard.is_finished());
        assert!(heard.join().unwrap().is_err());
    }

    #[test]
    fn a_line_in_pieces_is_read_up_to_its_end() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let speaking = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (connection, _) = listener.accept().unwrap();
        for piece in ["{\"a", "\":1}", "\n"] {
            (&speaking).write_all(piece.as_bytes()).unwrap();
        }
        assert_eq!(read_line(&connection, 20 * LINE).unwrap(), b"{\"a\":1}\n");
        // It has not waited for more: the other side is still open.
        drop(connection);
        let _ = (&speaking).read(&mut [0; 1]);
    }
}
