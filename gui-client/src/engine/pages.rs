//! Pages that the window asked for and the local database does not have completely: a live server
//! is asked first.

use mensageiro_protocol::live::{HISTORY_MOST, HistoryRequest};

use super::{
    Command, Event, Message, Older, Peer, SortKey,
    history::{History, HistoryError},
};

/// The most pages that wait for the server; the window asks for one per conversation.
const WAITING: usize = 16;

/// How many messages are loaded on either side of a jump's target.
const AROUND: usize = 100;

/// A requested page.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) with: Peer,
    pub(super) part: Part,
}

impl From<Wanted> for Command {
    fn from(Wanted { with, part }: Wanted) -> Self {
        match part {
            Part::Before(before, limit) => Self::LoadPage {
                with,
                before,
                limit,
            },
            Part::Around(sort_key) => Self::LoadAround { with, sort_key },
        }
    }
}

/// Which part of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// This many messages before a sort key; `None`: the newest.
    Before(Option<SortKey>, usize),
    /// Those on either side of a sort key.
    Around(SortKey),
}

/// Consecutive messages, oldest first, and whether there are more on either side.
struct Read {
    messages: Vec<Message>,
    is_complete: bool,
    newer: bool,
}

/// What the local database has of a page.
pub(super) enum Found {
    /// All of it.
    Page(Event),
    /// A part: the server must be asked. The newest page is shown meanwhile as far as it goes.
    Ask(Option<Event>, HistoryRequest),
}

/// The pages that wait for the server.
#[derive(Debug, Default)]
pub(super) struct Pages {
    waiting: Vec<Wanted>,
}

impl Pages {
    /// Reads a page, and determines whether the server must be asked for more of it.
    pub(super) fn load(
        &mut self,
        history: &History,
        wanted: Wanted,
    ) -> Result<Found, HistoryError> {
        let read = read(history, &wanted)?;
        let gap = history.gap_below(&wanted.with)?;
        let missing = gap.filter(|&known_from| {
            let oldest = read.messages.first();
            read.is_complete || oldest.is_none_or(|m| m.server_id.is_none_or(|id| id < known_from))
        });
        let (Some(known_from), Peer::Person(with)) = (missing, &wanted.with) else {
            let older = if read.is_complete {
                Older::Nothing
            } else {
                Older::More
            };
            return Ok(Found::Page(page(wanted, read, older)));
        };
        let limit = match wanted.part {
            Part::Before(_, limit) => limit.clamp(1, HISTORY_MOST),
            Part::Around(_) => HISTORY_MOST,
        };
        let request = HistoryRequest {
            with: with.clone(),
            before: Some(known_from),
            limit,
        };
        let at_once = matches!(wanted.part, Part::Before(None, _))
            .then(|| page(wanted.clone(), read, Older::Coming));
        self.waiting.push(wanted);
        if self.waiting.len() > WAITING {
            self.waiting.remove(0);
        }
        Ok(Found::Ask(at_once, request))
    }

    /// The pages of a conversation that waited, to be loaded now.
    pub(super) fn take(&mut self, with: &Peer) -> Vec<Wanted> {
        self.waiting
            .extract_if(.., |wanted| wanted.with == *with)
            .collect()
    }
}

/// The available part of a page, when the server cannot be asked.
pub(super) fn without_server(history: &History, wanted: Wanted) -> Result<Event, HistoryError> {
    let read = read(history, &wanted)?;
    Ok(page(wanted, read, Older::AtServer))
}

fn read(history: &History, wanted: &Wanted) -> Result<Read, HistoryError> {
    let (messages, is_complete, newer) = match wanted.part {
        Part::Before(before, limit) => {
            let (messages, is_complete) = history.page(&wanted.with, before, limit)?;
            (messages, is_complete, before.is_some())
        }
        Part::Around(sort_key) => {
            // The message itself stands among the newer ones.
            let (mut messages, is_complete) = history.page(&wanted.with, Some(sort_key), AROUND)?;
            let (newer, is_more) =
                history.page_after(&wanted.with, SortKey(sort_key.0 - 1), AROUND)?;
            messages.extend(newer);
            (messages, is_complete, is_more)
        }
    };
    Ok(Read {
        messages,
        is_complete,
        newer,
    })
}

fn page(wanted: Wanted, read: Read, older: Older) -> Event {
    let Read {
        messages, newer, ..
    } = read;
    match wanted.part {
        Part::Before(before, _) => Event::Page {
            with: wanted.with,
            before,
            messages,
            older,
        },
        Part::Around(_) => Event::Around {
            with: wanted.with,
            messages,
            older,
            newer,
        },
    }
}
