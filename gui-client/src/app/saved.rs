//! Saving files for the person: taking requests and reporting how they went.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use egui::Context;
use jiff::Timestamp;

use super::{MessengerApp, saving::SaveOutcome};
use crate::{
    engine::{Event, Messages, Older, ReportFormat},
    model::{Notice, Overlay, SavedFile},
    report::{self, Reported},
    texts::Texts,
    ui,
};

/// How long the notice stays that says where something was saved.
const NOTICE: Duration = Duration::from_secs(8);

impl MessengerApp {
    pub(super) fn save_report(&mut self, ctx: &Context, report: Event) {
        let Event::Report {
            with,
            format,
            export,
        } = report
        else {
            return;
        };
        let Some(session) = &self.model.session else {
            return;
        };
        let texts = Texts::of(self.model.preferences.language);
        let (me, zone) = (session.account.login.clone(), self.zone.clone());
        let write = move |file: &mut dyn Write| {
            let Messages { count, older, all } = export.open()?;
            let reported = Reported {
                me: me.as_str(),
                with: ui::peer_name(texts, &with),
                count,
                older,
            };
            let now = Timestamp::now();
            match format {
                ReportFormat::Html => report::html(file, texts, &zone, now, reported, all)?,
                ReportFormat::Csv => report::csv(file, reported, all)?,
                ReportFormat::Text => report::text(file, texts, &zone, now, reported, all)?,
            }
            Ok(older)
        };
        let file = SavedFile::Report(format);
        let is_taken = self.saving.take_report(ctx, file, Arc::new(write));
        self.tell_if_busy(is_taken);
    }

    /// While another file is being saved, a request is refused with a notice.
    pub(super) fn tell_if_busy(&mut self, is_taken: bool) {
        if !is_taken {
            self.model.notice = Some(Notice::SaveBusy);
            self.notice_due = Some(Instant::now() + NOTICE);
        }
    }

    /// Takes in what the saving threads report.
    pub(super) fn hear_saving(&mut self, ctx: &Context) {
        while let Some(told) = self.saving.heard() {
            match told {
                SaveOutcome::Saved(file, path, older) => {
                    if matches!(self.model.overlay, Some(Overlay::SavePath { .. })) {
                        self.model.overlay = None;
                    }
                    self.notice_due = None;
                    self.model.notice = Some(match older {
                        Older::Nothing => {
                            self.notice_due = Some(Instant::now() + NOTICE);
                            Notice::Saved(file, path)
                        }
                        older => Notice::SavedInPart(file, path, older),
                    });
                }
                SaveOutcome::Failed(file, why) => match &mut self.model.overlay {
                    Some(Overlay::SavePath { problem, .. }) => *problem = Some(why),
                    _ => self.model.notice = Some(Notice::SaveFailed(file, why)),
                },
                SaveOutcome::Cancelled => {}
                SaveOutcome::NoDialog(file, path) => {
                    self.model.overlay = Some(Overlay::SavePath {
                        file,
                        path: path.display().to_string(),
                        problem: None,
                    });
                }
                SaveOutcome::ForScript(result) => {
                    let script = self.script.as_mut();
                    let actions = script.map(|script| script.saved(result));
                    for action in actions.unwrap_or_default() {
                        self.act(ctx, action);
                    }
                }
            }
        }
    }

    /// Reports settings that could not be written.
    pub(super) fn hear_settings(&mut self) {
        let settings = self.settings.as_ref();
        if let Some(problem) = settings.and_then(|settings| settings.problem()) {
            self.model.notice = Some(Notice::Settings(problem));
        }
    }

    /// A notice of success disappears by itself.
    pub(super) fn dismiss_notice(&mut self, ctx: &Context) {
        let Some(due) = self.notice_due else {
            return;
        };
        let left = due.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            ctx.request_repaint_after(left);
            return;
        }
        self.notice_due = None;
        if matches!(
            self.model.notice,
            Some(Notice::Saved(..) | Notice::SaveBusy)
        ) {
            self.model.notice = None;
        }
    }
}
