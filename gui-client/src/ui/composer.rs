use egui::{
    Align, Event, Frame, ImeEvent, Key, KeyboardShortcut, Layout, Margin, Modifiers, Rect,
    ScrollArea, Sense, Ui, UiBuilder, Vec2, text::TextWrapping,
};
use mensageiro_protocol::limits::LINE_BYTES;

use super::{
    Focus, UiState, View,
    bidi::{self, Edited},
    completion::CompletionState,
    composer_hint,
    emoji::{self, EmojiState},
    focus,
    icon::Icon,
    markup_keys, peer_title, widget,
};
use crate::{
    engine::Peer,
    markup::{self, Quote},
    model::{Action, Session},
    theme::{space, text},
};

/// The composer grows up to this many lines, then it scrolls.
const MOST_LINES: f32 = 6.0;

/// Width and height of the button that sends.
const BUTTON: f32 = 40.0;

/// The composer's state between frames.
#[derive(Debug, Default)]
pub struct ComposerState {
    composing: bool,
    completion: CompletionState,
    emoji: EmojiState,
    edited: Edited,
    /// A sent message was being edited in the last frame.
    was_editing: bool,
}

impl ComposerState {
    /// Whether the composer needs Escape: an input method is composing, or a list is open.
    pub fn takes_escape(&self) -> bool {
        self.composing || self.completion.is_open()
    }

    /// Called when the composer is not shown: forgets an unfinished input method and closes the
    /// list.
    pub fn leave(&mut self) {
        self.composing = false;
        self.completion.close();
    }

    /// Follows the input method. True if it needs Enter in this frame.
    fn follow(&mut self, events: &[Event]) -> bool {
        let mut busy = self.composing;
        for event in events {
            match event {
                Event::Ime(ImeEvent::Preedit { text, .. }) => {
                    self.composing = !text.is_empty();
                    busy = true;
                }
                Event::Ime(ImeEvent::Commit(_)) => {
                    self.composing = false;
                    busy = true;
                }
                _ => {}
            }
        }
        busy
    }
}

/// The composer at the bottom.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    ui.spacing_mut().item_spacing.y = 0.0;
    let bar_top = ui.max_rect().top();
    ui.add_space(10.0);
    composer_hint::show(ui, view, session, state, actions);
    let (quote, answer) = markup::split_draft(session.draft());
    let is_editing = session.edited().is_some();
    let was_editing = std::mem::replace(&mut state.compose.was_editing, is_editing);
    if is_editing && !was_editing {
        composer_hint::cursor_to_end(ui, session, session.draft());
    }
    if let Some(edited) = session.edited() {
        let said = markup::excerpt(edited.as_str());
        let close = (texts.get("compose.end_edit"), Action::EndEdit);
        bar(
            ui,
            view,
            (texts.get("compose.editing"), &said),
            close,
            actions,
        );
    }
    if let Some(quote) = quote {
        quote_bar(ui, view, quote, actions);
    }
    let hint = match &session.open {
        Some(open @ Peer::Person(_)) => {
            let title = peer_title(texts, session, open);
            texts.fill("compose.hint", &[("login", title)])
        }
        _ => texts.get("compose.hint_nobody").to_owned(),
    };
    let buttons = space::CONTROL + space::TINY + BUTTON;
    let shown = ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(space::LARGE);
        let width = (ui.available_width() - buttons - space::SMALL - space::LARGE).max(0.0);
        let top_down = Layout::top_down(Align::Min);
        ui.allocate_ui_with_layout(Vec2::new(width, 0.0), top_down, |ui| {
            ui.set_width(width);
            let border = match session.diverted_to() {
                None => (1.0, palette.control_line),
                Some(_) => (2.0, palette.warning_text),
            };
            // A wider border leaves less room: the text stays where it is.
            let [x, y] = space::COMPOSER_MARGIN.map(|margin| margin + 1 - border.0 as i8);
            Frame::new()
                .fill(palette.field)
                .stroke(border)
                .corner_radius(20)
                .inner_margin(Margin::symmetric(x, y))
                .show(ui, |ui| {
                    let around = space::COMPOSER_MARGIN.map(|margin| f32::from(margin) + 1.0);
                    let over = ui.max_rect().expand2(around.into());
                    field(ui, view, session, &hint, over, state, actions);
                });
        })
        .response
        .rect
    });
    // Beside the last line, however many there are.
    let corner = shown.inner.right_bottom() + Vec2::new(space::SMALL, -BUTTON);
    let size = Vec2::new(buttons, BUTTON);
    let builder = UiBuilder::new()
        .max_rect(Rect::from_min_size(corner, size))
        .layout(Layout::left_to_right(Align::Center));
    let mut row = ui.new_child(builder);
    row.spacing_mut().item_spacing.x = space::TINY;
    let over = Rect::from_min_max(
        egui::pos2(corner.x, bar_top),
        corner + Vec2::new(buttons, BUTTON),
    );
    emoji_button(&mut row, view, over, state, actions);
    let fits = session.line_bytes() <= LINE_BYTES;
    let ready = session.ready && fits && !answer.trim().is_empty();
    if send_button(&mut row, view, ready) {
        actions.push(Action::Send);
    }
    ui.add_space(10.0);
}

