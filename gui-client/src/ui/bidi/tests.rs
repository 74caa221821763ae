use std::slice::from_ref;

use egui::{
    Color32, Context, Pos2, Ui,
    text::{LayoutJob, TextFormat},
    vec2,
};
use proptest::prelude::*;

use super::*;
use crate::{linear_time, texts::isolate, theme, ui::runs};

const HELLO: &str = "שלום עולם טוב";

/// Does something with the fonts of the app.
fn with_ui<R>(mut ask: impl FnMut(&mut Ui) -> R) -> R {
    let ctx = Context::default();
    theme::install(&ctx);
    let mut answer = None;
    let output = ctx.run_ui(egui::RawInput::default(), |ui| answer = Some(ask(ui)));
    output.drop_without_applying_deltas();
    answer.unwrap()
}

fn job(words: &str, width: f32) -> LayoutJob {
    LayoutJob::simple(words.into(), text::body(), Color32::PLACEHOLDER, width)
}

fn laid(words: &str, width: f32) -> TextLayout {
    with_ui(|ui| lay_out(ui, job(words, width)))
}

/// Where each character is seen, and in which row.
fn seen(laid: &TextLayout) -> Vec<(usize, Rangef)> {
    let rows = laid.seen.as_ref().unwrap().iter().enumerate();
    rows.flat_map(|(at, row)| row.characters.iter().map(move |seen| (at, seen.x)))
        .collect()
}

/// The middle of the first character of these words, on one line.
fn middle_of(words: &str, within: &str) -> f32 {
    let at = within.find(words).unwrap();
    let at = within[..at].chars().count();
    seen(&laid(within, f32::INFINITY))[at].1.center()
}

#[test]
fn a_sentence_begins_at_the_right_and_goes_on_to_the_left() {
    for words in [HELLO, "مرحبا بالعالم اليوم", "שלום עולם, זה טוב!"]
    {
        let laid = laid(words, f32::INFINITY);
        let seen = seen(&laid);
        assert_eq!(seen.len(), words.chars().count());
        assert!(
            (seen[0].1.max - laid.size().x).abs() < 1.5,
            "{words}: {seen:?}"
        );
        assert!(seen[seen.len() - 1].1.min.abs() < 1.5, "{words}: {seen:?}");
        for pair in seen.windows(2) {
            assert!(
                pair[0].1.center() >= pair[1].1.center() - 0.1,
                "{words}: {seen:?}"
            );
        }
    }
}

#[test]
fn sentences_of_two_directions_are_read_as_each_is() {
    let order = |words: &[&str], within: &str| {
        let at: Vec<f32> = words.iter().map(|word| middle_of(word, within)).collect();
        assert!(at.is_sorted(), "{within}: {words:?} {at:?}");
    };
    order(&["see", "עולם", "שלום", "now"], "see שלום עולם now");
    order(&["hello", "עולם", "שלום"], "שלום עולם hello");
    order(&["big", "sea", "שלום"], "שלום big sea");
    // A number keeps its order, and stands where the sentence has it.
    order(&["שקל", "1", "2", "3", "מחיר"], "מחיר 123 שקל");
    order(&["עולם", "https", "שלום"], "שלום https://a.bc עולם");
    // What closes a sentence stands at its end.
    order(&["!", "שלום"], "שלום!");
    order(&[")", "א", "("], "(א)");
    order(&["a", "!", "ב"], "ב! a");
}

#[test]
fn code_and_links_are_read_from_left_to_right_with_all_that_is_in_them() {
    with_ui(|ui| {
        let body = TextFormat::simple(text::body(), Color32::PLACEHOLDER);
        let code = TextFormat::simple(text::code(), Color32::PLACEHOLDER);
        let link = TextFormat {
            underline: egui::Stroke::new(1.0, Color32::PLACEHOLDER),
            ..body.clone()
        };
        for (format, words) in [(code, "f(1);"), (link, "http://a.bc/")] {
            let mut job = LayoutJob::default();
            job.append("שלום ", 0.0, body.clone());
            job.append(words, 0.0, format);
            job.append(" טוב", 0.0, body.clone());
            let seen = seen(&lay_out(ui, job));
            let first = seen[5].1.center();
            let last = seen[4 + words.len()].1.center();
            assert!(first < last, "{words}");
            assert!(last < seen[3].1.center(), "{words}");
        }
    });
}

