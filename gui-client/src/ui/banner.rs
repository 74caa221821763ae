use std::time::{Duration, Instant};

use egui::{
    Align, Align2, Color32, Label, Layout, Rect, RichText, Sense, Ui, UiBuilder, pos2, vec2,
};

use super::{View, error_text, icon::Icon, preferences, widget};
use crate::{
    engine::{LinkState, Refusal, ReportFormat, Room, ServerChange, StorageProblem},
    model::{Action, FETCH_CHOICES, HostAction, Notice, Overlay, SaveAction, SavedFile, Session},
    report,
    theme::{space, text},
};

/// Height of the line under the conversation list.
const STATUS: f32 = 44.0;

/// The extra height for what a classic server cannot do.
const CLASSIC: f32 = 18.0;

/// The bars above a timeline: no connection, a database that failed, notices.
pub fn show(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let texts = view.texts;
    if session.outage.is_some() && view.model.is_at_host() && view.model.hosting.is_down() {
        let why = texts.get("hosting.down");
        let start = Action::Host(HostAction::StartAgain(None));
        let again = [(texts.get("hosting.again"), start)];
        actions.extend(bar(ui, &warning(view), &[why], again));
    } else if let Some(problem) = &session.outage {
        let server = session.account.server.as_str();
        let why = error_text::link(texts, problem, server);
        // Shown as long as the problem lasts, also during the next try, so that nothing jumps.
        let when = match &session.link {
            LinkState::Waiting { retry_at, .. } => {
                let seconds = seconds_until(ui, *retry_at, view.instant);
                texts.fill("link.next_try", &[("seconds", &seconds.to_string())])
            }
            _ => texts.get("link.trying").to_owned(),
        };
        let again = [(texts.get("link.try_now"), Action::FetchNow)];
        actions.extend(bar(ui, &warning(view), &[&why, &when], again));
    }
    if let Some(doubt) = session.doubt() {
        let dismiss = [(texts.get("notice.dismiss"), Action::DismissDoubt)];
        let sentence = error_text::doubt(texts, doubt);
        actions.extend(bar(ui, &warning(view), &[&sentence], dismiss));
    }
    if let Some(problem) = &session.storage_problem {
        let why = error_text::storage(texts, problem);
        // A retry cannot help without the thread.
        let is_there = !matches!(problem, StorageProblem::NoThread | StorageProblem::Stopped);
        let again = is_there.then(|| (texts.get("storage.again"), Action::KeepAgain));
        actions.extend(bar(ui, &warning(view), &[&why], again));
    }
    if let Some(space) = session.space.filter(|space| space.room != Room::Enough) {
        let limit = preferences::space_name(texts, (space.limit >> 30) as u32);
        let key = match space.room {
            Room::None => "space.none",
            Room::Little | Room::Enough => "space.little",
        };
        let sentence = texts.fill(key, &[("limit", &limit)]);
        let more = (texts.get("space.more"), Action::Show(Overlay::Settings));
        let dismiss = (texts.get("notice.dismiss"), Action::DismissSpace);
        let dismiss = Some(dismiss).filter(|_| space.room == Room::Little);
        let choices = dismiss.into_iter().chain([more]);
        actions.extend(bar(ui, &warning(view), &[&sentence], choices));
    }
    // If there are no messages, the timeline says so.
    let timeline = session.timeline().filter(|timeline| !timeline.is_empty());
    if let Some(not_loaded) = timeline.and_then(|timeline| timeline.not_loaded.as_ref()) {
        let what = texts.get("chat.not_loaded");
        let why = error_text::storage(texts, &not_loaded.problem);
        let again = [(texts.get("chat.load_again"), Action::LoadAgain)];
        actions.extend(bar(ui, &warning(view), &[what, &why], again));
    }
}

