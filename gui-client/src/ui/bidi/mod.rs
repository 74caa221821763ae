//! Bidirectional text. egui lays everything out from left to right; this module orders text by the
//! Unicode Bidirectional Algorithm, so that Hebrew, Arabic and others are read correctly, alone or
//! among other scripts.
//!
//! A [`TextLayout`] is painted in visual order. Its glyphs are stored in the order of the text,
//! which egui's cursors, selections and copying use.

mod hit_testing;
mod lines;
mod text_field;
mod text_runs;

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    ops::{Deref, Range},
    sync::Arc,
};

use egui::{
    Align, Color32, FontSelection, Galley, Plugin, Pos2, Rangef, Rect, Response, RichText, Ui,
    Vec2, WidgetText,
    epaint::text::PlacedRow,
    pos2,
    text::{CCursor, LayoutJob, TextWrapping},
};
pub use text_field::Edited;

use crate::{texts::has_rtl, theme::text};

/// A laid out text.
#[derive(Clone, Debug)]
pub struct TextLayout {
    /// What egui paints.
    pub galley: Arc<Galley>,
    /// Where its characters are seen; `None`: where the glyphs stand.
    seen: Option<Arc<Vec<SeenRow>>>,
}

/// Where the characters of a row are seen.
#[derive(Debug)]
struct SeenRow {
    /// For each character, in the order of the text: its horizontal range in the galley.
    characters: Vec<Seen>,
    /// Whether its paragraph is right-to-left.
    is_rtl: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    x: Rangef,
    is_rtl: bool,
}

/// Lays a text out. Right-to-left rows are aligned to the right of the widest row.
pub fn lay_out(ui: &Ui, job: LayoutJob) -> TextLayout {
    lay_out_within(ui, job, 0.0)
}

/// The same; right-to-left rows end at least at this width.
pub fn lay_out_within(ui: &Ui, job: LayoutJob, width: f32) -> TextLayout {
    if !has_rtl(&job.text) {
        let galley = ui.painter().layout_job(job);
        return TextLayout { galley, seen: None };
    }
    let kept = ui.ctx().plugin_or_default::<LayoutCache>();
    let mut hasher = DefaultHasher::new();
    (&job, width.to_bits()).hash(&mut hasher);
    let key = hasher.finish();
    let fonts = ui
        .painter()
        .layout_no_wrap(" ".into(), text::body(), Color32::PLACEHOLDER);
    if let Some(laid) = kept.lock().find(key, fonts) {
        return laid;
    }
    let laid = lines::lay_out(ui, job, width);
    kept.lock().insert(key, &laid);
    laid
}

/// Like [`lay_out`], for text without interaction.
pub fn galley(ui: &Ui, job: LayoutJob) -> Arc<Galley> {
    lay_out(ui, job).galley
}

/// A wrapped sentence of the app that may contain names.
pub fn label(ui: &mut Ui, words: RichText) -> Response {
    if !has_rtl(words.text()) {
        return ui.label(words);
    }
    let (font, align) = (FontSelection::Default, Align::Center);
    let job = WidgetText::from(words).into_layout_job(ui.style(), font, align);
    let mut job = LayoutJob::clone(&job);
    job.wrap = TextWrapping::wrap_at_width(ui.available_width());
    let galley = galley(ui, job);
    ui.label(galley)
}

impl Deref for TextLayout {
    type Target = Galley;

    fn deref(&self) -> &Galley {
        &self.galley
    }
}

impl TextLayout {
    /// Whether the paragraph of the last row is right-to-left.
    pub fn ends_rtl(&self) -> bool {
        let rows = self.seen.as_deref();
        rows.and_then(|rows| rows.last())
            .is_some_and(|row| row.is_rtl)
    }

    /// Whether any paragraph is.
    pub fn has_rtl_rows(&self) -> bool {
        let rows = self.seen.as_deref();
        rows.is_some_and(|rows| rows.iter().any(|row| row.is_rtl))
    }

    /// The rectangles of these character ranges, which are in order and disjoint: one for each
    /// visible piece, as high as its line.
    pub fn pieces(&self, runs: &[Range<usize>]) -> Vec<Rect> {
        let mut pieces = Vec::new();
        self.each_row(runs, |_, at, row, columns| {
            let glyphs = row.glyphs.get(columns.clone()).unwrap_or_default();
            // The space at which a line was broken is not seen.
            let seen = glyphs.iter().rposition(|glyph| !glyph.chr.is_whitespace());
            let end = seen.map_or(columns.end, |last| columns.start + last + 1);
            let mut seen: Vec<Rangef> = (columns.start..end)
                .filter_map(|column| self.seen_at(at, row, column))
                .map(|seen| seen.x)
                .collect();
            seen.sort_by(|one, next| one.min.total_cmp(&next.min));
            let mut joined: Vec<Rangef> = Vec::new();
            for x in seen {
                match joined.last_mut().filter(|last| x.min <= last.max + 1.0) {
                    Some(last) => last.max = last.max.max(x.max),
                    None => joined.push(x),
                }
            }
            let y = row.rect().y_range();
            pieces.extend(joined.into_iter().map(|x| Rect::from_x_y_ranges(x, y)));
        });
        pieces
    }

    /// The vertical range of each of these character ranges, which are in order and disjoint.
    pub fn heights(&self, runs: &[Range<usize>]) -> Vec<Rangef> {
        let mut heights = vec![Rangef::NOTHING; runs.len()];
        self.each_row(runs, |run, _, row, _| {
            let height = &mut heights[run];
            *height = Rangef::new(height.min.min(row.min_y()), height.max.max(row.max_y()));
        });
        heights.retain(|height| height.min <= height.max);
        heights
    }

