//! Two windows whose clocks are four hours apart and a program written by somebody else, while the
//! server is killed twice and one of the apps is killed as it sends. At the end everyone has
//! everything, once, in the same order.

use std::{path::Path, process::Command, thread, time::Duration};

use anyhow::{Context, Result, bail, ensure};

use super::{Outcome, Workshop, check, clients::PYTHON};
use crate::{
    cargo::{self, Programs},
    display::Display,
    picture,
    process::Process,
    server::{Data, Server},
    window::Window,
};

/// How long a window, the program or an answer may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many sentences Bruno writes, and how many Ana writes after her app was killed.
const SENTENCES: usize = 40;

/// How many Ana begins to write before that, far more than she can finish.
const BEGUN: usize = 400;

/// How many messages the program sends to each of the two.
const OF_PROGRAM: usize = 60;

/// The pause between the events of the story. It need not hit anything in particular: whatever it
/// hits, the end must be the same.
const WHILE: Duration = Duration::from_millis(1_500);

/// Plays the story and checks who has which messages.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let programs = workshop.programs()?;
    Ok(check(
        "two windows and a program, the server killed twice and an app once: everything, once, in order",
        || story(programs),
    ))
}

fn story(programs: &Programs) -> Result<()> {
    let data = Data::copy()?;
    let display = Display::hidden(1280, 800)?;
    let server = Server::start(&programs.server, data.path(), "127.0.0.1:0", false)?;
    let address = server.address.clone();
    let window = |user| Window {
        program: &programs.app,
        display: &display,
        user: Some(user),
        server: &address,
        profile: data.profile(user),
        clock: Some(if user == "ana" { "+2h" } else { "-2h" }),
    };
    let (of_ana, of_bruno) = (data.home().join("ana.png"), data.home().join("bruno.png"));

    window("ana").place(0)?;
    window("bruno").place(640)?;
    let mut bruno = window("bruno").play(&format!(
        "timeout 120\nwait-online\nopen ana\n{}wait-message again {}\ntype the end\nsend\n\
         wait-accepted\npause 0.5\nscreenshot {}\nquit\n",
        says("bruno", SENTENCES, 0.1),
        SENTENCES - 1,
        of_bruno.display()
    ))?;
    let ana = window("ana").play(&format!(
        "timeout 120\nwait-online\nopen bruno\n{}",
        says("ana", BEGUN, 0.02)
    ))?;
    let count = OF_PROGRAM.to_string();
    let mut stubborn = client("stubborn.py", &address, &["carla", "ana", "bruno", &count]);
    let mut carla = Process::start("the program of carla", &mut stubborn, false)?;

    thread::sleep(2 * WHILE);
    // Dropping one kills it.
    drop(server);
    thread::sleep(WHILE);
    let server = Server::start(&programs.server, data.path(), &address, false)?;
    thread::sleep(WHILE);
    drop(ana);
    let mut ana = window("ana").play(&format!(
        "timeout 120\nwait-online\nopen bruno\n{}wait-accepted\nwait-message the end\n\
         pause 0.5\nscreenshot {}\nquit\n",
        says("again", SENTENCES, 0.05),
        of_ana.display()
    ))?;
    thread::sleep(WHILE);
    drop(server);
    let server = Server::start(&programs.server, data.path(), &address, false)?;

    for process in [&mut ana, &mut bruno, &mut carla] {
        process.succeed(PATIENCE)?;
    }
    for path in [&of_ana, &of_bruno] {
        picture::check(path)?;
    }
    let said = history(&address, "ana", "bruno")?;
    check_conversation(&said)?;
    for (login, peer) in [("ana", "bruno"), ("bruno", "ana")] {
        let mut teller = python("kept_history.py");
        teller.arg(data.profile(login)).args([login, peer]);
        ensure!(
            lines(teller)? == said,
            "the window of {login} shows something else than the server has"
        );
    }
    for other in ["ana", "bruno"] {
        let said = of("carla", &history(&address, other, "carla")?);
        ensure!(
            said == numbered("carla", OF_PROGRAM),
            "{other} has from carla: {said:?}"
        );
    }
    server.stop()
}

/// The lines of a script that write this many sentences.
fn says(word: &str, count: usize, pause: f32) -> String {
    let lines = numbered(word, count).into_iter();
    lines
        .map(|sentence| format!("type {sentence}\nsend\npause {pause}\n"))
        .collect()
}

fn numbered(word: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{word} {number}"))
        .collect()
}

/// Bruno wrote everything. Of what Ana began, everything is there up to the moment of the kill,
/// followed by what she wrote later.
fn check_conversation(history: &[String]) -> Result<()> {
    let said = of("bruno", history);
    let mut expected = numbered("bruno", SENTENCES);
    expected.push("the end".to_owned());
    ensure!(said == expected, "bruno said {said:?}");
    let said = of("ana", history);
    let begun = said
        .iter()
        .take_while(|text| text.starts_with("ana "))
        .count();
    ensure!(
        begun > 0 && begun < BEGUN,
        "the kill should have come while she wrote, and {begun} are there"
    );
    let mut expected = numbered("ana", begun);
    expected.extend(numbered("again", SENTENCES));
    ensure!(said == expected, "ana said {said:?}");
    Ok(())
}

fn of(sender: &str, history: &[String]) -> Vec<String> {
    let prefix = format!("{sender}: ");
    let texts = history.iter().filter_map(|line| line.strip_prefix(&prefix));
    texts.map(str::to_owned).collect()
}

/// The messages between two users, as the server has them.
fn history(address: &str, user: &str, peer: &str) -> Result<Vec<String>> {
    lines(client("tell_history.py", address, &[user, peer]))
}

/// The output of a program, if it succeeds.
fn lines(mut program: Command) -> Result<Vec<String>> {
    let output = program.output().context("cannot start Python")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let told = String::from_utf8(output.stdout)?;
    Ok(told.lines().map(str::to_owned).collect())
}

fn client(file: &str, address: &str, arguments: &[&str]) -> Command {
    let (host, port) = address.split_once(':').unwrap_or((address, ""));
    let mut client = python(file);
    client.args([host, port]).args(arguments);
    client
}

fn python(file: &str) -> Command {
    let file: &Path = &cargo::root().join("tests/clients").join(file);
    let mut python = Command::new(PYTHON);
    python.args(["-X", "utf8"]).arg(file);
    python
}
