use super::{PAGE, Session};
use crate::{
    engine::{Command, Message, Peer, SettingChange, SortKey},
    model::{Day, Timeline},
};

/// The largest first page, for a conversation with very many unread messages.
const LARGEST_PAGE: usize = 1000;

/// How many conversations keep their messages loaded; the one opened longest ago is dropped first.
const LOADED_TIMELINES: usize = 8;

/// Opening conversations, and loading their messages.
impl Session {
    pub(super) fn open(&mut self, peer: Peer) -> Vec<Command> {
        if self.open.as_ref() == Some(&peer) {
            return Vec::new();
        }
        self.editing = None;
        let mut commands = self.close();
        if self.search.with.as_ref().is_some_and(|with| *with != peer) {
            commands.extend(self.search.set_scope(None));
        }
        commands.extend(self.unmark(&peer));
        let unread = self.conversations.row(&peer).unread;
        let mut timeline = match self.timelines.iter().position(|(with, _)| *with == peer) {
            Some(at) => self.timelines.remove(at).1,
            None => Timeline::default(),
        };
        timeline.not_loaded = None;
        let first_new = timeline.first_of_last_received(unread);
        if timeline.loaded && unread > 0 && first_new.is_none() && !timeline.complete {
            // More messages than are loaded have come since.
            timeline = Timeline::default();
            timeline.loading = true;
            commands.push(Command::FindUnread { with: peer.clone() });
        } else if timeline.loaded {
            timeline.first_new = first_new;
        } else if !timeline.loading {
            timeline.loading = true;
            commands.push(Command::LoadPage {
                with: peer.clone(),
                before: None,
                limit: first_page(unread),
            });
        }
        self.timelines.push((peer.clone(), timeline));
        if self.timelines.len() > LOADED_TIMELINES {
            self.timelines.remove(0);
        }
        self.open = Some(peer);
        commands
    }

    /// Opens the conversation of a message at that message.
    pub(in crate::model) fn jump_to(&mut self, message: &Message) -> Vec<Command> {
        let mut commands = self.open(message.with.clone());
        self.jumps = self.jumps.wrapping_add(1);
        let jump = self.jumps;
        let (id, with, sort_key) = (message.id, message.with.clone(), message.sort_key);
        let Some(timeline) = self.timeline_mut() else {
            return commands;
        };
        timeline.first_new = None;
        timeline.not_loaded = None;
        timeline.target = Some((id, jump));
        if timeline.index_of(id).is_none() {
            // Instead of the newest page, which may not reach that far.
            commands.retain(|command| !matches!(command, Command::LoadPage { .. }));
            timeline.loading = true;
            commands.push(Command::LoadAround { with, sort_key });
        }
        commands
    }

    /// Looks for the first message of a day in the open conversation.
    pub(in crate::model) fn go_to_day(&self, day: Day) -> Vec<Command> {
        let begins = day.begins;
        let with = self.open.clone();
        let find = with.map(|with| Command::FindDay { with, begins });
        find.into_iter().collect()
    }

    pub(super) fn close(&mut self) -> Vec<Command> {
        self.attentive = false;
        self.compose_problem = None;
        self.selection = None;
        if let Some(timeline) = self.timeline_mut() {
            timeline.leave();
        }
        let drafts = self.take_unsaved_drafts();
        if let Some(left) = self.open.take() {
            self.conversations.forget_if_empty(&left);
        }
        drafts
    }

    pub(super) fn load_older(&mut self) -> Vec<Command> {
        let Some(timeline) = self.timeline_mut() else {
            return Vec::new();
        };
        if timeline.loading || timeline.complete || timeline.older_at_server || !timeline.loaded {
            return Vec::new();
        }
        let Some(before) = timeline.get(0).map(|first| first.sort_key) else {
            return Vec::new();
        };
        timeline.loading = true;
        let Some(with) = self.open.clone() else {
            return Vec::new();
        };
        vec![Command::LoadPage {
            with,
            before: Some(before),
            limit: PAGE,
        }]
    }

    pub(super) fn load_newer(&mut self) -> Vec<Command> {
        let Some(timeline) = self.timeline_mut().filter(|one| one.newer) else {
            return Vec::new();
        };
        let Some(after) = timeline.last().map(|last| last.sort_key) else {
            return Vec::new();
        };
        if std::mem::replace(&mut timeline.loading_newer, true) {
            return Vec::new();
        }
        let Some(with) = self.open.clone() else {
            return Vec::new();
        };
        vec![Command::LoadNewer {
            with,
            after,
            limit: PAGE,
        }]
    }

    pub(super) fn load_newest(&mut self) -> Vec<Command> {
        let limit = first_page(self.open_unread());
        let is_asked = self.timeline_mut().is_some_and(Timeline::ask_newest);
        let with = self.open.clone().filter(|_| is_asked);
        let load = with.map(|with| Command::LoadPage {
            with,
            before: None,
            limit,
        });
        load.into_iter().collect()
    }

    pub(super) fn seen(&mut self, up_to: SortKey) -> Vec<Command> {
        let (Some(with), Some(timeline)) = (self.open.clone(), self.timeline()) else {
            return Vec::new();
        };
        if timeline.newer {
            if let Some(timeline) = self.timeline_mut() {
                timeline.read_up_to = Some(up_to);
            }
            let count = Command::CountUnread { with: with.clone() };
            return vec![Command::MarkSeen { with, up_to }, count];
        }
        let left = timeline.received_after(up_to);
        let row = self.conversations.row(&with);
        if left >= row.unread {
            return Vec::new();
        }
        row.unread = left;
        vec![Command::MarkSeen { with, up_to }]
    }
}

/// Marks everything in a conversation as read; it need not be open.
impl Session {
    pub(super) fn mark_read(&mut self, with: &Peer) -> Vec<Command> {
        let mut commands = self.unmark(with);
        commands.extend(self.mark_messages_read(with));
        commands
    }

    /// It is not shown as unread any more.
    pub(super) fn unmark(&mut self, with: &Peer) -> Vec<Command> {
        let row = self.conversations.get(with);
        match row.is_some_and(|row| row.is_marked_unread) {
            true => self.arrange(with.clone(), SettingChange::MarkedUnread(false)),
            false => Vec::new(),
        }
    }

    fn mark_messages_read(&mut self, with: &Peer) -> Vec<Command> {
        let row = self.conversations.get(with).filter(|row| row.unread > 0);
        let Some(up_to) = row
            .and_then(|row| row.last.as_ref())
            .map(|last| last.sort_key)
        else {
            return Vec::new();
        };
        self.conversations.set_unread(with, 0);
        self.news.forget(with);
        let known = self.timelines.iter_mut().find(|(peer, _)| peer == with);
        if let Some((_, timeline)) = known {
            timeline.first_new = None;
        }
        let with = with.clone();
        vec![Command::MarkSeen { with, up_to }]
    }
}

/// The length of a conversation's first page, so that all unread messages fit.
fn first_page(unread: usize) -> usize {
    (unread + 20).clamp(PAGE, LARGEST_PAGE)
}
