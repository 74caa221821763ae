//! What a live client requests, and the answers (rules V4 to V15).

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use mensageiro_protocol::{
    Login, Text,
    live::{
        About, Attachment, BadLine, Edit, Event, FileReference, NOTE_CHARS, Presence, RefusalCode,
        Refused, Request, Set, Status, Tag, TypingNews,
    },
};
use tracing::{debug, info};

use super::{
    LOOKUP_ROWS,
    access::{Asked, Asker},
    conversations::Listing,
    editing,
    failure::Failure,
    files, history, roster, settings,
};
use crate::{
    budgets::{LoginBudget, OverBudget, Paused, cost},
    clients::{Ended, LiveSender},
    commit::{Draft, Entry},
    context::Context,
    directory::People,
    files::FileRefusal,
    index::Series,
    model::conversation::Conversation,
    model::{
        event::{Device, Read, Target},
        message::{Message, MessageId},
        stored,
    },
};

/// How often a session relays that its user types, at most.
const TYPING_EVERY: Duration = Duration::from_secs(1);

/// In a group with more members it is not relayed that somebody types: nobody could follow it, and each sign would cost as
/// much as a message.
const TYPING_MOST: usize = 256;

/// The text of a deletion: it means nothing.
const DELETED: &str = "-";

/// How long to wait at a time until an edit has been sent.
const TURN: Duration = Duration::from_millis(5);

/// After so many lines a session waits until they are answered and there is room: the answers to them and to one more read
/// of the socket fit into its queue.
const MOST_UNANSWERED: usize = 4096;

/// After so many bytes of texts it waits likewise: they are in memory until they are stored.
const MOST_UNANSWERED_BYTES: usize = 256 * 1024;

/// The most drafts for which memory is reserved in advance.
const USUAL_DRAFTS: usize = 16;

/// What a user may do, or why not.
type Allowed<T> = Result<T, (RefusalCode, &'static str)>;

/// Handles the requests of one session.
pub(super) struct Requests<'a> {
    context: &'a Context,
    login: &'a Login,
    asker: Asker<'a>,
    sender: &'a Arc<LiveSender>,
    budget: &'a Arc<LoginBudget>,
    /// The address at which the client has reached the server.
    reached_at: Option<SocketAddr>,
    /// What the user owed when the current lines were read.
    owed: Option<OverBudget>,
    /// Messages are refused until then, so that they stay in order: a client sends those again that
    /// were refused.
    refused_until: Option<(Instant, OverBudget)>,
    /// Messages and reads of the current read of the socket, on their way to a commit.
    entry: Entry,
    /// How many drafts the last entry had, at most [`USUAL_DRAFTS`].
    usual: usize,
    typed: Option<Instant>,
    listing: Listing,
    /// Lines since the session last waited for room whose answers may still be in its queue.
    unanswered: usize,
    /// Bytes of texts that were handed over meanwhile.
    unanswered_bytes: usize,
}

impl<'a> Requests<'a> {
    pub(super) fn new(
        context: &'a Context,
        asker: Asker<'a>,
        device: Option<Device>,
        (sender, budget): (&'a Arc<LiveSender>, &'a Arc<LoginBudget>),
        reached_at: Option<SocketAddr>,
    ) -> Self {
        let login = asker.login;
        let entry = Entry {
            from: login.clone(),
            device,
            reads: Vec::new(),
            sets: Vec::new(),
            drafts: Vec::new(),
        };
        Self {
            context,
            login,
            asker,
            sender,
            budget,
            reached_at,
            owed: None,
            refused_until: None,
            entry,
            usual: 0,
            typed: None,
            listing: Listing::default(),
            unanswered: 0,
            unanswered_bytes: 0,
        }
    }

