use std::{path::PathBuf, time::Duration};

use mensageiro_protocol::{Login, LoginError};
use thiserror::Error;

use crate::model::{ThemeChoice, ZOOM_RANGE};
use crate::texts::Language;

/// The steps, as `--help` lists them.
pub const SCRIPT_HELP: &str = "\
A script has one step a line; empty lines and lines that start with # are skipped.
  wait-online             until the server has let the user in
  wait-refused            until the server has refused the user or the device, or the app the server
  wait-login              until the sign-in screen is shown
  wait-waiting            until there is no connection, and another try is due
  wait-settled            until any of the four above, or until messages cannot be stored
  wait-message TEXT       until a message containing TEXT has been received
  wait-accepted           until nothing waits to be sent
  timeout SECONDS         how long each of the following waits may take (30)
  sign-in LOGIN SERVER    signs in
  join                    joins with the invite link that the app was started with
  sign-out                signs out
  open LOGIN              opens the conversation with LOGIN
  close                   closes the open conversation
  type TEXT               types TEXT into the compose box; \\n breaks the line
  send                    sends what the compose box holds
  search TEXT             looks for TEXT in names and messages
  find TEXT               looks for TEXT in the messages of the open conversation
  fetch                   fetches new messages, or tries to connect, now
  show DIALOG             opens settings, shortcuts, new-conversation, connection, devices, people or groups
  hide                    closes the dialog
  inspect                 opens the protocol inspector, or closes it
  theme light|dark|system
  language en|pt-BR|system
  size WIDTH HEIGHT       makes the window that large, in points
  zoom FACTOR             1 is as designed
  screenshot FILE         saves the window as PNG
  pause SECONDS           does nothing
  quit                    ends the app; so does the end of the script
A wait that takes too long ends the app with exit code 2.";

/// One step of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Waits until the server has let the user in.
    WaitOnline,
    /// Waits until the server has refused the user or the device, or the app the server.
    WaitRefused,
    /// Waits until the sign-in screen is shown.
    WaitLogin,
    /// Waits until the first screen is final: signed in, refused, no connection, no account to sign in, or nowhere to store
    /// messages. `--screenshot` waits for this.
    WaitSettled,
    /// Waits until there is no connection, and another try is due.
    WaitWaiting,
    /// Waits until a message containing this has been received.
    WaitMessage(String),
    /// Waits until nothing is in the outbox.
    WaitAccepted,
    /// Sets how long each wait may take.
    Timeout(Duration),
    /// Signs in.
    SignIn {
        /// The login.
        login: Login,
        /// The server's address.
        server: String,
    },
    /// Joins with the invite that the sign-in screen holds.
    Join,
    /// Signs out.
    SignOut,
    /// Opens a conversation.
    Open(Login),
    /// Closes the open conversation.
    Close,
    /// Types into the composer, after its text.
    Type(String),
    /// Sends the text of the composer.
    Send,
    /// Searches names and messages.
    Search(String),
    /// Searches the open conversation.
    Find(String),
    /// Fetches now.
    Fetch,
    /// Opens a dialog.
    Show(Dialog),
    /// Closes the dialog.
    Hide,
    /// Opens or closes the protocol inspector.
    Inspect,
    /// Chooses the theme.
    Theme(ThemeChoice),
    /// Chooses the language.
    Language(Language),
    /// Resizes the window, in points.
    Size(f32, f32),
    /// Sets the zoom; 1.0 is as designed.
    Zoom(f32),
    /// Saves a picture of the window.
    Screenshot(PathBuf),
    /// Does nothing for a while.
    Pause(Duration),
    /// Ends the app.
    Quit,
}

/// A dialog that a script can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Theme, language and the rest.
    Settings,
    /// The keyboard shortcuts.
    Shortcuts,
    /// The dialog for a new conversation.
    NewConversation,
    /// How the connection is protected.
    Connection,
    /// The devices of the user.
    Devices,
    /// The users, for administrators.
    People,
    /// The groups that the user administers.
    Groups,
}

/// An error in a script.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ParseError {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: StepProblem,
}

