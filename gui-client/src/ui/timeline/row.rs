use std::{collections::HashMap, rc::Rc};

use egui::{CornerRadius, Painter, Popup, Rect, RichText, Sense, Ui, pos2, vec2};

use super::{
    DrawnRow,
    anchor::Heights,
    bubble::{self, AUTHOR, Bubble, PAD_X, PAD_Y, QUOTE, SIGN},
    delivery, delivery_problem,
    layout_cache::LayoutCache,
    menu,
    separators::{Separators, belongs},
};
use crate::{
    engine::{Message, MessageId, Peer, QuoteCheck},
    markup::{self, Destination},
    model::{Action, Notice, Overlay, Selection, Session, Timeline},
    texts,
    theme::{space, text},
    ui::{View, icon::Icon, peer_name, widget},
};

/// The least width of a timeline in which authors in a group have avatars beside their messages.
const FACES_FROM: f32 = 480.0;
/// The size of these avatars.
const FACE: f32 = 30.0;

/// The size of the mark of a selected message.
const MARK: f32 = 20.0;

/// The size of the reply button.
const REPLY: f32 = 28.0;

/// Measures the rows of one frame.
pub struct Measure<'a> {
    ui: &'a Ui,
    view: &'a View<'a>,
    messages: &'a Timeline,
    widest: f32,
    /// The column of the messages.
    column: Rect,
    /// The layouts of measured rows by index, to be drawn.
    laid_out: HashMap<usize, Rc<Bubble>>,
    cache: &'a mut LayoutCache,
}

impl<'a> Measure<'a> {
    /// A measurement for a timeline in this window.
    pub fn new(
        ui: &'a Ui,
        view: &'a View<'a>,
        messages: &'a Timeline,
        window: Rect,
        cache: &'a mut LayoutCache,
    ) -> Self {
        Self {
            ui,
            view,
            messages,
            widest: bubble::widest(window.width()),
            column: window,
            laid_out: HashMap::new(),
            cache,
        }
    }

    /// The layouts of measured rows, to be drawn.
    pub fn laid_out(self) -> HashMap<usize, Rc<Bubble>> {
        self.laid_out
    }

    /// Measures one row.
    pub fn heights(&mut self, index: usize) -> Heights {
        let Some(message) = self.messages.get(index) else {
            return Heights {
                above: 0.0,
                bubble: 0.0,
            };
        };
        let separators = Separators::of(self.view, self.messages, index, message);
        let begins = separators.begins_group();
        let (ui, view) = (self.ui, self.view);
        let laid_out = self.cache.bubble(ui, view, message, begins, self.widest);
        let heights = Heights {
            above: separators.height(),
            bubble: laid_out.height + delivery_problem::height(ui, view, message, self.column),
        };
        self.laid_out.insert(index, laid_out);
        heights
    }
}

/// Draws one row. `bubble_top` is the upper edge of its bubble in the window, `marked` the target of a jump, and `floating`
/// the row whose day is drawn at the upper edge of the window instead.
pub fn paint(
    ui: &mut Ui,
    view: &View<'_>,
    messages: &Timeline,
    (index, laid_out, bubble_top): (usize, &Bubble, f32),
    (marked, floating): (Option<MessageId>, Option<usize>),
    window: Rect,
    actions: &mut Vec<Action>,
) -> Option<DrawnRow> {
    let message = messages.get(index)?;
    let separators = Separators::of(view, messages, index, message);
    separators.paint(
        ui,
        view,
        messages,
        window,
        bubble_top,
        floating == Some(index),
    );
    let has_faces = message.author.is_some() && window.width() >= FACES_FROM;
    let left = if message.is_own() {
        window.right() - space::LARGE - laid_out.width
    } else if has_faces {
        window.left() + space::LARGE + FACE + space::SMALL
    } else {
        window.left() + space::LARGE
    };
    let rect = Rect::from_min_size(
        pos2(left, bubble_top),
        vec2(laid_out.width, laid_out.height),
    );
    let next = messages.get(index + 1);
    let ends_group =
        next.is_none_or(|next| !belongs(message, next) || messages.first_new == Some(next.id));
    if selection(view).is_some_and(|selection| selection.has(message.id)) {
        let row = Rect::from_x_y_ranges(window.x_range(), rect.y_range());
        let tint = view.palette.jump_tint();
        ui.painter()
            .rect_filled(row.expand2(vec2(0.0, 2.0)), 0.0, tint);
    }
    let corners = ground(ui.painter(), rect, laid_out, message, ends_group);
    if let Some(author) = message.author.as_ref().filter(|_| has_faces && ends_group) {
        let right = rect.left() - space::SMALL;
        let center = pos2(right - FACE / 2.0, rect.bottom() - FACE / 2.0);
        let names = (author.as_str(), view.person(author.as_str()));
        widget::avatar(ui.painter(), view.palette, center, FACE, names);
    }
    let is_marked = marked == Some(message.id);
    if is_marked {
        let tint = view.palette.jump_tint();
        ui.painter().rect_filled(rect, corners, tint);
    }
    widget::clipped(ui, rect, |ui| {
        words(ui, view, message, rect, laid_out, actions);
    });
    corner(ui, view, message, rect, laid_out);
    match selection(view) {
        Some(selection) => {
            let is_selected = selection.has(message.id);
            select_mark(ui, view, message, (rect, is_selected), window, actions);
        }
        None => reply_button(ui, view, message, rect, window, actions),
    }
    delivery_problem::show(ui, view, message, rect, window, actions);
    Some(DrawnRow {
        id: message.id,
        bubble: rect,
        is_marked,
    })
}

