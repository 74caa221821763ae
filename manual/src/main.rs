//! Writes the man pages and the shell completions of both programs, from the definitions of their options.
//!
//! A program of its own, so that none of this is in the programs that people install.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Command, CommandFactory, Parser};
use clap_complete::{Shell, generate};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

/// What the pages belong to, as their head says.
const MANUAL: &str = "MeuMensageiro";

/// Write the man pages and shell completions of both programs.
#[derive(Parser)]
struct Arguments {
    /// Where to: for each program it gets a folder with what belongs below /usr.
    folder: PathBuf,
    /// Which day the pages name as theirs, such as 2026-11-30.
    date: String,
}

fn main() -> Result<()> {
    let Arguments { folder, date } = Arguments::parse();
    for command in programs() {
        let to = folder.join(command.get_name());
        write(&command, &date, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// What the programs take on their command lines.
fn programs() -> [Command; 2] {
    [
        mensageiro_server::Options::command(),
        mensageiro::Arguments::command(),
    ]
}

/// Writes the man pages and completions of one program.
fn write(command: &Command, date: &str, to: &Path) -> io::Result<()> {
    let pages = to.join("share/man/man1");
    fs::create_dir_all(&pages)?;
    let mut described = command.clone().disable_help_subcommand(true);
    described.build();
    write_pages(&described, date, &pages)?;
    let name = command.get_name();
    for (shell, path) in [
        (Shell::Bash, format!("bash-completion/completions/{name}")),
        (Shell::Zsh, format!("zsh/site-functions/_{name}")),
        (
            Shell::Fish,
            format!("fish/vendor_completions.d/{name}.fish"),
        ),
    ] {
        let path = to.join("share").join(path);
        fs::create_dir_all(path.parent().unwrap_or(to))?;
        let mut script = Vec::new();
        generate(shell, &mut command.clone(), name, &mut script);
        fs::write(path, script)?;
    }
    Ok(())
}

/// One page for the command, and one for each of its commands, as git has them.
fn write_pages(command: &Command, date: &str, to: &Path) -> io::Result<()> {
    for inner in command.get_subcommands() {
        write_pages(inner, date, to)?;
    }
    let man = Man::new(command.clone()).manual(MANUAL);
    // All of it has one version.
    let man = man.source(concat!("MeuMensageiro ", env!("CARGO_PKG_VERSION")));
    let man = man.date(date);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let notes = command.get_after_long_help().or(command.get_after_help());
    if let Some(notes) = notes {
        write_notes(&notes.to_string(), &mut page)?;
    }
    fs::write(to.join(man.get_filename()), page)
}

/// What the help has after the options. It is set in columns, which must stay as they are.
fn write_notes(notes: &str, page: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["NOTES"]);
    roff.control("nf", []);
    for line in notes.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command and all commands in it, as pages are called: `mensageiro-server-user-add`.
    fn all(command: &Command) -> Vec<Command> {
        let inner = command.get_subcommands().flat_map(all);
        [command.clone()].into_iter().chain(inner).collect()
    }

    #[test]
    fn every_option_is_in_its_page_and_in_the_completions() {
        let folder = tempfile::tempdir().unwrap();
        for command in programs() {
            let to = folder.path().join(command.get_name());
            write(&command, "2026-11-30", &to).unwrap();
            let name = command.get_name();
            let read = |path: String| fs::read_to_string(to.join("share").join(path)).unwrap();
            let bash = read(format!("bash-completion/completions/{name}"));
            let zsh = read(format!("zsh/site-functions/_{name}"));
            let fish = read(format!("fish/vendor_completions.d/{name}.fish"));
            let mut built = command.clone().disable_help_subcommand(true);
            built.build();
            for command in all(&built) {
                let page = command.get_display_name().unwrap_or(name);
                let page = read(format!("man/man1/{page}.1"));
                assert!(page.contains(".SH DESCRIPTION\n"), "{page}");
                for long in command
                    .get_arguments()
                    .filter_map(|argument| argument.get_long())
                {
                    let written = long.replace('-', "\\-");
                    assert!(
                        page.contains(&format!("\\-\\-{written}")),
                        "--{long}: {page}"
                    );
                    assert!(bash.contains(&format!("--{long}")), "--{long}: bash");
                    assert!(zsh.contains(&format!("--{long}")), "--{long}: zsh");
                    assert!(fish.contains(&format!("-l {long}")), "--{long}: fish");
                }
            }
        }
    }

    #[test]
    fn columns_of_the_help_stay_columns_in_the_page() {
        let mut page = Vec::new();
        write_notes("A:\n  a     one\n.b     two", &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(
            page.contains("\n.nf\nA:\n  a     one\n\\&.b     two\n.fi\n"),
            "{page}"
        );
    }
}
