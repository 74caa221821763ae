//! The end of the app while a server runs on this computer.

use egui::{Context, ViewportCommand};

use super::MessengerApp;
use crate::model::{HostState, Overlay};

impl MessengerApp {
    /// Before the window closes, says that the server goes on. Whoever closes it once more means it.
    pub(super) fn follow_closing(&mut self, ctx: &Context) {
        let hosting = &mut self.model.hosting;
        let is_stopped = matches!(
            hosting.state,
            HostState::NotRunning { .. } | HostState::Crashed { .. }
        );
        if hosting.is_leaving && is_stopped {
            hosting.is_leaving = false;
            ctx.send_viewport_cmd(ViewportCommand::Close);
            return;
        }
        if !ctx.input(|input| input.viewport().close_requested()) {
            return;
        }
        let is_asked = matches!(self.model.overlay, Some(Overlay::Leaving));
        // A frame may be drawn twice.
        let frame = Some(ctx.cumulative_frame_nr());
        let is_new = !is_asked || self.asked_to_leave == frame;
        if is_new && self.script.is_none() && self.model.hosting.running().is_some() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.model.overlay = Some(Overlay::Leaving);
            self.asked_to_leave = frame;
        }
    }
}