fn ground(
    painter: &Painter,
    rect: Rect,
    bubble: &Bubble,
    message: &Message,
    ends_group: bool,
) -> CornerRadius {
    let mut corners = CornerRadius::same(16);
    if ends_group {
        if message.is_own() {
            corners.se = 4;
        } else {
            corners.sw = 4;
        }
    }
    painter.rect_filled(rect, corners, bubble.colours[0]);
    corners
}

/// Draws the text: selectable, with links and a menu.
fn words(
    ui: &mut Ui,
    view: &View<'_>,
    message: &Message,
    rect: Rect,
    bubble: &Bubble,
    actions: &mut Vec<Action>,
) {
    let id = ui.scope_id().with(("message", message.id.0));
    let response = ui.interact(rect, id, Sense::click_and_drag());
    response.widget_info(|| {
        let key = if message.is_own() {
            "chat.own_message"
        } else {
            "chat.other_message"
        };
        let state = delivery::name(view, message);
        let time = bubble::time_label(view, message);
        let text = spoken(view, message, bubble.text.text());
        let label = view.texts.fill(
            key,
            &[
                ("name", author_name(view, message)),
                ("time", &time),
                ("text", &text),
                ("state", state),
            ],
        );
        match selection(view) {
            Some(selection) => {
                let is_selected = selection.has(message.id);
                egui::WidgetInfo::selected(egui::Role::CheckBox, true, is_selected, label)
            }
            None => egui::WidgetInfo::labeled(egui::Role::Label, true, label),
        }
    });
    let mut at = rect.min + vec2(PAD_X, PAD_Y);
    if let Some(author) = &bubble.author {
        ui.painter().galley(at, author.clone(), bubble.colours[1]);
        at.y += AUTHOR;
    }
    let mut quote_at = None;
    if let Some(quote) = &bubble.quote {
        let area = Rect::from_min_max(at, rect.max - vec2(PAD_X, PAD_Y));
        let drawn = bubble::paint_quote(ui, view.palette, area, quote);
        let session = view.model.session.as_ref();
        let check = session.and_then(|session| session.quote_check(message.id));
        // There is nothing to jump to.
        quote_at = (check != Some(QuoteCheck::NotFound)).then_some(drawn);
        if check.is_none() && session.is_some_and(Session::may_check_quote) {
            actions.push(Action::CheckQuote(message.id));
        }
        at.y += QUOTE;
    }
    bubble::paint_code(ui, bubble, at);
    let is_selecting = selection(view).is_some();
    let selectable = menu::for_selection(ui, &response, is_selecting);
    bubble
        .text
        .show_selectable(ui, &selectable, at, bubble.colours[1]);
    let on_text = response
        .hover_pos()
        .filter(|pos| bubble.text.rect.translate(at.to_vec2()).contains(*pos));
    let modifiers = ui.input(|input| input.modifiers);
    if response.clicked() && (is_selecting || modifiers.command) {
        actions.push(select(message, modifiers));
        return menu::show(ui, view, message, &response, None, actions);
    }
    let link = on_text.and_then(|pos| link_at(bubble, pos - at));
    let link = link.filter(|_| !is_selecting);
    if let Some(link) = link {
        ui.set_cursor_icon(egui::CursorIcon::PointingHand);
        if response.clicked() {
            actions.push(open(link));
        }
        if let Some(destination) = Destination::of(link) {
            let host = RichText::new(destination.host).font(text::small());
            response.clone().on_hover_ui_at_pointer(|ui| {
                ui.label(host);
            });
        }
    }
    widget::focus_inside(ui, view.palette, &response, rect, 16);
    let is_by_key = response.clicked() && response.interact_pointer_pos().is_none();
    if is_by_key {
        let session = view.model.session.as_ref();
        actions.extend(session.and_then(|session| follow(session, message)));
    }
    let pointer = response.hover_pos().or(response.interact_pointer_pos());
    let is_at_quote =
        !is_selecting && pointer.is_some_and(|at| quote_at.is_some_and(|rect| rect.contains(at)));
    if is_at_quote {
        ui.set_cursor_icon(egui::CursorIcon::PointingHand);
        if response.clicked() {
            actions.push(Action::OpenQuoted(message.clone()));
        }
    }
    let around = around_time(message, rect, bubble);
    let is_at_time = pointer.is_some_and(|at| around.contains(at));
    if message.edited.is_some() && is_at_time {
        ui.set_cursor_icon(egui::CursorIcon::PointingHand);
        if response.clicked() {
            actions.push(Action::ShowVersions(message.id));
        }
    }
    menu::show(ui, view, message, &response, link, actions);
}