/// An error in one line of a script.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StepProblem {
    /// The first word is no step.
    #[error("there is no step {0:?}; --help lists the steps")]
    Unknown(String),
    /// An argument is missing.
    #[error("{step} needs {what}")]
    Missing {
        /// The step.
        step: String,
        /// What it needs.
        what: &'static str,
    },
    /// The step has no arguments.
    #[error("nothing may follow {0}")]
    TooMuch(String),
    /// A number cannot be read or is out of range.
    #[error("{given:?} is not a number from {from} to {to}")]
    Number {
        /// What is there.
        given: String,
        /// The least that is allowed.
        from: u32,
        /// The most that is allowed.
        to: u32,
    },
    /// A word is not one of the allowed words.
    #[error("{given:?} is none of {allowed}")]
    Choice {
        /// What is there.
        given: String,
        /// The allowed words.
        allowed: &'static str,
    },
    /// A word is no valid login.
    #[error("{0}")]
    Login(#[from] LoginError),
}

/// Parses a script. Each step comes with the number of its line.
///
/// # Errors
/// The first line that cannot be read.
pub fn parse(script: &str) -> Result<Vec<(usize, Step)>, ParseError> {
    script
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, text)| match parse_step(text) {
            Ok(step) => Ok((line, step)),
            Err(problem) => Err(ParseError { line, problem }),
        })
        .collect()
}

fn parse_step(line: &str) -> Result<Step, StepProblem> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let needs = |what| match rest {
        "" => Err(StepProblem::Missing {
            step: word.to_owned(),
            what,
        }),
        rest => Ok(rest),
    };
    let alone = |step| match rest {
        "" => Ok(step),
        _ => Err(StepProblem::TooMuch(word.to_owned())),
    };
    match word {
        "wait-online" => alone(Step::WaitOnline),
        "wait-refused" => alone(Step::WaitRefused),
        "wait-login" => alone(Step::WaitLogin),
        "wait-settled" => alone(Step::WaitSettled),
        "wait-waiting" => alone(Step::WaitWaiting),
        "wait-accepted" => alone(Step::WaitAccepted),
        "wait-message" => Ok(Step::WaitMessage(needs("a text")?.to_owned())),
        "timeout" => Ok(Step::Timeout(seconds(needs("seconds")?)?)),
        "pause" => Ok(Step::Pause(seconds(needs("seconds")?)?)),
        "sign-in" => {
            let (login, server) = needs("a login and a server")?
                .split_once(char::is_whitespace)
                .ok_or(StepProblem::Missing {
                    step: word.to_owned(),
                    what: "a login and a server",
                })?;
            Ok(Step::SignIn {
                login: Login::parse(login)?,
                server: server.trim().to_owned(),
            })
        }
        "join" => alone(Step::Join),
        "sign-out" => alone(Step::SignOut),
        "open" => Ok(Step::Open(Login::parse(needs("a login")?)?)),
        "close" => alone(Step::Close),
        "type" => Ok(Step::Type(needs("a text")?.replace("\\n", "\n"))),
        "send" => alone(Step::Send),
        "search" => Ok(Step::Search(needs("a text")?.to_owned())),
        "find" => Ok(Step::Find(needs("a text")?.to_owned())),
        "fetch" => alone(Step::Fetch),
        "show" => match needs("a dialog")? {
            "settings" => Ok(Step::Show(Dialog::Settings)),
            "shortcuts" => Ok(Step::Show(Dialog::Shortcuts)),
            "new-conversation" => Ok(Step::Show(Dialog::NewConversation)),
            "connection" => Ok(Step::Show(Dialog::Connection)),
            "devices" => Ok(Step::Show(Dialog::Devices)),
            "people" => Ok(Step::Show(Dialog::People)),
            "groups" => Ok(Step::Show(Dialog::Groups)),
            other => Err(choice(
                other,
                "settings, shortcuts, new-conversation, connection, devices, people, groups",
            )),
        },
        "hide" => alone(Step::Hide),
        "inspect" => alone(Step::Inspect),
        "theme" => match needs("light, dark or system")? {
            "light" => Ok(Step::Theme(ThemeChoice::Light)),
            "dark" => Ok(Step::Theme(ThemeChoice::Dark)),
            "system" => Ok(Step::Theme(ThemeChoice::System)),
            other => Err(choice(other, "light, dark, system")),
        },
        "language" => match needs("en, pt-BR or system")? {
            "en" => Ok(Step::Language(Language::English)),
            "pt-BR" => Ok(Step::Language(Language::Portuguese)),
            "system" => Ok(Step::Language(Language::System)),
            other => Err(choice(other, "en, pt-BR, system")),
        },
        "size" => {
            let mut sides = needs("a width and a height")?.split_whitespace();
            match (sides.next(), sides.next(), sides.next()) {
                (Some(width), Some(height), None) => Ok(Step::Size(
                    number(width, 240, 10_000)?,
                    number(height, 240, 10_000)?,
                )),
                _ => Err(StepProblem::Missing {
                    step: word.to_owned(),
                    what: "a width and a height",
                }),
            }
        }
        "zoom" => {
            let factor = needs("a factor")?;
            match factor.parse::<f32>() {
                Ok(zoom) if ZOOM_RANGE.contains(&zoom) => Ok(Step::Zoom(zoom)),
                _ => Err(choice(factor, "0.5 to 3")),
            }
        }
        "screenshot" => Ok(Step::Screenshot(needs("a file")?.into())),
        "quit" => alone(Step::Quit),
        _ => Err(StepProblem::Unknown(word.to_owned())),
    }
}