#[test]
fn brackets_open_to_the_side_that_is_read_first() {
    let laid = laid("(א)", f32::INFINITY);
    assert_eq!(laid.text(), "(א)", "what is copied is what was written");
    let glyphs: Vec<char> = laid.rows[0].glyphs.iter().map(|glyph| glyph.chr).collect();
    assert_eq!(glyphs, ['(', 'א', ')']);
    // The same ink as that of the other one, elsewhere.
    let plain = with_ui(|ui| lay_out(ui, job("()", f32::INFINITY)));
    let ink = |laid: &TextLayout, at: usize| laid.rows[0].glyphs[at].uv_rect.size;
    assert_eq!(ink(&laid, 0), ink(&plain, 1));
}

#[test]
fn every_character_has_a_glyph_in_its_place_whatever_the_letters_become() {
    for words in [
        "لا إله",
        "שָׁלוֹם",
        "سلام‌ها",
        "א👩‍👩‍👧ב",
        "ab אב\nגד\n",
        "\u{2068}אב\u{2069}: c",
        "א\tב",
        "ﷺ",
    ] {
        let laid = laid(words, 60.0);
        let rows = laid.rows.iter();
        let glyphs: String = rows
            .map(|row| row.text() + if row.ends_with_newline { "\n" } else { "" })
            .collect();
        assert_eq!(glyphs, words);
        assert_eq!(laid.end().index.0, words.chars().count());
    }
}

#[test]
fn lines_are_broken_in_the_order_of_reading_and_end_at_the_right() {
    let words = HELLO.to_owned() + " " + HELLO + " " + HELLO;
    let laid = laid(&words, 100.0);
    assert!(laid.rows.len() > 2);
    let first = seen(&laid)[0];
    assert_eq!(first.0, 0, "it begins in the first line");
    for row in laid.seen.as_ref().unwrap().iter() {
        assert!((row.characters[0].x.max - laid.size().x).abs() < 1.5);
    }
    assert!(laid.size().x <= 100.0);
    // A word that is longer than a line is broken, wherever it is.
    for long in ["ש".repeat(100), format!("ש {}", "w".repeat(100))] {
        let laid = with_ui(|ui| lay_out(ui, job(&long, 100.0)));
        assert!(laid.rows.len() > 4, "{long}");
        assert!(laid.size().x <= 101.0, "{} {long}", laid.size().x);
    }
}

#[test]
fn a_line_without_room_ends_in_dots_at_its_left() {
    let line = with_ui(|ui| {
        lay_out(
            ui,
            runs::one_line(HELLO, text::body(), Color32::PLACEHOLDER, 50.0),
        )
    });
    assert!(line.elided);
    assert!(line.size().x <= 50.5, "{}", line.size().x);
    let row = &line.seen.as_ref().unwrap()[0];
    assert_eq!(line.rows[0].glyphs.last().unwrap().chr, '…');
    assert!(row.characters.last().unwrap().x.min < 1.5);
    let whole = with_ui(|ui| {
        lay_out(
            ui,
            runs::one_line(HELLO, text::body(), Color32::PLACEHOLDER, 500.0),
        )
    });
    assert!(!whole.elided);
}

#[test]
fn paragraphs_have_their_own_directions() {
    let laid = laid("hello\nשלום\n\n1", 300.0);
    let directions: Vec<bool> = laid
        .seen
        .as_ref()
        .unwrap()
        .iter()
        .map(|row| row.is_rtl)
        .collect();
    assert_eq!(directions, [false, true, false, false]);
    assert!(!laid.ends_rtl() && laid.has_rtl_rows());
}

#[test]
fn egui_finds_the_cursor_that_is_seen_under_the_pointer() {
    for words in [HELLO, "see שלום 12 now", "שלום hello עולם"] {
        let laid = laid(words, f32::INFINITY);
        let rows = laid.seen.as_ref().unwrap();
        for (at, seen) in rows[0].characters.iter().enumerate() {
            let quarter = seen.x.span() / 4.0;
            let (first, second) = match seen.is_rtl {
                true => (seen.x.max - quarter, seen.x.min + quarter),
                false => (seen.x.min + quarter, seen.x.max - quarter),
            };
            for (x, expected) in [(first, at), (second, at + 1)] {
                let there = laid.nearest(vec2(x, 5.0)).unwrap();
                let cursor = laid.cursor_from_pos(there.to_vec2());
                assert_eq!(cursor.index.0, expected, "{words} at {x}: {seen:?}");
            }
        }
    }
}