/// The selection, while messages are being selected.
fn selection<'a>(view: &View<'a>) -> Option<&'a Selection> {
    view.model.session.as_ref()?.selection()
}

/// What a click on a message does while messages are being selected.
fn select(message: &Message, modifiers: egui::Modifiers) -> Action {
    let message = Box::new(message.clone());
    match modifiers.shift {
        true => Action::SelectUpTo(message),
        false => Action::Select(message),
    }
}

/// The mark beside a message that shows whether it is selected. A click anywhere beside the message selects it too.
fn select_mark(
    ui: &Ui,
    view: &View<'_>,
    message: &Message,
    (bubble, is_selected): (Rect, bool),
    window: Rect,
    actions: &mut Vec<Action>,
) {
    let palette = view.palette;
    let row = Rect::from_x_y_ranges(window.x_range(), bubble.y_range()).intersect(window);
    let beside = space::SMALL + MARK / 2.0;
    let x = match message.is_own() {
        true => bubble.left() - beside,
        false => bubble.right() + beside,
    };
    let x = x.clamp(
        row.left() + MARK / 2.0,
        (row.right() - MARK / 2.0).max(row.left() + MARK / 2.0),
    );
    let center = pos2(x, row.center().y);
    if is_selected {
        ui.painter()
            .circle_filled(center, MARK / 2.0, palette.accent);
        Icon::Check.paint(ui.painter(), center, MARK * 0.7, palette.on_accent);
    } else {
        let stroke = (1.5, palette.text_weak);
        ui.painter()
            .circle(center, MARK / 2.0, palette.panel, stroke);
    }
    let is_beside = ui.rect_contains_pointer(row) && !Popup::is_any_open(ui.ctx());
    let clicked = ui.input(|input| {
        let pointer = &input.pointer;
        let at = pointer.interact_pos().filter(|_| pointer.primary_clicked());
        at.filter(|at| !bubble.contains(*at))
            .map(|_| input.modifiers)
    });
    if let Some(modifiers) = clicked.filter(|_| is_beside && view.model.overlay.is_none()) {
        actions.push(select(message, modifiers));
    }
}

/// The reply button beside the message under the pointer, if there is room.
fn reply_button(
    ui: &Ui,
    view: &View<'_>,
    message: &Message,
    bubble: Rect,
    window: Rect,
    actions: &mut Vec<Action>,
) {
    let row = Rect::from_x_y_ranges(window.x_range(), bubble.y_range()).intersect(window);
    let is_there = ui.rect_contains_pointer(row) && !Popup::is_any_open(ui.ctx());
    if message.with == Peer::Server || !is_there {
        return;
    }
    let beside = space::SMALL + REPLY / 2.0;
    let x = match message.is_own() {
        true => bubble.left() - beside,
        false => bubble.right() + beside,
    };
    let rect = Rect::from_center_size(pos2(x, row.center().y), vec2(REPLY, REPLY));
    if rect.left() < window.left() || rect.right() > window.right() {
        return;
    }
    let id = ui.scope_id().with(("reply", message.id.0));
    let response = ui.interact(rect, id, Sense::click());
    let name = view.texts.get("chat.reply");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name));
    let palette = view.palette;
    let ink = if response.hovered() {
        ui.painter()
            .circle_filled(rect.center(), REPLY / 2.0, palette.hover);
        palette.text
    } else {
        palette.text_weak
    };
    Icon::Reply.paint(ui.painter(), rect.center(), 18.0, ink);
    if response.on_hover_text(name).clicked() {
        actions.push(Action::Reply(message.clone()));
    }
}

