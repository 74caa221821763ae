//! A live server as small as can be: all it knows is in memory, and it breaks when told to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use mensageiro_protocol::{
    Login, Text,
    live::{
        Accepted, Bye, ByeCode, ConversationNews, Conversations, ConversationsRequest, Delivered,
        Epoch, Event, Hello, HistoryEnd, HistoryRequest, LastMessage, Presence, PresenceNews,
        Read as ReadLine, Receipt, ReceiptState, RefusalCode, Refused, Request, Roster,
        RosterGroup, RosterUser, StoreId, Tag, TypingNews, Welcome, resume,
    },
};
use socket2::SockRef;

use crate::window::login;

pub struct LiveServer {
    pub address: String,
    shared: Arc<Shared>,
    listening: thread::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    down: AtomicBool,
}

#[derive(Default)]
struct State {
    users: BTreeSet<Login>,
    groups: BTreeMap<Login, BTreeSet<Login>>,
    messages: Vec<Stored>,
    tags: HashMap<(Login, Tag), u64>,
    /// What gives the ids their meaning; `None`: it is a server of before there were stores and epochs.
    identity: Option<(StoreId, Vec<Epoch>)>,
    /// So many numbered messages are refused, as if another device had their numbers.
    refused_numbers: usize,
    /// What is accepted is not answered.
    swallows_answers: bool,
    /// How far each user has read each conversation.
    reads: HashMap<(Login, Login), u64>,
    sessions: Vec<(usize, Login, TcpStream)>,
    /// Connections cut after so many lines from the client, unanswered; the last number first.
    cuts: Vec<usize>,
    connections: usize,
    /// It knows `conversations`.
    lists: bool,
    /// How often it was asked for them.
    listings: usize,
}

/// What a server has at some moment.
#[derive(Clone)]
pub struct Backup {
    messages: Vec<Stored>,
    tags: HashMap<(Login, Tag), u64>,
    reads: HashMap<(Login, Login), u64>,
    identity: Option<(StoreId, Vec<Epoch>)>,
}

impl Backup {
    /// It is one of a server of before stores had an identity.
    pub fn forget_identity(&mut self) {
        self.identity = None;
    }
}

#[derive(Clone)]
struct Stored {
    id: u64,
    from: Login,
    to: Login,
    tag: Option<Tag>,
    text: Text,
}

impl LiveServer {
    pub fn start(users: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), users)
    }

    pub fn start_at(address: SocketAddr, users: &[&str]) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::<Shared>::default();
        {
            let mut state = shared.state.lock().unwrap();
            state.users = users.iter().map(|user| login(user)).collect();
            state.lists = true;
            state.identity = Some(new_identity());
        }
        let serving = Arc::clone(&shared);
        let listening = thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.down.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, stream) = (Arc::clone(&serving), stream.unwrap());
                thread::spawn(move || {
                    let number = shared.begin();
                    // However it ends, the connection does.
                    let _ = shared.serve(number, &stream);
                    shared.end(number);
                    let _ = SockRef::from(&stream).shutdown(std::net::Shutdown::Both);
                });
            }
        });
        Self {
            address,
            shared,
            listening,
        }
    }

    /// From now on it is one of before stores had an identity.
    pub fn forget_identity(&self) {
        self.state(|state| state.identity = None);
    }

    /// What it has now.
    pub fn backup(&self) -> Backup {
        self.state(|state| Backup {
            messages: state.messages.clone(),
            tags: state.tags.clone(),
            reads: state.reads.clone(),
            identity: state.identity.clone(),
        })
    }

    /// A backup takes the place of what it has, and an epoch begins. Nobody is connected then.
    pub fn restore(&self, backup: &Backup) {
        self.copy_back(backup);
        self.state(|state| {
            let after = state.last();
            if let Some((_, epochs)) = &mut state.identity {
                let number = epochs.last().map_or(1, |last| last.number + 1);
                epochs.push(Epoch { number, after });
            }
        });
    }

    /// The same, but it does not know that it happened.
    pub fn copy_back(&self, backup: &Backup) {
        let backup = backup.clone();
        self.state(|state| {
            state.messages = backup.messages;
            state.tags = backup.tags;
            state.reads = backup.reads;
            state.identity = backup.identity;
        });
        self.cut();
    }

    /// So many numbered messages are refused, as if another device had their numbers.
    pub fn refuse_numbers(&self, count: usize) {
        self.state(|state| state.refused_numbers = count);
    }

    /// From now on, what is accepted is not answered, or is.
    pub fn swallow_answers(&self, swallows: bool) {
        self.state(|state| state.swallows_answers = swallows);
    }

    /// The tags of a user's messages, in order.
    pub fn tags(&self, from: &str) -> Vec<Tag> {
        self.state(|state| {
            let of = state
                .messages
                .iter()
                .filter(|one| one.from.as_str() == from);
            of.filter_map(|one| one.tag.clone()).collect()
        })
    }

    /// A user comes into the directory.
    pub fn register(&self, user: &str) {
        self.state(|state| state.users.insert(login(user)));
    }

    pub fn group(&self, name: &str, members: &[&str]) {
        let members = members.iter().map(|member| login(member)).collect();
        self.state(|state| state.groups.insert(login(name), members));
    }

    /// From now on it is one of before there were lists of conversations.
    pub fn list_nothing(&self) {
        self.state(|state| state.lists = false);
    }

    /// How often it was asked for a page of the list.
    pub fn listings(&self) -> usize {
        self.state(|state| state.listings)
    }

    /// Puts a message in as if its author had sent it.
    pub fn post(&self, from: &str, to: &str, text: &str) {
        self.state(|state| state.accept(&login(from), &login(to), None, &Text::from(text), 0));
    }

    /// The next connections are cut after so many lines from the client, the last number first.
    pub fn cut_after(&self, lines: &[usize]) {
        self.state(|state| state.cuts = lines.to_vec());
    }

    /// Cuts all sessions now.
    pub fn cut(&self) {
        self.state(|state| state.sessions.iter().for_each(|(.., stream)| cut(stream)));
    }

    /// Texts from one user to another or to a group, in order.
    pub fn texts(&self, from: &str, to: &str) -> Vec<String> {
        self.state(|state| {
            let of = |one: &&Stored| one.from.as_str() == from && one.to.as_str() == to;
            state
                .messages
                .iter()
                .filter(of)
                .map(|one| one.text.to_string())
                .collect()
        })
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.state(|state| state.connections)
    }

    /// Cuts all connections and takes no more. Returns where it was.
    pub fn kill(self) -> SocketAddr {
        let address = self.address.parse().unwrap();
        self.shared.down.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        self.cut();
        self.listening.join().unwrap();
        address
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.shared.state.lock().unwrap())
    }
}

