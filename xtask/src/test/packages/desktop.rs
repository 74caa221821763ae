//! The app's package in a new Debian that has what the package asks for, and nothing else.

use std::{fs, process::Command};

use anyhow::Result;

use super::{
    Made,
    machine::{GIVEN, SYSTEM},
};
use crate::{
    display::Display,
    dist::package::output,
    picture,
    test::{Outcome, check},
};

/// The size of the display that the window opens on.
const SCREEN: (u32, u32) = (1100, 760);

/// What opens links on a desktop.
const LINK_TOOLS: &str = "desktop-file-utils,libglib2.0-bin";

/// What the window does: it signs in, and writes to somebody.
const SCRIPT: &str = "\
wait-online
open bruno
type written in the window of the package
send
wait-accepted
screenshot /given/window.png
quit
";

/// Makes a Debian with all that the packages ask for, installs them, and uses them.
pub fn run(made: &Made) -> Result<Outcome> {
    let display = Display::hidden(SCREEN.0, SCREEN.1)?;
    let Display::Virtual { name, .. } = &display else {
        return Ok(Outcome::default());
    };
    let shown = format!("DISPLAY={name} LIBGL_ALWAYS_SOFTWARE=1 HOME=/root");
    let mut asked = vec![SYSTEM.to_owned(), LINK_TOOLS.to_owned()];
    for deb in &made.debs {
        let depends = output(
            Command::new("dpkg-deb")
                .arg("--field")
                .arg(deb)
                .arg("Depends"),
        )?;
        // Without versions, and of several the first.
        let names = depends
            .split(',')
            .filter_map(|one| one.split_whitespace().next());
        asked.extend(names.map(str::to_owned));
    }
    let Some(mut machine) = super::machine(&asked.join(","), made) else {
        return Ok(Outcome::default());
    };
    let given = &made.folder;
    let install = made.debs.iter().map(|deb| {
        let name = deb.file_name().unwrap_or_default().to_string_lossy();
        format!("{GIVEN}/{name}")
    });
    let install: Vec<_> = install.collect();
    let mut outcome = check(
        "both packages install with what they ask for, and nothing else",
        || {
            machine.run(&format!(
                "apt-get install -qq -y --no-install-recommends {} 2>&1",
                install.join(" ")
            ))?;
            Ok(())
        },
    );
    outcome = outcome.and(check("the installed app opens a window, signs in and writes", || {
        let script = given.join("script.txt");
        fs::write(&script, SCRIPT)?;
        machine.run("mensageiro-server user add ana && mensageiro-server user add bruno")?;
        machine.run(&format!(
            "{shown} timeout 60 mensageiro --user ana --server 127.0.0.1:3333 --script {GIVEN}/script.txt 2>&1"
        ))?;
        picture::check(&given.join("window.png")).map(drop)
    }));
    outcome = outcome.and(check("a click on a mensageiro: link starts the app", || {
        // The app keeps running, and would keep the output.
        machine.run(&format!(
            "link=$(mensageiro-server invite ana | grep -o -m 1 'mensageiro://[^ ]*') && \
             {shown} gio open \"$link\" >/dev/null 2>&1"
        ))?;
        machine.wait_for("starts the app with the link", |machine| {
            // The parts of a command line are separated by zeros.
            let look = "for process in /proc/[0-9]*; do \
                        [ \"$(readlink $process/exe)\" = /usr/bin/mensageiro ] && tr '\\0' ' ' < $process/cmdline; done; true";
            let running = machine.run(look).ok()?;
            running.contains(" mensageiro://").then_some(())
        })?;
        Ok(())
    }));
    Ok(outcome)
}
