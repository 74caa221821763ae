//! The answers of a small live server.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpStream,
};

use mensageiro_protocol::{
    Login, Text,
    live::{
        Accepted, ConversationNews, Conversations, ConversationsRequest, Event, Hello, HistoryEnd,
        HistoryRequest, LastMessage, Presence, PresenceNews, Read as ReadLine, Receipt,
        ReceiptState, RefusalCode, Refused, Request, Roster, RosterGroup, RosterUser, Settings,
        Tag, TypingNews, Welcome, resume,
    },
};

use super::{
    say,
    state::{State, Stored, at, tell, with},
};

impl State {
    pub fn welcome(&mut self, hello: &Hello, stream: &TcpStream) {
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

    pub fn answer(
        &mut self,
        number: usize,
        me: &Login,
        request: Request,
        stream: &TcpStream,
    ) -> Option<()> {
        match request {
            Request::Send { tag, to, text, .. } => {
                let is_numbered = tag
                    .as_ref()
                    .is_some_and(|tag| tag.device_and_number().is_some());
                if is_numbered && self.refused_numbers > 0 {
                    self.refused_numbers -= 1;
                    refuse(stream, tag, RefusalCode::TagUsed);
                    return Some(());
                }
                let is_user = self.users.contains(&to);
                let is_member = self.groups.get(&to).is_some_and(|all| all.contains(me));
                if !is_user && !is_member {
                    refuse(stream, tag, RefusalCode::UnknownRecipient);
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
            | Request::Edit(_)
            | Request::Set(_)
            | Request::Settings(_)
            | Request::Slot(_)
            | Request::Unknown => {}
        }
        Some(())
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
        // Two at a time, so that there are several pages.
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
                re: None,
                edit: None,
                text: last.text.clone(),
            },
            settings: Settings::default(),
        };
        let page = Conversations {
            before: request.before,
            conversations: page.iter().map(news).collect(),
            more: all.len() > page.len(),
        };
        say(stream, &Event::Conversations(page));
    }

    /// Sends receipts to the authors of everything that `me` has received or read, up to a message.
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
            role: None,
        };
        let group = |(name, members): (&Login, &BTreeSet<Login>)| RosterGroup {
            name: name.clone(),
            members: members.iter().cloned().collect(),
            gone: vec![],
            admins: Vec::new(),
        };
        Roster {
            users: self.users.iter().map(user).collect(),
            groups: self.groups.iter().map(group).collect(),
            ..Roster::default()
        }
    }
}

fn refuse(stream: &TcpStream, tag: Option<Tag>, code: RefusalCode) {
    let refused = Refused {
        tag,
        code,
        detail: String::new(),
        retry_after: None,
    };
    say(stream, &Event::Refused(refused));
}
