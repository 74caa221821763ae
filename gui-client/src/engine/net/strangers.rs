//! Recognising other kinds of servers by their first bytes, to tell a person who mistyped a port
//! what is there.

use crate::engine::Stranger;

/// How many of the first bytes are looked at.
pub(super) const LOOKED_AT: usize = 512;

/// The kind of server that begins like this; `None`: unknown, or too early to tell.
pub(super) fn recognise(heard: &[u8]) -> Option<Stranger> {
    binary(heard).or_else(|| words(heard))
}

/// Binary protocols.
fn binary(heard: &[u8]) -> Option<Stranger> {
    match *heard {
        // A record of TLS: an alert, or a handshake; its version is 3.0 to 3.4.
        [0x15 | 0x16, 3, 0..=4, ..] => Some(Stranger::Tls),
        // HTTP/2 begins with a frame of settings, of stream 0.
        [0, 0, _, 4, 0, 0, 0, 0, 0, ..] => Some(Stranger::Web),
        // Telnet negotiates.
        [0xff, 0xfb..=0xfe, ..] => Some(Stranger::Terminal),
        // MySQL's greeting, with its version; or why it does not greet this computer.
        [_, _, 0, 0, 10, b'0'..=b'9', ..] => Some(Stranger::Database),
        [_, _, 0, 0, 0xff, ..] if contains(heard, "host") => Some(Stranger::Database),
        // PostgreSQL's errors have fields with names of one letter.
        [b'E', 0, 0, ..] if contains(heard, "sfatal") || contains(heard, "serror") => {
            Some(Stranger::Database)
        }
        [b'A', b'M', b'Q', b'P', 0..=9, ..] => Some(Stranger::Other("AMQP")),
        _ => None,
    }
}

fn words(heard: &[u8]) -> Option<Stranger> {
    let looked_at = &heard[..heard.len().min(LOOKED_AT)];
    let said = String::from_utf8_lossy(looked_at).to_ascii_lowercase();
    let said = said.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let begins = |with: &[&str]| with.iter().any(|word| said.starts_with(word));
    let holds = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // Servers of mail and of files say a number and a word or two.
    let is_numbered = begins(&["220 ", "220-", "421 ", "554 "]);
    Some(if begins(&["ssh-"]) {
        Stranger::Ssh
    } else if begins(&["http/", "<!doctype", "<html", "<head", "icy "]) {
        Stranger::Web
    } else if is_numbered && holds(&["ftp"]) {
        Stranger::Files
    } else if (is_numbered && holds(&["smtp", "mail", "service", "ready"]))
        || begins(&["* ok ", "* bye ", "* preauth "])
        || (begins(&["+ok"]) && holds(&["pop", "ready", "dovecot"]))
    {
        Stranger::Mail
    } else if (begins(&[":"]) && holds(&[" notice ", " 451 ", " 421 "]))
        || begins(&["notice auth", "notice * :", "error :closing link"])
        || (begins(&["<?xml", "<stream:"]) && holds(&["stream"]))
    {
        Stranger::Chat
    } else if begins(&[
        "-err ",
        "-noauth ",
        "-denied ",
        "it looks like you are trying to access mongodb",
    ]) {
        Stranger::Database
    } else if begins(&["rfb 00"]) {
        Stranger::Screen
    } else if begins(&["@rsyncd:"]) {
        Stranger::Other("rsync")
    } else if begins(&["rtsp/"]) {
        Stranger::Other("RTSP")
    } else if begins(&["sip/"]) {
        Stranger::Other("SIP")
    } else if begins(&["info {\"server_id"]) {
        Stranger::Other("NATS")
    } else {
        return None;
    })
}

fn contains(heard: &[u8], word: &str) -> bool {
    let heard = &heard[..heard.len().min(LOOKED_AT)];
    let heard = String::from_utf8_lossy(heard).to_ascii_lowercase();
    heard.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_other_kinds_are_known_by_their_first_words() {
        for (heard, expected) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"[..],
                Stranger::Web,
            ),
            (b"HTTP/1.0 501 Not Implemented\r\n", Stranger::Web),
            (b"<!DOCTYPE HTML>\n<html lang=\"en\">\n", Stranger::Web),
            (
                b"<html>\r\n<head><title>400 Bad Request</title></head>",
                Stranger::Web,
            ),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", Stranger::Web),
            (b"\x15\x03\x01\x00\x02\x02\x46", Stranger::Tls),
            (b"\x15\x03\x03\x00\x02\x02\x16", Stranger::Tls),
            (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", Stranger::Ssh),
            (b"220 mail.example.org ESMTP Postfix\r\n", Stranger::Mail),
            (b"+OK Dovecot ready.\r\n", Stranger::Mail),
            (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", Stranger::Mail),
            (b"220 (vsFTPd 3.0.3)\r\n", Stranger::Files),
            (b"220-Welcome to ProFTPD\r\n", Stranger::Files),
            (
                b":irc.example.net NOTICE * :*** Looking up your hostname...\r\n",
                Stranger::Chat,
            ),
            (
                b"<?xml version='1.0'?><stream:stream id='1'>",
                Stranger::Chat,
            ),
            (b"-ERR unknown command 'ana'\r\n", Stranger::Database),
            (
                b"-DENIED Redis is running in protected mode",
                Stranger::Database,
            ),
            (b"\x4a\0\0\0\x0a8.0.36\0", Stranger::Database),
            (b"E\0\0\0\x6aSFATAL\0VFATAL\0C08P01\0", Stranger::Database),
            (b"RFB 003.008\n", Stranger::Screen),
            (b"\xff\xfd\x18\xff\xfd\x20", Stranger::Terminal),
            (b"@RSYNCD: 31.0\n", Stranger::Other("rsync")),
        ] {
            let said = String::from_utf8_lossy(heard);
            assert_eq!(recognise(heard), Some(expected), "{said:?}");
        }
    }

    #[test]
    fn servers_of_the_assignment_are_not_taken_for_others() {
        for said in [
            "f",
            "f\n",
            "@ana oi\n",
            "@http/ x",
            "Bem-vindo ao chat!\n",
            "Usu\u{e1}rio inv\u{e1}lido",
            "welcome {\"you\":\"ana\"}\n",
            "bye {\"code\":\"unknown-user\"}\n",
            "OK\n",
            "+OK\n",
            "erro",
            "ERROR\n",
            "200\n",
            "220",
            "220 mensagens novas",
            "Login: ",
            ": ",
            "\n",
            "",
        ] {
            let found = recognise(said.as_bytes());
            assert_eq!(found, None, "{said:?}");
        }
    }
}
