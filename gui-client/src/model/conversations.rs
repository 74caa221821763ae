use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
};

use mensageiro_protocol::Text;

use super::{MOST_TYPED, ReceiptNews, cut_to};
use crate::engine::{Conversation, Groups, Message, MessageId, Peer, SettingChange};

/// The most characters of a last message that the list keeps. No row shows more.
const LAST_CHARS: usize = 1_000;

/// The conversation list: the pinned ones on top, then last activity first.
#[derive(Debug, Default)]
pub struct Conversations {
    rows: Vec<Conversation>,
    /// It rises with every possible change of the rows.
    version: u64,
}

impl Conversations {
    /// The conversations of the database. Drafts of earlier versions are truncated to the composer's limit.
    pub fn new(mut rows: Vec<Conversation>) -> Self {
        for row in &mut rows {
            cut_to(&mut row.draft, MOST_TYPED);
            row.last = row.last.as_ref().map(brief);
        }
        let mut conversations = Self { rows, version: 0 };
        conversations.sort();
        conversations
    }

    /// Replaces the conversations, with a new version.
    pub fn in_place_of(mut self, before: &Self) -> Self {
        self.version = before.version + 1;
        self
    }

    /// It rises with every possible change of the rows, so that a search need not run with every
    /// frame.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All rows, as the list shows them.
    pub fn rows(&self) -> &[Conversation] {
        &self.rows
    }

    /// One row.
    pub fn get(&self, peer: &Peer) -> Option<&Conversation> {
        self.rows.iter().find(|row| row.with == *peer)
    }

    /// The last message of the server itself.
    pub fn last_of_server(&self) -> Option<String> {
        let last = self.get(&Peer::Server)?.last.as_ref()?;
        Some(last.text.to_string())
    }

    /// A row to change; it is created if it does not exist.
    pub fn row(&mut self, peer: &Peer) -> &mut Conversation {
        self.version += 1;
        let at = match self.rows.iter().position(|row| row.with == *peer) {
            Some(at) => at,
            None => {
                // Below the pinned ones, above the others.
                let at = self.rows.partition_point(|row| row.is_pinned);
                self.rows.insert(at, empty(peer.clone()));
                at
            }
        };
        &mut self.rows[at]
    }

    /// Takes in rows of the database. The window keeps what it knows better: that it has shown a
    /// message, that a newer one came, and drafts.
    pub fn list(&mut self, rows: Vec<Conversation>) {
        self.version += 1;
        let known = self.rows.iter().enumerate();
        let positions: HashMap<_, _> = known.map(|(at, row)| (row.with.clone(), at)).collect();
        for mut row in rows {
            row.last = row.last.as_ref().map(brief);
            let Some(&at) = positions.get(&row.with) else {
                cut_to(&mut row.draft, MOST_TYPED);
                self.rows.push(row);
                continue;
            };
            let known = &mut self.rows[at];
            known.is_group |= row.is_group;
            known.unread = match &known.last {
                Some(_) => known.unread.min(row.unread),
                None => row.unread,
            };
            let sort_key = |last: &Option<Message>| last.as_ref().map(|last| last.sort_key);
            if sort_key(&known.last) < sort_key(&row.last) {
                known.last = row.last;
            }
        }
        self.sort();
    }

    /// Lists all groups, those without messages below the others, and removes empty groups that no
    /// longer exist; `open` stays.
    pub fn show_groups(&mut self, groups: &Groups, open: Option<&Peer>) {
        self.version += 1;
        self.rows.retain(|row| match &row.with {
            Peer::Person(name) if row.is_bare_group() && open != Some(&row.with) => {
                groups.contains(name)
            }
            _ => true,
        });
        for row in &mut self.rows {
            // A conversation that was only pinned or muted may not be known to be a group yet.
            row.is_group |= matches!(&row.with, Peer::Person(name) if groups.contains(name));
        }
        let listed: HashSet<_> = self.rows.iter().map(|row| row.with.clone()).collect();
        let all = groups.names().cloned().map(Peer::Person);
        let new = all.filter(|group| !listed.contains(group));
        self.rows.extend(new.map(|with| Conversation {
            is_group: true,
            ..empty(with)
        }));
        self.sort();
    }

    /// The number of unread messages in all conversations that are not muted.
    pub fn unread(&self) -> usize {
        let loud = self.rows.iter().filter(|row| !row.is_muted());
        loud.map(|row| row.unread).sum()
    }

    /// Sets something for a conversation.
    pub fn arrange(&mut self, peer: &Peer, change: SettingChange) {
        let row = self.row(peer);
        match change {
            SettingChange::Pinned(is_pinned) => row.is_pinned = is_pinned,
            SettingChange::MutedUntil(until) => row.muted_until = until,
            SettingChange::Archived(up_to) => row.archived = up_to,
            SettingChange::MarkedUnread(is_marked) => row.is_marked_unread = is_marked,
        }
        self.sort();
    }

    /// Takes in conversations for which another device has set something. `unsaved`: those whose drafts the window knows
    /// better.
    pub fn take_arranged(&mut self, rows: Vec<Conversation>, unsaved: &BTreeSet<Peer>) {
        for mut told in rows {
            let row = self.row(&told.with);
            row.is_group |= told.is_group;
            row.is_pinned = told.is_pinned;
            row.muted_until = told.muted_until;
            row.archived = told.archived;
            row.is_marked_unread = told.is_marked_unread;
            if !unsaved.contains(&told.with) {
                cut_to(&mut told.draft, MOST_TYPED);
                row.draft = told.draft;
            }
            self.forget_if_empty(&told.with);
        }
        self.sort();
    }

    /// How many conversations are archived.
    pub fn archived(&self) -> usize {
        self.rows.iter().filter(|row| row.is_archived()).count()
    }

