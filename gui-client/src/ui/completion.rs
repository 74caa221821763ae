//! Completion of the word at the cursor, above the composer: its keys and its list.

use egui::{
    Align2, Area, Frame, Id, Key, Margin, Modifiers, Order, Rect, Role, Sense, TextEdit, Ui, Vec2,
    WidgetInfo,
    text::{CCursor, CCursorRange},
    text_edit::TextEditState,
};

use super::{View, bidi, widget};
use crate::{
    engine::Peer,
    model::{Choice, Completion, Session, complete, named_emoji},
    texts::Language,
    theme::{space, text},
};

const ROW: f32 = 34.0;
const WIDTH: f32 = 300.0;

/// How often the people have changed, the open conversation, and how many have written in it.
type WhoThereWas = (u64, Option<Peer>, usize);

/// The offered choices, and what was chosen.
#[derive(Debug, Default)]
pub struct CompletionState {
    offered: Option<Completion>,
    /// The choice that Enter takes.
    marked: usize,
    /// The last text, cursor and people that were looked at.
    followed: Option<(String, usize, WhoThereWas)>,
    /// The text for which Escape was pressed.
    dismissed: Option<String>,
    /// What to insert at the cursor in the next frame.
    insert: Option<String>,
}

impl CompletionState {
    /// Whether Escape belongs to the list.
    pub fn is_open(&self) -> bool {
        self.offered.is_some()
    }

    /// The list closes.
    pub fn close(&mut self) {
        self.offered = None;
        self.followed = None;
    }

    /// Writes this at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.insert = Some(text.to_owned());
    }

    /// Takes the list's keys before the composer does; `is_busy`: none, since the composer lacks
    /// the focus or an input method needs them. True if the text has changed.
    pub fn take_keys(&mut self, ui: &Ui, id: Id, is_busy: bool, typed: &mut String) -> bool {
        if let Some(text) = self.insert.take() {
            let cursor = cursor(ui, id, typed);
            replace(ui, id, typed, cursor..cursor, &text);
            return true;
        }
        let Some(offered) = &self.offered else {
            return false;
        };
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::Escape) {
            // egui has taken the focus away for it.
            ui.memory_mut(|memory| memory.request_focus(id));
            self.dismissed = Some(typed.clone());
            self.offered = None;
            return false;
        }
        if is_busy {
            self.close();
            return false;
        }
        let last = offered.choices.len() - 1;
        if pressed(Key::ArrowDown) {
            self.marked = if self.marked >= last {
                0
            } else {
                self.marked + 1
            };
        }
        if pressed(Key::ArrowUp) {
            self.marked = self.marked.checked_sub(1).unwrap_or(last);
        }
        let is_taken = pressed(Key::Tab) || pressed(Key::Enter);
        is_taken && self.take(ui, id, typed, self.marked)
    }

    /// Looks at the typed text. True if it changed the text.
    pub fn follow(
        &mut self,
        ui: &Ui,
        id: Id,
        (session, language): (&Session, Language),
        typed: &mut String,
    ) -> bool {
        let cursor = cursor(ui, id, typed);
        if let Some((word, sign)) = named_emoji(typed, cursor) {
            replace(ui, id, typed, word, sign);
            self.offered = None;
            return true;
        }
        // Among many people it takes its time: not for every frame.
        let state = (typed.clone(), cursor, session.state_of_people());
        if self.followed.as_ref() == Some(&state) {
            return false;
        }
        self.followed = Some(state);
        let is_dismissed = self.dismissed.as_ref().is_some_and(|at| at == typed);
        let offered = complete(session, language, typed, cursor).filter(|_| !is_dismissed);
        if !is_dismissed {
            self.dismissed = None;
        }
        if self.offered != offered {
            self.marked = 0;
            self.offered = offered;
        }
        false
    }

    /// The list above the composer. True if a choice was clicked and the text has changed.
    pub fn show(
        &mut self,
        ui: &Ui,
        view: &View<'_>,
        over: Rect,
        id: Id,
        typed: &mut String,
    ) -> bool {
        let Some(offered) = self.offered.clone() else {
            return false;
        };
        let palette = view.palette;
        let frame = Frame::new()
            .fill(palette.raised)
            .stroke((1.0, palette.line))
            .corner_radius(space::CONTROL_CORNER)
            .shadow(palette.shadow())
            .inner_margin(Margin::same(4));
        let mut clicked = None;
        Area::new(id.with("completion"))
            .order(Order::Foreground)
            .pivot(Align2::LEFT_BOTTOM)
            .fixed_pos(over.left_top() - Vec2::new(0.0, space::SMALL))
            .show(ui.ctx(), |ui| {
                frame.show(ui, |ui| {
                    ui.spacing_mut().item_spacing = Vec2::ZERO;
                    ui.set_width(WIDTH.min(over.width()));
                    for (at, choice) in offered.choices.iter().enumerate() {
                        if row(ui, view, choice, at == self.marked) {
                            clicked = Some(at);
                        }
                    }
                });
            });
        clicked.is_some_and(|at| self.take(ui, id, typed, at))
    }

    fn take(&mut self, ui: &Ui, id: Id, typed: &mut String, at: usize) -> bool {
        let Some(Completion { word, choices }) = self.offered.take() else {
            return false;
        };
        let (Some(choice), true) = (choices.get(at), typed.get(word.clone()).is_some()) else {
            return false;
        };
        replace(ui, id, typed, word, &choice.text);
        self.dismissed = Some(typed.clone());
        true
    }
}

fn row(ui: &mut Ui, view: &View<'_>, choice: &Choice, is_marked: bool) -> bool {
    let palette = view.palette;
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::click());
    let exact = match choice.is_exact {
        true => view.texts.get("find.exact"),
        false => "",
    };
    response.widget_info(|| {
        let words = [choice.name.as_str(), choice.about.as_str(), exact];
        let words = words.into_iter().filter(|words| !words.is_empty());
        let label = words.collect::<Vec<_>>().join(" ");
        WidgetInfo::selected(Role::Button, true, is_marked, label)
    });
    if is_marked || response.hovered() {
        let ground = if is_marked {
            palette.chosen
        } else {
            palette.hover
        };
        ui.painter().rect_filled(rect, space::TINY, ground);
    }
    let mut left = rect.left() + space::SMALL;
    for (words, font, ink) in [
        (choice.name.as_str(), text::strong(), palette.text),
        (choice.about.as_str(), text::small(), palette.text_weak),
        (exact, text::tiny(), palette.accent_text),
    ] {
        let width = rect.right() - space::SMALL - left;
        let galley = bidi::galley(ui, widget::one_line(words, font, ink, width));
        let at = egui::pos2(left, rect.center().y - galley.size().y / 2.0);
        left += galley.size().x + space::SMALL;
        ui.painter().galley(at, galley, ink);
    }
    response.clicked()
}

/// The cursor, in bytes.
fn cursor(ui: &Ui, id: Id, typed: &str) -> usize {
    let state = TextEdit::load_state(ui.ctx(), id);
    let range = state.and_then(|state| state.cursor.char_range());
    let at = range.map(|range| usize::from(range.primary.index));
    at.and_then(|at| typed.char_indices().nth(at))
        .map_or(typed.len(), |(byte, _)| byte)
}

fn replace(ui: &Ui, id: Id, typed: &mut String, word: std::ops::Range<usize>, text: &str) {
    let after = typed[..word.start].chars().count() + text.chars().count();
    typed.replace_range(word, text);
    let mut state: TextEditState = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    let at = CCursorRange::one(CCursor::new(after));
    state.cursor.set_char_range(Some(at));
    state.store(ui.ctx(), id);
}
