//! Messages as they were laid out, as long as they are on the screen: nobody's text is read again
//! with every frame.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use egui::{Color32, Galley, Ui};

use super::bubble::{self, Bubble};
use crate::{
    engine::{Message, MessageId},
    markup,
    texts::time_of_day,
    theme::text,
    ui::View,
};

/// What was laid out in this frame and in the one before; no more than fits into the window, twice.
#[derive(Debug, Default)]
pub struct LayoutCache {
    bubbles: HashMap<MessageId, CachedBubble>,
    /// Something egui lays out anew whenever what was laid out before is of no use any more: there
    /// are other fonts, or another scale.
    fonts: Option<Arc<Galley>>,
    frame: u64,
    count: u64,
}

#[derive(Debug)]
struct CachedBubble {
    frame: u64,
    look: Look,
    bubble: Rc<Bubble>,
}

/// What a bubble depends on besides its message.
#[derive(Debug, PartialEq)]
struct Look {
    text: mensageiro_protocol::Text,
    names_author: bool,
    author: Option<String>,
    quoted: Option<String>,
    query: Option<String>,
    time: String,
    widest: f32,
    is_own: bool,
    is_dark: bool,
}

impl LayoutCache {
    /// How many times a message has been laid out.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// A frame begins: what the last one did not use goes.
    pub fn begin_frame(&mut self, ui: &Ui) {
        let ink = Color32::PLACEHOLDER;
        let fonts = ui.painter().layout_no_wrap(" ".into(), text::body(), ink);
        if !self
            .fonts
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &fonts))
        {
            self.bubbles.clear();
            self.fonts = Some(fonts);
        }
        let last = self.frame;
        self.bubbles.retain(|_, laid| laid.frame == last);
        self.frame += 1;
    }

    /// A message as it was laid out, or as it is laid out now.
    pub fn bubble(
        &mut self,
        ui: &Ui,
        view: &View<'_>,
        message: &Message,
        names_author: bool,
        widest: f32,
    ) -> Rc<Bubble> {
        let person = |login: &str| view.person(login).to_owned();
        let search = view.model.session.as_ref().map(|session| &session.search);
        let (quote, _) = markup::split_quote(message.text.as_str());
        let look = Look {
            text: message.text.clone(),
            names_author,
            author: message
                .author
                .as_ref()
                .map(|author| person(author.as_str())),
            quoted: quote.map(|quote| view.quoted(quote.author).to_owned()),
            query: search
                .filter(|search| search.is_on())
                .map(|search| search.query.clone()),
            time: time_of_day(message.at, view.zone),
            widest,
            is_own: message.is_own(),
            is_dark: ui.visuals().dark_mode,
        };
        let frame = self.frame;
        if let Some(laid) = self.bubbles.get_mut(&message.id)
            && laid.look == look
        {
            laid.frame = frame;
            return Rc::clone(&laid.bubble);
        }
        self.count += 1;
        let bubble = Rc::new(bubble::lay_out(ui, view, message, names_author, widest));
        let laid = CachedBubble {
            frame,
            look,
            bubble: Rc::clone(&bubble),
        };
        self.bubbles.insert(message.id, laid);
        bubble
    }
}
