//! How long the window takes for a frame, up to and with the triangles that a graphics card would
//! draw: scrolling and jumping in 1,000,000 messages, typing, pasting a book, messages that arrive, and a list of
//! 5,000 conversations. No display, no server. Prints a table.
//!
//! `cargo bench -p mensageiro --bench frames`
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    reason = "a measurement that fails may panic; it shares its window with the tests"
)]

#[path = "../tests/ui/desk.rs"]
mod desk;
#[path = "../tests/ui/million.rs"]
mod million;

use std::time::{Duration, Instant};

use eframe::App;
use egui::{
    Context, Event as Input, Modifiers, MouseWheelUnit, PointerButton, Pos2, RawInput, Rect, Vec2,
};
use egui_kittest::kittest::Queryable;
use mensageiro::{
    engine::{Event, MessageId, Peer},
    model::{Action, MOST_TYPED},
};

use desk::{Desk, conversation, received};
use million::{MILLION, page};

/// Frames for each row of the table.
const FRAMES: usize = 2_000;

/// Windows that are measured, in points: a usual one, a 4K screen at 200 %, and one at 100 %.
const SIZES: [(f32, f32); 3] = [(1000.0, 700.0), (1920.0, 1080.0), (3840.0, 2160.0)];

/// A window that is drawn by hand, frame by frame.
struct Screen {
    desk: Desk,
    ctx: Context,
    frame: eframe::Frame,
    size: Vec2,
    now: f64,
}

fn main() {
    println!("| window | what | p50 | p99 | worst |");
    println!("|---|---|---|---|---|");
    for (width, height) in SIZES {
        let size = Vec2::new(width, height);
        let mut screen = Screen::on_a_million(size);
        let (wheel, over) = (wheel(40.0), pointer(width * 0.7, height * 0.5));
        screen.draw(vec![over]);
        screen.measure("scrolling in 1,000,000 messages", |_| vec![wheel.clone()]);
        screen.measure_jumps();
        screen.measure_typing();
        screen.measure_pasting();
        Screen::on_a_million(size).measure_arrivals();
        Screen::with_many_conversations(size).measure_list();
    }
}

impl Screen {
    fn new(mut desk: Desk, size: Vec2) -> Self {
        desk.harness.set_size(size);
        desk.harness.run();
        let ctx = desk.harness.ctx.clone();
        // Only who listens to a screen reader has what it reads made.
        ctx.disable_accesskit();
        let frame = eframe::Frame::_new_kittest();
        let mut screen = Self {
            desk,
            ctx,
            frame,
            size,
            now: 1000.0,
        };
        for _ in 0..10 {
            screen.draw(vec![]);
        }
        screen
    }

    fn on_a_million(size: Vec2) -> Self {
        let mut desk = Desk::signed_in(vec![conversation("bob", MILLION - 1, 0)]);
        desk.click("bob");
        Self::new(desk, size)
    }

    fn with_many_conversations(size: Vec2) -> Self {
        let rows = (0..5_000).map(|number| {
            let name = format!("user{number:04}");
            conversation(&name, 10_000 - number, (number % 7) as usize)
        });
        Self::new(Desk::signed_in(rows.collect()), size)
    }

