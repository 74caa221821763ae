use std::time::{Duration, Instant};

use egui::{Align, Color32, Frame, Layout, Margin, RichText, Sense, Ui, vec2};

use super::{View, icon::Icon, preferences, widget};
use crate::{
    engine::{LinkProblem, LinkState, ReportFormat},
    model::{Action, FETCH_CHOICES, Notice, SavedFile, Session},
    texts::Texts,
    theme::{space, text},
};

/// The bars above a timeline: no connection, a database that failed, how something went.
pub fn show(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let texts = view.texts;
    if let LinkState::Waiting { problem, retry_at } = &session.link {
        let server = session.account.server.as_str();
        let why = problem_text(texts, problem, server);
        let seconds = seconds_until(ui, *retry_at, view.instant);
        let when = texts.fill("link.next_try", &[("seconds", &seconds.to_string())]);
        let try_now = texts.get("link.try_now");
        if bar(ui, warning(view), &[&why, &when], Some(try_now)) {
            actions.push(Action::FetchNow);
        }
    }
    if let Some(why) = &session.storage_problem {
        bar(ui, warning(view), &[why], None);
    }
}

/// The bar that tells how something went, on any screen.
pub fn notice(ui: &mut Ui, view: &View<'_>, notice: &Notice, actions: &mut Vec<Action>) {
    let texts = view.texts;
    let kind = match notice {
        Notice::Saved(..) => Kind {
            ground: view.palette.chosen,
            ink: view.palette.text,
            sign: Icon::Check,
        },
        Notice::SaveFailed(..) | Notice::SettingsFailed(_) => warning(view),
    };
    let sentence = match notice {
        Notice::Saved(file, path) => texts.fill(
            match file {
                SavedFile::Picture | SavedFile::Journey => "notice.picture_saved",
                SavedFile::Transcript => "notice.transcript_saved",
                SavedFile::Report(ReportFormat::Text) => "notice.conversation_saved",
                SavedFile::Report(_) => "notice.report_saved",
            },
            &[("path", &path.display().to_string())],
        ),
        Notice::SaveFailed(file, why) => texts.fill(
            match file {
                SavedFile::Picture | SavedFile::Journey => "notice.picture_failed",
                SavedFile::Transcript => "notice.transcript_failed",
                SavedFile::Report(ReportFormat::Text) => "notice.conversation_failed",
                SavedFile::Report(_) => "notice.report_failed",
            },
            &[("why", why)],
        ),
        Notice::SettingsFailed(why) => texts.fill("notice.settings_failed", &[("why", why)]),
    };
    if bar(ui, kind, &[&sentence], Some(texts.get("notice.dismiss"))) {
        actions.push(Action::DismissNotice);
    }
}

/// The line under the conversation list: the state of the connection, and how often it fetches.
pub fn status(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let (dot, state) = match &session.link {
        LinkState::Live { catching_up: true } => {
            (palette.success_text, texts.get("link.catching_up"))
        }
        _ if session.online => (palette.success_text, texts.get("link.online")),
        LinkState::Offline
        | LinkState::Connecting
        | LinkState::Online { .. }
        | LinkState::Live { .. } => (palette.warning_text, texts.get("link.connecting")),
        LinkState::Waiting { .. } => (palette.warning_text, texts.get("link.waiting")),
        LinkState::Refused => (palette.danger_text, texts.get("link.refused")),
    };
    ui.horizontal_centered(|ui| {
        ui.add_space(space::LARGE);
        let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
        ui.painter().circle_filled(rect.center(), 4.0, dot);
        ui.add_space(space::SMALL);
        let is_classic = matches!(session.link, LinkState::Online { .. });
        ui.label(RichText::new(state).font(text::small()).color(palette.text))
            .on_hover_ui(|ui| {
                ui.label(session.account.server.as_str());
                if is_classic {
                    ui.label(texts.get("link.classic"));
                }
            });
        if session.live {
            return;
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(space::TINY);
            let fetch = texts.get("link.fetch_now");
            if widget::icon_button(ui, palette, Icon::Refresh, fetch).clicked() {
                actions.push(Action::FetchNow);
            }
            interval_menu(ui, view, actions);
        });
    });
}

fn interval_menu(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let chosen = view.model.preferences.fetch_every;
    let label = match chosen {
        None => texts.get("link.fetches_on_send").to_owned(),
        Some(_) => texts.fill(
            "link.fetches_every",
            &[("interval", &preferences::interval_name(texts, chosen))],
        ),
    };
    let label = RichText::new(label)
        .font(text::small())
        .color(palette.text_weak);
    ui.scope(|ui| {
        let plain = &mut ui.visuals_mut().widgets.inactive;
        plain.bg_stroke = egui::Stroke::NONE;
        plain.weak_bg_fill = Color32::TRANSPARENT;
        ui.spacing_mut().button_padding.x = space::SMALL;
        ui.menu_button(label, |ui| {
            for seconds in FETCH_CHOICES {
                let name = preferences::interval_name(texts, seconds);
                if ui.selectable_label(seconds == chosen, name).clicked() {
                    actions.push(Action::FetchEvery(seconds));
                    ui.close();
                }
            }
        })
        .response
        .on_hover_text(texts.get("settings.fetch_why"));
    });
}

/// How a bar looks.
struct Kind {
    ground: Color32,
    ink: Color32,
    sign: Icon,
}

fn warning(view: &View<'_>) -> Kind {
    Kind {
        ground: view.palette.warning,
        ink: view.palette.on_warning,
        sign: Icon::Warning,
    }
}

/// Sentences beside a sign, as high as they need, and a button; true if it was clicked.
fn bar(ui: &mut Ui, kind: Kind, sentences: &[&str], button: Option<&str>) -> bool {
    let margin = Margin::symmetric(space::LARGE as i8, space::SMALL as i8);
    let frame = Frame::new().fill(kind.ground).inner_margin(margin);
    let row = frame.show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(space::SMALL, 1.0);
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(22.0, 22.0), Sense::hover());
            kind.sign.paint(ui.painter(), rect.center(), 20.0, kind.ink);
            let width = button.map_or(0.0, |label| widget::button_width(ui, label) + space::SMALL);
            let width = ui.available_width() - width;
            ui.vertical(|ui| {
                ui.set_width(width);
                for sentence in sentences {
                    let sentence = RichText::new(*sentence).font(text::small()).color(kind.ink);
                    ui.add(egui::Label::new(sentence).wrap());
                }
            });
            button.is_some_and(|label| widget::plain_button(ui, label).clicked())
        })
    });
    row.inner.inner
}

fn problem_text(texts: &Texts, problem: &LinkProblem, server: &str) -> String {
    let key = match problem {
        LinkProblem::BadAddress => "problem.bad_address",
        LinkProblem::UnknownHost => "problem.unknown_host",
        LinkProblem::NobodyListens => "problem.nobody_listens",
        LinkProblem::TimedOut => "problem.timed_out",
        LinkProblem::Broken => "problem.broken",
        LinkProblem::Other(_) => "problem.unknown",
    };
    let why = match problem {
        LinkProblem::Other(why) => why,
        _ => "",
    };
    texts.fill(key, &[("server", server), ("why", why)])
}

/// Whole seconds left, and the next frame when that number changes.
fn seconds_until(ui: &Ui, due: Instant, now: Instant) -> u64 {
    let left = due.saturating_duration_since(now);
    let whole = left.as_millis().div_ceil(1000) as u64;
    if whole > 0 {
        let change = left.saturating_sub(Duration::from_secs(whole - 1));
        ui.ctx()
            .request_repaint_after(change + Duration::from_millis(5));
    }
    whole
}
