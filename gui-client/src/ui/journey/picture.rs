//! The shapes of a story, laid out before their position is known.

use std::sync::Arc;

use egui::{
    Align2, Color32, Galley, Painter, Pos2, Rect, Shape, Stroke, Ui, Vec2, pos2, text::LayoutJob,
    vec2,
};

use super::story::{Fate, SERVER, Step, Story};
use crate::{
    theme::{Palette, space, text},
    ui::{View, widget},
};

const HEAD: f32 = 44.0;
const STEP: f32 = 28.0;
const TIME: f32 = 92.0;

/// How far a line comes that is lost on the way, as a part of it.
const LOST_AT: f32 = 0.7;

/// The indentation of a list's text.
const INDENT: f32 = 20.0;

/// The most characters of a message in a list; the conversation has the whole message.
const MOST_ROWS: usize = 2;

/// The shapes to paint, relative to the upper left corner.
pub(super) struct Drawing {
    pub(super) height: f32,
    parts: Vec<Part>,
}

enum Part {
    Line(Pos2, Pos2, Stroke),
    Dot(Pos2),
    Head(Pos2, String),
    Server(Pos2),
    Arrow(Pos2, Pos2),
    /// An arrow that ends in a cross.
    Lost(Pos2, Pos2),
    /// A cross where the connection was lost.
    Cross(Pos2),
    /// A text with a background, so that lines do not cross it.
    Words(Pos2, Arc<Galley>),
}

impl Drawing {
    /// Paints the shapes with the upper left corner at a point.
    pub(super) fn paint(self, painter: &Painter, palette: &Palette, corner: Pos2) {
        let at = |pos: Pos2| corner + pos.to_vec2();
        for part in self.parts {
            match part {
                Part::Line(from, to, stroke) => {
                    painter.line_segment([at(from), at(to)], stroke);
                }
                Part::Dot(center) => {
                    painter.circle_filled(at(center), 4.0, palette.accent_text);
                }
                Part::Head(center, name) => {
                    widget::avatar(painter, palette, at(center), 24.0, (&name, &name));
                }
                Part::Server(center) => server(painter, palette, at(center)),
                Part::Arrow(from, to) => arrow(painter, palette, at(from), at(to)),
                Part::Lost(from, to) => {
                    let end = at(from) + (to - from) * LOST_AT;
                    let stroke = Stroke::new(1.5, palette.warning_text);
                    painter.line_segment([at(from), end], stroke);
                    cross(painter, palette, end);
                }
                Part::Cross(center) => cross(painter, palette, at(center)),
                Part::Words(left_top, galley) => {
                    let ground = Rect::from_min_size(at(left_top), galley.size());
                    let ground = ground.expand2(vec2(2.0, -1.0));
                    painter.rect_filled(ground, 0.0, palette.raised);
                    painter.galley(at(left_top), galley, palette.text);
                }
            }
        }
    }
}

/// The diagram: a line for each participant, and arrows between them.
pub(super) fn diagram(ui: &Ui, view: &View<'_>, story: &Story, width: f32) -> Drawing {
    let (painter, palette) = (ui.painter(), view.palette);
    let between = (width - TIME) / story.names.len() as f32;
    let line = |at: usize| TIME + between * (at as f32 + 0.5);
    let end = HEAD + STEP * story.steps.len() as f32 + space::LARGE;
    let mut parts = Vec::new();
    for (at, name) in story.names.iter().enumerate() {
        let center = pos2(line(at), 13.0);
        parts.push(match at {
            SERVER => Part::Server(center),
            _ => Part::Head(center, name.clone()),
        });
        let width = between - space::TINY;
        let job = widget::one_line(name, text::small_strong(), palette.text, width);
        parts.push(centred(
            painter,
            job,
            pos2(line(at), 27.0),
            Align2::CENTER_TOP,
        ));
        let stroke = Stroke::new(1.0, palette.control_line);
        parts.push(Part::Line(
            pos2(line(at), HEAD),
            pos2(line(at), end),
            stroke,
        ));
    }
    for (number, step) in story.steps.iter().enumerate() {
        let y = HEAD + STEP * (number as f32 + 0.8);
        if let Some(time) = &step.time {
            let job = widget::one_line(time, text::tiny(), palette.text_weak, TIME);
            let right = pos2(TIME - space::SMALL, y);
            parts.push(centred(painter, job, right, Align2::RIGHT_CENTER));
        }
        let (from, to) = (line(step.from), line(step.to));
        parts.push(match step.fate {
            Fate::Arrives => Part::Arrow(pos2(from, y), pos2(to, y)),
            Fate::Lost => Part::Lost(pos2(from, y), pos2(to, y)),
            Fate::Between => Part::Cross(pos2(f32::midpoint(from, to), y + 3.0)),
        });
        // A line that is passed on unchanged is shown only at the first arrow.
        if step.goes_on {
            continue;
        }
        let width = (to - from).abs() - 2.0 * space::SMALL;
        let job = widget::one_line(
            &words(painter, step, width),
            text::tiny(),
            palette.text,
            width,
        );
        let middle = pos2(f32::midpoint(from, to), y - 2.0);
        parts.push(centred(painter, job, middle, Align2::CENTER_BOTTOM));
    }
    let height = with_more(ui, view, story, &mut parts, end, width);
    Drawing { height, parts }
}