impl Shared {
    fn begin(&self) -> usize {
        let mut state = self.state.lock().unwrap();
        state.connections += 1;
        state.connections
    }

    fn end(&self, number: usize) {
        let mut state = self.state.lock().unwrap();
        state.sessions.retain(|(other, ..)| *other != number);
    }

    fn serve(&self, number: usize, stream: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream).split(b'\n');
        let first = String::from_utf8(lines.next()?.ok()?).ok()?;
        let hello = Hello::parse(&first)?.ok()?;
        let mut cut_after = {
            let mut state = self.state.lock().unwrap();
            if !state.users.contains(&hello.login) {
                let (code, detail) = (ByeCode::UnknownUser, String::new());
                let bye = Bye {
                    code,
                    detail,
                    retry_after: None,
                };
                say(stream, &Event::Bye(bye));
                return None;
            }
            state.welcome(&hello, stream);
            state
                .sessions
                .push((number, hello.login.clone(), stream.try_clone().ok()?));
            state.cuts.pop()
        };
        for line in lines {
            let request = Request::parse(&line.ok()?).unwrap();
            let mut state = self.state.lock().unwrap();
            // Taken, and not answered any more.
            let is_cut = cut_after == Some(1);
            cut_after = cut_after.map(|left| left - 1);
            if is_cut {
                cut(stream);
            }
            state.answer(number, &hello.login, request, stream)?;
            if is_cut {
                return None;
            }
        }
        None
    }
}

impl State {
    fn welcome(&mut self, hello: &Hello, stream: &TcpStream) {
        let last = self.last();
        let identity = self.identity.as_ref();
        let after = match identity {
            Some((store, epochs)) => resume(hello, *store, epochs, last),
            None => hello.after.map(|after| after.min(last)),
        };
        say(
            stream,
            &Event::Welcome(Welcome {
                server: "small".into(),
                version: "1".into(),
                store: identity.map(|(store, _)| *store),
                epoch: identity.and_then(|(_, epochs)| Some(epochs.last()?.number)),
                after: after.filter(|_| identity.is_some()),
                ..Welcome::new(hello.login.clone(), last)
            }),
        );
        let me = &hello.login;
        let backlog = self.messages.iter().filter(|one| match after {
            Some(after) => one.id > after && self.concerns(one, me),
            None => {
                let with = with(one, me);
                let read = self.reads.get(&(me.clone(), with)).copied().unwrap_or(0);
                one.from != *me && one.id > read && self.concerns(one, me)
            }
        });
        for one in backlog {
            say(stream, &tell(one, me, false));
        }
        say(stream, &Event::End);
    }

