//! The list of a user's conversations, page by page (rule V14).

use std::{cmp::Reverse, collections::HashSet};

use mensageiro_protocol::{
    Login,
    limits::EVENT_BYTES,
    live::{
        CONVERSATIONS_MOST, ConversationNews, Conversations, ConversationsRequest, Event,
        LastMessage,
    },
};

use super::failure::Failure;
use crate::{
    clients::LiveSender, context::Context, delivery::receipt, directory::People, mailboxes::Listed,
    model::conversation::Conversation, model::message::MessageId,
};

/// The most bytes of a conversation in the line, besides texts and names.
const ITEM_BYTES: usize = 512;

/// The conversations of a session's user at the time of the first page. They are kept until the
/// last page has been sent, so that a page costs only what is in it.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The conversation with the newest message first.
    all: Vec<Listed>,
}

impl Listing {
    /// Sends one page.
    pub(super) fn tell(
        &mut self,
        context: &Context,
        sender: &LiveSender,
        people: &People,
        request: &ConversationsRequest,
    ) -> Result<(), Failure> {
        let login = sender.login();
        if request.before.is_none() || self.all.is_empty() {
            self.all = all(context, login, people);
        }
        let before = request.before.map_or(MessageId::MAX, MessageId);
        let from = self.all.partition_point(|one| one.last >= before);
        let limit = request.limit.clamp(1, CONVERSATIONS_MOST);
        let mut page = Conversations {
            before: request.before,
            conversations: Vec::new(),
            more: false,
        };
        let mut bytes = 0;
        for one in &self.all[from..] {
            // The user may have left it since the first page.
            if !is_open_to(&one.with, login, people) {
                continue;
            }
            let Some(news) = news(context, login, one)? else {
                continue;
            };
            // In JSON a character may become two.
            bytes += ITEM_BYTES + 2 * news.last.text.len();
            let is_first = page.conversations.is_empty();
            if page.conversations.len() >= limit || (bytes > EVENT_BYTES && !is_first) {
                page.more = true;
                break;
            }
            tell_receipts(context, sender, one, &news);
            page.conversations.push(news);
        }
        if !page.more {
            self.all = Vec::new();
        }
        sender.tell_event(&Event::Conversations(page));
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

/// All conversations with messages whose history the user may request.
fn all(context: &Context, login: &Login, people: &People) -> Vec<Listed> {
    let mailboxes = &context.mailboxes;
    let mut all = mailboxes.list(login);
    all.retain(|one| is_open_to(&one.with, login, people));
    // A user who joined a group after its last message may read its history.
    let known: HashSet<_> = all.iter().map(|one| one.with.clone()).collect();
    let groups = people.groups.of_member(login);
    let others = groups
        .map(|(group, _)| Conversation::Group(group.clone()))
        .filter(|group| !known.contains(group));
    all.extend(others.filter_map(|group| mailboxes.list_group(login, group)));
    all.sort_unstable_by_key(|one| Reverse(one.last));
    all
}

/// Whether the user may read it: groups are for their members.
fn is_open_to(with: &Conversation, login: &Login, people: &People) -> bool {
    match with {
        Conversation::Pair(..) => true,
        Conversation::Group(group) => {
            let members = people.groups.members(group);
            members.is_some_and(|members| members.contains(login))
        }
    }
}

fn news(
    context: &Context,
    login: &Login,
    listed: &Listed,
) -> Result<Option<ConversationNews>, Failure> {
    // As of the first page: newer messages have been sent already.
    let last = context
        .messages
        .history(&listed.with, None, 1, listed.last)?;
    let how_far = context.mailboxes.how_far(listed);
    Ok(last.into_iter().next_back().map(|last| ConversationNews {
        with: listed.with.with(login).clone(),
        group: matches!(listed.with, Conversation::Group(_)),
        unread: how_far.unread.into(),
        read: how_far.read.0,
        last: LastMessage {
            id: last.id.0,
            at: last.sent_at.as_millisecond(),
            tag: last.tag.filter(|_| last.from == *login),
            from: last.from,
            text: last.text,
        },
    }))
}