/// The text beside an arrow, shortened if there is no room.
fn words(painter: &Painter, step: &Step, width: f32) -> String {
    let words = step.words.replace('\n', " ");
    let needed = |words: &str| {
        let ink = Color32::PLACEHOLDER;
        let galley = painter.layout_no_wrap(words.to_owned(), text::tiny(), ink);
        galley.size().x
    };
    match &step.number {
        Some(number) if needed(&words) > width => number.clone(),
        _ => words,
    }
}

/// The list: the steps one below the other, in full length.
pub(super) fn list(ui: &Ui, view: &View<'_>, story: &Story, width: f32) -> Drawing {
    let (painter, palette) = (ui.painter(), view.palette);
    let mut parts = Vec::new();
    let mut dots: Vec<Pos2> = Vec::new();
    let mut y = 0.0;
    // A list is often longer than the dialog, whose scroll bar needs this room.
    let width = (width - space::MEDIUM).max(0.0);
    for step in &story.steps {
        let Step {
            from,
            to,
            words,
            time,
            ..
        } = step;
        let time = time.as_deref().unwrap_or_default();
        let time = painter.layout_no_wrap(time.to_owned(), text::tiny(), palette.text_weak);
        let room = (width - INDENT - time.size().x - space::SMALL).max(0.0);
        let sign = match step.fate {
            Fate::Arrives => "→",
            Fate::Lost | Fate::Between => "×",
        };
        let who = format!("{} {sign} {}", story.names[*from], story.names[*to]);
        let who = widget::one_line(&who, text::small_strong(), palette.text, room);
        let who = painter.layout_job(who);
        let (ink, font) = (palette.text_weak, text::small());
        let mut words = LayoutJob::simple(words.clone(), font, ink, (width - INDENT).max(0.0));
        words.wrap.max_rows = MOST_ROWS;
        let words = painter.layout_job(words);
        let row = who.size().y;
        let time_at = pos2(width - time.size().x, y + (row - time.size().y) / 2.0);
        let (who_at, words_at) = (pos2(INDENT, y), pos2(INDENT, y + row));
        dots.push(pos2(4.0, y + row / 2.0));
        y += row + words.size().y + space::SMALL;
        parts.push(Part::Words(who_at, who));
        parts.push(Part::Words(time_at, time));
        parts.push(Part::Words(words_at, words));
    }
    if let [first, .., last] = dots.as_slice() {
        let stroke = Stroke::new(1.0, palette.control_line);
        parts.push(Part::Line(*first, *last, stroke));
    }
    parts.extend(dots.into_iter().map(Part::Dot));
    let height = with_more(ui, view, story, &mut parts, y, width);
    Drawing { height, parts }
}

/// Adds the sentence about the other readers at the bottom. Returns the new height.
fn with_more(
    ui: &Ui,
    view: &View<'_>,
    story: &Story,
    parts: &mut Vec<Part>,
    top: f32,
    width: f32,
) -> f32 {
    let Some(more) = &story.more else {
        return top;
    };
    let (font, ink) = (text::small(), view.palette.text_weak);
    let galley = ui.painter().layout(more.clone(), font, ink, width);
    let height = top + space::TINY + galley.size().y;
    parts.push(Part::Words(pos2(0.0, top + space::TINY), galley));
    height
}

fn centred(painter: &Painter, job: LayoutJob, at: Pos2, align: Align2) -> Part {
    let galley = painter.layout_job(job);
    let place = align.anchor_size(at, galley.size());
    Part::Words(place.min, galley)
}

/// The server's avatar: two boxes of a rack.
fn server(painter: &Painter, palette: &Palette, center: Pos2) {
    painter.circle_filled(center, 12.0, palette.control);
    let stroke = Stroke::new(1.3, palette.text_weak);
    for y in [-3.5, 3.5] {
        let middle = center + vec2(0.0, y);
        let rect = Rect::from_center_size(middle, vec2(12.0, 5.0));
        painter.rect_stroke(rect, 1.5, stroke, egui::StrokeKind::Middle);
        painter.circle_filled(middle - vec2(3.0, 0.0), 1.0, palette.text_weak);
    }
}

fn cross(painter: &Painter, palette: &Palette, center: Pos2) {
    let stroke = Stroke::new(2.0, palette.warning_text);
    for turn in [1.0, -1.0] {
        let arm = vec2(4.5, 4.5 * turn);
        painter.line_segment([center - arm, center + arm], stroke);
    }
}

fn arrow(painter: &Painter, palette: &Palette, from: Pos2, to: Pos2) {
    let stroke = Stroke::new(1.5, palette.accent_text);
    painter.line_segment([from, to], stroke);
    let back = if to.x > from.x { -1.0 } else { 1.0 };
    let wings = [Vec2::new(8.0 * back, -4.5), Vec2::new(8.0 * back, 4.5)];
    painter.add(Shape::convex_polygon(
        vec![to, to + wings[0], to + wings[1]],
        palette.accent_text,
        Stroke::NONE,
    ));
}