fn field(
    ui: &mut Ui,
    view: &View<'_>,
    session: &Session,
    hint: &str,
    over: Rect,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let row = ui.fonts_mut(|fonts| fonts.row_height(&text::body()));
    let ime = ui.input(|input| state.compose.follow(&input.events));
    let (_, answer) = markup::split_draft(session.draft());
    let quote = &session.draft()[..session.draft().len() - answer.len()];
    let mut typed = answer.to_owned();
    let id = focus::composer_id(session);
    let is_focused = ui.memory(|memory| memory.has_focus(id));
    let completion = &mut state.compose.completion;
    let mut is_changed = completion.take_keys(ui, id, !is_focused || ime, &mut typed);
    let tab_is_ours = completion.is_open();
    is_changed |= is_focused && markup_keys::apply(ui, id, &mut typed);
    // The scroll bar covers no letters.
    ui.spacing_mut().scroll.floating_allocated_width = space::SMALL;
    let edited = &mut state.compose.edited;
    let response = ScrollArea::vertical()
        .id_salt(("compose", &session.open))
        .max_height(row * MOST_LINES)
        .min_scrolled_height(row * MOST_LINES)
        .stick_to_bottom(true)
        .show(ui, |ui| {
            ui.spacing_mut().interact_size.y = row;
            let mut hint = widget::hint_text(view.palette, hint, text::body());
            hint.wrap = TextWrapping::truncate_at_width(ui.available_width());
            let hint = bidi::galley(ui, hint);
            edited.show(ui, id, &mut typed, &text::body(), |edit| {
                edit.frame(Frame::NONE)
                    .margin(Margin::ZERO)
                    .desired_rows(1)
                    .desired_width(f32::INFINITY)
                    .lock_focus(tab_is_ours)
                    .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter))
                    .hint_text(hint)
            })
        })
        .inner;
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::text_edit(true, answer, answer, hint);
        info.label = Some(view.texts.get("compose.name").to_owned());
        info
    });
    if view.model.overlay.is_none() && state.focus.take_if(|f| *f == Focus::Composer).is_some() {
        response.request_focus();
    }
    is_changed |= response.changed();
    if response.has_focus() && !ime {
        is_changed |= completion.follow(ui, id, (session, view.texts.language()), &mut typed);
        is_changed |= completion.show(ui, view, over, id, &mut typed);
    }
    if is_changed {
        focus::forget_selection(ui);
        actions.push(Action::Write(format!("{quote}{typed}")));
    }
    let enter = ui.input(|input| {
        input.key_pressed(Key::Enter) && !input.modifiers.shift && !input.modifiers.alt
    });
    if response.has_focus() && enter && !ime && session.ready {
        actions.push(Action::Send);
    }
    let is_above = ui.input(|input| input.key_pressed(Key::ArrowUp) && input.modifiers.is_none());
    if response.has_focus() && is_above && !ime && session.draft().is_empty() {
        actions.push(Action::EditLast);
    }
}

