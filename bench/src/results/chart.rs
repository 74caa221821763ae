//! Draws tables as bars: a panel for each column of figures, beside the names of the rows.

use anyhow::anyhow;
use plotters::prelude::SVGBackend;
use plotters::{
    coord::Shift,
    drawing::{DrawingArea, IntoDrawingArea},
    element::Rectangle,
    style::{
        Color, IntoFont, RGBColor, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::Table;

const WIDTH: i32 = 1000;
const MARGIN: i32 = 20;
const TITLE: i32 = 18;
const TEXT: i32 = 13;
const SMALL: i32 = 11;
/// The distance between the tops of two bars.
const ROW: i32 = 22;
const BAR: i32 = 15;
/// The distance before rows of another kind.
const GAP: i32 = 10;

// A background of its own, so that it can be read in dark and light windows.
const PAPER: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(31, 35, 40);
const PALE_INK: RGBColor = RGBColor(87, 96, 106);

const SERVER: RGBColor = RGBColor(9, 105, 218);
const BARE_LOG: RGBColor = RGBColor(191, 135, 0);
const RELAY: RGBColor = RGBColor(140, 149, 159);

/// A chart.
struct Chart<'a> {
    title: &'a str,
    caption: Vec<String>,
    bars: Vec<Bars>,
    panels: Vec<&'a str>,
}

/// A row: its name, and a bar for each panel with the figure as text.
struct Bars {
    name: String,
    color: RGBColor,
    /// Whether the row belongs to the one above it.
    goes_on: bool,
    figures: Vec<(Option<f64>, String)>,
}

/// Draws all columns of a table.
///
/// # Errors
/// If drawing fails.
pub fn of_table(table: &Table) -> anyhow::Result<String> {
    let figures = |row| {
        let columns = 0..table.columns.len();
        columns.map(|column| table.figure(row, column)).collect()
    };
    Chart::new(table, table.taken.clone(), figures).draw()
}

/// Draws one figure for people in a hurry: messages per second, with everything on the disk.
///
/// # Errors
/// If drawing fails.
pub fn of_rates(push: &Table) -> anyhow::Result<String> {
    let mut table = push.clone();
    table.title = "Messages delivered per second".into();
    table.columns.truncate(1);
    for row in &mut table.rows {
        row.words = summary(&row.words).unwrap_or_default();
    }
    let figures = |row| {
        let ratio = table.ratio(row, 0);
        let ratio = ratio.map(|ratio| format!(" ({ratio:.2} of the bare log)"));
        vec![table.figure(row, 0) + &ratio.unwrap_or_default()]
    };
    let caption = format!("{}. {}", push.title, push.taken);
    Chart::new(&table, caption, figures).draw()
}

/// The name of a row in that chart; `None` for rows that are left out.
fn summary(words: &[String]) -> Option<Vec<String>> {
    let [server, text, clients] = words else {
        return None;
    };
    let server = match server.split_once(", ")? {
        ("relay", _) => "relay (stores nothing)",
        ("bare log", "sync") => "bare log (only stores)",
        ("server", "sync") => "MeuMensageiro",
        _ => return None,
    };
    let clients = match clients.as_str() {
        "-" => None,
        "say `read`" => Some("with read marks"),
        _ => return None,
    };
    let words = [Some(server), Some(text.as_str()), clients];
    Some(words.into_iter().flatten().map(str::to_owned).collect())
}

impl<'a> Chart<'a> {
    /// All rows that have names, with their figures as text.
    fn new(table: &'a Table, caption: String, figures: impl Fn(usize) -> Vec<String>) -> Self {
        let mut group = None;
        let mut bars = Vec::new();
        let rows = table.rows.iter().enumerate();
        for (at, row) in rows.filter(|(_, row)| !row.words.is_empty()) {
            let words: Vec<_> = row.words.iter().filter(|word| *word != "-").collect();
            let words: Vec<_> = words.iter().map(|word| word.replace('`', "")).collect();
            bars.push(Bars {
                name: words.join(", "),
                color: color(&row.words[0]),
                goes_on: group == row.words.get(1),
                figures: row.figures.iter().copied().zip(figures(at)).collect(),
            });
            group = row.words.get(1);
        }
        let names = table.columns.iter();
        Self {
            title: &table.title,
            caption: wrapped(&format!("{caption}.")),
            bars,
            panels: names.map(|column| column.name.as_str()).collect(),
        }
    }

    fn draw(&self) -> anyhow::Result<String> {
        let gaps = self
            .bars
            .iter()
            .skip(1)
            .filter(|bars| !bars.goes_on)
            .count() as i32;
        let head = MARGIN + TITLE + 2 * ROW;
        let body = self.bars.len() as i32 * ROW + gaps * GAP;
        let height = head + body + GAP + self.caption.len() as i32 * (SMALL + 5) + MARGIN;
        let mut svg = String::new();
        let size = (WIDTH as u32, height as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        self.draw_on(&area, head)
            .and_then(|()| area.present())
            .map_err(|error| anyhow!("cannot draw {}: {error}", self.title))?;
        drop(area);
        Ok(svg)
    }

    fn draw_on(&self, area: &Area<'_>, head: i32) -> Drawn<'_> {
        area.fill(&PAPER)?;
        let title = style(TITLE, &INK, HPos::Left);
        area.draw_text(self.title, &title, (MARGIN, MARGIN + TITLE / 2))?;
        let longest = self.bars.iter().map(|bars| bars.name.chars().count()).max();
        let left = MARGIN + width(longest.unwrap_or(0), TEXT) + GAP;
        let panel = (WIDTH - MARGIN - left) / self.panels.len().max(1) as i32;
        for (number, name) in self.panels.iter().enumerate() {
            let place = (left + number as i32 * panel, head - ROW / 2);
            area.draw_text(name, &style(TEXT, &PALE_INK, HPos::Left), place)?;
        }
        let mut top = head;
        for (at, bars) in self.bars.iter().enumerate() {
            top += if at > 0 && !bars.goes_on { GAP } else { 0 };
            let middle = top + BAR / 2;
            let name = style(TEXT, &INK, HPos::Right);
            area.draw_text(&bars.name, &name, (left - GAP, middle))?;
            for (number, (figure, text)) in bars.figures.iter().enumerate() {
                let start = left + number as i32 * panel;
                let room = panel - GAP - self.text_width(number);
                let part = figure.map_or(0.0, |figure| figure / self.most(number));
                let end = start + (part * f64::from(room.max(1))).round() as i32;
                let bar = Rectangle::new([(start, top), (end, top + BAR)], bars.color.filled());
                area.draw(&bar)?;
                area.draw_text(text, &style(TEXT, &INK, HPos::Left), (end + 5, middle))?;
            }
            top += ROW;
        }
        for (number, line) in self.caption.iter().enumerate() {
            let y = top + GAP + number as i32 * (SMALL + 5) + SMALL / 2;
            area.draw_text(line, &style(SMALL, &PALE_INK, HPos::Left), (MARGIN, y))?;
        }
        Ok(())
    }

    /// The width of a panel's longest figure.
    fn text_width(&self, panel: usize) -> i32 {
        let lengths = self
            .bars
            .iter()
            .map(|bars| bars.figures[panel].1.chars().count());
        width(lengths.max().unwrap_or(0), TEXT)
    }

    /// The largest figure of a panel.
    fn most(&self, panel: usize) -> f64 {
        let figures = self.bars.iter().filter_map(|bars| bars.figures[panel].0);
        figures.fold(f64::MIN_POSITIVE, f64::max)
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), plotters::drawing::DrawingAreaErrorKind<std::io::Error>>;

fn style(size: i32, color: &'static RGBColor, side: HPos) -> TextStyle<'static> {
    let font = ("sans-serif", size).into_font();
    TextStyle::from(font)
        .color(color)
        .pos(Pos::new(side, VPos::Center))
}

/// The approximate width of this many letters.
fn width(letters: usize, size: i32) -> i32 {
    letters as i32 * size * 11 / 20
}

fn color(server: &str) -> RGBColor {
    match server {
        relay if relay.starts_with("relay") => RELAY,
        bare_log if bare_log.starts_with("bare log") => BARE_LOG,
        _ => SERVER,
    }
}

/// Splits a text between words into lines that fit.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.len() - 1;
        let length = lines[line].chars().count() + word.chars().count() + 1;
        if width(length, SMALL) > WIDTH - 2 * MARGIN {
            lines.push(word.into());
        } else {
            let space = if lines[line].is_empty() { "" } else { " " };
            lines[line].push_str(&format!("{space}{word}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::tests::sample;

    #[test]
    fn every_row_has_its_name_and_its_figures_with_units() {
        let svg = of_table(&sample()).unwrap();
        let texts = [
            "Push",
            "bare log, sync, 64 B",
            "messages/s",
            "300,000",
            "1.5 µs",
        ];
        for text in texts.into_iter().chain(["on a machine"]) {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
    }

    #[test]
    fn half_as_much_is_half_as_long() {
        let svg = of_rates(&sample()).unwrap();
        assert!(svg.contains("MeuMensageiro, 64 B"), "{svg}");
        assert!(svg.contains("300,000 (0.50 of the bare log)"), "{svg}");
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains("<rect") && !line.contains("#FFFFFF"))
            .filter_map(|line| {
                line.split(" width=\"")
                    .nth(1)?
                    .split('"')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect();
        assert_eq!(widths.len(), 2, "{svg}");
        assert!((widths[0] - 2.0 * widths[1]).abs() <= 2.0, "{widths:?}");
    }

    #[test]
    fn a_long_caption_is_cut_between_words() {
        let words = "word ".repeat(100);
        let lines = wrapped(words.trim());
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), words.trim());
    }
}