    /// Handles all lines of one read of the socket.
    pub(super) fn give(
        &mut self,
        requests: impl Iterator<Item = Result<Request, BadLine>>,
    ) -> Result<(), Failure> {
        let mut people = self.context.directory.people();
        self.owed = self.budget.owes();
        for request in requests {
            match request {
                Ok(request) => {
                    let is_edit = matches!(request, Request::Edit(_));
                    self.answer(request, &people)?;
                    if is_edit {
                        people = self.context.directory.people();
                    }
                }
                Err(BadLine { tag, reason }) => {
                    self.refuse(tag, RefusalCode::BadLine, reason);
                }
            }
        }
        self.hand_over();
        self.sender.flush();
        // Who sends faster than they read waits for themselves, and is not too slow for their own answers.
        if self.unanswered >= MOST_UNANSWERED || self.unanswered_bytes >= MOST_UNANSWERED_BYTES {
            self.settle();
            (self.unanswered, self.unanswered_bytes) = (0, 0);
            self.sender.wait_for_room();
        }
        Ok(())
    }

    fn answer(&mut self, request: Request, people: &Arc<People>) -> Result<(), Failure> {
        let is_question = matches!(
            request,
            Request::History(_)
                | Request::Roster(_)
                | Request::Conversations(_)
                | Request::Settings(_)
                | Request::Devices(_)
                | Request::Revoke(_)
                | Request::Invite(_)
                | Request::Key(_)
                | Request::Edit(_)
                | Request::Slot(_)
                | Request::Ping
        );
        // Who has left is not answered any more. What was sent before still counts.
        if is_question && !self.may_ask()? {
            return Ok(());
        }
        match request {
            Request::Send {
                tag,
                about,
                to,
                file,
                text,
            } => self.send((tag, about), &to, (file, text), people)?,
            Request::Read(read) => {
                let with = self.conversation_read(&read.with, people);
                let up_to = MessageId(read.up_to);
                self.push_read(Read::Conversation { with, up_to });
            }
            Request::Got(got) => {
                let up_to = MessageId(got.up_to);
                self.push_read(Read::Delivered { up_to });
            }
            Request::History(request) => {
                // The answer includes what was sent before, as far as it is stored by then.
                self.hand_over();
                match self.conversation_of_history(&request.with, people) {
                    Some(with) => {
                        let (context, sender) = (self.context, self.sender);
                        let units = history::tell(context, self.login, sender, &with, &request)?;
                        self.budget.charge(units);
                    }
                    None => {
                        let detail = format!("you do not belong to {}", request.with);
                        self.refuse(None, RefusalCode::NotAMember, detail);
                    }
                }
            }
            Request::Typing(typing) => self.typing(&typing.to, people),
            Request::Status(status) => self.status(status),
            Request::Roster(request) => self.roster(request.changes, people),
            Request::Conversations(request) => {
                // The answer includes what was sent and read before, also by the user's other sessions: their marks may still
                // wait for a sync.
                self.settle();
                let (context, sender) = (self.context, self.sender);
                let units = self.listing.tell(context, sender, people, &request)?;
                self.budget.charge(units);
            }
            Request::Set(set) => self.set(set, people),
            Request::Settings(request) => {
                // The answer includes what was set before.
                self.settle();
                let units = settings::tell(self.context, self.sender, request.after);
                self.budget.charge(units);
            }
            Request::Ping => drop(self.sender.tell_event(&Event::Pong)),
            Request::Bye => {
                self.settle();
                return Err(Failure::Bye);
            }
            Request::Devices(request) => {
                self.access(people, cost::answer(0, 0), |asked| asked.devices(request))
            }
            Request::Revoke(request) => {
                self.access(people, cost::ACCESS, |asked| asked.revoke(request));
            }
            Request::Invite(request) => {
                self.access(people, cost::ACCESS, |asked| asked.invite(request));
            }
            Request::Key(request) => self.access(people, cost::ACCESS, |asked| asked.key(request)),
            Request::Edit(edit) => self.edit(edit, people),
            Request::Slot(request) => {
                self.budget.charge(cost::ACCESS);
                let answer = files::slot(self.context, self.login, self.reached_at, &request);
                self.sender.tell_event(&answer);
            }
            Request::Unknown => {}
        }
        Ok(())
    }