    fn answer(
        &mut self,
        number: usize,
        me: &Login,
        request: Request,
        stream: &TcpStream,
    ) -> Option<()> {
        match request {
            Request::Send { tag, to, text } => {
                let is_numbered = tag
                    .as_ref()
                    .is_some_and(|tag| tag.device_and_number().is_some());
                if is_numbered && self.refused_numbers > 0 {
                    self.refused_numbers -= 1;
                    let (code, detail) = (RefusalCode::TagUsed, String::new());
                    let refused = Refused {
                        tag,
                        code,
                        detail,
                        retry_after: None,
                    };
                    say(stream, &Event::Refused(refused));
                    return Some(());
                }
                let is_user = self.users.contains(&to);
                let is_member = self.groups.get(&to).is_some_and(|all| all.contains(me));
                if !is_user && !is_member {
                    say(
                        stream,
                        &Event::Refused(Refused {
                            tag,
                            code: RefusalCode::UnknownRecipient,
                            detail: String::new(),
                            retry_after: None,
                        }),
                    );
                    return Some(());
                }
                let id = self.accept(me, &to, tag.clone(), &text, number);
                if let Some(tag) = tag.filter(|_| !self.swallows_answers) {
                    say(
                        stream,
                        &Event::Accepted(Accepted {
                            tag,
                            id,
                            at: at(id),
                            missed: Vec::new(),
                            missed_more: 0,
                        }),
                    );
                }
            }
            Request::Read(read) => {
                self.reads
                    .insert((me.clone(), read.with.clone()), read.up_to);
                self.receipts(me, read.up_to, ReceiptState::Read, Some(&read.with));
                self.others(number, me, &Event::Read(ReadLine { ..read }));
            }
            Request::Got(got) => self.receipts(me, got.up_to, ReceiptState::Delivered, None),
            Request::History(request) => self.history(me, &request, stream),
            Request::Conversations(request) if self.lists => self.list(me, &request, stream),
            Request::Typing(typing) => {
                let event = |with| {
                    Event::Typing(TypingNews {
                        from: me.clone(),
                        with,
                    })
                };
                self.to_user(&typing.to, &event(me.clone()));
            }
            Request::Roster(_) => say(stream, &Event::Roster(self.roster())),
            Request::Ping => say(stream, &Event::Pong),
            Request::Bye => return None,
            Request::Conversations(_)
            | Request::Status(_)
            | Request::Devices(_)
            | Request::Revoke(_)
            | Request::Invite(_)
            | Request::Key(_)
            | Request::Unknown => {}
        }
        Some(())
    }

    fn accept(&mut self, me: &Login, to: &Login, tag: Option<Tag>, text: &Text, by: usize) -> u64 {
        let known = tag
            .clone()
            .and_then(|tag| self.tags.get(&(me.clone(), tag)).copied());
        if let Some(id) = known {
            return id;
        }
        let id = self.last() + 1;
        if let Some(tag) = tag.clone() {
            self.tags.insert((me.clone(), tag), id);
        }
        let one = Stored {
            id,
            from: me.clone(),
            to: to.clone(),
            tag,
            text: text.clone(),
        };
        self.messages.push(one.clone());
        for (number, login, stream) in &self.sessions {
            if *number != by && self.concerns(&one, login) {
                say(stream, &tell(&one, login, false));
            }
        }
        id
    }

    fn history(&self, me: &Login, request: &HistoryRequest, stream: &TcpStream) {
        let before = request.before.unwrap_or(u64::MAX);
        let all: Vec<&Stored> = self
            .messages
            .iter()
            .filter(|one| {
                one.id < before && self.concerns(one, me) && with(one, me) == request.with
            })
            .collect();
        let from = all.len().saturating_sub(request.limit);
        for one in &all[from..] {
            say(stream, &tell(one, me, true));
        }
        say(
            stream,
            &Event::History(HistoryEnd {
                with: request.with.clone(),
                before: request.before,
                count: all.len() - from,
                more: from > 0,
            }),
        );
    }

