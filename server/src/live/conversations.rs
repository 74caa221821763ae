//! The list of a user's conversations, page by page (rule V14).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use mensageiro_protocol::{
    Login,
    limits::EVENT_BYTES,
    live::{
        CONVERSATIONS_MOST, ConversationNews, Conversations, ConversationsRequest, Event, LastEdit,
        LastMessage,
    },
};

use super::{LOOKUP_ROWS, failure::Failure, history::current};
use crate::{
    budgets::cost,
    clients::LiveSender,
    context::Context,
    delivery::{receipt, settings::values},
    directory::People,
    mailboxes::Listed,
    model::conversation::Conversation,
    model::message::{About, MessageId},
};

/// The most bytes of a conversation in the line, besides texts and names.
const ITEM_BYTES: usize = 512;

/// Messages that are looked at for the last one that was not deleted, at first and then.
const FEW: usize = 1;
const MANY: usize = 100;

/// What a session remembers of its user's list: only when that was, so that it takes no memory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The newest message at the first page. Later pages belong to the list as it was then.
    newest: Option<MessageId>,
    /// The lowest id on the last page as it was told, and the one by which it was found. If the last message was deleted, an
    /// older one is told.
    lowest: Option<(MessageId, MessageId)>,
}

impl Listing {
    /// Sends one page. Returns what that costs.
    pub(super) fn tell(
        &mut self,
        context: &Context,
        sender: &LiveSender,
        people: &People,
        request: &ConversationsRequest,
    ) -> Result<u64, Failure> {
        let login = sender.login();
        let limit = request.limit.clamp(1, CONVERSATIONS_MOST);
        let newest = self
            .newest
            .take_if(|_| request.before.is_some())
            .unwrap_or_else(|| context.mailboxes.last());
        let before = request.before.map_or(MessageId::MAX, MessageId);
        let lowest = self.lowest.take();
        let mut before = lowest
            .filter(|lowest| lowest.0 == before)
            .map_or(before, |lowest| lowest.1);
        let mut page = Conversations {
            before: request.before,
            conversations: Vec::new(),
            more: true,
        };
        let (mut rows, mut bytes) = (0, 0);
        // Whoever asks for more needs to know one. Of some conversations nothing is left.
        while page.conversations.is_empty() && page.more {
            // One more shows whether there are more.
            let found = Latest {
                most: limit + 1,
                before,
                newest,
                found: BTreeMap::new(),
                rows: 0,
            };
            let (found, looked_at) = found.of(context, login, people)?;
            rows += looked_at;
            page.more = found.len() > limit;
            for one in found.values().take(limit) {
                rows += LOOKUP_ROWS;
                before = one.last;
                let Some(news) = news(context, (login, sender.knows_changes()), one, &mut rows)?
                else {
                    continue;
                };
                let edit = news.last.edit.as_ref().map_or(0, |edit| edit.text.len());
                // In JSON a character may become two.
                bytes += ITEM_BYTES + 2 * (news.last.text.len() + edit + news.settings.draft.len());
                if bytes > EVENT_BYTES && !page.conversations.is_empty() {
                    page.more = true;
                    break;
                }
                tell_receipts(context, sender, one, &news);
                let told = self.lowest.map_or(MessageId::MAX, |lowest| lowest.0);
                self.lowest = Some((told.min(MessageId(news.last.id)), one.last));
                page.conversations.push(news);
            }
        }
        self.newest = page.more.then_some(newest);
        sender.tell_event(&Event::Conversations(page));
        Ok(cost::answer(rows, bytes))
    }
}

/// The conversations with the newest messages, out of those whose last message is older than another one.
struct Latest {
    most: usize,
    before: MessageId,
    /// Later messages do not count.
    newest: MessageId,
    /// By their last messages, the newest one first.
    found: BTreeMap<Reverse<MessageId>, Listed>,
    /// How many were looked at.
    rows: usize,
}