    /// Answers a request about who may log in.
    fn access(&self, people: &People, units: u64, answer: impl FnOnce(Asked<'_>) -> Event) {
        self.budget.charge(units);
        let (context, asker) = (self.context, self.asker);
        self.sender.tell_event(&answer(Asked {
            context,
            people,
            asker,
        }));
    }

    /// Changes users or groups. What was sent before is stored before that.
    fn edit(&mut self, edit: Edit, people: &People) {
        self.hand_over();
        self.budget.charge(cost::edit(self.context.editor.bytes()));
        if let Err(refusal) = self.budget.store(editing::stored(&edit.change, people)) {
            self.budget.note(refusal);
            self.sender
                .tell_event(&Event::Refused(refusal.no(edit.tag)));
            return;
        }
        let author = (self.login, self.asker.is_administrator(people));
        let answer = editing::answer(self.context, author, edit);
        self.sender.tell_event(&answer);
        self.sender.flush();
    }

    /// Waits until there is room for an answer and the user's budgets pay for one. Returns whether the client is still there.
    fn may_ask(&mut self) -> Result<bool, Failure> {
        if self.budget.owes().is_some() {
            // What was asked for before is answered meanwhile, and who has left is noticed by it.
            self.hand_over();
            self.sender.flush();
            if let Paused::TooLong(refusal) = self.budget.pause(|| self.sender.has_ended()) {
                return Err(Ended::SentTooMuch(refusal).into());
            }
        }
        Ok(self.sender.wait_for_room())
    }

    /// Sends the whole roster, as fast as the client reads it.
    fn roster(&self, wants_changes: bool, people: &Arc<People>) {
        let online = &self.context.online;
        // One roster after another: an edit may just be on its way.
        while !online.watch(self.sender, wants_changes) {
            if !self.sender.is_live() {
                return;
            }
            std::thread::sleep(TURN);
        }
        let mut lines = roster::Lines::whole(self.login, people);
        let (mut is_more, mut bytes) = (true, 0);
        while is_more && self.sender.wait_for_room() {
            self.sender.tell(|line| {
                let before = line.len();
                is_more = lines.write(online, line);
                bytes += line.len() - before;
            });
        }
        self.budget.charge(cost::answer(0, bytes));
        online.told(self.sender, people.clone());
        if !Arc::ptr_eq(people, &self.context.directory.people()) {
            online.note_edit();
        }
    }

    fn send(
        &mut self,
        (tag, about): (Option<Tag>, Option<About>),
        to: &Login,
        (file, text): (Option<FileReference>, Text),
        people: &People,
    ) -> Result<(), Failure> {
        let Some(to) = people.recipient(to) else {
            let detail = format!("there is no user or group {to}");
            self.refuse(tag, RefusalCode::UnknownRecipient, detail);
            return Ok(());
        };
        let mut deleted = None;
        let text = match self.may_change(about, &to)? {
            Ok(message) if matches!(about, Some(About::Delete(_))) => {
                deleted = message.filter(|message| message.file.is_some());
                Text::from(DELETED)
            }
            Ok(_) => text,
            Err((code, detail)) => {
                self.refuse(tag, code, detail.to_owned());
                return Ok(());
            }
        };
        let file = match self.file(file) {
            Ok(file) => file,
            Err(refusal) => {
                self.refuse_with(refusal.no(tag));
                return Ok(());
            }
        };
        let size = stored::message(tag.as_ref(), file.as_deref(), &text);
        if let Err(refusal) = self.may_send(size, &to, people) {
            self.budget.note(refusal);
            self.context.counters().discarded(1);
            self.sender.tell_event(&Event::Refused(refusal.no(tag)));
            return Ok(());
        }
        if self.entry.drafts.is_empty() {
            self.entry.drafts.reserve_exact(self.usual);
        }
        self.entry.drafts.push(Draft {
            to,
            tag,
            about,
            file,
            text,
        });
        deleted.map_or(Ok(()), |message| self.forget_file(&message))
    }

    /// Removes the file of a message, once it is on disk that the message is deleted.
    fn forget_file(&mut self, message: &Message) -> Result<(), Failure> {
        self.settle();
        if let Some(file) = &message.file
            && self.context.messages.is_deleted(message)?
        {
            self.context.files.forget(&file.token);
        }
        Ok(())
    }

    /// Whether the user may say this about another message: only its author changes one, and nobody edits what is deleted.
    /// Returns that message, if this changes one.
    fn may_change(
        &self,
        about: Option<About>,
        to: &Target,
    ) -> Result<Allowed<Option<Message>>, Failure> {
        let Some(about) = about.filter(|about| about.is_change()) else {
            return Ok(Ok(None));
        };
        self.budget.charge(cost::answer(LOOKUP_ROWS, 0));
        let with = match to {
            Target::User(to) => Conversation::pair(self.login, to),
            Target::Group(group) => Conversation::Group(group.clone()),
        };
        let id = MessageId(about.target());
        let mailboxes = &self.context.mailboxes;
        let is_visible = id <= mailboxes.last() && id > mailboxes.since_in(self.login, &with);
        let found = match is_visible {
            true => self.context.messages.one(&with, Series::Said, id)?,
            false => None,
        };
        let is_seen = |message: &Message| {
            message
                .members
                .as_ref()
                .is_none_or(|members| members.contains(self.login))
        };
        let found = found.filter(is_seen);
        let is_late = match (&found, about) {
            (Some(message), About::Edit(_)) => self.context.messages.is_deleted(message)?,
            _ => false,
        };
        Ok(match found.filter(|_| !is_late) {
            Some(message) if message.from == *self.login => Ok(Some(message)),
            Some(_) => Err((
                RefusalCode::NotAllowed,
                "only its author may change a message",
            )),
            None => Err((RefusalCode::Unknown, "there is no such message")),
        })
    }

    /// The file that a message names.
    fn file(&self, named: Option<FileReference>) -> Result<Option<Arc<Attachment>>, FileRefusal> {
        let Some(FileReference { token, preview }) = named else {
            return Ok(None);
        };
        self.budget.charge(cost::ACCESS);
        let file = self.context.files.name(&token, self.login, preview)?;
        Ok(Some(Arc::new(file)))
    }

    /// Whether the user's budgets have room for a message.
    fn may_send(&mut self, size: u64, to: &Target, people: &People) -> Result<(), OverBudget> {
        if let Some((until, refusal)) = self.refused_until {
            let retry_after = until.saturating_duration_since(Instant::now());
            if !retry_after.is_zero() {
                return Err(OverBudget {
                    retry_after,
                    ..refusal
                });
            }
            self.refused_until = None;
        }
        if let Target::Group(group) = to {
            self.budget.may_send(self.owed).inspect_err(|refusal| {
                let until = Instant::now() + refusal.retry_after;
                self.refused_until = Some((until, *refusal));
            })?;
            self.budget.charge(cost::fan_out(people.size(group)));
        }
        self.budget.store(size)
    }

    /// The answer comes when it is on disk.
    fn set(&mut self, set: Set, people: &People) {
        let tag = set.tag.clone();
        match settings::new_set(self.context, (self.login, people), set) {
            Ok(set) => {
                let texts = [&set.change.draft, &set.change.note].into_iter();
                let bytes = texts.flatten().map(Text::len).sum();
                if let Err(refusal) = self.budget.store(stored::setting(bytes)) {
                    self.budget.note(refusal);
                    self.sender.tell_event(&Event::Refused(refusal.no(tag)));
                    return;
                }
                self.unanswered += 1;
                self.unanswered_bytes += bytes;
                self.entry.sets.push(set);
            }
            Err((code, detail)) => self.refuse(tag, code, detail),
        }
    }

    /// What was read is noted if that changes anything: the log need not say the same again and again.
    fn push_read(&mut self, read: Read) {
        let is_again = self.entry.reads.last() == Some(&read);
        if !is_again && self.context.mailboxes.is_news(self.login, &read) {
            self.budget.add_stored(stored::READ);
            self.entry.reads.push(read);
        }
    }

    fn refuse(&mut self, tag: Option<Tag>, code: RefusalCode, detail: String) {
        self.refuse_with(Refused {
            tag,
            code,
            detail,
            retry_after: None,
        });
    }

    fn refuse_with(&mut self, refusal: Refused) {
        self.unanswered += 1;
        self.context.counters().discarded(1);
        info!("a line of {} has no effect: {}", self.login, refusal.detail);
        self.sender.tell_event(&Event::Refused(refusal));
    }

    fn conversation(&self, with: &Login, people: &People) -> Conversation {
        match people.groups.members(with) {
            Some(_) => Conversation::Group(with.clone()),
            None => Conversation::pair(self.login, with),
        }
    }

    /// What waits of a group is read also when the group is gone.
    fn conversation_read(&self, with: &Login, people: &People) -> Conversation {
        if people.recipient(with).is_none() {
            let group = Conversation::Group(with.clone());
            if self.context.mailboxes.cursor(self.login, &group).is_some() {
                return group;
            }
        }
        self.conversation(with, people)
    }

    /// The conversation, if it is the user's own or that of a group to which the user belongs.
    fn conversation_of_history(&self, with: &Login, people: &People) -> Option<Conversation> {
        let members = people.groups.members(with);
        members
            .is_none_or(|members| members.contains(self.login))
            .then(|| self.conversation(with, people))
    }

    /// It may get lost, so it goes only to clients for which nothing else waits.
    fn typing(&mut self, to: &Login, people: &People) {
        let now = Instant::now();
        if self.typed.is_some_and(|last| now - last < TYPING_EVERY) {
            return;
        }
        self.typed = Some(now);
        match people.recipient(to) {
            Some(Target::User(user)) => self.tell_typing(&user, self.login),
            Some(Target::Group(group)) => {
                self.budget.charge(cost::fan_out(people.size(&group)));
                let members = people.groups.members(&group);
                let members = members
                    .filter(|members| members.len() <= TYPING_MOST && members.contains(self.login));
                for member in members.into_iter().flat_map(|members| members.iter()) {
                    if member != self.login {
                        self.tell_typing(member, &group);
                    }
                }
            }
            None => debug!("{} types to nobody", self.login),
        }
    }

    fn tell_typing(&self, reader: &Login, with: &Login) {
        let news = Event::Typing(TypingNews {
            from: self.login.clone(),
            with: with.clone(),
        });
        for sender in self.context.online.senders(reader).iter() {
            if sender.key() != self.sender.key()
                && sender.waiting() == 0
                && sender.tell_event(&news)
            {
                sender.flush();
            }
        }
    }

    fn status(&self, Status { state, note }: Status) {
        let note: String = note.one_line().chars().take(NOTE_CHARS).collect();
        // Everybody who watches is told.
        let watching = self.context.online.watching();
        self.budget.charge(cost::fan_out(watching));
        let is_away = state != Presence::Online;
        let note = Text::from(note.trim());
        self.context.online.set_status(self.login, is_away, note);
    }

    /// Submits the gathered entry. The answers follow when it is on disk.
    fn hand_over(&mut self) {
        let entry = &self.entry;
        if entry.drafts.is_empty() && entry.reads.is_empty() && entry.sets.is_empty() {
            return;
        }
        self.usual = self.entry.drafts.len().min(USUAL_DRAFTS);
        let empty = self.empty_entry();
        let entry = std::mem::replace(&mut self.entry, empty);
        self.unanswered += entry.drafts.len();
        self.unanswered_bytes += entry
            .drafts
            .iter()
            .map(|draft| draft.text.len() + draft.file.as_ref().map_or(0, |file| file.line_bytes()))
            .sum::<usize>();
        self.context.committer.submit(entry, self.sender.clone());
    }

    /// Returns when everything that was sent so far has been answered, and when what other sessions have read so far counts.
    fn settle(&mut self) {
        self.hand_over();
        self.context.committer.settle();
    }

    fn empty_entry(&self) -> Entry {
        Entry {
            from: self.login.clone(),
            device: self.entry.device.clone(),
            reads: Vec::new(),
            sets: Vec::new(),
            drafts: Vec::new(),
        }
    }
}