    fn list(&mut self, me: &Login, request: &ConversationsRequest, stream: &TcpStream) {
        self.listings += 1;
        let mine = self.messages.iter().filter(|one| self.concerns(one, me));
        let last: BTreeMap<_, _> = mine.map(|one| (with(one, me), one)).collect();
        let mut all: Vec<_> = last.into_iter().collect();
        all.retain(|(_, one)| request.before.is_none_or(|before| one.id < before));
        all.sort_by_key(|(_, one)| std::cmp::Reverse(one.id));
        // Few at a time, so that there are several pages.
        let page = &all[..all.len().min(2)];
        let news = |(with, last): &(Login, &Stored)| ConversationNews {
            with: with.clone(),
            group: self.groups.contains_key(with),
            unread: 0,
            read: self
                .reads
                .get(&(me.clone(), with.clone()))
                .copied()
                .unwrap_or(0),
            last: LastMessage {
                id: last.id,
                at: at(last.id),
                from: last.from.clone(),
                tag: last.tag.clone().filter(|_| last.from == *me),
                text: last.text.clone(),
            },
        };
        let page = Conversations {
            before: request.before,
            conversations: page.iter().map(news).collect(),
            more: all.len() > page.len(),
        };
        say(stream, &Event::Conversations(page));
    }

    /// The authors of what `me` has got or read up to a message are told.
    fn receipts(&self, me: &Login, up_to: u64, state: ReceiptState, only: Option<&Login>) {
        let mut newest: BTreeMap<(Login, Login), u64> = BTreeMap::new();
        for one in self
            .messages
            .iter()
            .filter(|one| one.id <= up_to && one.from != *me)
        {
            let conversation = with(one, me);
            if self.concerns(one, me) && only.is_none_or(|only| conversation == *only) {
                newest.insert((one.from.clone(), with(one, &one.from)), one.id);
            }
        }
        for ((author, with), id) in newest {
            let (by, at) = (me.clone(), at(up_to));
            self.to_user(
                &author,
                &Event::Receipt(Receipt {
                    id,
                    with,
                    by,
                    state,
                    at,
                }),
            );
        }
    }

    fn roster(&self) -> Roster {
        let user = |user: &Login| RosterUser {
            presence: PresenceNews {
                login: user.clone(),
                state: if self.sessions.iter().any(|(_, login, _)| login == user) {
                    Presence::Online
                } else {
                    Presence::Offline
                },
                note: Text::default(),
                seen: None,
            },
            name: format!("{user} of the list").into(),
        };
        let group = |(name, members): (&Login, &BTreeSet<Login>)| RosterGroup {
            name: name.clone(),
            members: members.iter().cloned().collect(),
            gone: vec![],
        };
        Roster {
            users: self.users.iter().map(user).collect(),
            groups: self.groups.iter().map(group).collect(),
            ..Roster::default()
        }
    }

    fn to_user(&self, user: &Login, event: &Event) {
        let to = self.sessions.iter().filter(|(_, login, _)| login == user);
        to.for_each(|(.., stream)| say(stream, event));
    }

    fn others(&self, number: usize, user: &Login, event: &Event) {
        let mine = self.sessions.iter().filter(|(_, login, _)| login == user);
        mine.filter(|(other, ..)| *other != number)
            .for_each(|(.., stream)| say(stream, event));
    }

    fn concerns(&self, one: &Stored, user: &Login) -> bool {
        let is_member = self
            .groups
            .get(&one.to)
            .is_some_and(|all| all.contains(user));
        one.from == *user || one.to == *user || is_member
    }

    fn last(&self) -> u64 {
        self.messages.last().map_or(100, |one| one.id)
    }
}

/// That of a new store.
fn new_identity() -> (StoreId, Vec<Epoch>) {
    let (number, after) = (1, 0);
    let store = StoreId(u128::from(fastrand::u64(..)));
    (store, vec![Epoch { number, after }])
}

/// The conversation, as this user names it.
fn with(one: &Stored, user: &Login) -> Login {
    if one.to == *user {
        one.from.clone()
    } else {
        one.to.clone()
    }
}

fn tell(one: &Stored, user: &Login, is_old: bool) -> Event {
    Event::Message(Delivered {
        id: one.id,
        at: at(one.id),
        with: with(one, user),
        from: one.from.clone(),
        tag: one.tag.clone().filter(|_| one.from == *user),
        is_old,
        text: one.text.clone(),
    })
}

/// A time for each number, by a clock that goes wrong by two hours every other time: times are for
/// people to look at, and order nothing.
fn at(id: u64) -> i64 {
    let wrong = if id.is_multiple_of(2) {
        7_200_000
    } else {
        -7_200_000
    };
    1_700_000_000_000 + i64::try_from(id).unwrap() * 1000 + wrong
}

/// A client that has gone hears nothing.
fn say(mut stream: &TcpStream, event: &Event) {
    let mut line = Vec::new();
    event.encode(&mut line);
    line.push(b'\n');
    let _ = stream.write_all(&line);
}

fn cut(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(std::net::Shutdown::Both);
}
