//! The line below a message that was not sent, or may not have been sent.
//! Only the person can decide whether to send it again.

use std::sync::Arc;

use egui::{Align, Color32, Galley, Layout, Rect, RichText, Ui, UiBuilder, pos2, vec2};

use super::delivery;
use crate::{
    engine::{Delivery, Message},
    model::Action,
    theme::{space, text},
    ui::{View, peer_name},
};

/// The height of the line, directly below the bubble.
const LINE: f32 = 24.0;
/// The additional space below the line, so that it is nearer to its own message.
const AFTER: f32 = 8.0;

/// The text and the buttons, laid out.
struct DeliveryProblem {
    why: Arc<Galley>,
    /// The labels of the buttons: send again, and discard.
    answers: [&'static str; 2],
    /// The sentence is above the buttons, not beside them.
    is_stacked: bool,
}

impl DeliveryProblem {
    fn height(&self) -> f32 {
        let above = if self.is_stacked {
            self.why.size().y + 2.0
        } else {
            0.0
        };
        (above + LINE + AFTER).ceil()
    }
}

/// The height; 0 without a problem.
pub fn height(ui: &Ui, view: &View<'_>, message: &Message, column: Rect) -> f32 {
    lay_out(ui, view, message, column).map_or(0.0, |question| question.height())
}

/// Draws it below the bubble.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    message: &Message,
    bubble: Rect,
    column: Rect,
    actions: &mut Vec<Action>,
) {
    let Some(question) = lay_out(ui, view, message, column) else {
        return;
    };
    let palette = view.palette;
    let bottom = bubble.bottom() + question.height() - AFTER;
    let line = Rect::from_min_max(
        pos2(column.left() + space::LARGE, bottom - LINE),
        pos2(bubble.right(), bottom),
    );
    let builder = UiBuilder::new()
        .id_salt(("question", message.id.0))
        .max_rect(line)
        .layout(Layout::right_to_left(Align::Center));
    ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing.x = BETWEEN;
        ui.spacing_mut().button_padding = vec2(2.0, 2.0);
        let [again, discard] = question.answers;
        for (name, action) in [
            (discard, Action::Discard(message.id)),
            (again, Action::SendAgain(message.id)),
        ] {
            let label = RichText::new(name).font(text::small_strong());
            let label = label.color(palette.accent_text);
            if ui.add(egui::Button::new(label).frame(false)).clicked() {
                actions.push(action);
            }
        }
        if !question.is_stacked {
            ui.label(question.why.clone());
        }
    });
    if question.is_stacked {
        let size = question.why.size();
        let at = pos2(bubble.right() - size.x, bubble.bottom() + 2.0);
        let rect = Rect::from_min_size(at, size);
        ui.put(rect, egui::Label::new(question.why));
    }
}

/// The space between the sentence and the buttons.
const BETWEEN: f32 = 10.0;

fn lay_out(ui: &Ui, view: &View<'_>, message: &Message, column: Rect) -> Option<DeliveryProblem> {
    let texts = view.texts;
    let fill = |key: &str| texts.fill(key, &[("name", peer_name(texts, &message.with))]);
    let (why, again) = match message.delivery {
        Delivery::Unconfirmed => (fill("delivery.unconfirmed"), "delivery.send_again"),
        Delivery::Refused(why) => (fill(delivery::refusal_key(why)), "delivery.retry"),
        _ => return None,
    };
    let answers = [texts.get(again), texts.get("delivery.discard")];
    let width = |words: &str| {
        let ink = Color32::PLACEHOLDER;
        let words = words.to_owned();
        ui.painter()
            .layout_no_wrap(words, text::small_strong(), ink)
            .size()
            .x
            + 4.0
    };
    let room = column.width() - 2.0 * space::LARGE;
    let taken = answers.map(|answer| width(answer) + BETWEEN);
    let beside = room - taken.iter().sum::<f32>();
    let ink = view.palette.danger_text;
    let one_line = ui.painter().layout_no_wrap(why.clone(), text::small(), ink);
    let is_stacked = one_line.size().x > beside;
    let why = if is_stacked {
        ui.painter().layout(why, text::small(), ink, room)
    } else {
        one_line
    };
    Some(DeliveryProblem {
        why,
        answers,
        is_stacked,
    })
}
