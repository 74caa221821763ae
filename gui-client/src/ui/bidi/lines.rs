//! Breaking lines, and putting them into visual order.

use std::{ops::Range, sync::Arc};

use egui::{
    FontFamily, Galley, Pos2, Rangef, Rect, Stroke, Ui, Vec2,
    emath::GuiRounding,
    epaint::{
        Mesh, Vertex,
        text::{ByteIndex, Glyph, PlacedRow, Row, RowVisuals},
    },
    pos2,
    text::{LayoutJob, LayoutSection, TextWrapping},
    vec2,
};
use unicode_bidi::{BidiInfo, Level};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Seen, SeenRow, TextLayout,
    text_runs::{Character, Kind, Shaper, TextRun},
};

/// A line of a paragraph.
struct Line {
    atoms: Vec<TextRun>,
    level: Level,
    ends_with_newline: bool,
}

/// Lays a text out; right-to-left rows end at least at this width.
pub fn lay_out(ui: &Ui, job: LayoutJob, width: f32) -> TextLayout {
    let read = as_it_is_read(&job);
    let info = BidiInfo::new(&read, None);
    let setter = Shaper {
        ui,
        job: &job,
        info: &info,
    };
    let mut lines = Vec::new();
    for paragraph in &info.paragraphs {
        let text = &job.text[paragraph.range.clone()];
        let is_ended = job.break_on_newline && text.ends_with('\n');
        let end = paragraph.range.end - usize::from(is_ended);
        let atoms = setter.atoms(paragraph.range.start..end);
        break_into_lines(&setter, atoms, paragraph.level, &mut lines);
        if let Some(last) = lines.last_mut() {
            last.ends_with_newline = is_ended;
        }
    }
    if lines.last().is_none_or(|last| last.ends_with_newline) {
        lines.push(Line {
            atoms: Vec::new(),
            level: Level::ltr(),
            ends_with_newline: false,
        });
    }
    let elided = job.wrap.max_rows != usize::MAX && elide(&setter, &mut lines);
    let widest = lines.iter().map(|line| seen_width(&line.atoms));
    let width = widest.fold(width, f32::max);
    let blank = blank(ui, &job);
    let (mut rows, mut seen, mut y) = (Vec::new(), Vec::new(), 0.0);
    let scale = blank.pixels_per_point;
    for line in &lines {
        let (row, characters) = place(line, y, width, &blank);
        y = (y + row.size.y).round_to_pixels(scale);
        rows.push(row);
        seen.push(SeenRow {
            characters,
            is_rtl: line.level.is_rtl(),
        });
    }
    let bounds = rows.iter().fold(Rect::NOTHING, |bounds, row| {
        bounds | row.visuals.mesh_bounds.translate(row.pos.to_vec2())
    });
    let count = |of: fn(&Mesh) -> usize| rows.iter().map(|row| of(&row.visuals.mesh)).sum();
    let mut galley = Galley::clone(&blank);
    galley.num_vertices = count(|mesh| mesh.vertices.len());
    galley.num_indices = count(|mesh| mesh.indices.len());
    galley.rect = Rect::from_min_size(Pos2::ZERO, vec2(width, y).round_ui());
    (galley.mesh_bounds, galley.elided, galley.rows) = (bounds, elided, rows);
    galley.job = Arc::new(job.clone());
    TextLayout {
        galley: Arc::new(galley),
        seen: Some(Arc::new(seen)),
    }
}

/// The text as the bidirectional algorithm sees it: code and links are left-to-right as a whole, so
/// a bracket or slash at their end counts as a letter.
fn as_it_is_read(job: &LayoutJob) -> String {
    let mut read = String::with_capacity(job.text.len());
    for section in &job.sections {
        let is_one = section.format.font_id.family == FontFamily::Monospace
            || section.format.underline != Stroke::NONE;
        let as_letter = |c: char| match c {
            c if is_one && c.is_ascii_punctuation() => 'x',
            c => c,
        };
        let text = &job.text[section.byte_range.start.0..section.byte_range.end.0];
        read.extend(text.chars().map(as_letter));
    }
    read
}

