use std::collections::HashMap;

use super::Session;
use crate::{
    engine::{Command, Message, MessageId, QuoteCheck, Quoted},
    markup,
};

/// The most answers that are remembered.
const KNOWN: usize = 10_000;

/// What is known of quotes: whether somebody has written them.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    known: HashMap<MessageId, QuoteCheck>,
    /// The message about whose quote the database was asked. One at a time: messages come first.
    asked: Option<MessageId>,
}

impl Quotes {
    pub(super) fn take(&mut self, id: MessageId, check: QuoteCheck) {
        self.asked.take_if(|asked| *asked == id);
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(id, check);
    }

    /// Older messages have come, and what is quoted may be among them.
    pub(super) fn look_again(&mut self) {
        self.known.retain(|_, check| *check != QuoteCheck::NotHere);
    }

    /// The answer will not come.
    pub(super) fn give_up(&mut self) {
        self.asked = None;
    }
}

impl Session {
    /// Whether somebody has written what a message quotes; `None`: it is not known yet.
    pub fn quote_check(&self, id: MessageId) -> Option<QuoteCheck> {
        self.quotes.known.get(&id).copied()
    }

    /// Whether the database can be asked about a quote now.
    pub fn may_check_quote(&self) -> bool {
        self.quotes.asked.is_none()
    }

    pub(super) fn check_quote(&mut self, id: MessageId) -> Vec<Command> {
        if !self.may_check_quote() {
            return Vec::new();
        }
        let message = self.timeline().and_then(|timeline| timeline.find(id));
        let Some(quoted) = message.and_then(quoted) else {
            return Vec::new();
        };
        self.quotes.asked = Some(id);
        vec![Command::CheckQuote { id, quoted }]
    }
}

/// What a message quotes, if it does.
pub(super) fn quoted(message: &Message) -> Option<Quoted> {
    let (quote, _) = markup::split_quote(message.text.as_str());
    let quote = quote?;
    Some(Quoted {
        with: message.with.clone(),
        re: message.re,
        before: message.sort_key,
        author: quote.author.to_owned(),
        excerpt: quote.excerpt.to_owned(),
    })
}
