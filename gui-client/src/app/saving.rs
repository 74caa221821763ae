use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::{ColorImage, Context, Rect};
use jiff::Zoned;

use crate::{
    engine::{Older, ReportFormat},
    files::{self, AskPath, PathAnswer, Unwritten},
    model::{SaveProblem, SavedFile},
};

/// Saves files for the person; asking for the path and writing happen on threads of their own.
pub struct Saving {
    dialog: Arc<dyn AskPath>,
    tell: Sender<Message>,
    hear: Receiver<Message>,
    /// Content that waits for a path to be typed.
    held: Option<Content>,
    /// A dialog is open or a file is being written: one at a time.
    busy: bool,
    /// A picture is being taken of an area of the window.
    exposing: Arc<AtomicBool>,
}

/// The result of saving.
#[derive(Debug)]
pub enum SaveOutcome {
    /// It was saved at this path; and what older messages it does not contain.
    Saved(SavedFile, PathBuf, Older),
    /// It was not saved.
    Failed(SavedFile, SaveProblem),
    /// No dialog can open. This path may be offered instead.
    NoDialog(SavedFile, PathBuf),
    /// The person cancelled.
    Cancelled,
    /// The result for a script that waits for it.
    ForScript(Result<PathBuf, SaveProblem>),
}

enum Message {
    Done(SaveOutcome),
    Hold(Content, PathBuf),
}

/// What is to be written.
#[derive(Clone)]
enum Content {
    Picture(Arc<ColorImage>),
    Text(SavedFile, Arc<str>),
    Report(SavedFile, Arc<WriteReport>),
}

/// Writes a report. Returns what older messages it does not contain.
pub type WriteReport = dyn Fn(&mut dyn Write) -> Result<Older, Unwritten> + Send + Sync;

impl Content {
    fn file(&self) -> SavedFile {
        match self {
            Self::Picture(_) => SavedFile::Picture,
            Self::Text(file, _) | Self::Report(file, _) => *file,
        }
    }

    /// Returns what older messages it does not contain.
    fn write(&self, path: &Path) -> Result<Older, SaveProblem> {
        match self {
            Self::Picture(picture) => files::save_picture(picture, path).map(|()| Older::Nothing),
            Self::Text(_, text) => files::save_text(text, path).map(|()| Older::Nothing),
            Self::Report(_, write) => files::save(path, |file| write(file)),
        }
    }
}

impl Saving {
    /// With the dialog that asks for a path.
    pub fn new(dialog: Arc<dyn AskPath>) -> Self {
        // At most one file is on its way, and one for a script.
        let (tell, hear) = bounded(4);
        Self {
            dialog,
            tell,
            hear,
            held: None,
            busy: false,
            exposing: Arc::default(),
        }
    }

    /// Takes a picture with the next frame, of the window or of an area of it in points, then asks
    /// where to save it. `false`: another file is on its way.
    pub fn take_picture(&mut self, ctx: &Context, area: Option<Rect>) -> bool {
        if std::mem::replace(&mut self.busy, true) {
            return false;
        }
        let (dialog, tell, wake) = (Arc::clone(&self.dialog), self.tell.clone(), ctx.clone());
        let (scale, exposing) = (ctx.pixels_per_point(), Arc::clone(&self.exposing));
        exposing.store(area.is_some(), Ordering::Relaxed);
        ctx.request_screenshot(move |picture| {
            exposing.store(false, Ordering::Relaxed);
            ask_and_save(dialog, tell, wake, SavedFile::Picture, move || {
                Content::Picture(match area {
                    Some(area) => Arc::new(picture.region(&area, Some(scale))),
                    None => picture,
                })
            });
        });
        true
    }

    /// Whether a picture is being taken of an area of the window, which must stay as it is.
    pub fn is_exposing(&self) -> bool {
        self.exposing.load(Ordering::Relaxed)
    }

    /// Whether a file is on its way.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Asks where to save a text. `false`: another file is on its way.
    pub fn take_text(&mut self, ctx: &Context, file: SavedFile, text: String) -> bool {
        self.take(ctx, Content::Text(file, text.into()))
    }