/// A space, for what of a galley only egui can make.
fn blank(ui: &Ui, job: &LayoutJob) -> Arc<Galley> {
    let format = job.sections.first().map(|section| section.format.clone());
    let section = LayoutSection {
        leading_space: 0.0,
        byte_range: ByteIndex(0)..ByteIndex(1),
        format: format.unwrap_or_default(),
    };
    ui.painter().layout_job(LayoutJob {
        text: " ".into(),
        sections: vec![section],
        wrap: TextWrapping::no_max_width(),
        ..LayoutJob::default()
    })
}

/// Fills lines with words; a word longer than a line is broken.
fn break_into_lines(setter: &Shaper<'_>, atoms: Vec<TextRun>, level: Level, lines: &mut Vec<Line>) {
    let most = match setter.job.wrap.max_rows {
        usize::MAX => setter.job.wrap.max_width,
        _ => f32::INFINITY,
    };
    let mut line: Vec<TextRun> = Vec::new();
    let mut width = 0.0;
    let mut words = atoms.into_iter().peekable();
    let mut finish = |line: &mut Vec<TextRun>| {
        lines.push(Line {
            atoms: std::mem::take(line),
            level,
            ends_with_newline: false,
        });
    };
    while words.peek().is_some() {
        // Text between two spaces stays together; the spaces after it may hang over.
        let mut word: Vec<TextRun> = Vec::new();
        while let Some(atom) = words.next_if(|atom| atom.kind != Kind::Space) {
            word.push(atom);
        }
        let needed: f32 = word.iter().map(|atom| atom.space + atom.width).sum();
        if width + needed > most && !line.is_empty() {
            finish(&mut line);
            width = 0.0;
        }
        for atom in word {
            if width + atom.space + atom.width <= most {
                width += atom.space + atom.width;
                line.push(atom);
                continue;
            }
            for (nth, part) in parts(setter, &atom, most - width, most, line.is_empty())
                .into_iter()
                .enumerate()
            {
                if nth > 0 {
                    finish(&mut line);
                    width = 0.0;
                }
                if let Some(part) = part {
                    width += part.space + part.width;
                    line.push(part);
                }
            }
        }
        while let Some(space) = words.next_if(|atom| atom.kind == Kind::Space) {
            width += space.space + space.width;
            line.push(space);
        }
    }
    finish(&mut line);
}

/// The parts of a run that is longer than a line: the first fits in the `room` left of the line,
/// with at least one character if it `must`; the others have lines of their own.
fn parts(
    setter: &Shaper<'_>,
    atom: &TextRun,
    mut room: f32,
    most: f32,
    must: bool,
) -> Vec<Option<TextRun>> {
    let text = &setter.job.text[atom.bytes.clone()];
    let (mut ends, mut begin, mut width) = (Vec::new(), 0, atom.space);
    let mut characters = atom.characters.iter();
    for (at, sign) in text.grapheme_indices(true) {
        let sign = characters.by_ref().take(sign.chars().count());
        let sign: f32 = sign.map(|character| character.x.span()).sum();
        let may_end = at > begin || (at == 0 && !must);
        if width + sign > room && may_end {
            ends.push(at);
            (begin, width, room) = (at, 0.0, most);
        }
        width += sign;
    }
    ends.push(text.len());
    let mut begin = 0;
    let part = |end: usize| {
        let bytes = atom.bytes.start + begin..atom.bytes.start + end;
        begin = end;
        (!bytes.is_empty()).then(|| setter.part(atom, bytes))
    };
    ends.into_iter().map(part).collect()
}

