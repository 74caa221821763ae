//! Caches the layouts of messages, so that a visible message is not laid out again in every frame.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use egui::{Color32, Galley, Ui};

use super::bubble::{self, Bubble};
use crate::{
    engine::{Message, MessageId},
    markup,
    theme::text,
    ui::View,
};

/// The layouts of this frame and the last one: at most twice what fits into the window.
#[derive(Debug, Default)]
pub struct LayoutCache {
    bubbles: HashMap<MessageId, CachedBubble>,
    /// A layout that egui replaces whenever older layouts become invalid because fonts or the scale have changed.
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

/// Everything besides its message that a bubble depends on.
#[derive(Debug, PartialEq)]
struct Look {
    text: mensageiro_protocol::Text,
    names_author: bool,
    author: Option<String>,
    quoted: Option<String>,
    quote_mark: Option<&'static str>,
    query: Option<String>,
    time: String,
    widest: f32,
    is_own: bool,
    is_dark: bool,
}

impl LayoutCache {
    /// How many layouts were computed in all.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Begins a frame: drops what the last one did not use.
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

    /// The layout of a message, from the cache or computed now.
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
            quote_mark: bubble::quote_mark(view, message),
            query: search
                .filter(|search| search.is_on())
                .map(|search| search.query.clone()),
            time: bubble::time_label(view, message),
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
