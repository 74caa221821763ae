use mensageiro_protocol::Login;

use super::{Session, quotes::Quotes, writing::meant_for};
use crate::{
    engine::{
        Command, Conversation, Delivery, Event, LinkState, Message, MessageId, NotSent, Older,
        Peer, SettingChange, SortKey,
    },
    model::{ComposeProblem, Conversations, PAGE, ReceiptNews, Timeline},
};

/// Handling events of the background threads.
impl Session {
    pub(in crate::model) fn apply(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::SignedIn {
                account,
                conversations,
            } if account == self.account => {
                let was_ready = std::mem::replace(&mut self.ready, true);
                let is_of_server = |row: &Conversation| row.with == Peer::Server;
                self.is_entering &= conversations.iter().all(is_of_server);
                self.storage_problem = None;
                let conversations = Conversations::new(conversations);
                let conversations = conversations.in_place_of(&self.conversations);
                let before = std::mem::replace(&mut self.conversations, conversations);
                let rows = self.conversations.rows();
                self.waiting = rows
                    .iter()
                    .filter_map(|row| row.last.as_ref())
                    .filter(|last| last.delivery == Delivery::Waiting)
                    .map(|last| last.id)
                    .collect();
                if was_ready {
                    return self.begin_anew(&before);
                }
            }
            Event::Groups(groups) if self.ready => {
                self.people.take_groups(&groups);
                self.show_groups();
            }
            Event::Listed(rows) if self.ready => {
                let read = rows.iter().filter(|row| row.unread == 0);
                read.for_each(|row| self.news.forget(&row.with));
                self.conversations.list(rows);
            }
            Event::Arranged(rows) if self.ready => {
                let muted = rows.iter().filter(|row| row.is_muted());
                muted.for_each(|row| self.news.forget(&row.with));
                self.conversations.take_arranged(rows, &self.unsaved_drafts);
            }
            Event::Link(link) => {
                match link {
                    LinkState::Online { .. } | LinkState::Live { .. } => self.online = true,
                    LinkState::Connecting => {}
                    _ => self.online = false,
                }
                return self.take_link(link);
            }
            Event::Security(security) => self.security = Some(security),
            Event::StorageFailed(problem) => {
                self.storage_problem = Some(problem);
                self.search.give_up();
                self.quotes.give_up();
            }
            Event::DraftsKept => self.note_storage_works(),
            Event::Message(message) if self.ready => self.take_in(&message),
            Event::Changed(message) if self.ready => self.take_changed(&message),
            Event::Discarded(id) if self.ready => return self.forget(id),
            Event::Page {
                with,
                before,
                messages,
                older,
            } if self.ready => return self.take_page(&with, before, messages, older),
            Event::OldestUnread { with, message } if self.ready => {
                return self.go_to_unread(&with, message.as_ref());
            }
            Event::Around {
                with,
                messages,
                older,
                newer,
            } if self.ready => {
                self.note_waiting(&messages);
                self.quotes.look_again();
                if let Some(timeline) = self.timeline_of(&with) {
                    timeline.take_around(messages, older, newer);
                }
            }
            Event::Newer {
                with,
                after,
                messages,
                newer,
            } if self.ready => {
                self.note_waiting(&messages);
                if let Some(timeline) = self.timeline_of(&with) {
                    timeline.take_newer(after, messages, newer);
                }
            }
            Event::NotLoaded {
                with,
                command,
                problem,
            } if self.ready => {
                if let Some(timeline) = self.timeline_of(&with) {
                    timeline.give_up(command, problem);
                }
            }
            Event::QuoteChecked { id, check } if self.ready => self.quotes.take(id, check),
            Event::Quoted(message) if self.ready => return self.jump_to(&message),
            Event::Found {
                query,
                before,
                messages,
                next,
            } => return self.search.take(query, before, messages, next),
            Event::Receipt {
                with,
                by,
                state,
                up_to,
                at,
            } if self.ready => self.take_receipt(&ReceiptNews {
                with,
                by,
                state,
                up_to,
                at,
            }),
            Event::Unread { with, unread } if self.ready => {
                self.conversations.set_unread(&with, unread);
                if unread == 0 {
                    self.news.forget(&with);
                }
            }
            Event::Typing { with, who, until } if self.is_shown(&with) => {
                self.people.take_typing(with, who, until);
            }
            Event::Space(space) => self.space = Some(space),
            Event::Presence(news) => self.people.take_presence(news),
            Event::Roster(roster) => {
                let are_groups_others = self.people.take_roster(roster, &self.account.login);
                if are_groups_others {
                    self.show_groups();
                }
            }
            Event::NotSent { to, text, reason } if self.ready => {
                self.give_back(to, text.as_str(), reason);
            }
            // About an account that was left meanwhile.
            _ => {}
        }
        Vec::new()
    }

    /// Whether a conversation is in the list or open, so that it is seen who types there.
    fn is_shown(&self, with: &Peer) -> bool {
        self.open.as_ref() == Some(with) || self.conversations.get(with).is_some()
    }

    fn show_groups(&mut self) {
        let groups = self.people.groups();
        self.conversations.show_groups(groups, self.open.as_ref());
    }

    /// A new database has replaced a damaged one: it gets the drafts and the list that the window
    /// knows, and everything else is loaded again.
    fn begin_anew(&mut self, before: &Conversations) -> Vec<Command> {
        self.storage_problem = None;
        self.timelines.clear();
        self.selection = None;
        self.quotes = Quotes::default();
        let mut commands = self.search.begin_anew();
        let is_kept = |row: &&Conversation| !row.draft.is_empty() || row.is_arranged();
        for known in before.rows() {
            if self.conversations.get(&known.with).is_none() && !is_kept(&known) {
                continue;
            }
            let row = self.conversations.row(&known.with);
            if row.draft != known.draft {
                row.draft = known.draft.clone();
                self.unsaved_drafts.insert(known.with.clone());
            }
            let changes = [
                (row.is_pinned != known.is_pinned)
                    .then_some(SettingChange::Pinned(known.is_pinned)),
                (row.muted_until != known.muted_until)
                    .then_some(SettingChange::MutedUntil(known.muted_until)),
            ];
            for change in changes.into_iter().flatten() {
                commands.extend(self.arrange(known.with.clone(), change));
            }
        }
        if let Some(open) = self.open.take() {
            commands.extend(self.open(open));
        }
        if self.is_away || !self.note.is_empty() {
            commands.push(self.status());
        }
        commands
    }

    /// Puts an unsent text back into the composer, before what was typed since.
    fn give_back(&mut self, to: Login, text: &str, reason: NotSent) {
        let peer = Peer::Person(to);
        let text = meant_for(&peer, text);
        let row = self.conversations.row(&peer);
        row.draft = match row.draft.as_str() {
            "" => text,
            typed => format!("{text}\n{typed}"),
        };
        if self.open.as_ref() == Some(&peer) {
            self.compose_problem = Some(ComposeProblem::NotSent(reason));
        }
        self.unsaved_drafts.insert(peer);
    }

    fn take_link(&mut self, link: LinkState) -> Vec<Command> {
        if !matches!(link, LinkState::Live { .. }) {
            self.people.lose_sight();
        }
        match &link {
            LinkState::Waiting { problem, .. } => self.outage = Some(problem.clone()),
            // It is being tried.
            LinkState::Connecting => {}
            _ => self.outage = None,
        }
        if link.is_online() {
            self.is_entering = false;
            self.live = matches!(link, LinkState::Live { .. });
        }
        let mut commands = Vec::new();
        if link == (LinkState::Live { catching_up: false }) {
            // What failed before can be loaded now.
            for (peer, timeline) in &mut self.timelines {
                if std::mem::take(&mut timeline.older_at_server) && timeline.is_empty() {
                    timeline.loading = true;
                    commands.push(Command::LoadPage {
                        with: peer.clone(),
                        before: None,
                        limit: PAGE,
                    });
                }
            }
        }
        self.link = link;
        commands
    }

    fn take_receipt(&mut self, news: &ReceiptNews) {
        self.conversations.take_receipt(news);
        for (peer, timeline) in &mut self.timelines {
            if *peer == news.with {
                timeline.take_receipt(news);
            }
        }
    }

    /// Whatever it was, the database works again.
    fn note_storage_works(&mut self) {
        self.storage_problem = None;
        let not_kept = ComposeProblem::NotSent(NotSent::Storage);
        self.compose_problem.take_if(|problem| *problem == not_kept);
    }

    fn take_in(&mut self, message: &Message) {
        self.note_storage_works();
        self.refresh_selection(message.id, Some(message));
        match message.delivery {
            Delivery::Waiting => self.waiting.insert(message.id),
            _ => self.waiting.remove(&message.id),
        };
        let unread = self
            .conversations
            .get(&message.with)
            .map_or(0, |row| row.unread);
        let new = self.conversations.take_in(message);
        let row = self.conversations.get(&message.with);
        if new && !message.is_own() && row.is_some_and(|row| !row.is_muted()) {
            self.news.take_in(message);
        }
        if let (Peer::Person(with), false) = (&message.with, message.is_own()) {
            let who = message.author.as_ref().unwrap_or(with);
            self.people.stop_typing(&message.with, who);
        }
        let is_open = self.open.as_ref() == Some(&message.with);
        let attentive = self.attentive;
        let known = self
            .timelines
            .iter_mut()
            .find(|(peer, _)| *peer == message.with);
        if let Some((_, timeline)) = known {
            timeline.take_in(message);
            if is_open {
                timeline.keep_unseen();
            } else {
                timeline.keep_newest();
            }
            if new && is_open && !message.is_own() && unread == 0 && !attentive {
                timeline.first_new = Some(message.id);
            }
            if let Some(last) = timeline.newest() {
                self.conversations.set_last(&message.with, last);
            }
        }
    }

    fn take_page(
        &mut self,
        with: &Peer,
        before: Option<SortKey>,
        messages: Vec<Message>,
        older: Older,
    ) -> Vec<Command> {
        self.note_waiting(&messages);
        self.quotes.look_again();
        let page_last = messages.last().filter(|_| before.is_none()).cloned();
        let unread = self.conversations.get(with).map_or(0, |row| row.unread);
        let is_open = self.open.as_ref() == Some(with);
        if let Some((_, timeline)) = self.timelines.iter_mut().find(|(peer, _)| peer == with) {
            let is_first = !timeline.loaded;
            let received = messages.iter().filter(|message| !message.is_own()).count();
            let begins_unread = received < unread && older != Older::Nothing;
            if is_open && is_first && before.is_none() && begins_unread {
                return vec![Command::FindUnread { with: with.clone() }];
            }
            timeline.take_page(before, messages, older);
            if is_open && is_first && timeline.target.is_none() {
                timeline.first_new = timeline.first_of_last_received(unread);
            }
        }
        let known = self.timelines.iter().find(|(peer, _)| peer == with);
        let last = known.and_then(|(_, timeline)| timeline.newest());
        // `forget` asked for a page that no timeline takes.
        match last.or(page_last.as_ref()) {
            Some(last) => self.conversations.set_last(with, last),
            None if known.is_none() && before.is_none() => {
                self.conversations.set_nothing(with);
            }
            None => {}
        }
        Vec::new()
    }

    /// There are more unread messages than fit in a page: the person begins with the oldest.
    fn go_to_unread(&mut self, with: &Peer, message: Option<&Message>) -> Vec<Command> {
        if message.is_none() {
            self.conversations.set_unread(with, 0);
        }
        let is_open = self.open.as_ref() == Some(with);
        let Some(timeline) = self.timeline_of(with).filter(|one| is_open && !one.loaded) else {
            return Vec::new();
        };
        let with = with.clone();
        timeline.first_new = message.map(|message| message.id);
        vec![match message {
            Some(message) => Command::LoadAround {
                with,
                sort_key: message.sort_key,
            },
            None => Command::LoadPage {
                with,
                before: None,
                limit: PAGE,
            },
        }]
    }

    fn note_waiting(&mut self, messages: &[Message]) {
        for message in messages {
            match message.delivery {
                Delivery::Waiting => self.waiting.insert(message.id),
                _ => self.waiting.remove(&message.id),
            };
        }
    }

    fn timeline_of(&mut self, with: &Peer) -> Option<&mut Timeline> {
        let found = self.timelines.iter_mut().find(|(peer, _)| peer == with);
        found.map(|(_, timeline)| timeline)
    }

    fn forget(&mut self, id: MessageId) -> Vec<Command> {
        self.search.take_changed(id, None);
        self.waiting.remove(&id);
        self.refresh_selection(id, None);
        for (peer, timeline) in &mut self.timelines {
            if timeline.forget(id) {
                if timeline.newer {
                    break;
                }
                self.conversations.forget(peer, id, timeline.last());
                self.conversations.forget_if_empty(peer);
                return Vec::new();
            }
        }
        // Not loaded: only the list may show it, and the database knows the message before it.
        let rows = self.conversations.rows();
        rows.iter()
            .filter(|row| row.last.as_ref().is_some_and(|last| last.id == id))
            .map(|row| Command::LoadPage {
                with: row.with.clone(),
                before: None,
                limit: 1,
            })
            .collect()
    }
}