/// Drops what does not fit in this many rows. True if something was dropped.
fn elide(setter: &Shaper<'_>, lines: &mut Vec<Line>) -> bool {
    let wrap = &setter.job.wrap;
    let is_short = lines.len() > wrap.max_rows;
    lines.truncate(wrap.max_rows.max(1));
    let Some(last) = lines.last_mut() else {
        return false;
    };
    if !is_short && seen_width(&last.atoms) <= wrap.max_width {
        return false;
    }
    let at = last.atoms.last().map_or(0, |atom| atom.bytes.start);
    let sign = setter.left_out(at, last.level);
    let room = wrap.max_width - sign.width;
    let mut width = 0.0;
    let mut kept = Vec::new();
    for atom in std::mem::take(&mut last.atoms) {
        if width + atom.space + atom.width <= room {
            width += atom.space + atom.width;
            kept.push(atom);
            continue;
        }
        let parts = parts(setter, &atom, room - width, f32::INFINITY, false);
        kept.extend(parts.into_iter().next().flatten());
        break;
    }
    while kept.last().is_some_and(|atom| atom.kind == Kind::Space) {
        kept.pop();
    }
    kept.push(sign);
    last.atoms = kept;
    true
}

/// The width of a line without its trailing spaces.
fn seen_width(atoms: &[TextRun]) -> f32 {
    let end = atoms.iter().rposition(|atom| atom.kind != Kind::Space);
    let seen = &atoms[..end.map_or(0, |last| last + 1)];
    seen.iter().map(|atom| atom.space + atom.width).sum()
}

/// Puts the runs of a line where they are seen.
fn place(line: &Line, y: f32, width: f32, blank: &Galley) -> (PlacedRow, Vec<Seen>) {
    let scale = blank.pixels_per_point;
    let atoms = &line.atoms;
    // Spaces at the end of a line stand at its end, whatever is before them.
    let end = atoms.iter().rposition(|atom| atom.kind != Kind::Space);
    let end = end.map_or(0, |last| last + 1);
    let levels: Vec<Level> = atoms
        .iter()
        .enumerate()
        .map(|(at, atom)| if at < end { atom.level } else { line.level })
        .collect();
    let mut left = vec![0.0; atoms.len()];
    let mut x = 0.0;
    for at in BidiInfo::reorder_visual(&levels) {
        let atom = &atoms[at];
        let (before, after) = match levels[at].is_rtl() {
            true => (0.0, atom.space),
            false => (atom.space, 0.0),
        };
        left[at] = f32::round_to_pixels(x + before, scale);
        x += before + atom.width + after;
    }
    let start = match line.level.is_rtl() {
        true => f32::round_to_pixels(width - x, scale),
        false => 0.0,
    };
    let blank_row = &blank.rows[0];
    let rows = atoms
        .iter()
        .filter_map(|atom| atom.galley.as_ref()?.rows.first());
    let tallest = rows.map(|row| row.size.y).fold(0.0, f32::max);
    let height = if tallest > 0.0 {
        tallest
    } else {
        blank_row.size.y
    };
    let mut setting = Setting::new(blank_row.glyphs[0]);
    for (atom, left) in atoms.iter().zip(&left) {
        setting.add(atom, *left, height, start);
    }
    let (glyphs, seen, visuals) = setting.finish();
    let mut row = Row::clone(&blank_row.row);
    (row.glyphs, row.visuals) = (glyphs, visuals);
    row.size = vec2(x, height);
    let row = PlacedRow {
        pos: pos2(start, y),
        row: Arc::new(row),
        ends_with_newline: line.ends_with_newline,
    };
    (row, seen)
}

/// A row under construction.
struct Setting {
    /// What stands for a character that is not seen.
    blank: Glyph,
    glyphs: Vec<Glyph>,
    seen: Vec<Seen>,
    /// The position of the next glyph for egui's cursors.
    next: f32,
    /// The glyphs to paint, in this order.
    grounds: Mesh,
    letters: Mesh,
    underlines: Mesh,
}

impl Setting {
    fn new(blank: Glyph) -> Self {
        Self {
            blank,
            glyphs: Vec::new(),
            seen: Vec::new(),
            next: 0.0,
            grounds: Mesh::default(),
            letters: Mesh::default(),
            underlines: Mesh::default(),
        }
    }

