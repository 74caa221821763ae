//! A server's package from the installation to the purge, in a new Debian with its own systemd.

use anyhow::{Result, ensure};

use super::{
    OLD,
    machine::{GIVEN, Machine},
};
use crate::test::{Outcome, check};

const NAME: &str = "mensageiro-server";

/// Where systemd keeps the files of services without a fixed account.
const DATA: &str = "/var/lib/private/mensageiro";

/// Says a line to the server inside, as a classic client, and prints what it answers up to the `f`. A login that is not
/// known yet is said again: the service takes up an edit within a moment.
const CLIENT: &str = r#"
talk() {
    for attempt in $(seq 50); do
        if exec 3<>/dev/tcp/127.0.0.1/3333; then
            for line in "$@"; do
                printf '%s\n' "$line" >&3
                while answer=; IFS= read -r -t 10 -u 3 answer && [ "$answer" != f ]; do printf '%s\n' "$answer"; done
                [ "$answer" = f ] || break
            done
            exec 3>&-
            [ "$answer" = f ] && return 0
        fi
        sleep 0.1
    done
    return 1
}
"#;

/// Runs all of it. The packages are in the folder that the machine sees as [`GIVEN`]; `number` is the version of the new one.
pub fn run(machine: &mut Machine, number: &str) -> Result<Outcome> {
    let before = machine.files()?;
    let debian =
        |number: &str| format!("{GIVEN}/{NAME}_{number}-1_$(dpkg --print-architecture).deb");
    let (old, new) = (debian(OLD), debian(number));
    let install = |package: &str| format!("apt-get install -qq -y {package} 2>&1");
    let mut outcome = Outcome::default();

    outcome = outcome.and(check(
        "the service runs once its package is installed",
        || {
            machine.run(&install(&old))?;
            ensure!(
                is_active(machine),
                "it does not; systemd says:\n{}",
                said(machine)
            );
            Ok(())
        },
    ));
    outcome = outcome.and(check(
        "root adds people to the running service, and they talk",
        || {
            machine.run(&format!(
                "{NAME} user add ana 'Ana Lima' && {NAME} user add bruno && {NAME} invite ana"
            ))?;
            machine.run(&format!("{CLIENT} talk ana '@bruno before the upgrade'"))?;
            Ok(())
        },
    ));
    outcome = outcome.and(check(
        "its files are its own, and nobody else may open them",
        || {
            let owners = machine.run(&format!("find {DATA}/ -printf '%U %m %P\\n'"))?;
            for file in owners.lines() {
                let mut words = file.split(' ');
                let (owner, mode) = (
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default(),
                );
                ensure!(
                    owner != "0" && mode.ends_with("00"),
                    "owner, rights and name: {file}"
                );
            }
            ensure!(
                owners.lines().count() > 3,
                "it has only these files:\n{owners}"
            );
            Ok(())
        },
    ));
    outcome = outcome.and(check(
        "a reload is no restart, and the status is told to root",
        || {
            let process = process(machine)?;
            machine.run(&format!("systemctl reload {NAME}"))?;
            machine.run(&format!("{NAME} status"))?;
            ensure!(self::process(machine)? == process, "it was started again");
            Ok(())
        },
    ));
    outcome = outcome.and(check("an upgrade keeps messages and settings", || {
        let process = process(machine)?;
        machine.run(&format!(
            "echo 'OPTIONS=\"--idle-timeout 3600\"' > /etc/default/{NAME}"
        ))?;
        machine.run(&install(&new))?;
        ensure!(
            is_active(machine),
            "the service does not run; systemd says:\n{}",
            said(machine)
        );
        ensure!(
            self::process(machine)? != process,
            "the old version still runs"
        );
        let command = machine.run(&format!(
            "tr '\\0' ' ' < /proc/{}/cmdline",
            self::process(machine)?
        ))?;
        ensure!(
            command.contains("--idle-timeout 3600"),
            "it was started as {command}"
        );
        let messages = machine.run(&format!("{CLIENT} talk bruno ''"))?;
        ensure!(
            messages == "@ana before the upgrade\n",
            "bruno got {messages:?}"
        );
        Ok(())
    }));
    outcome = outcome.and(check(
        "a service that is killed comes back with its messages",
        || {
            machine.run(&format!("{CLIENT} talk bruno '@ana before the kill'"))?;
            let process = process(machine)?;
            machine.run(&format!("systemctl kill --signal=KILL {NAME}"))?;
            machine.wait_for("has started the service again", |machine| {
                let now = self::process(machine).ok()?;
                (now != "0" && now != process && is_active(machine)).then_some(())
            })?;
            let messages = machine.run(&format!("{CLIENT} talk ana ''"))?;
            ensure!(
                messages == "@bruno before the kill\n",
                "ana got {messages:?}"
            );
            Ok(())
        },
    ));
    outcome = outcome.and(check(
        "what was removed and is installed again knows its users",
        || {
            machine.run(&format!("apt-get remove -qq -y {NAME} 2>&1"))?;
            ensure!(!is_active(machine), "the service still runs");
            machine.run(&install(&new))?;
            let users = machine.run(&format!("{NAME} user list"))?;
            ensure!(users.contains("Ana Lima"), "it knows only {users:?}");
            ensure!(
                is_active(machine),
                "the service does not run; systemd says:\n{}",
                said(machine)
            );
            Ok(())
        },
    ));
    outcome = outcome.and(check(
        "a purge keeps the messages of who wants that",
        || {
            machine.run(&format!(
                "echo '{NAME} {NAME}/remove-data boolean false' | debconf-set-selections"
            ))?;
            machine.run(&format!(
                "apt-get purge -qq -y {NAME} 2>&1 && test -s {DATA}/users.csv"
            ))?;
            machine.run(&install(&new))?;
            let users = machine.run(&format!("{NAME} user list"))?;
            ensure!(users.contains("Ana Lima"), "it knows only {users:?}");
            Ok(())
        },
    ));
    outcome = outcome.and(check("a purge leaves nothing behind", || {
        machine.run(&format!("apt-get purge -qq -y {NAME} 2>&1"))?;
        ensure!(!is_active(machine), "the service still runs");
        let left = machine.files()?;
        let left: Vec<_> = left
            .iter()
            .filter(|file| before.binary_search(file).is_err())
            .collect();
        ensure!(left.is_empty(), "it leaves {left:#?}");
        Ok(())
    }));
    Ok(outcome)
}

fn is_active(machine: &Machine) -> bool {
    machine
        .run(&format!("systemctl is-active --quiet {NAME}"))
        .is_ok()
}

/// The process id of the service inside; 0 if it does not run.
fn process(machine: &Machine) -> Result<String> {
    let answer = machine.run(&format!("systemctl show --property=MainPID --value {NAME}"))?;
    Ok(answer.trim().to_owned())
}

fn said(machine: &Machine) -> String {
    let said = machine.run(&format!(
        "systemctl status --no-pager --lines=50 {NAME}; journalctl --no-pager -n 50 -u {NAME}; true"
    ));
    said.unwrap_or_else(|error| error.to_string())
}
