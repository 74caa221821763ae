use std::time::{Duration, Instant};

use egui::{Context, Pos2, Rect, Vec2, ViewportCommand, pos2, vec2};
use jiff::{Timestamp, ToSpan, Zoned};
use winit::window::Window;

use super::{
    MessengerApp,
    placement::{self, Screen},
};
use crate::{
    model::{Action, WindowPlace},
    theme,
};

/// The window's position is saved at most this often.
const STILL: Duration = Duration::from_secs(1);

/// How often, and at which interval, an opening window's position is checked; frames that take
/// longer make it longer.
const LOOKS: u8 = 10;

/// so long after each other, or more where frames take longer.
const LOOK: Duration = Duration::from_millis(100);

/// A window that the system keeps moving elsewhere is left there in the end.
const MOVES: u8 = 3;

/// A window that has just opened.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Where the other windows of this profile are.
    others: Vec<WindowPlace>,
    /// When to look next; `None`: it has not been drawn yet.
    next: Option<Instant>,
    looks: u8,
    /// It still has to be maximised.
    maximises: bool,
    /// How often it was moved.
    moves: u8,
}

impl Opening {
    /// Opens it as it was when it was last closed.
    pub fn new(place: Option<WindowPlace>, others: Vec<WindowPlace>) -> Self {
        Self {
            others,
            maximises: place.is_some_and(|place| place.is_maximized),
            ..Self::default()
        }
    }
}

/// Places a window before it is first shown: on an existing screen, entirely visible, and beside
/// the other windows of this profile. Where the system hides window positions (Wayland), it places
/// windows itself. Returns where the window is to be.
pub fn fit_screen(
    creation: &eframe::CreationContext<'_>,
    place: Option<WindowPlace>,
    others: &[WindowPlace],
) -> Option<WindowPlace> {
    let window = creation.winit_window()?;
    let frame = frame(window);
    let (at, size, screen) = placement::opening(place, others, frame, &screens(window))?;
    let content = size - frame;
    // On Wayland a window hears its scale once it is on a screen. Until then it takes pixels for points.
    let scale = match window.outer_position() {
        Ok(_) => 1.0,
        Err(_) => window.scale_factor() as f32 / screen.scale,
    };
    set_size(window, content * scale, placement::least(screen) * scale);
    if let Some(at) = at {
        set_position(window, at);
    }
    Some(WindowPlace {
        x: at.map(|at| at.x / screen.scale),
        y: at.map(|at| at.y / screen.scale),
        width: content.x / screen.scale,
        height: content.y / screen.scale,
        is_maximized: place.is_some_and(|place| place.is_maximized),
    })
}

/// All screens, the main one first.
fn screens(window: &Window) -> Vec<Screen> {
    let main = window.primary_monitor().into_iter();
    let all = main.chain(window.available_monitors());
    all.map(|screen| {
        let (at, size) = (screen.position(), screen.size());
        Screen {
            area: rect(at.x, at.y, size.width, size.height),
            scale: screen.scale_factor() as f32,
        }
    })
    .filter(|screen| screen.area.is_positive())
    .collect()
}

fn rect(x: i32, y: i32, width: u32, height: u32) -> Rect {
    Rect::from_min_size(pos2(x as f32, y as f32), vec2(width as f32, height as f32))
}

/// How much larger a window is than its content, in pixels.
fn frame(window: &Window) -> Vec2 {
    let (outer, inner) = (window.outer_size(), window.inner_size());
    let side = |outer: u32, inner: u32| outer.saturating_sub(inner) as f32;
    vec2(
        side(outer.width, inner.width),
        side(outer.height, inner.height),
    )
}

fn set_size(window: &Window, content: Vec2, least: Vec2) {
    let mut size = window.inner_size();
    let mut set = |to: Vec2| {
        (size.width, size.height) = (to.x.max(1.0) as u32, to.y.max(1.0) as u32);
        size
    };
    window.set_min_inner_size(Some(set(least)));
    // The new size comes with an event of its own.
    let _ = window.request_inner_size(set(content));
}

fn set_position(window: &Window, to: Pos2) {
    if let Ok(mut at) = window.outer_position() {
        (at.x, at.y) = (to.x as i32, to.y as i32);
        window.set_outer_position(at);
    }
}