    /// Which character is seen there.
    pub fn character_at(&self, pos: Vec2) -> Option<usize> {
        let mut first = 0;
        for (at, row) in self.rows.iter().enumerate() {
            if row.rect().y_range().contains(pos.y) {
                let mut columns = 0..row.glyphs.len();
                let column = columns.find(|&column| {
                    let seen = self.seen_at(at, row, column);
                    seen.is_some_and(|seen| seen.x.span() > 0.0 && seen.x.contains(pos.x))
                })?;
                return Some(first + column);
            }
            first += row.char_count_including_newline().0;
        }
        None
    }

    /// The rectangle of the caret at a cursor.
    pub fn caret(&self, cursor: CCursor) -> Rect {
        let place = self.layout_from_cursor(cursor);
        let Some((row, seen)) = self
            .rows
            .get(place.row)
            .zip(self.seen.as_ref().and_then(|seen| seen.get(place.row)))
        else {
            return self.pos_from_cursor(cursor);
        };
        let x = match (seen.characters.get(place.column.0), seen.characters.last()) {
            (Some(next), _) if next.is_rtl => next.x.max,
            (Some(next), _) => next.x.min,
            (None, Some(last)) if last.is_rtl => last.x.min,
            (None, Some(last)) => last.x.max,
            (None, None) => row.pos.x,
        };
        Rect::from_min_max(pos2(x, row.min_y()), pos2(x, row.max_y()))
    }

    /// Whether the left and right keys are swapped at this cursor.
    pub fn is_rtl_at(&self, cursor: CCursor) -> bool {
        let row = self.layout_from_cursor(cursor).row;
        let seen = self.seen.as_ref().and_then(|seen| seen.get(row));
        seen.is_some_and(|row| row.is_rtl)
    }

    fn seen_at(&self, at: usize, row: &PlacedRow, column: usize) -> Option<Seen> {
        match &self.seen {
            Some(rows) => rows.get(at)?.characters.get(column).copied(),
            None => row.glyphs.get(column).map(|glyph| Seen {
                x: Rangef::new(row.pos.x + glyph.pos.x, row.pos.x + glyph.max_x()),
                is_rtl: false,
            }),
        }
    }

    /// Calls `tell` for each row with the parts of these character ranges in it, which are in order
    /// and disjoint, and their columns.
    fn each_row(
        &self,
        runs: &[Range<usize>],
        mut tell: impl FnMut(usize, usize, &PlacedRow, Range<usize>),
    ) {
        let (mut run, mut first) = (0, 0);
        for (at, row) in self.rows.iter().enumerate() {
            let end = first + row.glyphs.len();
            let next = first + row.char_count_including_newline().0;
            while let Some(characters) = runs.get(run) {
                let (from, to) = (characters.start.max(first), characters.end.min(end));
                // An empty line in the middle of a run is part of it.
                let is_line = from == to && from < next && from < characters.end;
                if from < to || is_line {
                    tell(run, at, row, from - first..to - first);
                }
                if characters.end > next {
                    break;
                }
                run += 1;
            }
            first = next;
        }
    }

    /// The cursor nearest to a position: its row, its column, and where egui would look for it.
    /// `None`: it is where it is seen.
    fn nearest(&self, pos: Vec2) -> Option<Pos2> {
        let seen = self.seen.as_ref()?;
        let row = self.rows.iter().position(|row| pos.y <= row.max_y());
        let row = row.unwrap_or(self.rows.len().checked_sub(1)?);
        let characters = &seen.get(row)?.characters;
        let distance = |seen: &Seen| (seen.x.min - pos.x).max(pos.x - seen.x.max).max(0.0);
        let shown = characters
            .iter()
            .enumerate()
            .filter(|(_, seen)| seen.x.span() > 0.0);
        let nearest =
            shown.min_by(|(_, one), (_, other)| distance(one).total_cmp(&distance(other)));
        let column = nearest.map_or(0, |(at, seen)| {
            let is_behind = (pos.x > seen.x.center()) != seen.is_rtl;
            if !is_behind {
                return at;
            }
            // Marks on a letter are not parted from it.
            let rest = &characters[at + 1..];
            let marks = rest.iter().take_while(|seen| seen.x.span() == 0.0).count();
            at + 1 + marks
        });
        let row = &self.rows[row];
        Some(pos2(row.pos.x + row.x_offset(column.into()), pos.y))
    }
}

/// What was laid out in this frame and in the one before.
#[derive(Default)]
struct LayoutCache {
    laid: HashMap<u64, (u64, TextLayout)>,
    /// Something egui lays out anew whenever what was laid out before is of no use any more.
    fonts: Option<Arc<Galley>>,
    frame: u64,
}

impl LayoutCache {
    fn find(&mut self, key: u64, fonts: Arc<Galley>) -> Option<TextLayout> {
        if !self
            .fonts
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &fonts))
        {
            self.laid.clear();
            self.fonts = Some(fonts);
        }
        let (frame, laid) = self.laid.get_mut(&key)?;
        *frame = self.frame;
        Some(laid.clone())
    }

    fn insert(&mut self, key: u64, laid: &TextLayout) {
        self.laid.insert(key, (self.frame, laid.clone()));
    }
}

impl Plugin for LayoutCache {
    fn debug_name(&self) -> &'static str {
        "texts in reading order"
    }

    fn on_end_pass(&mut self, _: &mut Ui) {
        let frame = self.frame;
        self.laid.retain(|_, (used, _)| *used == frame);
        self.frame += 1;
    }
}

#[cfg(test)]
mod tests;