#[test]
fn the_caret_stands_before_the_next_letter_in_its_direction() {
    let laid = laid(HELLO, f32::INFINITY);
    let at = |index: usize| laid.caret(CCursor::new(index)).center().x;
    assert!((at(0) - laid.size().x).abs() < 1.5);
    assert!(
        at(13).abs() < 1.5,
        "at the end of what is written, at the left"
    );
    assert!(at(3) < at(2));
    assert!(laid.is_rtl_at(CCursor::new(3)));
}

#[test]
fn what_is_marked_is_where_it_is_seen() {
    let (words, width) = ("see שלום עולם now", f32::INFINITY);
    let laid = laid(words, width);
    // From the middle of one direction into the middle of the other: two pieces.
    let pieces = laid.pieces(from_ref(&(0..6)));
    assert_eq!(pieces.len(), 2, "{pieces:?}");
    assert!(pieces[0].left() < 1.0);
    let whole = laid.pieces(from_ref(&(0..words.chars().count())));
    assert_eq!(whole.len(), 1, "{whole:?}");
    assert!((whole[0].width() - laid.size().x).abs() < 2.0);
    let at = laid.character_at(pieces[1].center() - Pos2::ZERO);
    assert!((4..6).contains(&at.unwrap()), "{at:?}");
}

#[test]
fn code_at_the_beginning_of_a_line_has_its_ground_there() {
    with_ui(|ui| {
        let words = "some words before ";
        let before = lay_out(ui, job(words, f32::INFINITY)).size().x;
        let mut job = LayoutJob::default();
        job.wrap.max_width = before + 10.0;
        let body = TextFormat::simple(text::body(), Color32::PLACEHOLDER);
        let code = TextFormat::simple(text::code(), Color32::PLACEHOLDER);
        job.append(words, 0.0, body);
        job.append("cargo", 2.0, code);
        let laid = lay_out(ui, job);
        assert_eq!(laid.rows.len(), 2);
        let pieces = laid.pieces(from_ref(&(18..23)));
        assert_eq!(pieces.len(), 1, "{pieces:?}");
        assert_eq!(pieces[0].top(), laid.rows[1].min_y());
        assert!(pieces[0].left() < 3.0, "{pieces:?}");
        assert!((pieces[0].right() - laid.rows[1].rect().right()).abs() < 1.0);
    });
}

#[test]
fn words_of_another_direction_stay_apart_in_a_sentence() {
    assert_eq!(isolate("Ana"), "Ana");
    let sentence = format!("{} in {}", isolate("דוד כהן"), "turma");
    let at = |words: &str| middle_of(words, &sentence);
    assert!(at("כהן") < at("דוד") && at("דוד") < at("in") && at("in") < at("turma"));
}

#[test]
fn long_texts_take_time_as_their_length_does() {
    for part in [
        "ש",
        "שלום ",
        "א(",
        "(א",
        "אa",
        "א1 ",
        "א\u{5b0}",
        "לא",
        "א\n",
        "\u{2068}א",
        "א()",
    ] {
        // What the fonts have of it is there already.
        with_ui(|ui| {
            linear_time::check(part, |words| {
                drop(lines::lay_out(ui, job(words, 400.0), 0.0))
            })
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whatever_is_written_has_all_its_characters(words in "[abאבגلام0-9 .,()\n👍]{0,24}א[ab אב(\n1]{0,12}") {
        with_ui(|ui| {
            let laid = lay_out(ui, job(&words, 80.0));
            let rows = laid.rows.iter();
            let glyphs: String = rows
                .map(|row| row.text() + if row.ends_with_newline { "\n" } else { "" })
                .collect();
            assert_eq!(glyphs, words);
            for row in &laid.rows {
                let visuals = &row.visuals;
                assert!(visuals.mesh.is_valid());
                assert!(row.glyphs.is_sorted_by_key(|glyph| glyph.first_vertex));
            }
        });
    }
}