/// The quote of the message being replied to, above the composer.
fn quote_bar(ui: &mut Ui, view: &View<'_>, quote: Quote<'_>, actions: &mut Vec<Action>) {
    let texts = view.texts;
    let name = match view.is_me(quote.author) {
        true => texts.get("compose.replying_to_own").to_owned(),
        false => {
            let name = view.person(quote.author);
            texts.fill("compose.replying", &[("name", name)])
        }
    };
    let close = (
        texts.get("compose.reply_to_nothing"),
        Action::ReplyToNothing,
    );
    bar(ui, view, (&name, quote.excerpt), close, actions);
}

/// A bar above the composer: what is written about, and a button that ends that.
fn bar(
    ui: &mut Ui,
    view: &View<'_>,
    (name, excerpt): (&str, &str),
    (close, closed): (&str, Action),
    actions: &mut Vec<Action>,
) {
    let palette = view.palette;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(space::LARGE);
        // The button stands over the middle of the one that sends.
        let beside = space::LARGE + (BUTTON - space::CONTROL) / 2.0;
        let width = (ui.available_width() - space::CONTROL - beside - space::SMALL).max(0.0);
        let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 38.0), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name));
        let bar = Rect::from_min_size(rect.min, Vec2::new(3.0, rect.height()));
        ui.painter().rect_filled(bar, 2, palette.accent);
        let at = rect.min + Vec2::new(space::MEDIUM, 0.0);
        let width = (width - space::MEDIUM).max(0.0);
        for (words, font, ink, y) in [
            (name, text::small_strong(), palette.accent_text, 1.0),
            (excerpt, text::small(), palette.text_weak, 20.0),
        ] {
            let job = widget::one_line(words, font, ink, width);
            let galley = bidi::galley(ui, job);
            ui.painter().galley(at + Vec2::new(0.0, y), galley, ink);
        }
        ui.add_space(space::SMALL);
        if widget::icon_button(ui, palette, Icon::Close, close).clicked() {
            actions.push(closed);
        }
    });
    ui.add_space(space::SMALL);
}

/// The button that opens the emoji.
fn emoji_button(
    ui: &mut Ui,
    view: &View<'_>,
    over: Rect,
    state: &mut UiState,
    actions: &mut Vec<Action>,
) {
    let name = view.texts.get("emoji.open");
    let button = widget::icon_button(ui, view.palette, Icon::Smile, name);
    if let Some(chosen) = emoji::show(view, &button, over, &mut state.compose.emoji) {
        state.compose.completion.insert(chosen.sign);
        actions.push(Action::ChoseEmoji(chosen.sign));
        state.focus = Some(Focus::Composer);
        ui.ctx().request_repaint();
    }
}

fn send_button(ui: &mut Ui, view: &View<'_>, ready: bool) -> bool {
    let (palette, name) = (view.palette, view.texts.get("compose.send"));
    let sense = if ready {
        Sense::click()
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(BUTTON), sense);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ready, name));
    let (ground, ink) = match (ready, response.hovered()) {
        (false, _) => (palette.field, palette.text_weak),
        (true, false) => (palette.accent, palette.on_accent),
        (true, true) => (palette.accent_hover, palette.on_accent),
    };
    ui.painter()
        .circle_filled(rect.center(), BUTTON / 2.0, ground);
    let sign = rect.center() + egui::vec2(0.5, 0.0);
    Icon::Send.paint(ui.painter(), sign, 20.0, ink);
    widget::focus_ring(ui, palette, &response, rect, 20);
    response.on_hover_text(name).clicked()
}
