use std::time::{Duration, Instant};

use egui::{Context, ViewportCommand};
use jiff::{Timestamp, ToSpan, Zoned};

use super::MessengerApp;
use crate::{
    model::{Action, WindowPlace},
    theme,
};

/// A place is remembered at most this often.
const STILL: Duration = Duration::from_secs(1);

/// What the window itself has: theme, zoom, title, place.
impl MessengerApp {
    /// Makes egui look as the preferences say.
    pub(super) fn dress(&mut self, ctx: &Context) {
        ctx.set_theme(theme::preference(self.model.preferences.theme));
        if self.model.preferences.zoom != self.zoom {
            self.zoom = self.model.preferences.zoom;
            ctx.set_zoom_factor(self.zoom);
        }
    }

    /// Ctrl and + zooms by itself: the preferences follow.
    pub(super) fn follow_zoom(&mut self, ctx: &Context) {
        let zoom = ctx.zoom_factor();
        if zoom != self.zoom && (zoom - self.zoom).abs() > 0.001 {
            self.zoom = zoom;
            self.act(ctx, Action::Zoom(zoom));
        }
    }

    pub(super) fn follow_window(&mut self, ctx: &Context) {
        // A window is made before the zoom is known.
        let zoom = ctx.zoom_factor();
        self.window = ctx.input(|input| {
            let viewport = input.viewport();
            let inner = viewport.inner_rect? * zoom;
            let outer = viewport.outer_rect.map(|rect| rect * zoom);
            if viewport.minimized == Some(true) || viewport.fullscreen == Some(true) {
                return self.window;
            }
            let is_maximized = viewport.maximized == Some(true);
            // What a maximised window has is not what it is to come back with.
            if let Some(before) = self.window.filter(|_| is_maximized) {
                return Some(WindowPlace {
                    is_maximized,
                    ..before
                });
            }
            Some(WindowPlace {
                x: outer.map(|rect| rect.min.x),
                y: outer.map(|rect| rect.min.y),
                width: inner.width(),
                height: inner.height(),
                is_maximized,
            })
        });
    }

    pub(super) fn entitle(&mut self, ctx: &Context) {
        let title = self.model.title();
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// "Today" becomes "Yesterday" while one sleeps.
    pub(super) fn wake_at_midnight(&self, ctx: &Context) {
        let now = Zoned::new(Timestamp::now(), self.zone.clone());
        let midnight = now
            .checked_add(1.day())
            .and_then(|next| next.start_of_day());
        if let Ok(midnight) = midnight {
            let left = midnight.duration_since(&now).unsigned_abs();
            ctx.request_repaint_after(left + Duration::from_secs(1));
        }
    }

    /// Remembers the place once the window has stood still for a while, so that it is known even
    /// when the session ends without closing the window.
    pub(super) fn keep_place(&mut self, ctx: &Context) {
        if self.window.is_none() || self.window == self.model.preferences.window {
            self.place_due = None;
            return;
        }
        let due = *self.place_due.get_or_insert(Instant::now() + STILL);
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.place_due = None;
            self.model.preferences.window = self.window;
        } else {
            ctx.request_repaint_after(left);
        }
    }
}
