use std::time::{Duration, Instant};

use egui::{Context, Pos2, Rect, Vec2, ViewportCommand, pos2, vec2};
use jiff::{Timestamp, ToSpan, Zoned};

use super::MessengerApp;
use crate::{
    model::{Action, WindowPlace},
    theme,
};

/// A place is remembered at most this often.
const STILL: Duration = Duration::from_secs(1);

/// So much of a window's upper edge must be on a screen to take hold of it, in pixels.
const HOLD: Vec2 = vec2(120.0, 20.0);

/// Moves a window that was left on a screen that is gone to one that is there. Where the system
/// does not say where windows are, as with Wayland, it places them itself.
pub fn bring_into_view(creation: &eframe::CreationContext<'_>) {
    let Some((window, mut at)) = creation
        .winit_window()
        .and_then(|window| Some((window, window.outer_position().ok()?)))
    else {
        return;
    };
    let rect = |x: i32, y: i32, width: u32, height: u32| {
        Rect::from_min_size(pos2(x as f32, y as f32), vec2(width as f32, height as f32))
    };
    let size = window.outer_size();
    let main = window.primary_monitor().into_iter();
    let screens = main.chain(window.available_monitors()).map(|screen| {
        let (at, size) = (screen.position(), screen.size());
        rect(at.x, at.y, size.width, size.height)
    });
    let screens: Vec<Rect> = screens.collect();
    if let Some(to) = back_in_view(rect(at.x, at.y, size.width, size.height), &screens) {
        (at.x, at.y) = (to.x as i32, to.y as i32);
        window.set_outer_position(at);
    }
}

/// Where a window is to go that nobody could take hold of: into the middle of the first screen.
fn back_in_view(window: Rect, screens: &[Rect]) -> Option<Pos2> {
    let edge = Rect::from_min_size(window.min, vec2(window.width(), HOLD.y));
    let is_held = |screen: &Rect| {
        let seen = edge.intersect(*screen);
        seen.width() >= HOLD.x.min(window.width()) && seen.height() >= HOLD.y / 2.0
    };
    let main = screens.first().filter(|_| !screens.iter().any(is_held))?;
    Some((main.center() - window.size() / 2.0).max(main.min))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: f32, y: f32, width: f32, height: f32) -> Rect {
        Rect::from_min_size(pos2(x, y), vec2(width, height))
    }

    #[test]
    fn a_window_on_a_screen_that_is_gone_comes_back() {
        let laptop = rect(0.0, 0.0, 1920.0, 1080.0);
        let beside = rect(1920.0, -200.0, 3840.0, 2160.0);
        let middle = Some(pos2(460.0, 190.0));
        let window = |x, y| rect(x, y, 1000.0, 700.0);
        for (at, screens, expected) in [
            (window(2500.0, 100.0), &[laptop, beside][..], None),
            (window(2500.0, 100.0), &[laptop], middle),
            (window(-1200.0, 100.0), &[laptop], middle),
            (window(100.0, -600.0), &[laptop], middle),
            (window(100.0, 1075.0), &[laptop], middle),
            // Partly outside, and still to be taken hold of.
            (window(1700.0, 900.0), &[laptop], None),
            (window(-800.0, -5.0), &[laptop], None),
            (window(5000.0, 0.0), &[], None),
        ] {
            assert_eq!(back_in_view(at, screens), expected, "{at:?} {screens:?}");
        }
    }

    #[test]
    fn a_window_larger_than_the_screen_begins_at_its_corner() {
        let screen = rect(100.0, 50.0, 800.0, 600.0);
        let window = rect(-5000.0, 0.0, 1000.0, 700.0);
        assert_eq!(back_in_view(window, &[screen]), Some(screen.min));
    }
}