/// Updates the window itself: theme, zoom, title, position.
impl MessengerApp {
    /// Applies the preferences to egui.
    pub(super) fn dress(&mut self, ctx: &Context) {
        ctx.set_theme(theme::preference(self.model.preferences.theme));
        self.dress_frame(ctx);
        if self.model.preferences.zoom != self.zoom {
            self.zoom = self.model.preferences.zoom;
            ctx.set_zoom_factor(self.zoom);
        }
    }

    /// Gives the window's frame the theme of its content. Windows and macOS know the system's theme better, and egui tells
    /// them what the person has chosen.
    fn dress_frame(&mut self, ctx: &Context) {
        let theme = ctx.theme();
        if theme::EGUI_DRESSES_FRAMES || self.frame_theme == Some(theme) {
            return;
        }
        self.frame_theme = Some(theme);
        ctx.send_viewport_cmd(ViewportCommand::SetTheme(match theme {
            egui::Theme::Light => egui::SystemTheme::Light,
            egui::Theme::Dark => egui::SystemTheme::Dark,
        }));
    }

    /// egui handles Ctrl and + itself; the preferences follow.
    pub(super) fn follow_zoom(&mut self, ctx: &Context) {
        let zoom = ctx.zoom_factor();
        if zoom != self.zoom && (zoom - self.zoom).abs() > 0.001 {
            self.zoom = zoom;
            self.act(ctx, Action::Zoom(zoom));
        }
    }

    /// What can only be read or done once the window is on the screen.
    pub(super) fn settle_in(&mut self, ctx: &Context, frame: &eframe::Frame) {
        let Some(opening) = &mut self.opening else {
            return;
        };
        let window = frame.winit_window();
        let Some(window) = window.filter(|_| opening.looks < LOOKS) else {
            self.opening = None;
            return;
        };
        let is_maximized = ctx.input(|input| input.viewport().maximized) == Some(true);
        // Seen at once: who makes it smaller right after it opened means it.
        opening.maximises &= !is_maximized;
        let now = Instant::now();
        let next = *opening.next.get_or_insert(now + LOOK);
        if now < next {
            ctx.request_repaint_after(next - now);
            return;
        }
        opening.looks += 1;
        opening.next = Some(now + LOOK);
        ctx.request_repaint_after(LOOK);
        if opening.maximises {
            // Asked for earlier, a window manager of X11 does not hear of it.
            ctx.send_viewport_cmd(ViewportCommand::Maximized(true));
            return;
        }
        let Some(at) = window.outer_position().ok().filter(|_| !is_maximized) else {
            return;
        };
        let (size, around) = (window.outer_size(), self::frame(window));
        let outer = rect(at.x, at.y, size.width, size.height);
        let Some((to, screen)) = placement::moved(outer, &opening.others, &screens(window)) else {
            return;
        };
        if opening.moves < MOVES {
            opening.moves += 1;
            // The window system takes its time.
            opening.next = Some(now + 2 * LOOK);
            if to.size() != outer.size() {
                set_size(window, to.size() - around, placement::least(screen));
            }
            set_position(window, to.min);
        }
    }

    pub(super) fn follow_window(&mut self, ctx: &Context, frame: &eframe::Frame) {
        if self
            .opening
            .as_ref()
            .is_some_and(|opening| opening.maximises)
        {
            return;
        }
        // A window is made before the zoom is known.
        let zoom = ctx.zoom_factor();
        let is_real = frame.winit_window().is_some();
        self.window = ctx.input(|input| {
            let viewport = input.viewport();
            // Where the system hides window positions, the size is known nevertheless.
            let size_alone = is_real.then(|| input.viewport_rect());
            let inner = viewport.inner_rect.or(size_alone)? * zoom;
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
        self.forwarding.stands(self.window);
    }

    pub(super) fn entitle(&mut self, ctx: &Context) {
        let title = self.model.title();
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// At midnight "Today" becomes "Yesterday", also after the computer slept.
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

    /// Saves the position once the window has stopped moving, so that it is known even if the
    /// session ends without closing the window.
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
