use egui::{
    Color32, FontId, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use jiff::{SignedDuration, civil::Date};

use crate::{
    engine::Message,
    model::Timeline,
    texts,
    theme::{space, text},
    ui::View,
};

/// Messages of one side within this time belong together.
const GROUP: SignedDuration = SignedDuration::from_mins(5);

const GAP_IN_GROUP: f32 = 2.0;
const GAP: f32 = 10.0;
const DAY_LINE: f32 = 42.0;
/// The height of a day's background.
pub const PILL: f32 = 23.0;
const NEW_LINE: f32 = 38.0;
const BEGINNING: f32 = 44.0;

/// What separates a bubble from the previous one: a date, a line for new messages, a gap.
pub struct Separators {
    beginning: bool,
    day: Option<Date>,
    new: bool,
    grouped: bool,
    gap: f32,
}

impl Separators {
    /// The separators above a message.
    pub fn of(view: &View<'_>, messages: &Timeline, index: usize, message: &Message) -> Self {
        let before = index.checked_sub(1).and_then(|before| messages.get(before));
        let day = |message: &Message| view.zone.to_datetime(message.at).date();
        let new_day = before.is_none_or(|before| day(before) != day(message));
        let new = messages.first_new == Some(message.id);
        let grouped = before.is_some_and(|before| belongs(before, message)) && !new_day && !new;
        Self {
            beginning: index == 0,
            day: new_day.then(|| day(message)),
            new,
            grouped,
            gap: if grouped { GAP_IN_GROUP } else { GAP },
        }
    }

    /// Whether the message is the first of several that belong together.
    pub fn begins_group(&self) -> bool {
        !self.grouped
    }

    /// Their height.
    pub fn height(&self) -> f32 {
        let line = |is_there: bool, height: f32| if is_there { height } else { 0.0 };
        line(self.beginning, BEGINNING)
            + line(self.day.is_some(), DAY_LINE)
            + line(self.new, NEW_LINE)
            + self.gap
    }

    /// The distance of the day's middle from the bubble, if there is a day.
    pub fn day_above(&self) -> Option<f32> {
        let new = if self.new { NEW_LINE } else { 0.0 };
        self.day.map(|_| self.gap / 2.0 + new + DAY_LINE / 2.0)
    }

    /// Draws the separators above a bubble; a floating day is drawn elsewhere.
    pub fn paint(
        &self,
        ui: &Ui,
        view: &View<'_>,
        messages: &Timeline,
        window: Rect,
        bubble_top: f32,
        is_floating: bool,
    ) {
        let (texts, palette) = (view.texts, view.palette);
        let strip = |bottom: f32, height: f32| {
            Rect::from_min_max(
                pos2(window.left(), bottom - height),
                pos2(window.right(), bottom),
            )
        };
        // Half of the gap to the bubble belongs to the separators, so that lines are in the middle.
        let mut bottom = bubble_top - self.gap / 2.0;
        if self.new {
            let strip = strip(bottom, NEW_LINE);
            let label = texts.get("chat.new_messages");
            let label = centred(ui, strip, label, text::tiny_strong(), palette.accent_text);
            let stroke = Stroke::new(1.0, palette.accent);
            let (left, right) = (strip.left() + space::LARGE, strip.right() - space::LARGE);
            let (y, gap) = (strip.center().y, space::MEDIUM);
            ui.painter().hline(left..=label.left() - gap, y, stroke);
            ui.painter().hline(label.right() + gap..=right, y, stroke);
            bottom -= NEW_LINE;
        }
        if let Some(day) = self.day {
            if !is_floating {
                let center = strip(bottom, DAY_LINE).center();
                pill(ui, view, day, center, Stroke::NONE);
            }
            bottom -= DAY_LINE;
        }
        if self.beginning {
            let key = if messages.complete {
                "chat.beginning"
            } else if messages.not_loaded.is_some() {
                "chat.not_loaded"
            } else if messages.older_at_server {
                older_key(view)
            } else {
                "chat.loading"
            };
            let strip = strip(bottom, BEGINNING);
            centred(ui, strip, texts.get(key), text::small(), palette.text_weak);
        }
    }
}

/// Draws the day in a pill; `edge` separates the pill from its background.
pub fn pill(ui: &Ui, view: &View<'_>, day: Date, center: Pos2, edge: Stroke) {
    let today = view.zone.to_datetime(view.now).date();
    let label = texts::day_line(view.texts, day, today);
    let (font, ink) = (text::tiny_strong(), view.palette.text_weak);
    let galley = ui
        .painter()
        .layout_no_wrap(label.clone(), font.clone(), ink);
    let size = vec2(galley.size().x + 22.0, PILL);
    let ground = Rect::from_center_size(center, size);
    ui.painter().rect(
        ground,
        PILL / 2.0,
        view.palette.panel,
        edge,
        StrokeKind::Outside,
    );
    centred(ui, ground, &label, font, ink);
}

/// The text for older messages that only the server has.
pub fn older_key(view: &View<'_>) -> &'static str {
    match &view.model.session {
        Some(session) if session.online && session.live => "chat.older_fetching",
        Some(session) if session.online => "chat.older_not_given",
        _ => "chat.older_at_server",
    }
}

/// Whether two consecutive messages are drawn as one group.
pub fn belongs(before: &Message, after: &Message) -> bool {
    before.is_own() == after.is_own()
        && before.author == after.author
        && after.at.duration_since(before.at).abs() <= GROUP
}

/// Draws a label in the middle of a strip, also for screen readers.
fn centred(ui: &Ui, strip: Rect, label: &str, font: FontId, ink: Color32) -> Rect {
    let galley = ui.painter().layout_no_wrap(label.to_owned(), font, ink);
    let rect = Rect::from_center_size(strip.center(), galley.size());
    let id = ui.scope_id().with((label, strip.top().to_bits()));
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, label));
    ui.painter().galley(rect.min, galley, ink);
    rect
}
