//! Runs of text: each has one direction and is laid out by itself.

use std::{ops::Range, sync::Arc};

use egui::{
    Galley, Rangef, Ui,
    epaint::text::Row,
    text::{LayoutJob, LayoutSection, TextWrapping},
};
use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};
use unicode_bidi_mirroring::get_mirrored;
use unicode_segmentation::UnicodeSegmentation;

/// A run of a text.
#[derive(Clone, Debug)]
pub struct TextRun {
    /// Its range in the text, in bytes.
    pub bytes: Range<usize>,
    /// Its embedding level, which says its direction.
    pub level: Level,
    /// What it is made of.
    pub kind: Kind,
    /// Room before it.
    pub space: f32,
    /// Its layout by egui; `None`: it is invisible.
    pub galley: Option<Arc<Galley>>,
    /// Its characters in the order of the text.
    pub characters: Vec<Character>,
    /// Its width, without the room before it.
    pub width: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Space,
    /// Letters that are written from right to left: egui sets them so, within a word.
    Rtl,
    Other,
    /// What only says in which direction others are read.
    Control,
}

/// A character of a run.
#[derive(Clone, Debug)]
pub struct Character {
    pub chr: char,
    /// Its horizontal range, from the left of the run.
    pub x: Rangef,
    /// Which glyphs it is.
    pub glyphs: Range<usize>,
}

/// Splits a text into runs.
pub struct Shaper<'a> {
    pub ui: &'a Ui,
    pub job: &'a LayoutJob,
    pub info: &'a BidiInfo<'a>,
}

impl Shaper<'_> {
    /// The runs of a part of the text, in its order.
    pub fn atoms(&self, bytes: Range<usize>) -> Vec<TextRun> {
        let mut atoms = Vec::new();
        let mut begun: Option<(Range<usize>, Level, Kind, usize)> = None;
        let mut section = self.section_at(bytes.start);
        for (at, sign) in self.job.text[bytes.clone()].grapheme_indices(true) {
            let at = bytes.start + at;
            while self
                .job
                .sections
                .get(section + 1)
                .is_some_and(|next| next.byte_range.start.0 <= at)
            {
                section += 1;
            }
            let (level, kind) = (self.info.levels[at], kind_of(sign));
            // Signs that letters of the other direction turn around are set one by one.
            let is_run = level.is_ltr() || kind == Kind::Rtl;
            if let Some((range, ..)) = begun
                .as_mut()
                .filter(|(_, was, same, of)| is_run && (*was, *same, *of) == (level, kind, section))
            {
                range.end = at + sign.len();
                continue;
            }
            let next = (at..at + sign.len(), level, kind, section);
            if let Some((range, level, kind, section)) = begun.replace(next) {
                atoms.push(self.atom(range, level, kind, section));
            }
        }
        if let Some((range, level, kind, section)) = begun {
            atoms.push(self.atom(range, level, kind, section));
        }
        atoms
    }

    /// A part of a run, laid out anew.
    pub fn part(&self, atom: &TextRun, bytes: Range<usize>) -> TextRun {
        let section = self.section_at(bytes.start);
        self.atom(bytes, atom.level, atom.kind, section)
    }

    /// The sign that stands for what is left out, at the end of a line.
    pub fn left_out(&self, at: usize, level: Level) -> TextRun {
        let sign = self.job.wrap.overflow_character.unwrap_or('…');
        let section = self.section_at(at);
        let mut atom = self.set(sign.to_string(), level, Kind::Other, section);
        atom.bytes = at..at;
        atom
    }

    fn section_at(&self, at: usize) -> usize {
        let sections = &self.job.sections;
        let after = sections.partition_point(|section| section.byte_range.start.0 <= at);
        after.saturating_sub(1)
    }

    fn atom(&self, bytes: Range<usize>, level: Level, kind: Kind, section: usize) -> TextRun {
        let text = &self.job.text[bytes.clone()];
        let shown = match level.is_rtl() && kind == Kind::Other {
            // Brackets open to the other side there.
            true => text.chars().map(|c| get_mirrored(c).unwrap_or(c)).collect(),
            false => text.to_owned(),
        };
        let mut atom = self.set(shown, level, kind, section);
        for (character, chr) in atom.characters.iter_mut().zip(text.chars()) {
            character.chr = chr;
        }
        let is_first = self.job.sections[section].byte_range.start.0 == bytes.start;
        atom.space = if is_first {
            self.job.sections[section].leading_space
        } else {
            0.0
        };
        atom.bytes = bytes;
        atom
    }

    fn set(&self, text: String, level: Level, kind: Kind, section: usize) -> TextRun {
        let galley = (kind != Kind::Control).then(|| {
            let section = LayoutSection {
                leading_space: 0.0,
                byte_range: 0.into()..text.len().into(),
                format: self.job.sections[section].format.clone(),
            };
            self.ui.painter().layout_job(LayoutJob {
                text: text.clone(),
                sections: vec![section],
                wrap: TextWrapping::no_max_width(),
                break_on_newline: false,
                round_output_to_gui: false,
                ..LayoutJob::default()
            })
        });
        let row = galley.as_ref().and_then(|galley| galley.rows.first());
        let characters = match row {
            Some(row) => characters(&text, row, kind == Kind::Rtl),
            None => text.chars().map(nothing).collect(),
        };
        TextRun {
            bytes: 0..text.len(),
            level,
            kind,
            space: 0.0,
            width: row.map_or(0.0, |row| row.size.x),
            characters,
            galley,
        }
    }
}

