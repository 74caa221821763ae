use std::{path::PathBuf, sync::Arc, thread};

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::{ColorImage, Context};

use crate::screenshot::{self, AskPath};

/// Takes pictures of the window and has threads of their own ask and write.
pub struct Pictures {
    dialog: Arc<dyn AskPath>,
    tell: Sender<Message>,
    hear: Receiver<Message>,
    /// One that waits for a path to be typed.
    held: Option<Arc<ColorImage>>,
    /// A dialog is open or a file is being written: one at a time.
    busy: bool,
}

/// How it went.
#[derive(Debug)]
pub enum Told {
    /// It is saved there.
    Saved(PathBuf),
    /// It is not; why, in words.
    Failed(String),
    /// No dialog gave a path. This one may be offered instead.
    NoDialog(PathBuf),
    /// What a script waits for.
    ForScript(Result<PathBuf, String>),
}

enum Message {
    Done(Told),
    Hold(Arc<ColorImage>, PathBuf),
}

impl Pictures {
    /// With the dialog that asks for a path.
    pub fn new(dialog: Arc<dyn AskPath>) -> Self {
        // At most one picture is on its way, and one for a script.
        let (tell, hear) = bounded(4);
        Self {
            dialog,
            tell,
            hear,
            held: None,
            busy: false,
        }
    }

    /// Takes a picture with the next frame, then asks where to save it.
    pub fn take(&mut self, ctx: &Context) {
        if std::mem::replace(&mut self.busy, true) {
            return;
        }
        let (dialog, tell, wake) = (Arc::clone(&self.dialog), self.tell.clone(), ctx.clone());
        ctx.request_screenshot(move |picture| {
            work(tell, wake, move || {
                let (folder, name) = super::suggested_path();
                match dialog.ask(&folder, &name) {
                    Some(path) => Message::Done(told(save(&picture, path))),
                    None => Message::Hold(picture, folder.join(name)),
                }
            });
        });
    }

    /// Takes a picture with the next frame and saves it there, for a script.
    pub fn take_to(&mut self, ctx: &Context, path: PathBuf) {
        let (tell, wake) = (self.tell.clone(), ctx.clone());
        ctx.request_screenshot(move |picture| {
            work(tell, wake, move || {
                Message::Done(Told::ForScript(save(&picture, path)))
            });
        });
    }

    /// Saves the one that waits for a path.
    pub fn save_held(&mut self, ctx: &Context, path: PathBuf) {
        let Some(picture) = self.held.clone() else {
            return;
        };
        if !std::mem::replace(&mut self.busy, true) {
            work(self.tell.clone(), ctx.clone(), move || {
                Message::Done(told(save(&picture, path)))
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
            Message::Hold(picture, path) => {
                self.busy = false;
                self.held = Some(picture);
                Some(Told::NoDialog(path))
            }
            Message::Done(told) => {
                match &told {
                    Told::Saved(_) => (self.busy, self.held) = (false, None),
                    Told::Failed(_) | Told::NoDialog(_) => self.busy = false,
                    Told::ForScript(_) => {}
                }
                Some(told)
            }
        }
    }
}

fn work(tell: Sender<Message>, wake: Context, what: impl FnOnce() -> Message + Send + 'static) {
    let failed = tell.clone();
    let spawned = thread::Builder::new()
        .name("picture".into())
        .spawn(move || {
            let _ = tell.send(what());
            wake.request_repaint();
        });
    if let Err(error) = spawned {
        let _ = failed.try_send(Message::Done(Told::Failed(error.to_string())));
    }
}

fn save(picture: &Arc<ColorImage>, path: PathBuf) -> Result<PathBuf, String> {
    match screenshot::save(picture, &path) {
        Ok(()) => Ok(path),
        Err(error) => Err(error.to_string()),
    }
}

fn told(result: Result<PathBuf, String>) -> Told {
    match result {
        Ok(path) => Told::Saved(path),
        Err(why) => Told::Failed(why),
    }
}
