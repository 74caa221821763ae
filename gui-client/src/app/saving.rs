use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::{ColorImage, Context, Rect};
use jiff::Zoned;

use crate::{
    engine::ReportFormat,
    files::{self, AskPath, SaveError},
    model::SavedFile,
};

/// Takes what a person wants as a file and has threads of their own ask and write.
pub struct Saving {
    dialog: Arc<dyn AskPath>,
    tell: Sender<Message>,
    hear: Receiver<Message>,
    /// One that waits for a path to be typed.
    held: Option<Content>,
    /// A dialog is open or a file is being written: one at a time.
    busy: bool,
}

/// How it went.
#[derive(Debug)]
pub enum Told {
    /// It is saved there.
    Saved(SavedFile, PathBuf),
    /// It is not; why, in words.
    Failed(SavedFile, String),
    /// No dialog gave a path. This one may be offered instead.
    NoDialog(SavedFile, PathBuf),
    /// What a script waits for.
    ForScript(Result<PathBuf, String>),
}

enum Message {
    Done(Told),
    Hold(Content, PathBuf),
}

/// What is to be written.
#[derive(Clone)]
enum Content {
    Picture(Arc<ColorImage>),
    Text(SavedFile, Arc<str>),
}

impl Content {
    fn file(&self) -> SavedFile {
        match self {
            Self::Picture(_) => SavedFile::Picture,
            Self::Text(file, _) => *file,
        }
    }

    fn write(&self, path: &Path) -> Result<(), SaveError> {
        match self {
            Self::Picture(picture) => files::save_picture(picture, path),
            Self::Text(_, text) => files::save_text(text, path),
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
        }
    }

    /// Takes a picture with the next frame, of the window or of an area of it in points, then asks
    /// where to save it.
    pub fn take_picture(&mut self, ctx: &Context, area: Option<Rect>) {
        if std::mem::replace(&mut self.busy, true) {
            return;
        }
        let (dialog, tell, wake) = (Arc::clone(&self.dialog), self.tell.clone(), ctx.clone());
        let scale = ctx.pixels_per_point();
        ctx.request_screenshot(move |picture| {
            ask_and_save(dialog, tell, wake, SavedFile::Picture, move || {
                Content::Picture(match area {
                    Some(area) => Arc::new(picture.region(&area, Some(scale))),
                    None => picture,
                })
            });
        });
    }

    /// Asks where to save a text, which is written away from the window's thread.
    pub fn take_text(
        &mut self,
        ctx: &Context,
        file: SavedFile,
        write: impl FnOnce() -> String + Send + 'static,
    ) {
        if std::mem::replace(&mut self.busy, true) {
            return;
        }
        let (dialog, tell) = (Arc::clone(&self.dialog), self.tell.clone());
        ask_and_save(dialog, tell, ctx.clone(), file, move || {
            Content::Text(file, write().into())
        });
    }

    /// Takes a picture with the next frame and saves it there, for a script.
    pub fn take_to(&mut self, ctx: &Context, path: PathBuf) {
        let (tell, wake) = (self.tell.clone(), ctx.clone());
        ctx.request_screenshot(move |picture| {
            let picture = Content::Picture(picture);
            work(tell, wake, SavedFile::Picture, move || {
                Message::Done(Told::ForScript(save(&picture, path)))
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

    /// Lets go of the one that waits for a path.
    pub fn drop_held(&mut self) {
        self.held = None;
    }

    /// The next of what the threads have to tell.
    pub fn heard(&mut self) -> Option<Told> {
        match self.hear.try_recv().ok()? {
            Message::Hold(content, path) => {
                self.busy = false;
                let file = content.file();
                self.held = Some(content);
                Some(Told::NoDialog(file, path))
            }
            Message::Done(told) => {
                match &told {
                    Told::Saved(..) => (self.busy, self.held) = (false, None),
                    Told::Failed(..) | Told::NoDialog(..) => self.busy = false,
                    Told::ForScript(_) => {}
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
            SavedFile::Transcript => (files::documents_folder(), "txt"),
            SavedFile::Report(ReportFormat::Html) => (files::documents_folder(), "html"),
            SavedFile::Report(ReportFormat::Csv) => (files::documents_folder(), "csv"),
            SavedFile::Report(ReportFormat::Text) => (files::documents_folder(), "txt"),
        };
        let name = files::file_name(&Zoned::now(), ending);
        match dialog.ask(&folder, &name) {
            Some(path) => Message::Done(told(&content, path)),
            None => Message::Hold(content, folder.join(name)),
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
        let _ = failed.try_send(Message::Done(Told::Failed(file, error.to_string())));
    }
}

fn save(content: &Content, path: PathBuf) -> Result<PathBuf, String> {
    match content.write(&path) {
        Ok(()) => Ok(path),
        Err(error) => Err(error.to_string()),
    }
}

fn told(content: &Content, path: PathBuf) -> Told {
    match save(content, path) {
        Ok(path) => Told::Saved(content.file(), path),
        Err(why) => Told::Failed(content.file(), why),
    }
}