    /// Takes in a new or changed message; true if the row did not know it.
    pub fn take_in(&mut self, message: &Message) -> bool {
        let row = self.row(&message.with);
        row.is_group |= message.author.is_some();
        let known = row.last.as_ref().map(|last| (last.id, last.sort_key));
        let is_known = known.is_some_and(|(id, _)| id == message.id);
        // Received messages are announced once; an own message that waits is after them.
        let is_new = !is_known
            && (!message.is_own() || known.is_none_or(|(_, last)| last < message.sort_key));
        if is_new && !message.is_own() {
            row.unread += 1;
        }
        if is_known || known.is_none_or(|(_, last)| last < message.sort_key) {
            row.last = Some(brief(message));
            self.replace(&message.with);
        }
        is_new
    }

    /// How many messages of a conversation are unread, if it is in the list.
    pub fn set_unread(&mut self, peer: &Peer, unread: usize) {
        self.version += 1;
        if let Some(row) = self.rows.iter_mut().find(|row| row.with == *peer) {
            row.unread = unread;
        }
    }

    /// Sets the last message of a conversation, which its timeline knows better.
    pub fn set_last(&mut self, peer: &Peer, last: &Message) {
        let (row, last) = (self.row(peer), brief(last));
        if row.last.as_ref() != Some(&last) {
            row.last = Some(last);
            self.replace(peer);
        }
    }

    /// Notes that a conversation has no messages left.
    pub fn set_nothing(&mut self, peer: &Peer) {
        self.version += 1;
        if let Some(row) = self.rows.iter_mut().find(|row| row.with == *peer) {
            row.last = None;
        }
        self.forget_if_empty(peer);
        self.sort();
    }

    /// Takes in that somebody has received or read own messages up to an id.
    pub fn take_receipt(&mut self, news: &ReceiptNews) {
        self.version += 1;
        let row = self.rows.iter_mut().find(|row| row.with == news.with);
        if let Some(last) = row.and_then(|row| row.last.as_mut()) {
            news.note(last);
        }
    }

    /// Removes a message; `last` is the conversation's new last message.
    pub fn forget(&mut self, peer: &Peer, id: MessageId, last: Option<&Message>) {
        let row = self.row(peer);
        if row.last.as_ref().is_some_and(|message| message.id == id) {
            row.last = last.map(brief);
            self.sort();
        }
    }

    /// Removes an empty conversation that is neither pinned nor muted.
    pub fn forget_if_empty(&mut self, peer: &Peer) {
        self.version += 1;
        self.rows.retain(|row| {
            let has_reason = row.is_arranged() || row.is_group;
            row.with != *peer || row.last.is_some() || !row.draft.is_empty() || has_reason
        });
    }

    fn sort(&mut self) {
        self.rows.sort_by_key(order);
    }

    /// Moves a row whose last message has changed to its position; the others are in order.
    fn replace(&mut self, peer: &Peer) {
        let Some(at) = self.rows.iter().position(|row| row.with == *peer) else {
            return;
        };
        let key = order(&self.rows[at]);
        let to = match at.checked_sub(1).map(|before| order(&self.rows[before])) {
            Some(before) if before > key => {
                self.rows[..at].partition_point(|row| order(row) <= key)
            }
            _ => at + self.rows[at + 1..].partition_point(|row| order(row) < key),
        };
        if to < at {
            self.rows[to..=at].rotate_right(1);
        } else {
            self.rows[at..=to].rotate_left(1);
        }
    }
}

/// A message with as much of its text as a row may show.
fn brief(message: &Message) -> Message {
    let mut brief = message.clone();
    if let Some((end, _)) = message.text.as_str().char_indices().nth(LAST_CHARS) {
        brief.text = Text::from(&message.text.as_str()[..end]);
    }
    brief
}

fn empty(with: Peer) -> Conversation {
    Conversation {
        with,
        is_group: false,
        last: None,
        unread: 0,
        draft: String::new(),
        is_pinned: false,
        muted_until: None,
        archived: None,
        is_marked_unread: false,
    }
}

/// The order of the list: pinned ones first, then by the sort key of the last message, not by its
/// clock. New empty conversations are on top, groups without messages last.
fn order(row: &Conversation) -> Reverse<(bool, i64)> {
    let sort_key = match &row.last {
        Some(message) => message.sort_key.0,
        None if row.is_bare_group() => i64::MIN,
        None => i64::MAX,
    };
    Reverse((row.is_pinned, sort_key))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mensageiro_protocol::Login;

    use super::*;
    use crate::engine::{Delivery, SortKey};

    #[test]
    fn of_a_long_message_the_list_keeps_what_a_row_shows() {
        let message = Message {
            id: MessageId(1),
            sort_key: SortKey(1),
            server_id: None,
            with: Peer::Person(Login::parse("bob").unwrap()),
            author: None,
            text: Text::from("é".repeat(100_000).as_str()),
            re: None,
            edited: None,
            is_changing: false,
            at: Timestamp::UNIX_EPOCH,
            written: None,
            delivery: Delivery::Received,
            receipts: Vec::new(),
        };
        let mut conversations = Conversations::default();
        assert!(conversations.take_in(&message));
        assert!(!conversations.take_in(&message), "known");
        let last = |all: &Conversations| all.rows()[0].last.clone().unwrap();
        assert_eq!(
            last(&conversations).text.as_str().chars().count(),
            LAST_CHARS
        );
        conversations.set_last(&message.with, &message);
        assert_eq!(last(&conversations), brief(&message));
        let short = Message {
            text: Text::from("short"),
            ..message
        };
        assert_eq!(brief(&short), short);
    }
}
