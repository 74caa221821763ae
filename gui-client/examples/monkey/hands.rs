//! What a monkey does with a window: one random thing at a time.

use egui::{
    Event, ImeEvent, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2,
};

use super::sitting::Sitting;

/// What it types; all of it can be drawn.
const WORDS: [&str; 18] = [
    "a",
    "ok ",
    "@",
    "@bruno ",
    "@ana ",
    "@nobody ",
    ":",
    ":smile:",
    "*",
    "_",
    "`",
    "```",
    "> ",
    "ação ",
    "🎉",
    "👩‍👩‍👧",
    "مرحبا ",
    "https://a.example/b ",
];

const KEYS: [Key; 32] = [
    Key::Enter,
    Key::Enter,
    Key::Enter,
    Key::Escape,
    Key::Escape,
    Key::Tab,
    Key::Tab,
    Key::Backspace,
    Key::Delete,
    Key::ArrowUp,
    Key::ArrowDown,
    Key::ArrowLeft,
    Key::ArrowRight,
    Key::Home,
    Key::End,
    Key::PageUp,
    Key::PageDown,
    Key::Space,
    Key::F1,
    Key::F10,
    Key::F12,
    Key::A,
    Key::B,
    Key::C,
    Key::F,
    Key::K,
    Key::N,
    Key::P,
    Key::R,
    Key::V,
    Key::Comma,
    Key::Plus,
];

#[derive(Default)]
pub struct Hands {
    at: Pos2,
    copied: String,
}

impl Hands {
    /// Does one thing, and says what.
    pub fn act(&mut self, rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        match rng.u8(..100) {
            0..35 => self.click(rng, sitting, PointerButton::Primary),
            35..38 => self.click(rng, sitting, PointerButton::Secondary),
            38..42 => self.drag(rng, sitting),
            42..50 => Self::scroll(rng, sitting),
            50..68 => Self::key(rng, sitting),
            68..88 => self.words(rng, sitting),
            88..90 => Self::compose(rng, sitting),
            90..93 => Self::resize(rng, sitting),
            93..94 => Self::look_away(rng, sitting),
            94..99 => Self::send(rng, sitting),
            _ => Self::follow_a_name(rng, sitting),
        }
    }

    fn go(&mut self, rng: &mut fastrand::Rng, sitting: &mut Sitting) -> Pos2 {
        let size = sitting.size();
        self.at = Pos2::new(rng.f32() * size.x, rng.f32() * size.y);
        sitting.input(Event::PointerMoved(self.at));
        self.at
    }

    fn click(
        &mut self,
        rng: &mut fastrand::Rng,
        sitting: &mut Sitting,
        button: PointerButton,
    ) -> &'static str {
        let pos = self.go(rng, sitting);
        // The second of a double click comes at once.
        for _ in 0..rng.usize(1..=2) {
            for pressed in [true, false] {
                sitting.input(Event::PointerButton {
                    pos,
                    button,
                    pressed,
                    modifiers: Modifiers::NONE,
                });
            }
        }
        "clicks"
    }

    fn drag(&mut self, rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        for pressed in [true, false] {
            let pos = self.go(rng, sitting);
            sitting.input(Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
            sitting.step();
        }
        "drags"
    }

    fn scroll(rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        let far = if rng.u8(..5) == 0 { 5_000.0 } else { 120.0 };
        sitting.input(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: Vec2::new(0.0, (rng.f32() - 0.4) * far),
            modifiers: Modifiers::NONE,
            phase: TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
        });
        "turns of the wheel"
    }

    fn key(rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        let modifiers = match rng.u8(..10) {
            0..5 => Modifiers::NONE,
            5..8 => Modifiers::COMMAND,
            8 => Modifiers::SHIFT,
            _ => Modifiers::COMMAND | Modifiers::SHIFT,
        };
        let key = KEYS[rng.usize(..KEYS.len())];
        sitting.press(modifiers, key);
        "keys"
    }

    fn words(&mut self, rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        let word = WORDS[rng.usize(..WORDS.len())];
        match rng.u8(..20) {
            0 => {
                // More than fits into a line.
                self.copied = word.repeat(rng.usize(1..4_000));
                sitting.input(Event::Paste(self.copied.clone()));
            }
            1 => sitting.input(Event::Copy),
            2 => sitting.input(Event::Cut),
            _ => sitting.input(Event::Text(word.to_owned())),
        }
        "words"
    }

    fn compose(rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        let preedit = |text: &str| {
            Event::Ime(ImeEvent::Preedit {
                text: text.to_owned(),
                active_range_chars: None,
            })
        };
        sitting.input(preedit("~"));
        sitting.step();
        // An input method ends its word before a click or another key gets anywhere.
        if rng.bool() {
            sitting.press(Modifiers::NONE, Key::Enter);
            sitting.step();
        }
        if rng.bool() {
            sitting.input(Event::Ime(ImeEvent::Commit("ã".to_owned())));
        }
        sitting.input(preedit(""));
        sitting.step();
        "words of an input method"
    }

    fn resize(rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        let size = match rng.u8(..3) {
            0 => Vec2::new(360.0, 480.0),
            1 => Vec2::new(1000.0, 700.0),
            _ => Vec2::new(320.0 + rng.f32() * 2_000.0, 300.0 + rng.f32() * 1_200.0),
        };
        sitting.resize(size);
        "other sizes"
    }

    fn look_away(rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        sitting.focus(rng.bool());
        "looks away and back"
    }

    /// What a person does most: opens a conversation and writes into it.
    fn send(rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        sitting.say("bruno", &format!("monkey {}", rng.u32(..)));
        "messages to the friend"
    }

    /// Random clicks rarely hit a small button; this one hits something that has a name.
    fn follow_a_name(rng: &mut fastrand::Rng, sitting: &mut Sitting) -> &'static str {
        sitting.click_something(rng);
        "buttons"
    }
}
