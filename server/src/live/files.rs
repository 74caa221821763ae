//! Answers requests for places for files (rule V25), and finds the files that messages name (rule V26).

use std::net::{IpAddr, SocketAddr};

use mensageiro_protocol::{
    Login,
    live::{Event, Slot, SlotRequest, file_path},
};

use crate::{context::Context, files::FileStore, net::own_address};

/// Announces a file. `reached_at`: the address at which the client has reached the server.
pub(super) fn slot(
    context: &Context,
    login: &Login,
    reached_at: Option<SocketAddr>,
    request: &SlotRequest,
) -> Event {
    match context.files.reserve(login, request) {
        Err(refusal) => Event::Refused(refusal.no(request.tag.clone())),
        Ok(slot) => {
            let path = file_path(&slot.file, &slot.name);
            Event::Slot(Slot {
                tag: request.tag.clone(),
                file: slot.file,
                url: format!("{}{path}", origin(context, reached_at)),
                path,
                offset: context.files.offset(&slot),
                until: FileStore::until(&slot),
            })
        }
    }
}

/// What a link to this server begins with: the name that it was given, or the address at which it was reached, so that
/// others in the same network reach it too.
fn origin(context: &Context, reached_at: Option<SocketAddr>) -> String {
    let scheme = match context.access.is_closed() {
        true => "https",
        false => "http",
    };
    let at = reached_at.unwrap_or(context.limits.listens);
    let (host, port) = match &context.limits.host {
        Some((host, port)) => (host.clone(), port.unwrap_or(at.port())),
        None => {
            let ip = at.ip().to_canonical();
            let ip = match ip.is_loopback() {
                // Whoever sits at this computer writes to others too.
                true => own_address(context.limits.listens.ip().to_canonical()),
                false => ip,
            };
            (ip.to_string(), at.port())
        }
    };
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => format!("{scheme}://[{host}]:{port}"),
        _ => format!("{scheme}://{host}:{port}"),
    }
}
