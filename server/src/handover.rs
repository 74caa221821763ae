//! Logins that leave users.csv or come back to it, and groups that are made again: the log says so before the edit takes
//! effect. So whoever logs in next sees nothing of somebody else who had the login before.

use std::{fmt::Display, path::Path};

use mensageiro_protocol::Login;
use tracing::{info, warn};

use crate::{
    clients::Online,
    commit::{Committer, Refused},
    directory::{Directory, People},
    mailboxes::Mailboxes,
    model::event::{Event, Target},
};

/// So many events are noted in one commit: others wait for it.
const TOGETHER: usize = 1_000;

/// So many names are in a line of the server's log.
const NAMED: usize = 5;

/// Notes what an edit does to logins and groups. `known`: the logins that there were.
///
/// # Errors
/// [`Refused`] when the disk did not take it. Then the edit must not take effect.
pub(crate) fn note<'a>(
    (committer, mailboxes): (&Committer, &Mailboxes),
    (directory, online): (&Directory, &Online),
    known: impl Iterator<Item = &'a Login>,
    new: &'a People,
) -> Result<(), Refused> {
    // A file without users is rather a broken one.
    let is_broken = new.users.is_empty();
    let gone = known.filter(|login| !is_broken && !new.users.contains(login));
    let gone: Vec<_> = gone.collect();
    let keeps_user = |login: &Login| {
        let is_there = new.users.contains(login);
        is_there.then(|| new.users.keeps(login))
    };
    let keeps_group = |group: &Login| {
        let is_there = new.groups.members(group).is_some();
        is_there.then(|| new.groups.keeps(group))
    };
    let events = {
        let state = mailboxes.lock();
        let keeps = (keeps_user, keeps_group);
        state.handover(gone.into_iter(), new.groups.names(), keeps)
    };
    for some in events.chunks(TOGETHER) {
        committer.note(some.to_vec())?;
    }
    let [users, groups] = directory.files();
    for event in &events {
        if let Event::Back {
            who: Target::User(login),
            keeps: false,
        } = event
        {
            online.forget(login);
        }
    }
    report(&events, users, groups);
    Ok(())
}

fn report(events: &[Event], users: &Path, groups: &Path) {
    let named = |chosen: &dyn Fn(&Event) -> Option<&Login>| {
        let all: Vec<_> = events.iter().filter_map(chosen).collect();
        let mut names: Vec<_> = all.iter().take(NAMED).map(|name| name.as_str()).collect();
        let more = (all.len() > NAMED).then(|| format!("and {} more", all.len() - NAMED));
        names.extend(more.as_deref());
        (!all.is_empty()).then(|| names.join(", "))
    };
    let (users, groups) = (users.display(), groups.display());
    let gone = named(&|event| match event {
        Event::Gone { login } => Some(login),
        _ => None,
    });
    if let Some(gone) = gone {
        warn!(
            "{users}: no longer there: {gone}; if a login comes back, it begins empty, as it may be given to another \
             person, unless its row says `keep` in a column `history`"
        );
    }
    let back = |is_user: bool, has_kept: bool| {
        named(&|event| match event {
            Event::Back { who, keeps } if *keeps == has_kept => match who {
                Target::User(login) if is_user => Some(login),
                Target::Group(group) if !is_user => Some(group),
                _ => None,
            },
            _ => None,
        })
    };
    report_back(&users, back(true, false), back(true, true));
    report_back(&groups, back(false, false), back(false, true));
}

fn report_back(file: &dyn Display, empty: Option<String>, kept: Option<String>) {
    if let Some(empty) = empty {
        warn!(
            "{file}: there again: {empty}; without the messages from before, which are still stored: write `keep` in a \
             column `history` to give them back"
        );
    }
    if let Some(kept) = kept {
        info!("{file}: there with the messages from before, as `history` says: {kept}");
    }
}
