use super::{Session, quotes::quoted};
use crate::{
    engine::{Command, LinkState, Message, Peer},
    markup,
    model::{ComposeProblem, MOST_TYPED, Outgoing, cut_to},
};

/// Writing drafts and replies.
impl Session {
    /// The message that shortcuts act on: the one being replied to, or else the newest.
    pub fn at_hand(&self) -> Option<&Message> {
        let timeline = self.timeline()?;
        let answered = self.answered_at();
        timeline.get(answered.unwrap_or(timeline.len().checked_sub(1)?))
    }

    /// The quote is the first line of the draft, so it is saved with it.
    pub(super) fn reply(&mut self, message: &Message) {
        self.end_edit();
        let author = match (&message.author, &message.with) {
            _ if message.is_own() => &self.account.login,
            (Some(author), _) | (None, Peer::Person(author)) => author,
            (None, Peer::Server) => return,
        };
        let answer = markup::split_draft(self.draft()).1;
        let text = markup::with_quote(author.as_str(), message.text.as_str(), answer);
        self.answered = Some(message.id);
        self.write(text);
    }

    pub(super) fn reply_above(&mut self) {
        let Some(timeline) = self.timeline() else {
            return;
        };
        let above = match self.answered_at() {
            Some(at) => at.checked_sub(1),
            None => timeline.len().checked_sub(1),
        };
        if let Some(message) = above.and_then(|at| timeline.get(at)).cloned() {
            self.reply(&message);
        }
    }

    pub(super) fn reply_below(&mut self) {
        let Some(at) = self.answered_at() else {
            return;
        };
        let below = self.timeline().and_then(|timeline| timeline.get(at + 1));
        match below.cloned() {
            Some(message) => self.reply(&message),
            None => self.reply_to_nothing(),
        }
    }

    pub(super) fn reply_to_nothing(&mut self) {
        let answer = markup::split_draft(self.draft()).1.to_owned();
        self.write(answer);
    }

    /// The sort key of the message being replied to.
    fn answered_at(&self) -> Option<usize> {
        let (quote, _) = markup::split_draft(self.draft());
        quote.and_then(|_| self.timeline()?.index_of(self.answered?))
    }

    pub(super) fn open_quoted(&mut self, message: &Message) -> Vec<Command> {
        let quoted = quoted(message).into_iter();
        quoted.map(Command::FindQuoted).collect()
    }

    /// Sets the draft, and tells the recipients that the person is typing.
    pub(super) fn type_in(&mut self, text: String) -> Vec<Command> {
        let is_new = self.editing().is_none() && !text.trim().is_empty();
        let is_told = matches!(self.link, LinkState::Live { .. }) && is_new;
        self.write(text);
        match self.outgoing() {
            Ok(Outgoing { to, .. }) if is_told => vec![Command::Typing { to }],
            _ => Vec::new(),
        }
    }

    pub(super) fn write(&mut self, mut text: String) {
        if self.write_edit(text.clone()) {
            return;
        }
        self.compose_problem = None;
        cut_to(&mut text, MOST_TYPED);
        match self.open.clone() {
            Some(peer) => {
                self.conversations.row(&peer).draft = text;
                self.unsaved_drafts.insert(peer);
            }
            None => self.loose_draft = text,
        }
    }

    /// Appends a text to the draft of the open conversation.
    pub(in crate::model) fn add_to_draft(&mut self, text: &str) {
        let draft = match (self.draft(), &self.open) {
            ("", Some(open)) => meant_for(open, text),
            ("", None) => text.to_owned(),
            (before, _) => format!("{before}\n{text}"),
        };
        self.write(draft);
    }

    pub(super) fn send(&mut self) -> Vec<Command> {
        let Outgoing { to, text } = match self.outgoing() {
            Ok(outgoing) => outgoing,
            Err(ComposeProblem::Nothing) => return Vec::new(),
            Err(problem) => {
                self.compose_problem = Some(problem);
                return Vec::new();
            }
        };
        self.write(String::new());
        let peer = Peer::Person(to.clone());
        let re = self.answered.take();
        let mut commands = vec![Command::Send { to, text, re }];
        commands.extend(self.take_unsaved_drafts());
        commands.extend(self.open(peer));
        self.sends = self.sends.wrapping_add(1);
        let sent = self.sends;
        if let Some(timeline) = self.timeline_mut() {
            // Whoever answers has seen the new messages, and continues at the end.
            timeline.first_new = None;
            timeline.sent = sent;
        }
        commands
    }
}

/// A text as a draft of this conversation, such that a name it begins with does not send it
/// elsewhere.
pub(super) fn meant_for(peer: &Peer, text: &str) -> String {
    match peer {
        Peer::Person(to) if text.starts_with('@') => format!("@{to} {text}"),
        _ => text.to_owned(),
    }
}