/// The notice bar, on any screen.
pub fn notice(ui: &mut Ui, view: &View<'_>, notice: &Notice, actions: &mut Vec<Action>) {
    let texts = view.texts;
    let kind = match notice {
        Notice::Saved(..) | Notice::SavedInPart(..) => Kind {
            ground: view.palette.chosen,
            ink: view.palette.text,
            sign: Icon::Check,
        },
        Notice::SaveFailed(..)
        | Notice::SaveBusy
        | Notice::NotQuoted
        | Notice::OlderElsewhere
        | Notice::BadLink
        | Notice::PastedInPart
        | Notice::OtherNotShown
        | Notice::Settings(_)
        | Notice::DamagedSetAside(_)
        | Notice::NotChanged(_)
        | Notice::ServerChanged(_) => warning(view),
    };
    let sentence = match notice {
        Notice::Saved(file, path) | Notice::SavedInPart(file, path, _) => texts.fill(
            match file {
                SavedFile::Picture | SavedFile::Journey => "notice.picture_saved",
                SavedFile::Transcript => "notice.transcript_saved",
                SavedFile::Messages => "notice.messages_saved",
                SavedFile::Report(ReportFormat::Text) => "notice.conversation_saved",
                SavedFile::Report(_) => "notice.report_saved",
            },
            &[("path", &path.display().to_string())],
        ),
        Notice::SaveFailed(file, problem) => texts.fill(
            match file {
                SavedFile::Picture | SavedFile::Journey => "notice.picture_failed",
                SavedFile::Transcript => "notice.transcript_failed",
                SavedFile::Messages => "notice.messages_failed",
                SavedFile::Report(ReportFormat::Text) => "notice.conversation_failed",
                SavedFile::Report(_) => "notice.report_failed",
            },
            &[("why", &error_text::save(texts, problem))],
        ),
        Notice::OlderElsewhere => texts.get("notice.older_elsewhere").to_owned(),
        Notice::NotChanged(why) => texts.get(changed_key(*why)).to_owned(),
        Notice::NotQuoted => texts.get("notice.not_quoted").to_owned(),
        Notice::BadLink => texts.get("notice.bad_link").to_owned(),
        Notice::PastedInPart => texts.get("notice.pasted_in_part").to_owned(),
        Notice::OtherNotShown => texts.get("notice.other_not_shown").to_owned(),
        Notice::SaveBusy => texts.get("notice.busy").to_owned(),
        Notice::Settings(problem) => error_text::settings(texts, problem),
        Notice::DamagedSetAside(path) => {
            let path = path.display().to_string();
            texts.fill("storage.set_aside", &[("path", &path)])
        }
        Notice::ServerChanged(ServerChange::Restored) => {
            texts.get("notice.server_restored").to_owned()
        }
        Notice::ServerChanged(ServerChange::Replaced) => {
            texts.get("notice.server_replaced").to_owned()
        }
    };
    let missing = match notice {
        Notice::SavedInPart(_, _, older) => report::older(texts, *older),
        _ => None,
    };
    let sentences = [Some(sentence.as_str()), missing];
    let sentences: Vec<&str> = sentences.into_iter().flatten().collect();
    let dismiss = (texts.get("notice.dismiss"), Action::DismissNotice);
    let open = match notice {
        Notice::Saved(_, path) | Notice::SavedInPart(_, path, _) => {
            let open = SaveAction::Open(path.clone());
            Some((texts.get("notice.open"), Action::Save(open)))
        }
        _ => None,
    };
    actions.extend(bar(
        ui,
        &kind,
        &sentences,
        [dismiss].into_iter().chain(open),
    ));
}

/// The height of [`status`]; `None`: there is nothing to say.
pub fn status_height(session: &Session) -> Option<f32> {
    if is_classic(session) {
        Some(STATUS + CLASSIC)
    } else {
        unusual(session).map(|_| STATUS)
    }
}

/// Whether the last connection was classic; it need not be open now.
fn is_classic(session: &Session) -> bool {
    session.online && !session.live
}

/// The text about the connection while something is wrong, unless a bar above says it.
fn unusual(session: &Session) -> Option<&'static str> {
    match session.link {
        LinkState::Live { catching_up: true } => Some("link.catching_up"),
        _ if session.online || session.outage.is_some() => None,
        _ => Some("link.connecting"),
    }
}

/// The line below the conversation list: what is wrong, or how often a classic session fetches and
/// what it cannot do.
pub fn status(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let area = ui.max_rect();
    let line = Rect::from_min_size(area.min, vec2(area.width(), STATUS));
    ui.scope_builder(UiBuilder::new().max_rect(line), |ui| {
        ui.horizontal_centered(|ui| {
            if is_classic(session) {
                ui.add_space(space::SMALL);
                interval_menu(ui, view, session, actions);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add_space(space::TINY);
                    let fetch = texts.get("link.fetch_now");
                    if widget::icon_button(ui, palette, Icon::Refresh, fetch).clicked() {
                        actions.push(Action::FetchNow);
                    }
                });
            } else if let Some(key) = unusual(session) {
                ui.add_space(space::LARGE);
                let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
                let painter = ui.painter();
                painter.circle_filled(rect.center(), 4.0, palette.warning_text);
                ui.add_space(space::SMALL);
                let words = RichText::new(texts.get(key)).font(text::small());
                ui.label(words.color(palette.text));
            }
        });
    });
    if is_classic(session) {
        let below = Rect::from_min_max(pos2(area.left(), line.bottom() - 8.0), area.max);
        let below = below.shrink2(vec2(space::LARGE, 0.0));
        let builder = UiBuilder::new()
            .max_rect(below)
            .layout(Layout::top_down(Align::LEFT));
        ui.scope_builder(builder, |ui| {
            let sentence = RichText::new(texts.get("link.classic_short"))
                .font(text::tiny())
                .color(palette.text_weak);
            ui.add(Label::new(sentence).truncate())
                .on_hover_text(texts.get("link.classic"));
        });
    }
}