/// What the keyboard opens in a message: its first link, otherwise the message that it replies to.
pub fn follow(session: &Session, message: &Message) -> Option<Action> {
    let (quote, said) = markup::split_quote(message.text.as_str());
    if let Some(link) = menu::first_link(said) {
        return Some(open(&link));
    }
    let is_there = session.quote_check(message.id) != Some(QuoteCheck::NotFound);
    let quote = quote.filter(|_| is_there);
    quote.map(|_| Action::OpenQuoted(message.clone()))
}

/// Opens a link; asks first if it may lead elsewhere than it seems to.
fn open(link: &str) -> Action {
    match Destination::of(link) {
        None => Action::Tell(Notice::BadLink),
        Some(destination) if destination.doubts.is_empty() => Action::OpenLink(destination.url),
        Some(destination) => Action::Show(Overlay::Link(destination)),
    }
}

/// The author of a received message.
fn author_name<'a>(view: &View<'a>, message: &'a Message) -> &'a str {
    match (&message.author, &message.with) {
        (Some(author), _) | (None, Peer::Person(author)) => view.person(author.as_str()),
        (None, Peer::Server) => peer_name(view.texts, &message.with),
    }
}

/// What a screen reader says for a message with this text.
fn spoken(view: &View<'_>, message: &Message, said: &str) -> String {
    let (quote, _) = markup::split_quote(message.text.as_str());
    let Some(quote) = quote else {
        return said.to_owned();
    };
    let mark = bubble::quote_mark(view, message);
    let key = match mark {
        Some(_) => "chat.replying_to_marked",
        None if view.is_me(quote.author) => "chat.replying_to_own",
        None => "chat.replying_to",
    };
    let values = [
        ("name", view.person(quote.author)),
        ("quote", quote.excerpt),
        ("text", said),
        ("mark", mark.unwrap_or_default()),
    ];
    view.texts.fill(key, &values)
}

fn link_at(bubble: &Bubble, at: egui::Vec2) -> Option<&str> {
    let text = bubble.text.text();
    let character = bubble.text.character_at(at)?;
    let (byte, _) = text.char_indices().nth(character)?;
    let link = bubble.links.iter().find(|link| link.contains(&byte))?;
    text.get(link.clone())
}

/// The place of the time, and of the progress of an own message.
fn around_time(message: &Message, rect: Rect, bubble: &Bubble) -> Rect {
    let right = rect.right() - PAD_X;
    let y = rect.bottom() - PAD_Y - bubble.time.size().y / 2.0 - 1.5;
    let mut left = right - bubble.time.size().x;
    if message.is_own() {
        left -= SIGN + 3.0;
    }
    Rect::from_min_max(pos2(left, y - 9.0), pos2(right + 4.0, y + 9.0))
}

/// The time, and the progress of an own message.
fn corner(ui: &Ui, view: &View<'_>, message: &Message, rect: Rect, bubble: &Bubble) {
    let (painter, ink) = (ui.painter(), bubble.colours[2]);
    let around = around_time(message, rect, bubble);
    let (left, y) = (around.left(), around.center().y);
    if message.is_own() {
        let (sign, ink) = delivery::sign(view, message, ink);
        let center = pos2(rect.right() - PAD_X - SIGN / 2.0 + 1.0, y);
        sign.paint(painter, center, SIGN, ink);
    }
    let id = ui.scope_id().with(("time", message.id.0));
    ui.interact(around, id, Sense::hover()).on_hover_ui(|ui| {
        let full = texts::full_moment(view.texts, message.at, view.zone);
        ui.label(RichText::new(full).font(text::small()));
        if let Some(edited) = message.edited {
            let time = texts::moment(view.texts, edited, view.now, view.zone);
            let edited = view.texts.fill("chat.edited_at", &[("time", &time)]);
            ui.label(RichText::new(edited).font(text::small()));
        }
        if message.is_own() {
            delivery::times(ui, view, message);
        }
    });
    let at = pos2(left, y - bubble.time.size().y / 2.0);
    painter.galley(at, bubble.time.clone(), ink);
}
