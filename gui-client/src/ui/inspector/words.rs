use mensageiro_protocol::live::{
    About, ByeCode, Change, Event, Presence, ReceiptState, RefusalCode, Request,
};

use crate::{
    engine::{FaultNews, MessageFault, Side},
    model::Meaning,
    ui::{View, presence},
};

/// The meaning of a line, in words.
pub fn of(view: &View<'_>, meaning: &Meaning) -> String {
    let texts = view.texts;
    let get = |key| texts.get(key).to_owned();
    let one = |key, login: &str| texts.fill(key, &[("login", login)]);
    match meaning {
        Meaning::Opened => get("wire.opened"),
        Meaning::Closed(Side::Client) => get("wire.closed_client"),
        Meaning::Closed(Side::Server) => get("wire.closed_server"),
        Meaning::Cut(Side::Client) => get("wire.cut_client"),
        Meaning::Cut(Side::Server) => get("wire.cut_server"),
        Meaning::Fault(FaultNews::Cut) => get("fault.cut_now"),
        Meaning::Fault(FaultNews::Held(time)) => {
            let count = time.as_secs().to_string();
            texts.fill("fault.held_now", &[("count", &count)])
        }
        Meaning::Fault(FaultNews::Released) => get("fault.released"),
        Meaning::Fault(FaultNews::Message(fault)) => get(match fault {
            MessageFault::Drop => "fault.dropped",
            MessageFault::Double => "fault.doubled",
            MessageFault::Split => "fault.halved",
            MessageFault::LoseAnswer => "fault.answer_lost",
        }),
        Meaning::Login(login) => one("wire.login", login.as_str()),
        Meaning::Hello(hello) => match hello.after {
            None => one("wire.hello", hello.login.as_str()),
            Some(after) => {
                let values = [("login", hello.login.as_str()), ("id", &after.to_string())];
                texts.fill("wire.hello_after", &values)
            }
        },
        Meaning::Poll => get("wire.poll"),
        Meaning::Send(message) => one("wire.send", message.login.as_str()),
        Meaning::Message(message) => one("wire.message", message.login.as_str()),
        Meaning::End => get("wire.end"),
        Meaning::Asked(request) => asked(view, request),
        Meaning::Event(event) => told(view, event),
        Meaning::Unclear => get("wire.unclear"),
    }
}

fn asked(view: &View<'_>, request: &Request) -> String {
    let texts = view.texts;
    let id = |key, id: u64| texts.fill(key, &[("id", &id.to_string())]);
    match request {
        Request::Send { to, about, .. } => {
            let key = match about {
                Some(About::Edit(_)) => "wire.send_edit",
                Some(About::Delete(_)) => "wire.send_deletion",
                Some(About::Reply(_)) => "wire.send_reply",
                None => "wire.send",
            };
            let of = about.map(|about| about.target().to_string());
            let values = [("login", to.as_str()), ("id", &of.unwrap_or_default())];
            texts.fill(key, &values)
        }
        Request::Read(read) => with_id(view, "wire.read", read.with.as_str(), read.up_to),
        Request::Got(got) => id("wire.got", got.up_to),
        Request::History(history) => match history.before {
            Some(before) => with_id(view, "wire.history", history.with.as_str(), before),
            None => texts.fill("wire.history_newest", &[("login", history.with.as_str())]),
        },
        Request::Typing(typing) => texts.fill("wire.typing", &[("login", typing.to.as_str())]),
        Request::Status(status) => texts
            .get(match status.state {
                Presence::Online => "wire.status_online",
                Presence::Away | Presence::Offline => "wire.status_away",
            })
            .to_owned(),
        Request::Roster(_) => texts.get("wire.ask_roster").to_owned(),
        Request::Conversations(_) => texts.get("wire.ask_conversations").to_owned(),
        Request::Set(set) => match &set.with {
            Some(with) => texts.fill("wire.set", &[("name", with.as_str())]),
            None => texts.get("wire.set_note").to_owned(),
        },
        Request::Settings(request) => id("wire.ask_settings", request.after),
        Request::Devices(_) => texts.get("wire.ask_devices").to_owned(),
        Request::Revoke(_) => texts.get("wire.revoke").to_owned(),
        Request::Invite(_) => texts.get("wire.ask_invite").to_owned(),
        Request::Key(_) => texts.get("wire.ask_key").to_owned(),
        Request::Slot(_) => texts.get("wire.ask_slot").to_owned(),
        Request::Edit(edit) => texts.get(edit_words(&edit.change)).to_owned(),
        Request::Ping => texts.get("wire.ping").to_owned(),
        Request::Bye => texts.get("wire.say_bye").to_owned(),
        Request::Unknown => texts.get("wire.unclear").to_owned(),
    }
}

