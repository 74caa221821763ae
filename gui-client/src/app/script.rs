use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use egui::{Context, Vec2, ViewportCommand};

use super::saving::Saving;
use crate::{
    engine::Event,
    model::{Action, Model, SaveProblem},
    script::{Progress, ScriptRunner},
};

/// Frames to draw after an action until the layout is stable.
const SETTLING: u8 = 4;

/// How long a window may take to get the size asked for; some window systems give another one.
const SIZING: Duration = Duration::from_secs(1);

/// Runs a script, frame by frame.
pub struct ScriptDriver {
    runner: ScriptRunner,
    failed: Sender<String>,
    settling: u8,
    sizing: Option<(Vec2, Instant)>,
    saving: bool,
    over: bool,
}

impl ScriptDriver {
    /// `failed` receives why the script could not continue.
    pub fn new(runner: ScriptRunner, failed: Sender<String>) -> Self {
        Self {
            runner,
            failed,
            settling: SETTLING,
            sizing: None,
            saving: false,
            over: false,
        }
    }

    /// Listens to what the background threads tell.
    pub fn observe(&mut self, event: &Event) {
        self.runner.observe(event);
    }

    /// The picture the script waits for is saved, or is not.
    pub fn saved(&mut self, result: Result<PathBuf, SaveProblem>) -> Vec<Action> {
        self.saving = false;
        match result {
            Ok(_) => Vec::new(),
            Err(why) => self.fail(why.to_string()),
        }
    }

    /// Continues if possible. The returned actions are to be carried out as if a person had done
    /// them.
    pub fn step(&mut self, ctx: &Context, model: &Model, saving: &mut Saving) -> Vec<Action> {
        if self.over || self.saving || !self.is_settled(ctx) {
            return Vec::new();
        }
        match self.runner.advance(model, Instant::now()) {
            Progress::Wait(due) => {
                ctx.request_repaint_after(due.saturating_duration_since(Instant::now()));
                return Vec::new();
            }
            Progress::Act(actions) => {
                self.settling = SETTLING;
                ctx.request_repaint();
                return actions;
            }
            Progress::Size(width, height) => {
                let size = Vec2::new(width, height);
                ctx.send_viewport_cmd(ViewportCommand::InnerSize(size));
                self.sizing = Some((size, Instant::now()));
            }
            Progress::Screenshot(path) => {
                self.saving = true;
                saving.take_to(ctx, path);
            }
            Progress::Quit => {
                self.over = true;
                return vec![Action::Quit];
            }
            Progress::Failed(why) => return self.fail(why),
        }
        ctx.request_repaint();
        Vec::new()
    }

    /// The window is gone; a script that was not through has failed.
    pub fn closed(&mut self) {
        if !self.over {
            self.fail("the window was closed before the script was through".into());
        }
    }

    fn is_settled(&mut self, ctx: &Context) -> bool {
        if let Some((size, since)) = self.sizing {
            let off = (ctx.content_rect().size() - size).abs().max_elem();
            let left = SIZING.saturating_sub(since.elapsed());
            if off > 1.0 && !left.is_zero() {
                ctx.request_repaint_after(left.min(Duration::from_millis(50)));
                return false;
            }
            self.sizing = None;
            self.settling = SETTLING;
        }
        if self.settling > 0 {
            self.settling -= 1;
            ctx.request_repaint();
            return false;
        }
        true
    }

    fn fail(&mut self, why: String) -> Vec<Action> {
        // One reason is enough; the app ends with the first.
        let _ = self.failed.try_send(why);
        self.over = true;
        vec![Action::Quit]
    }
}
