//! `invite`, `devices` and `key`: who may log in. They change the file in the data folder, and tell a running server.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use jiff::{Timestamp, Unit, tz::TimeZone};
use mensageiro_protocol::{
    Escaped, Login, Name,
    trust::{Fingerprint, InviteLink},
};
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

use super::CommandError;
use crate::{
    access::{Change, RegisterFile, Registered, invitation, program_key},
    directory::Directory,
    metrics,
    net::{
        own_address,
        tls::{Identity, PemFiles},
    },
};

/// What `invite` needs to know.
#[derive(Clone, Debug)]
pub struct Invitation<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// The server's files for TLS, if it does not make its own.
    pub pem: Option<&'a PemFiles>,
    /// Where the server is going to listen, if none is running.
    pub listen: SocketAddr,
    /// Who is invited.
    pub login: &'a Login,
    /// For how long.
    pub valid: Duration,
    /// The name or address under which devices reach the server, and perhaps another port; otherwise what this computer
    /// has in its network.
    pub host: Option<&'a (String, Option<u16>)>,
}

/// Prints an invite link. A person at a terminal also gets a QR code, and is told what to do with it.
///
/// # Errors
/// [`CommandError`] says what is wrong and what to do.
pub fn invite(invitation_for: &Invitation<'_>) -> Result<(), CommandError> {
    let Invitation {
        data,
        pem,
        listen,
        login,
        valid,
        host,
    } = invitation_for;
    check_user(data, login)?;
    let running = metrics::find(data).ok();
    let known = running.as_ref();
    let known = known.and_then(|(_, status)| Fingerprint::parse(&status.fingerprint).ok());
    let key = match known {
        Some(key) => key,
        None => Identity::load(*pem, data)?.fingerprint(),
    };
    let address = running.map_or(*listen, |(address, _)| address);
    let (host, port) = match host {
        Some((host, port)) => (host.clone(), *port),
        None => (own_address(address.ip()).to_string(), None),
    };
    let (code, change, until) = invitation(login, *valid)?;
    RegisterFile::new(data).change(|_| vec![change])?;
    tell_server(data);
    let link = InviteLink {
        host,
        port: port.unwrap_or(address.port()),
        login: (*login).clone(),
        key,
        code,
    };
    let written = link.written();
    let mut out = io::stdout();
    writeln!(out, "{}", written.as_str())?;
    if out.is_terminal() {
        write!(out, "\n{}\n", qr_code(&written))?;
        writeln!(
            out,
            "Send the link to {login}, or let the app read the code. It lets in one device, once, until {}.\n\
             The device must reach this server as {}; if that is wrong, use --host.",
            local(until),
            link.address()
        )?;
    }
    Ok(())
}

/// Prints the devices and program keys of a user, or of all.
///
/// # Errors
/// [`CommandError`] says what is wrong and what to do.
pub fn list_devices(data: &Path, login: Option<&Login>) -> Result<(), CommandError> {
    let register = RegisterFile::new(data).read()?;
    let logins: Vec<_> = match login {
        Some(login) => vec![login],
        None => register.logins().collect(),
    };
    let mut out = io::stdout();
    for login in logins {
        for one in register.of(login) {
            writeln!(out, "{}", line(login, &one))?;
        }
    }
    Ok(())
}

/// Ends the right of a device or program key to log in. `id`: its id, or the beginning of it.
///
/// # Errors
/// [`CommandError`] says what is wrong and what to do.
pub fn revoke(data: &Path, login: &Login, id: &str) -> Result<(), CommandError> {
    let file = RegisterFile::new(data);
    let beginning: String = id.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let beginning = beginning.to_ascii_uppercase();
    let mut found = file.read()?.of(login);
    found.retain(|one| one.id.plain().starts_with(&beginning));
    let [one] = &found[..] else {
        return Err(CommandError::WhichDevice {
            login: login.clone(),
            found: found.len(),
        });
    };
    let change = Change::Revoke {
        login: login.clone(),
        id: one.id,
    };
    file.change(|_| vec![change])?;
    tell_server(data);
    writeln!(
        io::stdout(),
        "{} of {login} may not log in any more, and its sessions have ended",
        one.id
    )?;
    Ok(())
}

/// Makes a program key and prints it, once.
///
/// # Errors
/// [`CommandError`] says what is wrong and what to do.
pub fn key(data: &Path, login: &Login, name: &str) -> Result<(), CommandError> {
    check_user(data, login)?;
    let (key, change) = program_key(login, Name::from(name))?;
    RegisterFile::new(data).change(|_| vec![change])?;
    tell_server(data);
    let mut out = io::stdout();
    let written = key.written();
    writeln!(out, "{}", written.as_str())?;
    if out.is_terminal() {
        writeln!(
            out,
            "\nIt is shown only now. Where a program asks for the name, type: {login} {}",
            written.as_str()
        )?;
    }
    Ok(())
}

/// A running server looks at the file now and then. It is told so that the change counts at once.
fn tell_server(data: &Path) {
    if let Err(error) = metrics::tell_of_access(data) {
        // With nowhere to say it, the server still notices.
        let _ = writeln!(
            io::stderr(),
            "a running server notices this in a few seconds: {error}"
        );
    }
}

fn check_user(data: &Path, login: &Login) -> Result<(), CommandError> {
    let users = data.join("users.csv");
    let directory = Directory::open(&users, &data.join("groups.csv"))?;
    match directory.people().users.contains(login) {
        true => Ok(()),
        false => Err(CommandError::NoUser {
            users,
            login: login.clone(),
        }),
    }
}

fn line(login: &Login, one: &Registered) -> String {
    let kind = if one.is_program {
        "program key"
    } else {
        "device"
    };
    let seen = one.seen.map_or("never used".into(), |seen| {
        format!("last used {}", local(seen))
    });
    let name = Escaped(one.name.as_str());
    let (id, added) = (one.id, local(one.added));
    format!("{login}  {id}  {kind}  added {added}, {seen}  {name}")
        .trim_end()
        .to_owned()
}

/// A time as people here write it, to the minute.
fn local(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or_default();
    let time = time.to_zoned(TimeZone::system());
    let minute = time.round(Unit::Minute).unwrap_or(time);
    minute.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The link as a QR code of half blocks, black on white whatever the terminal's colours are.
fn qr_code(link: &str) -> String {
    // A link is never too long for one.
    let Ok(code) = QrCode::with_error_correction_level(link, EcLevel::L) else {
        return String::new();
    };
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    let lines = drawn.lines();
    lines
        .map(|line| format!("\x1b[97;40m{line}\x1b[0m\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_square_in_black_on_white() {
        let link = format!(
            "mensageiro://chat.example.org:3333/ana?key={}",
            "A".repeat(79)
        );
        let code = qr_code(&link);
        let lines: Vec<_> = code.lines().collect();
        let widths = lines.iter().map(|line| line.chars().count() - 12);
        let widths: Vec<_> = widths.collect();
        // Half blocks: two rows in a line.
        assert!(
            widths.iter().all(|&width| width.div_ceil(2) == lines.len()),
            "{widths:?}"
        );
        assert!(lines[0].starts_with("\x1b[97;40m█"), "its margin is white");
    }
}
