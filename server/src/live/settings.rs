//! What a user has set for conversations (rule V15).

use mensageiro_protocol::{
    Login, Text,
    limits::EVENT_BYTES,
    live::{DRAFT_BYTES, Event, NOTE_CHARS, RefusalCode, Set, SettingsNews},
};

use crate::{
    budgets::cost,
    clients::LiveSender,
    commit::NewSet,
    context::Context,
    delivery::settings::{change, item},
    directory::People,
    model::{conversation::Conversation, event::Target, setting::Scope},
};

/// The most bytes of a setting in a line, besides its texts.
const ITEM_BYTES: usize = 512;

/// Sends what was set after a change, as much of it as a line may have, and from now on every change. Returns what that costs.
pub(super) fn tell(context: &Context, sender: &LiveSender, after: u64) -> u64 {
    // What is set meanwhile may be in both; its number says so.
    sender.want_settings();
    let login = sender.login();
    let mut bytes = 0;
    let mut news = SettingsNews {
        after: Some(after),
        ..SettingsNews::default()
    };
    {
        let state = context.mailboxes.lock();
        news.last = state.last_setting(login);
        for setting in state.settings_after(login, after) {
            // In JSON a character may become two.
            let texts = setting.settings.draft.len() + setting.settings.note.len();
            bytes += ITEM_BYTES + 2 * texts;
            if bytes > EVENT_BYTES && !news.changed.is_empty() {
                news.more = true;
                break;
            }
            news.changed.push(item(&setting, login));
        }
    }
    if news.more {
        let last = news.changed.last();
        news.last = last.map_or(after, |setting| setting.number);
    }
    let rows = news.changed.len();
    sender.tell_event(&Event::Settings(news));
    cost::answer(rows, bytes)
}

/// What a client sets, ready for the log.
///
/// # Errors
/// Why it is refused: what a program may want to know, and a person.
pub(super) fn new_set(
    context: &Context,
    (login, people): (&Login, &People),
    mut set: Set,
) -> Result<NewSet, (RefusalCode, String)> {
    let is_about_user = set.is_about_user();
    let is_about_user = is_about_user.map_err(|bad| (RefusalCode::BadLine, bad.reason))?;
    let with = set.with.take().filter(|_| !is_about_user);
    let scope = with.map(|with| conversation(context, (login, people), &with));
    let scope: Scope = scope.transpose()?;
    if let Some(draft) = &set.draft
        && draft.len() > DRAFT_BYTES
    {
        let detail = format!("the draft has {} of {DRAFT_BYTES} bytes", draft.len());
        return Err((RefusalCode::Quota, detail));
    }
    if let Some(note) = &mut set.note {
        let line: String = note.one_line().chars().take(NOTE_CHARS).collect();
        *note = Text::from(line.trim());
    }
    // Nobody has seen a message that does not exist yet.
    let newest = context.mailboxes.last().0;
    set.archived_up_to = set.archived_up_to.map(|up_to| up_to.min(newest));
    let tag = set.tag.take();
    Ok(NewSet {
        tag,
        scope,
        change: change(set),
    })
}

/// The conversation under a name: one that may begin, or one that the user has had.
fn conversation(
    context: &Context,
    (login, people): (&Login, &People),
    with: &Login,
) -> Result<Conversation, (RefusalCode, String)> {
    let group = Conversation::Group(with.clone());
    let pair = Conversation::pair(login, with);
    let is_known = |with: &Conversation| {
        let state = context.mailboxes.lock();
        state.find(login, with).is_some() || state.has_settings(login, &Some(with.clone()))
    };
    match people.recipient(with) {
        Some(Target::User(_)) => Ok(pair),
        Some(Target::Group(_)) => {
            let members = people.groups.members(with);
            match members.is_some_and(|all| all.contains(login)) || is_known(&group) {
                true => Ok(group),
                false => {
                    let detail = format!("you do not belong to {with}");
                    Err((RefusalCode::NotAMember, detail))
                }
            }
        }
        None if is_known(&group) => Ok(group),
        None if is_known(&pair) => Ok(pair),
        None => {
            let detail = format!("there is no user or group {with}");
            Err((RefusalCode::UnknownRecipient, detail))
        }
    }
}
