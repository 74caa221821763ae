use std::{borrow::Cow, ops::Range, sync::Arc};

use egui::{Color32, Galley, Pos2, Rangef, Rect, Ui, vec2};

use super::styled_text::{self, CODE_PAD, StyledText};
use crate::{
    engine::{Message, QuoteCheck},
    markup::{self, Quote, find_words},
    texts::time_of_day,
    theme::{Palette, text},
    ui::{
        View,
        bidi::{self, TextLayout},
        runs::{mark, one_line},
        underline,
    },
};

/// The space between the text and the sides of its bubble.
pub const PAD_X: f32 = 12.0;
/// The space above and below the text.
pub const PAD_Y: f32 = 7.0;
/// The width of the delivery icon.
pub const SIGN: f32 = 17.0;
/// Height of the author's line.
pub const AUTHOR: f32 = 19.0;
/// The height of a reply's quote, including the space below it.
pub const QUOTE: f32 = 46.0;
/// The space between the sides of a quote and its text.
const QUOTE_PAD: f32 = 10.0;

const WIDEST: f32 = 560.0;
const META_GAP: f32 = 10.0;
/// The space between the last line and the time below it.
const TIME_GAP: f32 = 5.0;

/// A message laid out: its text, and the time in the lower right corner.
#[derive(Debug)]
pub struct Bubble {
    /// The author, above the text; only in groups.
    pub author: Option<Arc<Galley>>,
    /// The quote of a reply: its author and its beginning.
    pub quote: Option<[Arc<Galley>; 2]>,
    /// The text.
    pub text: TextLayout,
    /// The vertical ranges of code blocks in the text.
    pub code: Vec<Rangef>,
    /// The rectangles of inline code in the text, one for each line.
    pub inline: Vec<Rect>,
    /// The byte ranges of links in the text.
    pub links: Vec<Range<usize>>,
    /// The time.
    pub time: Arc<Galley>,
    /// Width of the bubble.
    pub width: f32,
    /// Height of the bubble.
    pub height: f32,
    /// The background colour of code.
    pub code_ground: Color32,
    /// The colours of the background, the text and the time.
    pub colours: [Color32; 3],
}

/// The greatest width of a bubble in a timeline of this width.
pub fn widest(timeline: f32) -> f32 {
    let share = if timeline < 480.0 { 0.84 } else { 0.7 };
    (timeline * share).min(WIDEST)
}

/// Lays out a message. egui caches the layout of texts that were shown in the last frame. `names_author`: the message is
/// the first of several by its author.
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
    let code_ground = if message.is_own() {
        palette.own_code
    } else {
        palette.other_code
    };
    let inner = widest - 2.0 * PAD_X;
    let (quote, said) = markup::split_quote(message.text.as_str());
    let quote = quote.map(|quote| quoted(ui, view, message, quote, inner));
    let StyledText {
        mut job,
        links,
        blocks,
        inline,
    } = styled_text::read(said, inner, palette, message.is_own());
    let search = view.model.session.as_ref().map(|session| &session.search);
    if let Some(search) = search.filter(|search| search.is_on()) {
        let found = find_words(&job.text, &search.query);
        job = mark(job, &found, palette);
    }
    let mut text = bidi::lay_out(ui, job);
    let author = message.author.as_ref().filter(|_| names_author);
    let author = author.map(|author| {
        let ink = palette.author(author.as_str());
        let name = view.person(author.as_str());
        let job = one_line(name, text::small_strong(), ink, inner);
        bidi::galley(ui, job)
    });
    let time = time_label(view, message);
    let time = ui.painter().layout_no_wrap(time, text::tiny(), colours[2]);
    let meta = time.size().x + if message.is_own() { SIGN + 3.0 } else { 0.0 };
    let last_line = text.rows.last().map_or(0.0, |row| row.rect().right());
    // The time is beside the last line if there is room, otherwise below it.
    let beside = last_line + META_GAP + meta;
    let code = text.heights(&blocks);
    let ends_in_code = code
        .last()
        .is_some_and(|code| code.max > text.size().y - 1.0);
    // A line from right to left begins there, so it leaves no room.
    let is_beside = beside <= inner && !ends_in_code && !text.ends_rtl();
    let (width, height) = if is_beside {
        (text.size().x.max(beside), text.size().y)
    } else {
        let below = time.size().y + TIME_GAP;
        (text.size().x.max(meta), text.size().y + below)
    };
    let named = author.as_ref().map_or(0.0, |author| author.size().x);
    let quote_width = quote.as_ref().map_or(0.0, |[author, excerpt]| {
        author.size().x.max(excerpt.size().x) + 2.0 * QUOTE_PAD
    });
    let width = width.max(named).max(quote_width);
    if text.has_rtl_rows() {
        text = bidi::lay_out_within(ui, (*text.job).clone(), width);
    }
    text.galley = underline::near_letters(text.galley);
    let inline = text.pieces(&inline);
    let height =
        height + author.as_ref().map_or(0.0, |_| AUTHOR) + quote.as_ref().map_or(0.0, |_| QUOTE);
    Bubble {
        author,
        quote,
        code,
        inline,
        code_ground,
        links,
        width: (width + 2.0 * PAD_X).ceil(),
        height: (height + 2.0 * PAD_Y).ceil(),
        text,
        time,
        colours,
    }
}

