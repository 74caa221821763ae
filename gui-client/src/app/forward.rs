//! Bringing this window to the front when the app is started again, or asking another window to
//! come forward.

use std::{
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use egui::{Context, UserAttentionType, ViewportCommand};

use super::{MessengerApp, attention::has_focus};
use crate::{
    engine::StorageProblem,
    model::{Notice, WindowPlace, account_key},
    single_instance::{Forward, Instance, bring_forward},
};

/// A window without the keyboard's focus this long after it came forward was not allowed to take
/// it: on Wayland it can only ask for attention.
const LET: Duration = Duration::from_millis(500);

/// What connects this window with the other windows of its profile.
pub struct Forwarding {
    running: Option<Instance>,
    place: Option<WindowPlace>,
    /// When to look whether it has come forward.
    look: Option<Instant>,
    tell: Sender<bool>,
    /// Whether the window that was asked for has come forward.
    heard: Receiver<bool>,
    is_asking: bool,
}

impl Forwarding {
    /// Lets other starts find this window.
    pub fn new(running: Option<Instance>) -> Self {
        // One request at a time.
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

    /// Brings the window to the front, because the person asked for it.
    pub(super) fn come_forward(&mut self, ctx: &Context) {
        ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
        ctx.send_viewport_cmd(ViewportCommand::Focus);
        self.forwarding.look = Some(Instant::now() + LET);
        ctx.request_repaint_after(LET);
    }

    /// If it may not come forward, it asks for attention.
    pub(super) fn call_if_behind(&mut self, ctx: &Context) {
        if has_focus(ctx) {
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

    /// A window that only reports that another one has the account open does not have it. A window
    /// whose sign-in failed still has something to correct.
    fn has_open(&self, wanted: &str) -> bool {
        let Some(session) = &self.model.session else {
            return self.model.login.key() == wanted;
        };
        let is_elsewhere = session.storage_problem == Some(StorageProblem::Locked);
        account_key(&session.account) == wanted && !is_elsewhere
    }

    /// Asks the window that has this account open to come forward.
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
