use std::sync::Arc;

use egui::{
    Color32, Galley, Stroke, Ui,
    text::{LayoutJob, TextFormat, TextWrapping},
};

use crate::{
    engine::{Delivery, Message},
    texts::time_of_day,
    theme::text,
    ui::{View, urls::find_urls, widget::one_line},
};

/// Room between the text and the sides of its bubble.
pub const PAD_X: f32 = 12.0;
/// Room above and below the text.
pub const PAD_Y: f32 = 7.0;
/// Room for the sign of delivery.
pub const SIGN: f32 = 17.0;
/// Height of the author's line.
pub const AUTHOR: f32 = 19.0;

const WIDEST: f32 = 560.0;
const META_GAP: f32 = 10.0;

/// A message laid out: its text, and the time in the lower right corner.
#[derive(Debug)]
pub struct Bubble {
    /// Above the text, in groups: who wrote it.
    pub author: Option<Arc<Galley>>,
    /// The text.
    pub text: Arc<Galley>,
    /// The time.
    pub time: Arc<Galley>,
    /// Width of the bubble.
    pub width: f32,
    /// Height of the bubble.
    pub height: f32,
    /// Colour of the ground, the text and the time.
    pub colours: [Color32; 3],
}

/// The widest a bubble may be in a timeline of this width.
pub fn widest(timeline: f32) -> f32 {
    let share = if timeline < 480.0 { 0.84 } else { 0.7 };
    (timeline * share).min(WIDEST)
}

/// Lays a message out. egui keeps the layout of texts that were shown in the last frame.
/// `names_author`: it is the first of several that its author wrote.
pub fn lay_out(
    ui: &Ui,
    view: &View<'_>,
    message: &Message,
    names_author: bool,
    widest: f32,
) -> Bubble {
    let palette = view.palette;
    let colours = if message.is_own() {
        [palette.own, palette.on_own, palette.on_own_weak]
    } else {
        [palette.other, palette.on_other, palette.on_other_weak]
    };
    let inner = widest - 2.0 * PAD_X;
    let link = if message.is_own() {
        palette.on_own
    } else {
        palette.accent_text
    };
    let job = text_job(message.text.as_str(), inner, colours[1], link);
    let text = ui.painter().layout_job(job);
    let author = message.author.as_ref().filter(|_| names_author);
    let author = author.map(|author| {
        let ink = palette.author(author.as_str());
        let job = one_line(author.as_str(), text::small_strong(), ink, inner);
        ui.painter().layout_job(job)
    });
    let time = time_of_day(message.at, view.zone);
    let time = ui.painter().layout_no_wrap(time, text::tiny(), colours[2]);
    let meta = time.size().x + if message.is_own() { SIGN + 3.0 } else { 0.0 };
    let last_line = text.rows.last().map_or(0.0, |row| row.rect().right());
    // The time stands beside the last line where there is room, else below it.
    let beside = last_line + META_GAP + meta;
    let (width, height) = if beside <= inner {
        (text.size().x.max(beside), text.size().y)
    } else {
        (text.size().x.max(meta), text.size().y + time.size().y + 1.0)
    };
    let named = author.as_ref().map_or(0.0, |author| author.size().x);
    let width = width.max(named);
    let height = height + author.as_ref().map_or(0.0, |_| AUTHOR);
    Bubble {
        author,
        width: (width + 2.0 * PAD_X).ceil(),
        height: (height + 2.0 * PAD_Y).ceil(),
        text,
        time,
        colours,
    }
}

/// Height of the line below a message that did not, or perhaps did not, go out.
pub fn question_height(message: &Message) -> f32 {
    match message.delivery {
        Delivery::Unconfirmed | Delivery::Refused(_) => 34.0,
        _ => 0.0,
    }
}

fn text_job(message: &str, width: f32, ink: Color32, link: Color32) -> LayoutJob {
    let plain = TextFormat {
        line_height: Some(20.0),
        ..TextFormat::simple(text::body(), ink)
    };
    let linked = TextFormat {
        color: link,
        underline: Stroke::new(1.0, link),
        ..plain.clone()
    };
    let mut job = LayoutJob {
        wrap: TextWrapping::wrap_at_width(width),
        ..LayoutJob::default()
    };
    let mut from = 0;
    for url in find_urls(message) {
        job.append(&message[from..url.start], 0.0, plain.clone());
        job.append(&message[url.clone()], 0.0, linked.clone());
        from = url.end;
    }
    job.append(&message[from..], 0.0, plain);
    job
}