/// The time, and whether the text was edited.
pub fn time_label(view: &View<'_>, message: &Message) -> String {
    let time = time_of_day(view.texts, message.at, view.zone);
    match message.edited {
        Some(_) => view.texts.fill("chat.edited", &[("time", &time)]),
        None => time,
    }
}

/// Draws the backgrounds of code: a little wider than inline code, and as wide as the bubble for blocks. `at` is the upper
/// left corner of the text.
pub fn paint_code(ui: &Ui, bubble: &Bubble, at: Pos2) {
    for piece in &bubble.inline {
        let rect = piece.translate(at.to_vec2()).expand2(vec2(CODE_PAD, -1.0));
        ui.painter().rect_filled(rect, 3, bubble.code_ground);
    }
    for block in &bubble.code {
        let right = at.x + bubble.width - 2.0 * PAD_X;
        let rect = Rect::from_x_y_ranges(at.x..=right, at.y + block.min..=at.y + block.max);
        let rect = rect.expand2(vec2(6.0, -1.0));
        ui.painter().rect_filled(rect, 6, bubble.code_ground);
    }
}

/// The two lines of a quote: its author and its beginning, or that nobody is known to have written it.
fn quoted(
    ui: &Ui,
    view: &View<'_>,
    message: &Message,
    quote: Quote<'_>,
    width: f32,
) -> [Arc<Galley>; 2] {
    let palette = view.palette;
    let (name, ink, warning) = match message.is_own() {
        true => (palette.on_own, palette.on_own_weak, palette.on_own),
        false => {
            let name = palette.author(quote.author);
            (name, palette.on_other_weak, palette.warning_text)
        }
    };
    let width = width - 2.0 * QUOTE_PAD;
    let author = view.quoted(quote.author);
    let lines = match quote_mark(view, message) {
        None => [
            (author.into(), text::small_strong(), name),
            (Cow::from(quote.excerpt), text::small(), ink),
        ],
        Some(mark) => {
            let values = [("name", author), ("quote", quote.excerpt)];
            let claimed = view.texts.fill("quote.claimed", &values);
            [
                (mark.into(), text::small_strong(), warning),
                (claimed.into(), text::small(), ink),
            ]
        }
    };
    lines.map(|(words, font, ink)| bidi::galley(ui, one_line(&words, font, ink, width)))
}

/// The first line of a quote that nobody is known to have written.
pub fn quote_mark(view: &View<'_>, message: &Message) -> Option<&'static str> {
    let session = view.model.session.as_ref()?;
    match session.quote_check(message.id)? {
        QuoteCheck::Found => None,
        QuoteCheck::NotFound => Some(view.texts.get("quote.not_found")),
        QuoteCheck::NotHere => Some(view.texts.get("quote.not_here")),
    }
}

/// Draws the quote into the upper part of a bubble's inner area. Returns its rectangle.
pub fn paint_quote(
    ui: &Ui,
    palette: &Palette,
    area: Rect,
    [author, excerpt]: &[Arc<Galley>; 2],
) -> Rect {
    let rect = Rect::from_min_size(area.min, vec2(area.width(), QUOTE - 6.0));
    ui.painter().rect_filled(rect, 6, palette.quote_tint());
    let bar = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
    ui.painter().rect_filled(bar, 2, palette.accent_text);
    let at = rect.min + vec2(QUOTE_PAD, 3.0);
    ui.painter().galley(at, author.clone(), palette.text);
    let at = at + vec2(0.0, 17.0);
    ui.painter().galley(at, excerpt.clone(), palette.text);
    rect
}
