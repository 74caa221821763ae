//! Coming forward when the app is started once more, and having another window come forward.

use std::{
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::{Context, UserAttentionType, ViewportCommand};

use super::MessengerApp;
use crate::{
    engine::StorageProblem,
    model::{Notice, WindowPlace, account_key},
    single_instance::{Forward, Instance, bring_forward},
};

/// A window that does not have the keyboard so long after it came forward has not been let to: as with
/// Wayland it can only say that it is there.
const LET: Duration = Duration::from_millis(500);

/// What joins the window with the others of its profile.
pub struct Forwarding {
    running: Option<Instance>,
    place: Option<WindowPlace>,
    /// When to look whether it has come forward.
    look: Option<Instant>,
    tell: Sender<bool>,
    /// Whether the window came that was asked for.
    heard: Receiver<bool>,
    is_asking: bool,
}

impl Forwarding {
    /// With what other starts find this window by.
    pub fn new(running: Option<Instance>) -> Self {
        // One asks at a time.
        let (tell, heard) = bounded(1);
        Self {
            running,
            place: None,
            look: None,
            tell,
            heard,
            is_asking: false,
        }
    }

    /// Where the window is now.
    pub fn stands(&mut self, place: Option<WindowPlace>) {
        if place != self.place {
            self.place = place;
            if let Some(running) = &self.running {
                running.stands(place);
            }
        }
    }
}

impl MessengerApp {
    /// Comes forward if a start asks for this window.
    pub(super) fn hear_starts(&mut self, ctx: &Context) {
        let asked = |app: &Self| app.forwarding.running.as_ref()?.asked().try_recv().ok();
        while let Some(asked) = asked(self) {
            let comes = match &asked.which {
                Forward::Any => true,
                Forward::With(wanted) => self.has_open(wanted),
            };
            // The start may have given up meanwhile.
            let _ = asked.answer.send(comes);
            if comes {
                self.come_forward(ctx);
            }
        }
    }

    /// Brings the window before the others, as a person asks for.
    pub(super) fn come_forward(&mut self, ctx: &Context) {
        ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
        ctx.send_viewport_cmd(ViewportCommand::Focus);
        self.forwarding.look = Some(Instant::now() + LET);
        ctx.request_repaint_after(LET);
    }

    /// Where it was not let to come forward, it calls for attention.
    pub(super) fn call_if_behind(&mut self, ctx: &Context) {
        if ctx.input(|input| input.focused) {
            self.forwarding.look = None;
        }
        let Some(look) = self.forwarding.look else {
            return;
        };
        let left = look.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            ctx.request_repaint_after(left);
            return;
        }
        self.forwarding.look = None;
        let informational = UserAttentionType::Informational;
        ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(informational));
    }

    /// A window that says that another one has the account open has not; one that has failed to sign in
    /// has what is to be corrected.
    fn has_open(&self, wanted: &str) -> bool {
        let Some(session) = &self.model.session else {
            return self.model.login.key() == wanted;
        };
        let is_elsewhere = session.storage_problem == Some(StorageProblem::Locked);
        account_key(&session.account) == wanted && !is_elsewhere
    }

    /// Has the window come forward that has the account open which is to be used here.
    pub(super) fn show_other(&mut self, ctx: &Context) {
        let Some(session) = &self.model.session else {
            return;
        };
        let Some(running) = &self.forwarding.running else {
            self.model.notice = Some(Notice::OtherNotShown);
            return;
        };
        if std::mem::replace(&mut self.forwarding.is_asking, true) {
            return;
        }
        let which = Forward::With(account_key(&session.account));
        let (profile, tell) = (running.profile().to_owned(), self.forwarding.tell.clone());
        let wake = ctx.clone();
        let started = thread::Builder::new()
            .name("forward".into())
            .spawn(move || {
                // The window may be gone meanwhile.
                let _ = tell.send(bring_forward(&profile, &[which]));
                wake.request_repaint();
            });
        if started.is_err() {
            let _ = self.forwarding.tell.try_send(false);
        }
    }

    pub(super) fn hear_forwarding(&mut self) {
        if let Ok(came) = self.forwarding.heard.try_recv() {
            self.forwarding.is_asking = false;
            if !came {
                self.model.notice = Some(Notice::OtherNotShown);
            }
        }
    }
}
