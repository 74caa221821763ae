//! Sends what a commit brought to live sessions, with one write for each of them. It runs on the
//! thread that commits, and never waits.

use std::{mem, sync::Arc};

use mensageiro_protocol::{
    Login,
    live::{Event, Read, Receipt, ReceiptState, RefusalCode, Refused, SettingsNews, Tag, Telling},
};

use crate::{
    clients::{LiveSender, Online},
    commit::{Audience, Committed, Sent, Told},
    model::conversation::Conversation,
    model::message::Message,
    state::Moved,
};

/// Pushes commits to live sessions.
#[derive(Debug)]
pub struct Push {
    online: Arc<Online>,
    /// Sessions for which something was appended since the last flush.
    touched: Vec<Arc<LiveSender>>,
}

impl Push {
    /// For the users who are online.
    pub fn new(online: Arc<Online>) -> Self {
        Self {
            online,
            touched: Vec::new(),
        }
    }

    fn sent(&mut self, sent: &Sent<'_>) {
        let Some(first) = sent.messages.first() else {
            return;
        };
        match &first.members {
            None => {
                self.tell(&first.to, sent);
                if first.to != first.from {
                    self.tell(&first.from, sent);
                }
            }
            Some(members) => {
                for member in members.iter() {
                    self.tell(member, sent);
                }
            }
        }
    }

    /// Pushes messages to one user's sessions, except the one that sent them.
    fn tell(&mut self, reader: &Login, sent: &Sent<'_>) {
        let senders = self.online.senders(reader);
        for sender in senders.iter().filter(|one| Some(one.key()) != sent.by) {
            let write = |message: &Message, line: &mut Vec<u8>| {
                write_message(message, (reader, sender.knows_changes()), false, line);
            };
            if sender.push(sent.messages, write) {
                self.touched.push(sender.clone());
            }
        }
    }

    /// A cursor has moved: the authors get a receipt, and the reader's other sessions learn what
    /// was read.
    fn moved(&mut self, moved: &Moved) {
        let with = moved.with.with(&moved.who);
        if let Some(up_to) = moved.read {
            let read = Event::Read(Read {
                with: with.clone(),
                up_to: up_to.0,
            });
            let senders = self.online.senders(&moved.who);
            for sender in senders.iter().filter(|one| Some(one.key()) != moved.by) {
                if sender.tell_event(&read) {
                    self.touched.push(sender.clone());
                }
            }
        }
        for author in &moved.authors {
            let Some(receipt) = receipt(moved, author) else {
                continue;
            };
            for sender in self.online.senders(author).iter() {
                if sender.tell_event(&receipt) {
                    self.touched.push(sender.clone());
                }
            }
        }
    }

    /// A user has set something: the user's sessions that want to know it are told, and the session that asked for it.
    fn set(&mut self, told: &Told) {
        let who = &told.set.who;
        let (news, is_for_all) = match &told.set.outcome {
            Ok(setting) => {
                if setting.scope.is_none() {
                    self.online.set_note(who, &setting.settings.note);
                }
                let news = SettingsNews {
                    last: setting.number,
                    changed: vec![super::settings::item(setting, who)],
                    ..SettingsNews::default()
                };
                (Event::Settings(news), true)
            }
            Err(refusal) => {
                let refused = Refused {
                    tag: None,
                    code: RefusalCode::Quota,
                    detail: refusal.to_string(),
                    retry_after: None,
                };
                (Event::Refused(refused), false)
            }
        };
        for sender in self.online.senders(who).iter() {
            let is_asker = Some(sender.key()) == told.by;
            let is_told = is_asker || (is_for_all && sender.wants_settings());
            if !is_told {
                continue;
            }
            let mut news = news.clone();
            match &mut news {
                Event::Settings(news) if is_asker => news.tag.clone_from(&told.tag),
                Event::Refused(refused) => refused.tag.clone_from(&told.tag),
                _ => {}
            }
            if sender.tell_event(&news) {
                self.touched.push(sender.clone());
            }
        }
    }
}

impl Audience for Push {
    fn committed(&mut self, committed: &Committed<'_>) {
        // A user who answers has read before that.
        for moved in committed.moved {
            self.moved(moved);
        }
        for sent in committed.sent {
            self.sent(sent);
        }
        for told in committed.set {
            self.set(told);
        }
    }

    fn flush(&mut self) -> Box<dyn FnOnce() + Send> {
        let touched = mem::take(&mut self.touched);
        Box::new(move || touched.iter().for_each(|sender| sender.flush()))
    }
}

/// Writes the line that delivers a message to a user, whose client may know changes (rule V17). Of a deletion, others get none.
pub(crate) fn write_message(
    message: &Message,
    (reader, knows_changes): (&Login, bool),
    is_old: bool,
    line: &mut Vec<u8>,
) {
    let telling = telling(message, reader, is_old);
    if knows_changes {
        return telling.encode(line);
    }
    let Some(text) = message.as_said() else {
        return;
    };
    let about = telling.about.filter(|about| !about.is_change());
    let told = Telling {
        about,
        text: &text,
        ..telling
    };
    told.encode(line);
}

fn telling<'a>(message: &'a Message, reader: &'a Login, is_old: bool) -> Telling<'a> {
    let is_own = message.from == *reader;
    let with = if message.members.is_some() || is_own {
        &message.to
    } else {
        &message.from
    };
    Telling {
        id: message.id.0,
        at: message.sent_at.as_millisecond(),
        with,
        from: &message.from,
        tag: message.tag.as_ref().filter(|_: &&Tag| is_own),
        about: message.about,
        is_old,
        file: message.file.as_deref(),
        text: &message.text,
    }
}

/// The receipt for an author when a cursor has moved; in a conversation with oneself it is the
/// author's own.
pub(crate) fn receipt(moved: &Moved, author: &Login) -> Option<Event> {
    let (id, state) = match (moved.read, moved.delivered) {
        (Some(read), _) => (read, ReceiptState::Read),
        (None, Some(delivered)) => (delivered, ReceiptState::Delivered),
        (None, None) => return None,
    };
    let with = match &moved.with {
        Conversation::Pair(..) => &moved.who,
        Conversation::Group(group) => group,
    };
    (moved.who != *author || matches!(moved.with, Conversation::Pair(..))).then(|| {
        Event::Receipt(Receipt {
            id: id.0,
            with: with.clone(),
            by: moved.who.clone(),
            state,
            at: moved.at.as_millisecond(),
        })
    })
}