    /// Adds a run that is seen at `left` of a row that begins at `start`.
    fn add(&mut self, atom: &TextRun, left: f32, height: f32, start: f32) {
        let row = atom.galley.as_ref().and_then(|galley| galley.rows.first());
        let by = vec2(left, row.map_or(0.0, |row| height - row.size.y));
        self.next += atom.space;
        if let Some(row) = row {
            let letters = row.visuals.glyph_vertex_range.clone();
            copy(&row.visuals.mesh, 0..letters.start, by, &mut self.grounds);
            let rest = letters.end..row.visuals.mesh.vertices.len();
            copy(&row.visuals.mesh, rest, by, &mut self.underlines);
        }
        for character in &atom.characters {
            let x = Rangef::new(left + character.x.min, left + character.x.max);
            self.letter(row, character, x, by);
            self.seen.push(Seen {
                x: Rangef::new(start + x.min, start + x.max),
                is_rtl: atom.level.is_rtl(),
            });
        }
    }

    fn letter(&mut self, row: Option<&PlacedRow>, character: &Character, x: Rangef, by: Vec2) {
        let first = self.letters.vertices.len();
        let glyphs = row.and_then(|row| row.glyphs.get(character.glyphs.clone()));
        let glyphs = glyphs.unwrap_or_default();
        if let Some(row) = row {
            for glyph in glyphs.iter().filter(|glyph| !glyph.uv_rect.is_nothing()) {
                let corner = glyph.first_vertex as usize;
                let at = self.letters.vertices.len() as u32;
                self.letters.add_triangle(at, at + 1, at + 2);
                self.letters.add_triangle(at + 2, at + 1, at + 3);
                let corners = &row.visuals.mesh.vertices[corner..corner + 4];
                self.letters
                    .vertices
                    .extend(corners.iter().map(|corner| moved(corner, by)));
            }
        }
        if self.letters.vertices.len() == first {
            // A selection is told from the colour of what is selected.
            self.letters.vertices.push(Vertex {
                pos: pos2(x.min, by.y),
                ..Vertex::default()
            });
        }
        let mut glyph = match glyphs.iter().find(|glyph| !glyph.uv_rect.is_nothing()) {
            Some(glyph) => *glyph,
            None => self.blank,
        };
        glyph.pos.x = self.next;
        glyph.pos.y += by.y;
        glyph.chr = character.chr;
        glyph.advance_width = x.span();
        glyph.first_vertex = first as u32;
        self.next += x.span();
        self.glyphs.push(glyph);
    }

    fn finish(self) -> (Vec<Glyph>, Vec<Seen>, RowVisuals) {
        let mut mesh = self.grounds;
        let (grounds, begin) = (mesh.indices.len(), mesh.vertices.len());
        mesh.append(self.letters);
        let end = mesh.vertices.len();
        mesh.append(self.underlines);
        let mut glyphs = self.glyphs;
        for glyph in &mut glyphs {
            glyph.first_vertex += begin as u32;
        }
        let visuals = RowVisuals {
            mesh_bounds: mesh.calc_bounds(),
            mesh,
            glyph_index_start: grounds,
            glyph_vertex_range: begin..end,
        };
        (glyphs, self.seen, visuals)
    }
}

/// Copies the triangles of these vertices, somewhere else.
fn copy(from: &Mesh, vertices: Range<usize>, by: Vec2, to: &mut Mesh) {
    let (first, at) = (vertices.start as u32, to.vertices.len() as u32);
    let is_in = |index: &&u32| vertices.contains(&(**index as usize));
    to.indices.extend(
        from.indices
            .iter()
            .filter(is_in)
            .map(|index| index - first + at),
    );
    to.vertices.extend(
        from.vertices[vertices]
            .iter()
            .map(|vertex| moved(vertex, by)),
    );
}

fn moved(vertex: &Vertex, by: Vec2) -> Vertex {
    Vertex {
        pos: vertex.pos + by,
        ..*vertex
    }
}
