//! Pages of a conversation that the window asked for, also where the local database does not
//! reach: then a live server is asked first.

use mensageiro_protocol::live::{HISTORY_MOST, HistoryRequest};

use super::{
    Event, Message, Older, Peer, Place,
    history::{History, HistoryError},
};

/// Pages that wait for the server, at most; the window asks for one a conversation.
const WAITING: usize = 16;

/// Around what one jumps to, so much is loaded before it.
const BEFORE_JUMP: usize = 50;

/// A page that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) with: Peer,
    pub(super) before: Option<Place>,
    pub(super) reach: Reach,
}

/// How far back a page goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// So many messages.
    Count(usize),
    /// To this place, and some more.
    Place(Place),
}

/// What can be done about a page.
pub(super) enum Found {
    /// It is here.
    Page(Event),
    /// The server is to be asked first; the newest page is shown meanwhile, as far as it goes.
    Ask(Option<Event>, HistoryRequest),
}

/// The pages that wait for the server.
#[derive(Debug, Default)]
pub(super) struct Pages {
    waiting: Vec<Wanted>,
}

impl Pages {
    /// Reads a page, and says whether the server is to be asked for more of it.
    pub(super) fn load(
        &mut self,
        history: &History,
        wanted: Wanted,
    ) -> Result<Found, HistoryError> {
        let (messages, is_complete) = read(history, &wanted)?;
        let gap = history.gap_below(&wanted.with)?;
        let missing = gap.filter(|&known_from| {
            let oldest = messages.first();
            is_complete || oldest.is_none_or(|m| m.server_id.is_none_or(|id| id < known_from))
        });
        let (Some(known_from), Peer::Person(with)) = (missing, &wanted.with) else {
            let older = if is_complete {
                Older::Nothing
            } else {
                Older::More
            };
            return Ok(Found::Page(page(wanted, messages, older)));
        };
        let limit = match wanted.reach {
            Reach::Count(limit) => limit.clamp(1, HISTORY_MOST),
            Reach::Place(_) => HISTORY_MOST,
        };
        let request = HistoryRequest {
            with: with.clone(),
            before: Some(known_from),
            limit,
        };
        let at_once = wanted
            .before
            .is_none()
            .then(|| page(wanted.clone(), messages, Older::Coming));
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

    /// The server cannot be asked: the pages of a conversation, as far as they go.
    pub(super) fn give_up(
        &mut self,
        history: &History,
        with: &Peer,
    ) -> Result<Vec<Event>, HistoryError> {
        let pages = self.take(with).into_iter().map(|wanted| {
            let (messages, _) = read(history, &wanted)?;
            Ok(page(wanted, messages, Older::AtServer))
        });
        pages.collect()
    }
}

fn read(history: &History, wanted: &Wanted) -> Result<(Vec<Message>, bool), HistoryError> {
    let Wanted {
        with,
        before,
        reach,
    } = wanted;
    match *reach {
        Reach::Count(limit) => history.page(with, *before, limit),
        Reach::Place(place) => history.page_back_to(with, *before, place, BEFORE_JUMP),
    }
}

fn page(wanted: Wanted, messages: Vec<Message>, older: Older) -> Event {
    Event::Page {
        with: wanted.with,
        before: wanted.before,
        messages,
        older,
    }
}