impl Latest {
    /// Goes through all conversations of a user whose history the user may request. Returns also how many that were.
    fn of(
        mut self,
        context: &Context,
        login: &Login,
        people: &People,
    ) -> Result<(BTreeMap<Reverse<MessageId>, Listed>, usize), Failure> {
        let mailboxes = &context.mailboxes;
        let mut known = HashSet::new();
        let (mut next, mut some) = (Some(0), Vec::new());
        while let Some(from) = next {
            next = mailboxes.some_listed(login, from, &mut some);
            for one in some.drain(..) {
                if let Conversation::Group(group) = &one.with {
                    // Groups are for their members.
                    let members = people.groups.members(group);
                    if !members.is_some_and(|members| members.contains(login)) {
                        continue;
                    }
                    known.insert(group.clone());
                }
                self.add(context, one)?;
            }
        }
        // A user who joined a group after its last message may read its history.
        for (group, _) in people.groups.of_member(login) {
            if !known.contains(group)
                && let Some(one) = mailboxes.list_group(login, Conversation::Group(group.clone()))
            {
                self.add(context, one)?;
            }
        }
        Ok((self.found, self.rows))
    }

    fn add(&mut self, context: &Context, mut one: Listed) -> Result<(), Failure> {
        self.rows += 1;
        if one.last > self.newest {
            self.rows += LOOKUP_ROWS;
            one.last = context.messages.last_up_to(&one.with, self.newest)?;
        }
        if one.last >= self.before || one.last <= one.since {
            return Ok(());
        }
        self.found.insert(Reverse(one.last), one);
        if self.found.len() > self.most {
            self.found.pop_last();
        }
        Ok(())
    }
}

/// Sends how far the other user is with the last message, if that is the user's own: the list shows
/// it. For a group it comes with the history.
fn tell_receipts(context: &Context, sender: &LiveSender, listed: &Listed, news: &ConversationNews) {
    let login = sender.login();
    if news.group || news.last.from != *login {
        return;
    }
    for moved in context.mailboxes.peers_in(login, &listed.with) {
        if let Some(receipt) = receipt(&moved, login) {
            sender.tell_event(&receipt);
        }
    }
}

fn news(
    context: &Context,
    (login, knows_changes): (&Login, bool),
    listed: &Listed,
    rows: &mut usize,
) -> Result<Option<ConversationNews>, Failure> {
    // As of the first page: newer messages have been sent already.
    let (mut before, mut some) = (None, FEW);
    let last = loop {
        let (messages, with) = (&context.messages, &listed.with);
        let older = messages.history(with, before, some, listed.last)?;
        // What was deleted is paid for by whoever asks.
        *rows += older.len();
        let oldest = older.first().map(|oldest| oldest.id);
        let is_rest = older.len() < some || oldest <= Some(listed.since);
        let mut older = current(context, with, older)?;
        older.retain(|(message, _)| message.id > listed.since);
        match older.pop() {
            None if !is_rest => (before, some) = (oldest, MANY),
            last => break last,
        }
    };
    let Some((last, edit)) = last else {
        return Ok(None);
    };
    let edit = edit.filter(|_| knows_changes).map(|edit| LastEdit {
        id: edit.id.0,
        at: edit.sent_at.as_millisecond(),
        text: edit.text,
    });
    let how_far = context.mailboxes.how_far(listed);
    let scope = Some(listed.with.clone());
    let settings = context.mailboxes.lock().settings(login, &scope);
    Ok(Some(ConversationNews {
        with: listed.with.with(login).clone(),
        group: matches!(listed.with, Conversation::Group(_)),
        unread: how_far.unread,
        read: how_far.read.0,
        last: LastMessage {
            id: last.id.0,
            at: last.sent_at.as_millisecond(),
            tag: last.tag.filter(|_| last.from == *login),
            re: last.about.map(About::target),
            from: last.from,
            text: last.text,
            edit,
        },
        settings: values(&settings),
    }))
}