fn seconds(text: &str) -> Result<Duration, StepProblem> {
    number(text, 0, 86_400).map(Duration::from_secs_f32)
}

fn number(text: &str, from: u32, to: u32) -> Result<f32, StepProblem> {
    match text.parse::<f32>() {
        Ok(number) if number >= from as f32 && number <= to as f32 => Ok(number),
        _ => Err(StepProblem::Number {
            given: text.to_owned(),
            from,
            to,
        }),
    }
}

fn choice(given: &str, allowed: &'static str) -> StepProblem {
    StepProblem::Choice {
        given: given.to_owned(),
        allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Step) {
        assert_eq!(parse(line), Ok(vec![(1, expected)]), "{line:?}");
    }

    fn check_problem(script: &str, expected: &str) {
        let found = parse(script).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn steps_are_read_one_a_line() {
        check("wait-online", Step::WaitOnline);
        check("  type  oi, @bob  ", Step::Type("oi, @bob".into()));
        check("type a\\nb", Step::Type("a\nb".into()));
        check("pause 0.5", Step::Pause(Duration::from_millis(500)));
        check("size 360 480", Step::Size(360.0, 480.0));
        check("theme dark", Step::Theme(ThemeChoice::Dark));
        check("language pt-BR", Step::Language(Language::Portuguese));
        check("screenshot a b.png", Step::Screenshot("a b.png".into()));
        check(
            "sign-in alice localhost:3333",
            Step::SignIn {
                login: Login::parse("alice").unwrap(),
                server: "localhost:3333".into(),
            },
        );
        let script = "# a comment\n\nsend\n  quit\n";
        assert_eq!(parse(script), Ok(vec![(3, Step::Send), (4, Step::Quit)]));
    }

    #[test]
    fn a_line_that_is_no_step_is_named_with_its_number() {
        check_problem("send\nfly away", "line 2: there is no step \"fly\"");
        check_problem("open", "line 1: open needs a login");
        check_problem("open a b", "' ' is not allowed in a login");
        check_problem("send now", "nothing may follow send");
        check_problem("size 5 500", "\"5\" is not a number from 240 to 10000");
        check_problem("theme blue", "\"blue\" is none of light, dark, system");
        check_problem("zoom nan", "is none of 0.5 to 3");
    }

    #[test]
    fn the_help_names_every_step() {
        for line in SCRIPT_HELP.lines().filter(|line| line.starts_with("  ")) {
            let word = line.split_whitespace().next().unwrap();
            let found = parse(word).map_err(|error| error.problem);
            assert!(
                !matches!(found, Err(StepProblem::Unknown(_))),
                "{word} is told by the help and unknown to the parser"
            );
        }
    }
}