fn told(view: &View<'_>, event: &Event) -> String {
    let texts = view.texts;
    let id = |key, id: u64| texts.fill(key, &[("id", &id.to_string())]);
    match event {
        Event::Welcome(welcome) => id("wire.welcome", welcome.last),
        Event::Message(message) if message.about.is_some_and(About::is_change) => {
            let key = match message.about {
                Some(About::Delete(_)) => "wire.told_deletion",
                _ => "wire.told_edit",
            };
            let of = message.about.map_or(0, About::target);
            with_id(view, key, message.from.as_str(), of)
        }
        Event::Message(message) if message.from == message.with => {
            with_id(view, "wire.told", message.from.as_str(), message.id)
        }
        Event::Message(message) => texts.fill(
            "wire.told_in",
            &[
                ("id", &message.id.to_string()),
                ("login", message.from.as_str()),
                ("name", message.with.as_str()),
            ],
        ),
        Event::End => texts.get("wire.caught_up").to_owned(),
        Event::Accepted(accepted) => id("wire.accepted", accepted.id),
        Event::Refused(refused) => {
            let why = match refused.detail.as_str() {
                "" => texts.get(refusal(refused.code)).to_owned(),
                detail => detail.to_owned(),
            };
            texts.fill("wire.refused", &[("why", &why)])
        }
        Event::Receipt(receipt) => {
            let key = match receipt.state {
                ReceiptState::Delivered => "wire.delivered",
                ReceiptState::Read => "wire.read_by",
            };
            with_id(view, key, receipt.by.as_str(), receipt.id)
        }
        Event::Read(read) => with_id(view, "wire.read_elsewhere", read.with.as_str(), read.up_to),
        Event::Typing(typing) => {
            texts.fill("presence.one_types", &[("name", typing.from.as_str())])
        }
        Event::Presence(news) => {
            let state = presence::words(view, news);
            texts.fill(
                "wire.presence",
                &[("login", news.login.as_str()), ("state", &state)],
            )
        }
        Event::Roster(roster) if roster.changes => texts.get("wire.roster_changes").to_owned(),
        Event::Roster(roster) => texts.count("wire.roster", roster.users.len()),
        Event::Conversations(page) => texts.count("wire.conversations", page.conversations.len()),
        Event::Settings(news) => texts.count("wire.settings", news.changed.len()),
        Event::History(end) => texts.count("wire.history_end", end.count),
        Event::Joined(_) => texts.get("wire.joined").to_owned(),
        Event::Devices(listed) => texts.count("wire.devices", listed.devices.len()),
        Event::Invited(_) => texts.get("wire.invited").to_owned(),
        Event::NewKey(_) => texts.get("wire.new_key").to_owned(),
        Event::Slot(_) => texts.get("wire.slot").to_owned(),
        Event::Edited(_) => texts.get("wire.edited").to_owned(),
        Event::Pong => texts.get("wire.pong").to_owned(),
        Event::Bye(bye) => {
            let why = match bye.detail.as_str() {
                "" => texts.get(farewell(bye.code)),
                detail => detail,
            };
            texts.fill("wire.bye", &[("why", why)])
        }
        Event::Unknown => texts.get("wire.unclear").to_owned(),
    }
}

fn edit_words(change: &Change) -> &'static str {
    match change {
        Change::AddUser { .. }
        | Change::RenameUser { .. }
        | Change::RemoveUser { .. }
        | Change::SetRole { .. } => "wire.edit_users",
        Change::CreateGroup { .. }
        | Change::RemoveGroup { .. }
        | Change::AddMembers { .. }
        | Change::RemoveMembers { .. }
        | Change::SetMemberRole { .. } => "wire.edit_groups",
    }
}

fn refusal(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::UnknownRecipient => "wire.no_recipient",
        RefusalCode::NotAMember => "wire.no_member",
        RefusalCode::MailboxFull => "wire.mailbox_full",
        RefusalCode::BadLine => "wire.bad_line",
        RefusalCode::TagUsed => "wire.tag_used",
        RefusalCode::TagOld => "wire.tag_old",
        RefusalCode::Internal => "wire.not_stored",
        RefusalCode::Busy => "wire.busy",
        RefusalCode::SlowDown => "wire.slow_down",
        RefusalCode::Quota => "wire.quota",
        RefusalCode::NotAllowed => "wire.not_allowed",
        RefusalCode::Unknown => "wire.unknown",
        RefusalCode::Exists => "wire.exists",
        RefusalCode::BadName => "wire.bad_name",
        RefusalCode::LastAdmin => "wire.last_admin",
        RefusalCode::CannotEdit => "wire.cannot_edit",
        RefusalCode::TooLarge => "wire.too_large",
        RefusalCode::DiskFull => "wire.disk_full",
        RefusalCode::UnknownFile => "wire.unknown_file",
        RefusalCode::Other => "wire.no_reason",
    }
}

fn farewell(code: ByeCode) -> &'static str {
    match code {
        ByeCode::Shutdown => "wire.shutdown",
        ByeCode::Slow => "wire.slow",
        ByeCode::UnknownUser => "wire.unknown_user",
        ByeCode::Removed => "wire.removed",
        ByeCode::TooLong => "wire.line_too_long",
        ByeCode::BadHello => "wire.bad_hello",
        ByeCode::Idle => "wire.idle",
        ByeCode::Bye => "wire.left",
        ByeCode::Internal => "wire.not_stored",
        ByeCode::Busy => "wire.busy",
        ByeCode::SlowDown => "wire.slow_down",
        ByeCode::Quota => "wire.quota",
        ByeCode::NeedsTls => "wire.needs_tls",
        ByeCode::NeedsKey => "wire.needs_key",
        ByeCode::Revoked => "wire.revoked",
        ByeCode::Other => "wire.no_reason",
    }
}

fn with_id(view: &View<'_>, key: &str, login: &str, id: u64) -> String {
    view.texts
        .fill(key, &[("login", login), ("id", &id.to_string())])
}