fn kind_of(sign: &str) -> Kind {
    let class = sign.chars().next().map_or(BidiClass::ON, bidi_class);
    match class {
        BidiClass::R | BidiClass::AL if sign.chars().any(|c| !is_mark_of_direction(c)) => Kind::Rtl,
        BidiClass::WS | BidiClass::S | BidiClass::B => Kind::Space,
        _ if sign.chars().all(is_mark_of_direction) => Kind::Control,
        _ => Kind::Other,
    }
}

fn is_mark_of_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Which glyphs the characters of a text are, and where: egui tells only which character a group of
/// glyphs begins with, and for letters from right to left even fewer things.
fn characters(text: &str, row: &Row, is_rtl: bool) -> Vec<Character> {
    let signs: Vec<&str> = text.graphemes(true).collect();
    let count = row.glyphs.len();
    // What stands for characters that have no glyph of their own.
    let is_glyph = |at: &usize| {
        let glyph = &row.glyphs[*at];
        glyph.advance_width > 0.0 || !glyph.uv_rect.is_nothing()
    };
    let inner: Box<dyn Iterator<Item = usize>> = match is_rtl {
        true => Box::new((0..count).rev()),
        false => Box::new(0..count),
    };
    // Each group of glyphs, with the first sign it is for; several signs may be one glyph.
    let mut groups: Vec<(usize, Range<usize>)> = Vec::new();
    let mut next = 0;
    for at in inner.filter(is_glyph) {
        let glyph = &row.glyphs[at];
        let ahead = signs
            .iter()
            .skip(next)
            .take(LIGATURE)
            .position(|sign| sign.starts_with(glyph.chr));
        let begins = (glyph.advance_width > 0.0).then_some(ahead).flatten();
        match (begins, groups.last_mut()) {
            (Some(ahead), Some(_)) => {
                next += ahead;
                groups.push((next, at..at + 1));
                next += 1;
            }
            (_, None) => {
                groups.push((0, at..at + 1));
                next = begins.unwrap_or_default() + 1;
            }
            (None, Some((_, glyphs))) => {
                *glyphs = glyphs.start.min(at)..glyphs.end.max(at + 1);
            }
        }
    }
    let mut characters = Vec::new();
    for (at, (first, glyphs)) in groups.iter().enumerate() {
        let end = groups.get(at + 1).map_or(signs.len(), |(next, _)| *next);
        let seen = row.glyphs[glyphs.clone()]
            .iter()
            .filter(|glyph| glyph.advance_width > 0.0);
        let mut x = seen.fold(Rangef::NOTHING, |x, glyph| {
            Rangef::new(x.min.min(glyph.pos.x), x.max.max(glyph.max_x()))
        });
        if x.min > x.max {
            x = Rangef::point(row.glyphs[glyphs.start].pos.x);
        }
        let share = x.span() / (end - first).max(1) as f32;
        for (nth, sign) in signs[*first..end].iter().enumerate() {
            let nth = nth as f32;
            let part = match is_rtl {
                true => Rangef::new(x.max - (nth + 1.0) * share, x.max - nth * share),
                false => Rangef::new(x.min + nth * share, x.min + (nth + 1.0) * share),
            };
            let behind = Rangef::point(if is_rtl { part.min } else { part.max });
            for (mark, chr) in sign.chars().enumerate() {
                let is_first = mark == 0;
                let has_glyphs = is_first && nth == 0.0;
                characters.push(Character {
                    chr,
                    x: if is_first { part } else { behind },
                    glyphs: if has_glyphs { glyphs.clone() } else { 0..0 },
                });
            }
        }
    }
    if groups.is_empty() {
        characters.extend(text.chars().map(nothing));
    }
    characters
}

/// So many signs become one glyph at most, as `لا` does.
const LIGATURE: usize = 4;

fn nothing(chr: char) -> Character {
    Character {
        chr,
        x: Rangef::point(0.0),
        glyphs: 0..0,
    }
}