    /// Asks where to save a report, which is written away from the window's thread. `false`: another
    /// file is on its way.
    pub fn take_report(&mut self, ctx: &Context, file: SavedFile, write: Arc<WriteReport>) -> bool {
        self.take(ctx, Content::Report(file, write))
    }

    fn take(&mut self, ctx: &Context, content: Content) -> bool {
        if std::mem::replace(&mut self.busy, true) {
            return false;
        }
        let (dialog, tell) = (Arc::clone(&self.dialog), self.tell.clone());
        let file = content.file();
        ask_and_save(dialog, tell, ctx.clone(), file, move || content);
        true
    }

    /// Takes a picture with the next frame and saves it there, for a script.
    pub fn take_to(&mut self, ctx: &Context, path: PathBuf) {
        let (tell, wake) = (self.tell.clone(), ctx.clone());
        ctx.request_screenshot(move |picture| {
            let picture = Content::Picture(picture);
            work(tell, wake, SavedFile::Picture, move || {
                let saved = picture.write(&path).map(|_| path);
                Message::Done(SaveOutcome::ForScript(saved))
            });
        });
    }

    /// Saves the one that waits for a path.
    pub fn save_held(&mut self, ctx: &Context, path: PathBuf) {
        let Some(held) = self.held.clone() else {
            return;
        };
        if !std::mem::replace(&mut self.busy, true) {
            work(self.tell.clone(), ctx.clone(), held.file(), move || {
                Message::Done(told(&held, path))
            });
        }
    }

    /// Drops the content that waits for a path.
    pub fn drop_held(&mut self) {
        self.held = None;
    }

    /// The next report of the threads.
    pub fn heard(&mut self) -> Option<SaveOutcome> {
        match self.hear.try_recv().ok()? {
            Message::Hold(content, path) => {
                self.busy = false;
                let file = content.file();
                self.held = Some(content);
                Some(SaveOutcome::NoDialog(file, path))
            }
            Message::Done(told) => {
                match &told {
                    SaveOutcome::Saved(..) => (self.busy, self.held) = (false, None),
                    SaveOutcome::Failed(..)
                    | SaveOutcome::NoDialog(..)
                    | SaveOutcome::Cancelled => self.busy = false,
                    SaveOutcome::ForScript(_) => {}
                }
                Some(told)
            }
        }
    }
}

fn ask_and_save(
    dialog: Arc<dyn AskPath>,
    tell: Sender<Message>,
    wake: Context,
    file: SavedFile,
    take: impl FnOnce() -> Content + Send + 'static,
) {
    work(tell, wake, file, move || {
        let content = take();
        let (folder, ending) = match file {
            SavedFile::Picture | SavedFile::Journey => (files::pictures_folder(), "png"),
            SavedFile::Transcript | SavedFile::Messages => (files::documents_folder(), "txt"),
            SavedFile::Report(ReportFormat::Html) => (files::documents_folder(), "html"),
            SavedFile::Report(ReportFormat::Csv) => (files::documents_folder(), "csv"),
            SavedFile::Report(ReportFormat::Text) => (files::documents_folder(), "txt"),
        };
        let name = files::file_name(&Zoned::now(), ending);
        match dialog.ask(&folder, &name) {
            PathAnswer::At(path) => Message::Done(told(&content, path)),
            PathAnswer::Cancelled => Message::Done(SaveOutcome::Cancelled),
            PathAnswer::NoDialog => Message::Hold(content, folder.join(name)),
        }
    });
}

fn work(
    tell: Sender<Message>,
    wake: Context,
    file: SavedFile,
    what: impl FnOnce() -> Message + Send + 'static,
) {
    let failed = tell.clone();
    let spawned = thread::Builder::new().name("save".into()).spawn(move || {
        let _ = tell.send(what());
        wake.request_repaint();
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread to save a file");
        let _ = failed.try_send(Message::Done(SaveOutcome::Failed(
            file,
            SaveProblem::NoThread,
        )));
    }
}

fn told(content: &Content, path: PathBuf) -> SaveOutcome {
    match content.write(&path) {
        Ok(older) => SaveOutcome::Saved(content.file(), path, older),
        Err(why) => SaveOutcome::Failed(content.file(), why),
    }
}
