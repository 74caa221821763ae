//! Whether the person is at the window. Others are told when they are away.

use std::time::{Duration, Instant};

use egui::Context;

use super::MessengerApp;
use crate::model::Action;

/// Without input for this long, a person counts as away.
const AWAY_AFTER: Duration = Duration::from_secs(5 * 60);

/// When the last input came.
#[derive(Debug)]
pub struct Attention {
    last: Instant,
    is_away: bool,
    /// The time of the frame that was looked at last.
    frame: Option<f64>,
}

/// Whether the window has the keyboard's focus. While a window is hidden, egui tells only here that it has lost it.
pub(super) fn has_focus(ctx: &Context) -> bool {
    ctx.input(|input| input.raw.focused)
}

impl Attention {
    /// Starts as present: somebody has just started the app.
    pub fn new() -> Self {
        Self {
            last: Instant::now(),
            is_away: false,
            frame: None,
        }
    }

    /// Updates the state; `acts`: there was input in this frame. Returns what changed, and after
    /// how long to look again.
    fn follow(&mut self, now: Instant, acts: bool) -> (Option<bool>, Option<Duration>) {
        if acts {
            self.last = now;
        }
        let idle = now.saturating_duration_since(self.last);
        let is_away = idle >= AWAY_AFTER;
        let changed = (is_away != self.is_away).then_some(is_away);
        self.is_away = is_away;
        (changed, (!is_away).then(|| AWAY_AFTER - idle))
    }
}

impl MessengerApp {
    pub(super) fn follow_attention(&mut self, ctx: &Context) {
        let (frame, has_events) = ctx.input(|input| (input.time, !input.events.is_empty()));
        // While a window is hidden, egui keeps the events of its last frame.
        let acts = self.attention.frame.replace(frame) != Some(frame) && has_events;
        let (changed, again) = self.attention.follow(Instant::now(), acts);
        if let Some(again) = again {
            ctx.request_repaint_after(again);
        }
        if let Some(is_away) = changed {
            self.act(ctx, Action::Away(is_away));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_does_nothing_is_away_until_they_do_something() {
        let mut attention = Attention::new();
        let start = attention.last;
        let at = |seconds| start + Duration::from_secs(seconds);
        let left = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(attention.follow(at(0), false), (None, left(300)));
        assert_eq!(attention.follow(at(200), true), (None, left(300)));
        assert_eq!(attention.follow(at(450), false), (None, left(50)));
        assert_eq!(attention.follow(at(500), false), (Some(true), None));
        assert_eq!(attention.follow(at(900), false), (None, None));
        assert_eq!(attention.follow(at(901), true), (Some(false), left(300)));
    }
}