    /// Draws one frame; what it asked for is there with the next one.
    fn draw(&mut self, events: Vec<Input>) -> Duration {
        for command in self.desk.asked() {
            if let Some(answer) = page(&command) {
                self.desk.say(answer);
            }
        }
        self.now += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            time: Some(self.now),
            focused: true,
            events,
            ..RawInput::default()
        };
        let app = self.desk.harness.state_mut();
        let begun = Instant::now();
        let output = self.ctx.run_ui(input, |ui| {
            let ctx = ui.ctx().clone();
            app.logic(&ctx, &mut self.frame);
            app.ui(ui, &mut self.frame);
        });
        let triangles = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let took = begun.elapsed();
        drop(triangles);
        took
    }

    fn measure(&mut self, what: &str, mut input: impl FnMut(usize) -> Vec<Input>) {
        let frames = (0..FRAMES).map(|number| self.draw(input(number)));
        let frames = frames.collect();
        tell(self.size, what, frames);
    }

    /// From asking for a message anywhere to the frame that shows it.
    fn measure_jumps(&mut self) {
        let mut id = 7;
        let mut frames = Vec::new();
        for _ in 0..FRAMES / 4 {
            id = (id * 48_271 + 11) % MILLION;
            let ctx = self.ctx.clone();
            let begun = Instant::now();
            let app = self.desk.harness.state_mut();
            app.act(&ctx, Action::JumpTo(received(id)));
            let mut took = begun.elapsed();
            let mut drawn = 0;
            while !self.shows(id) {
                drawn += 1;
                assert!(drawn < 20, "message {id} is not shown");
                let frame = self.draw(vec![]);
                took = took.max(frame);
            }
            frames.push(took);
        }
        let what = "jumping to any of 1,000,000 messages, the longest frame of each";
        tell(self.size, what, frames);
    }

    /// From a key to the frame that has changed by it.
    fn measure_typing(&mut self) {
        let compose = self.desk.harness.get_by_label("Message").rect().center();
        for pressed in [true, false] {
            self.draw(vec![
                Input::PointerMoved(compose),
                Input::PointerButton {
                    pos: compose,
                    button: PointerButton::Primary,
                    pressed,
                    modifiers: Modifiers::NONE,
                },
            ]);
        }
        let before = self.desk.session().draft().len();
        let frames = (0..1_000)
            .map(|_| self.draw(vec![Input::Text("a".into())]))
            .collect();
        let after = self.desk.session().draft().len();
        assert!(after >= before + 900, "{before} {after}: it was not typed");
        tell(self.size, "typing: from a key to its frame", frames);
    }

    /// From pasting 16 MB into the composer to the frame that shows their beginning; and the memory that is kept.
    fn measure_pasting(&mut self) {
        let before = memory();
        let frames = (0..20)
            .map(|_| {
                let app = self.desk.harness.state_mut();
                app.act(&self.ctx, Action::Write(String::new()));
                self.draw(vec![]);
                let took = self.draw(vec![Input::Paste("é".repeat(8_000_000))]);
                assert_eq!(self.desk.session().draft().len(), MOST_TYPED);
                took.max(self.draw(vec![]))
            })
            .collect();
        tell(
            self.size,
            "pasting 16 MB, the longest frame of each",
            frames,
        );
        if let Some((before, after)) = before.zip(memory()) {
            let more = (after - before) / 1024.0;
            let size = self.size;
            let what = "memory that stays after pasting 16 MB 20 times";
            println!("| {}x{} | {what} | {more:+.1} MiB | | |", size.x, size.y);
        }
    }

    fn measure_arrivals(&mut self) {
        let mut frames = Vec::new();
        for number in 0..FRAMES {
            let id = MILLION + number as i64;
            self.desk.say(Event::Message(received(id)));
            frames.push(self.draw(vec![]));
        }
        tell(self.size, "a message arrives, and is shown", frames);
        assert!(self.shows(MILLION + FRAMES as i64 - 1));
    }

    fn measure_list(&mut self) {
        let over = pointer(120.0, self.size.y * 0.5);
        let wheel = wheel(-60.0);
        self.draw(vec![over]);
        self.measure("scrolling in 5,000 conversations", |_| vec![wheel.clone()]);
        let mut frames = Vec::new();
        for number in 0..FRAMES / 4 {
            let ctx = self.ctx.clone();
            let app = self.desk.harness.state_mut();
            let name = format!("user{:04}", number * 9);
            let peer = Peer::Person(desk::login(&name));
            let begun = Instant::now();
            app.act(&ctx, Action::Open(peer));
            let took = begun.elapsed();
            frames.push(took + self.draw(vec![]));
        }
        tell(self.size, "opening another of 5,000 conversations", frames);
    }

    fn shows(&self, id: i64) -> bool {
        let rows = self.desk.harness.state().state().timeline.drawn_rows();
        rows.iter().any(|row| row.id == MessageId(id))
    }
}

/// Resident memory in KiB; `None`: only Linux tells.
fn memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn pointer(x: f32, y: f32) -> Input {
    Input::PointerMoved(Pos2::new(x, y))
}

fn wheel(points: f32) -> Input {
    Input::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: Vec2::new(0.0, points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    }
}

fn tell(size: Vec2, what: &str, mut frames: Vec<Duration>) {
    frames.sort();
    let at = |part: f64| {
        let index = ((frames.len() - 1) as f64 * part) as usize;
        format!("{:.2} ms", frames[index].as_secs_f64() * 1000.0)
    };
    println!(
        "| {}x{} | {what} | {} | {} | {} |",
        size.x,
        size.y,
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
