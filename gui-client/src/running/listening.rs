use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{
    Address, Answer, Forward, LINE, LINE_BYTES, PATIENCE, Question, folder, write_private,
};
use crate::model::WindowPlace;

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
pub struct Running {
    profile: PathBuf,
    file: PathBuf,
    place: Arc<Mutex<Option<WindowPlace>>>,
    asked: Receiver<Asked>,
}

impl Running {
    /// Listens, in a thread of its own, and writes down where. `place` is where the window is about
    /// to be; `wake` is called when there is something in [`Running::asked`].
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
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}.json", std::process::id()));
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
        write_private(&file, &serde_json::to_vec(&address)?)?;
        Ok(Self {
            profile: profile.to_owned(),
            file,
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
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The thread ends with the process.
        let _ = fs::remove_file(&self.file);
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
            let answered = connection.and_then(|connection| self.answer(connection));
            if let Err(error) = answered {
                tracing::debug!(%error, "a start was not answered");
            }
        }
    }

    fn answer(&self, connection: TcpStream) -> io::Result<()> {
        connection.set_read_timeout(Some(LINE))?;
        connection.set_write_timeout(Some(LINE))?;
        let mut line = Vec::new();
        BufReader::new((&connection).take(LINE_BYTES)).read_until(b'\n', &mut line)?;
        let question: Question = serde_json::from_slice(&line)?;
        if question.key != self.key {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let answer = Answer {
            came: question.forward.is_some_and(|which| self.comes(which)),
            place: *self.place.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        (&connection).write_all(&line)
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
