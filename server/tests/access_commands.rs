//! The commands `invite`, `devices` and `key`, and that no secret is told to anybody but the one whom it is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/device.rs"]
mod device;
#[path = "support/program.rs"]
mod program;
mod support;
#[path = "support/tls.rs"]
mod tls;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    thread,
};

use device::{Device, join};
use mensageiro_protocol::{
    Framing,
    live::{ByeCode, Event},
    trust::{Fingerprint, InviteLink, Secret},
};
use mensageiro_server::metrics::ask;
use program::{Program, command};
use support::{Client, live::LiveClient};

fn data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let users = "login,role\nana,\nbruno,\nchef,admin\n";
    fs::write(folder.path().join("users.csv"), users).unwrap();
    folder
}

/// Runs a command to its end. Returns what it prints, or what it complains of.
fn run(data: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = command(arguments).arg("--data").arg(data).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

fn invited(data: &Path, arguments: &[&str]) -> InviteLink {
    let printed = run(data, arguments).unwrap();
    assert_eq!(printed.lines().count(), 1, "{printed}");
    InviteLink::parse(&printed).unwrap()
}

#[test]
fn an_invitation_leads_to_the_server_whether_it_runs_or_not() {
    let folder = data();
    let data = folder.path();
    let before = invited(data, &["invite", "ana", "--host", "chat.example.org:4000"]);
    assert_eq!(before.address(), "chat.example.org:4000");
    let server = Program::with_arguments(data, &["--closed"]);
    let fingerprint = ask(data).unwrap().fingerprint;
    assert_eq!(Fingerprint::parse(&fingerprint), Ok(before.key));
    let meanwhile = invited(data, &["invite", "bruno", "--valid", "30m"]);
    assert_eq!(meanwhile.address(), server.address.to_string());
    assert_eq!(meanwhile.key, before.key);
    for link in [before, meanwhile] {
        let joined = Device::new().join(server.address, link.login.as_str(), &link.code);
        joined.unwrap().log_in(link.login.as_str()).unwrap();
    }
    let refused = run(data, &["invite", "zoe"]).unwrap_err();
    assert!(refused.contains("there is no user zoe"), "{refused}");
    let refused = run(data, &["invite", "ana", "--valid", "1000d"]).unwrap_err();
    assert!(refused.contains("from 1m to 365d"), "{refused}");
}

#[test]
fn devices_are_listed_and_revoked_whether_the_server_runs_or_not() {
    let folder = data();
    let data = folder.path();
    let key = run(data, &["key", "bruno", "--name", "the \u{1b}script"]).unwrap();
    let mut server = Program::with_arguments(data, &["--closed"]);
    let mut classic = Client::connect(server.address, Framing::Line);
    classic.exchange(&format!("bruno {key}"));
    let ana = Device::new();
    let link = invited(data, &["invite", "ana"]);
    let joined = ana.join(server.address, "ana", &link.code).unwrap();
    let (mut session, _) = joined.log_in("ana").unwrap();
    let list = run(data, &["devices", "list"]).unwrap();
    let id = ana.key.id().to_string();
    assert!(
        list.lines()
            .any(|line| line.starts_with(&format!("ana  {id}  device"))),
        "{list}"
    );
    let line = list.lines().find(|line| line.starts_with("bruno")).unwrap();
    assert!(
        line.contains("program key") && line.ends_with("the ␛script"),
        "{line}"
    );
    assert_eq!(run(data, &["devices", "list", "chef"]).unwrap(), "");
    let unknown = run(data, &["devices", "revoke", "chef", &id]).unwrap_err();
    assert!(unknown.contains("chef has 0 devices"), "{unknown}");
    run(data, &["devices", "revoke", "ana", &id[..6].to_lowercase()]).unwrap();
    let bye = session.hear_answer();
    assert!(matches!(bye, Event::Bye(bye) if bye.code == ByeCode::Revoked));
    server.kill();
    let id = line.split_whitespace().nth(1).unwrap();
    run(data, &["devices", "revoke", "bruno", id]).unwrap();
    let server = Program::start(data);
    let mut again = Client::connect(server.address, Framing::Line);
    assert_eq!(again.hear_after(&format!("bruno {key}")), None);
}

#[test]
fn no_secret_is_in_a_log_a_file_an_error_or_a_list_of_processes() {
    let folder = data();
    let data = folder.path();
    let mut verbose = command(&[]);
    verbose.stderr(Stdio::piped());
    let mut server = Program::with_log(verbose, data, &["--closed"], "trace");
    let log = BufReader::new(server.child.stderr.take().unwrap());
    let log = thread::spawn(move || log.lines().map_while(Result::ok).collect::<Vec<_>>());
    let address = server.address;
    let code = invited(data, &["invite", "ana"]).code;
    let key = Secret::parse(&run(data, &["key", "ana"]).unwrap()).unwrap();
    let (mut session, _) = Device::new()
        .join(address, "ana", &code)
        .unwrap()
        .log_in("ana")
        .unwrap();
    let Event::Invited(second) = session.ask("invite {}") else {
        panic!("no invitation")
    };
    let Event::NewKey(other) = session.ask("key {}") else {
        panic!("no key")
    };
    let mut told = vec![tell(address, &format!("ana {}", key.written().as_str()))];
    let secrets = [code, key, second.code, other.key];
    let mut lines = Vec::new();
    for secret in &secrets {
        let (plain, written) = (secret.plain(), secret.written());
        let (plain, written) = (plain.as_str(), written.as_str());
        // Used up, for somebody else, mistyped, in the wrong place, or half.
        lines.extend([
            format!("bruno {written}"),
            format!("nobody {plain} live/1"),
            format!("ana {}", &written[1..]),
            format!("ana {written}9"),
            written.to_owned(),
            plain.to_lowercase(),
            plain[1..].to_owned(),
            format!("{plain}A"),
            format!("{written} live/1"),
            format!("ana x {written}"),
            format!("ana live/1 after={written}"),
            format!("ana live/1 store={plain}"),
            format!("ana live/1 epoch={plain} device={written}"),
            format!("join {{\"login\":\"ana\",\"code\":\"{}\"}}", &written[1..]),
            format!("join {{\"login\":\"{plain}\",\"code\":\"{written}\"}}"),
            format!("join {{\"login\":\"ana\",\"code\":\"{written}\"}}"),
            format!("join {{\"code\":\"{written}\""),
            format!("status/1 {written}"),
        ]);
    }
    // Wrong ones wait, each for itself.
    thread::scope(|scope| {
        let tells = lines
            .iter()
            .map(|line| scope.spawn(move || tell(address, line)));
        let tells: Vec<_> = tells.collect();
        let joins = secrets.iter().map(|secret| {
            scope.spawn(move || {
                let refused = Device::new().join(address, "bruno", secret);
                let mut plain = LiveClient::connect(address);
                plain.say(&join("ana", secret));
                format!("{:?} {:?}", refused.err().unwrap(), plain.hear())
            })
        });
        let joins: Vec<_> = joins.collect();
        let answers = tells.into_iter().chain(joins);
        told.extend(answers.map(|answer| answer.join().unwrap()));
    });
    told.extend(processes());
    told.push(run(data, &["devices", "list"]).unwrap());
    told.push(run(data, &["status"]).unwrap());
    told.push(run(data, &["devices", "revoke", "ana", &secrets[1].plain()]).unwrap_err());
    server.kill();
    let logged = log.join().unwrap();
    let refusals = logged.iter().filter(|line| line.contains("refused"));
    assert!(refusals.count() > 30, "{logged:?}");
    told.extend(logged);
    let files = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file());
    told.extend(files.map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()));
    for secret in &secrets {
        check_untold(secret, &told);
    }
}

/// Says a first line. Returns what is answered.
fn tell(address: std::net::SocketAddr, line: &str) -> String {
    let mut client = Client::connect(address, Framing::Line);
    let answer = client.hear_after(line).unwrap_or_default();
    String::from_utf8(answer).unwrap()
}

/// The command lines of all processes.
fn processes() -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let processes = processes.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    processes
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .collect()
}

/// Nothing that was told has half of a secret in it.
fn check_untold(secret: &Secret, told: &[String]) {
    let plain = secret.plain();
    for text in told {
        let upper = text.to_ascii_uppercase().replace(['-', ' '], "");
        for start in 0..plain.len() - 12 {
            assert!(!upper.contains(&plain[start..start + 12]), "{text}");
        }
    }
}