/// Shows how often a classic session fetches, and lets the person change it.
fn interval_menu(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let chosen = view.model.own().fetch_every;
    let label = match chosen {
        None => texts.get("link.fetches_on_send").to_owned(),
        Some(_) => texts.fill(
            "link.fetches_every",
            &[("interval", &preferences::interval_name(texts, chosen))],
        ),
    };
    let label = RichText::new(label).font(text::small()).color(palette.text);
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
        .on_hover_ui(|ui| {
            ui.label(session.account.server.as_str());
            ui.label(texts.get("settings.fetch_why"));
        });
    });
}

/// The look of a bar.
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

/// Sentences between an icon and buttons, aligned on one middle line; as high as the sentences
/// need. In a narrow window the buttons are below them. Returns the chosen button.
fn bar(
    ui: &mut Ui,
    kind: &Kind,
    sentences: &[&str],
    choices: impl IntoIterator<Item = (&'static str, Action)>,
) -> Option<Action> {
    const SIGN: f32 = 22.0;
    const LEAST: f32 = 32.0;
    const BETWEEN: f32 = 1.0;
    /// The least width of sentences beside buttons.
    const WORDS: f32 = 160.0;
    let choices: Vec<_> = choices.into_iter().collect();
    let widths = choices
        .iter()
        .map(|(label, _)| widget::button_width(ui, label) + space::SMALL);
    let beside: f32 = widths.sum();
    let outer = ui.available_width();
    let room = outer - 2.0 * space::LARGE - SIGN - space::SMALL;
    let is_below = !choices.is_empty() && room - beside < WORDS;
    let (width, below) = match is_below {
        true => (room, space::CONTROL + space::SMALL),
        false => (room - beside, 0.0),
    };
    let heights: Vec<f32> = sentences
        .iter()
        .map(|sentence| {
            let (words, font) = ((*sentence).to_owned(), text::small());
            let galley = ui.painter().layout(words, font, kind.ink, width);
            galley.size().y
        })
        .collect();
    let words = heights.iter().sum::<f32>() + BETWEEN * (heights.len() as f32 - 1.0);
    let size = vec2(outer, words.max(LEAST) + below + 2.0 * space::SMALL);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect_filled(rect, 0.0, kind.ground);
    let mut inner = rect.shrink2(vec2(space::LARGE, space::SMALL));
    let bottom = inner.bottom();
    *inner.bottom_mut() -= below;
    let sign = pos2(inner.left() + SIGN / 2.0, inner.center().y);
    kind.sign.paint(ui.painter(), sign, 20.0, kind.ink);
    let mut top = inner.center().y - words / 2.0;
    for (sentence, height) in sentences.iter().zip(heights) {
        let left_top = pos2(inner.left() + SIGN + space::SMALL, top);
        let line = Rect::from_min_size(left_top, vec2(width, height));
        let sentence = RichText::new(*sentence).font(text::small()).color(kind.ink);
        let builder = UiBuilder::new()
            .max_rect(line)
            .layout(Layout::top_down(Align::LEFT));
        ui.scope_builder(builder, |ui| ui.add(Label::new(sentence).wrap()));
        top += height + BETWEEN;
    }
    let middle = match is_below {
        true => bottom - space::CONTROL / 2.0,
        false => inner.center().y,
    };
    let right = pos2(inner.right(), middle);
    let place = Align2::RIGHT_CENTER.anchor_size(right, vec2(beside, LEAST));
    let builder = UiBuilder::new()
        .max_rect(place)
        .layout(Layout::right_to_left(Align::Center));
    ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing.x = space::SMALL;
        let mut chosen = None;
        for (label, action) in choices {
            if widget::plain_button(ui, label).clicked() {
                chosen = Some(action);
            }
        }
        chosen
    })
    .inner
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
/// Why an edit or a deletion was not taken.
fn changed_key(why: Refusal) -> &'static str {
    match why {
        Refusal::UnknownMessage => "notice.changed_gone",
        _ => "notice.not_changed",
    }
}
