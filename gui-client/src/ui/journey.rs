//! The way of one message as a sequence diagram: who said what to whom, and when.

use egui::{Align2, Painter, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2};
use jiff::{Timestamp, tz::TimeZone};

use super::{View, widget};
use crate::{
    engine::{Delivery, Message},
    model::Session,
    theme::{Palette, space, text},
};

/// Readers of a group's message that have a line of their own.
const READERS: usize = 3;

const HEAD: f32 = 44.0;
const STEP: f32 = 33.0;
const TIME: f32 = 92.0;

/// An arrow from one line to another.
struct Step {
    from: usize,
    to: usize,
    words: String,
    /// When it was, as the server has it; the first thing is known to nobody else.
    at: Option<Timestamp>,
}

/// Draws it in the width there is; gives where it is.
pub fn show(ui: &mut Ui, view: &View<'_>, session: &Session, message: &Message) -> Rect {
    let (names, steps) = story(view, session, message);
    let size = Vec2::new(
        ui.available_width(),
        HEAD + STEP * steps.len() as f32 + space::LARGE,
    );
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, spoken(view, &names, &steps)));
    let painter = ui.painter();
    painter.rect_filled(rect, 0.0, view.palette.raised);
    let left = rect.left() + TIME;
    let between = (rect.right() - left) / names.len() as f32;
    let line = |at: usize| left + between * (at as f32 + 0.5);
    for (at, name) in names.iter().enumerate() {
        head(
            painter,
            view.palette,
            pos2(line(at), rect.top()),
            between,
            name,
        );
        let stroke = Stroke::new(1.0, view.palette.control_line);
        painter.vline(line(at), rect.top() + HEAD..=rect.bottom(), stroke);
    }
    let began = steps.iter().find_map(|step| step.at);
    for (number, step) in steps.iter().enumerate() {
        let y = rect.top() + HEAD + STEP * (number as f32 + 0.8);
        if let Some(at) = step.at {
            let time = time(view.zone, at, began);
            let right = pos2(left - space::SMALL, y);
            let (font, ink) = (text::tiny(), view.palette.text_weak);
            painter.text(right, Align2::RIGHT_CENTER, time, font, ink);
        }
        arrow(
            painter,
            view.palette,
            line(step.from),
            line(step.to),
            y,
            &step.words,
        );
    }
    rect
}

/// Who takes part, and what was said in its order.
fn story(view: &View<'_>, session: &Session, message: &Message) -> (Vec<String>, Vec<Step>) {
    let texts = view.texts;
    let receipts = &message.receipts;
    let mut names = vec![
        session.account.login.as_str().to_owned(),
        texts.get("journey.server").to_owned(),
    ];
    let shown = &receipts[..receipts.len().min(READERS)];
    names.extend(shown.iter().map(|receipt| receipt.by.as_str().to_owned()));
    let with = super::peer_name(texts, &message.with);
    if shown.is_empty() {
        names.push(with.to_owned());
    }
    let said = format!("@{with} {}", message.text.as_str());
    let mut steps = vec![Step {
        from: 0,
        to: 1,
        words: said.clone(),
        at: None,
    }];
    if message.delivery == Delivery::Accepted {
        let id = message
            .server_id
            .map_or(String::new(), |id| format!(" #{id}"));
        steps.push(Step {
            from: 1,
            to: 0,
            words: format!("{}{id}", texts.get("delivery.accepted")),
            at: Some(message.at),
        });
    }
    let mut later = Vec::new();
    for (reader, receipt) in shown.iter().enumerate() {
        let reader = reader + 2;
        for (key, at) in [
            ("delivery.delivered", receipt.delivered),
            ("delivery.read", receipt.read),
        ] {
            let Some(at) = at else {
                continue;
            };
            for (from, to) in [(reader, 1), (1, 0)] {
                later.push(Step {
                    from,
                    to,
                    words: texts.get(key).to_owned(),
                    at: Some(at),
                });
            }
        }
        if receipt.delivered.or(receipt.read).is_some() {
            steps.push(Step {
                from: 1,
                to: reader,
                words: said.clone(),
                at: None,
            });
        }
    }
    later.sort_by_key(|step| step.at);
    steps.extend(later);
    (names, steps)
}

fn head(painter: &Painter, palette: &Palette, top: Pos2, between: f32, name: &str) {
    widget::avatar(painter, palette, top + Vec2::new(0.0, 13.0), 24.0, name);
    let job = widget::one_line(
        name,
        text::small_strong(),
        palette.text,
        between - space::TINY,
    );
    let galley = painter.layout_job(job);
    let at = pos2(top.x - galley.size().x / 2.0, top.y + 27.0);
    painter.galley(at, galley, palette.text);
}

fn arrow(painter: &Painter, palette: &Palette, from: f32, to: f32, y: f32, words: &str) {
    let stroke = Stroke::new(1.5, palette.accent_text);
    let back = if to > from { -1.0 } else { 1.0 };
    painter.hline(from.min(to)..=from.max(to), y, stroke);
    let tip = pos2(to, y);
    let wings = [Vec2::new(8.0 * back, -4.5), Vec2::new(8.0 * back, 4.5)];
    painter.add(Shape::convex_polygon(
        vec![tip, tip + wings[0], tip + wings[1]],
        palette.accent_text,
        Stroke::NONE,
    ));
    let width = (to - from).abs() - 2.0 * space::SMALL;
    let job = widget::one_line(&words.replace('\n', " "), text::tiny(), palette.text, width);
    let galley = painter.layout_job(job);
    let middle = f32::midpoint(from, to) - galley.size().x / 2.0;
    let at = pos2(middle, y - galley.size().y - 2.0);
    // The lines that the arrow crosses do not cross its words.
    let ground = Rect::from_min_size(at, galley.size()).expand2(Vec2::new(2.0, -1.0));
    painter.rect_filled(ground, 0.0, palette.raised);
    painter.galley(at, galley, palette.text);
}

/// The time, or how much later than the first it was.
fn time(zone: &TimeZone, at: Timestamp, began: Option<Timestamp>) -> String {
    match began.filter(|began| *began != at) {
        None => zone.to_datetime(at).strftime("%H:%M:%S%.3f").to_string(),
        Some(began) => {
            let later = at.duration_since(began);
            match later.as_millis() {
                ms @ 0..10_000 => format!("+{ms} ms"),
                ms @ 10_000..600_000 => format!("+{} s", ms / 1000),
                _ => zone.to_datetime(at).strftime("%H:%M:%S%.3f").to_string(),
            }
        }
    }
}

/// What a screen reader says: the steps one after the other.
fn spoken(view: &View<'_>, names: &[String], steps: &[Step]) -> String {
    let steps = steps.iter().map(|step| {
        view.texts.fill(
            "journey.step",
            &[
                ("from", &names[step.from]),
                ("to", &names[step.to]),
                ("text", &step.words),
            ],
        )
    });
    steps.collect::<Vec<_>>().join(" ")
}
