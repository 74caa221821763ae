use std::{
    collections::VecDeque,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::step::{Dialog, Step};
use crate::{
    engine::{Account, Delivery, Event, LinkState, Message},
    model::{Action, InspectAction, LoginProblem, Model, Overlay, Page},
};

/// How long a wait may take, unless the script sets another limit.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most received texts that are kept for a later wait; the oldest is dropped first.
const HEARD_AT_MOST: usize = 10_000;

/// Runs a script: decides by the model and the time what to do next.
#[derive(Debug)]
pub struct ScriptRunner {
    name: String,
    steps: VecDeque<(usize, Step)>,
    timeout: Duration,
    /// When the first remaining step began.
    since: Option<Instant>,
    heard: VecDeque<String>,
}

/// What the app must do next.
#[derive(Debug, PartialEq)]
pub enum Progress {
    /// Wait until something happens, or until this time.
    Wait(Instant),
    /// Carry out an action, then ask again.
    Act(Vec<Action>),
    /// Resize the window, then ask again.
    Size(f32, f32),
    /// Save a picture of the window; ask again when it is saved.
    Screenshot(PathBuf),
    /// The script has ended.
    Quit,
    /// A wait took too long; the text names it.
    Failed(String),
}

impl ScriptRunner {
    /// A runner for these steps. `name` is the name of the script in error texts.
    pub fn new(name: String, steps: Vec<(usize, Step)>) -> Self {
        Self {
            name,
            steps: steps.into(),
            timeout: TIMEOUT,
            since: None,
            heard: VecDeque::new(),
        }
    }

    /// Takes note of an event, before the model does.
    pub fn observe(&mut self, event: &Event) {
        match event {
            Event::Message(message) => self.hear(message),
            Event::Page { messages, .. } => messages.iter().for_each(|m| self.hear(m)),
            Event::SignedIn { conversations, .. } => conversations
                .iter()
                .filter_map(|row| row.last.as_ref())
                .for_each(|message| self.hear(message)),
            _ => {}
        }
    }

    /// Runs the next step, or returns what it waits for.
    pub fn advance(&mut self, model: &Model, now: Instant) -> Progress {
        let Some((line, step)) = self.steps.front() else {
            return Progress::Quit;
        };
        let since = *self.since.get_or_insert(now);
        let waited_for = match step {
            Step::Pause(time) => {
                if now < since + *time {
                    return Progress::Wait(since + *time);
                }
                None
            }
            step if self.is_reached(step, model) => None,
            step => Some(sentence(step)),
        };
        if let Some(what) = waited_for {
            let due = since + self.timeout;
            if now < due {
                return Progress::Wait(due);
            }
            let (name, seconds) = (&self.name, self.timeout.as_secs_f32());
            return Progress::Failed(format!(
                "{name}, line {line}: waited {seconds} s for {what}, in vain"
            ));
        }
        self.since = None;
        match self.steps.pop_front() {
            Some((_, step)) => self.take(step, model),
            None => Progress::Quit,
        }
    }

    fn hear(&mut self, message: &Message) {
        if message.delivery == Delivery::Received {
            if self.heard.len() == HEARD_AT_MOST {
                self.heard.pop_front();
            }
            self.heard.push_back(message.text.as_str().to_owned());
        }
    }

    /// Whether a wait is over; true for all other steps.
    fn is_reached(&self, step: &Step, model: &Model) -> bool {
        let session = model.session.as_ref();
        let link = session.map(|session| &session.link);
        match step {
            Step::WaitOnline => link.is_some_and(LinkState::is_online),
            Step::WaitRefused => {
                let login = &model.login;
                let is_told = matches!(login.user_problem, Some(LoginProblem::Refused { .. }))
                    || matches!(login.server_problem, Some(LoginProblem::Distrust { .. }));
                let is_now = matches!(link, Some(LinkState::Refused | LinkState::Untrusted(_)));
                is_now || session.is_none() && is_told
            }
            Step::WaitWaiting => {
                let problem = &model.login.server_problem;
                let is_told = matches!(problem, Some(LoginProblem::Link { .. }));
                matches!(link, Some(LinkState::Waiting { .. })) || session.is_none() && is_told
            }
            Step::WaitLogin => session.is_none(),
            Step::WaitSettled => {
                // Without its database a session never begins.
                let is_broken = session.is_some_and(|session| session.storage_problem.is_some());
                is_broken || !matches!(link, Some(LinkState::Offline | LinkState::Connecting))
            }
            Step::WaitMessage(text) => self.heard.iter().any(|heard| heard.contains(text)),
            Step::WaitAccepted => session.is_some_and(|session| !session.anything_waiting()),
            _ => true,
        }
    }

    fn take(&mut self, step: Step, model: &Model) -> Progress {
        let action = match step {
            Step::SignIn { login, server } => Action::SignInAs(Account { login, server }),
            Step::Join if model.login.invite.is_none() => {
                let (name, why) = (&self.name, "the sign-in screen holds no invite");
                return Progress::Failed(format!("{name}: {why}"));
            }
            Step::Join => Action::SignIn,
            Step::SignOut => Action::SignOut,
            Step::Open(login) => Action::StartWith(login),
            Step::Close => Action::CloseConversation,
            Step::Type(text) => {
                let session = model.session.as_ref();
                let draft = session.map_or("", |session| session.draft());
                Action::Write(format!("{draft}{text}"))
            }
            Step::Send => Action::Send,
            Step::Search(text) => {
                return Progress::Act(vec![Action::SearchIn(None), Action::Filter(text)]);
            }
            Step::Find(text) => {
                let open = model
                    .session
                    .as_ref()
                    .and_then(|session| session.open.clone());
                return Progress::Act(vec![Action::SearchIn(open), Action::Filter(text)]);
            }
            Step::Fetch => Action::FetchNow,
            Step::Show(dialog) => Action::Show(match dialog {
                Dialog::Settings => Overlay::Settings,
                Dialog::Shortcuts => Overlay::Shortcuts,
                Dialog::NewConversation => Overlay::new_conversation(),
                Dialog::Connection => Overlay::Connection,
                Dialog::Devices => {
                    let session = model.session.as_ref();
                    match session.map(|session| session.account.login.clone()) {
                        Some(me) => Overlay::administration(Page::devices(me)),
                        None => return Progress::Act(Vec::new()),
                    }
                }
                Dialog::People => Overlay::administration(Page::users()),
                Dialog::Groups => Overlay::administration(Page::groups()),
            }),
            Step::Hide => Action::CloseOverlay,
            Step::Inspect => Action::Inspect(InspectAction::Toggle),
            Step::Theme(theme) => Action::Theme(theme),
            Step::Language(language) => Action::Language(language),
            Step::Zoom(zoom) => Action::Zoom(zoom),
            Step::Size(width, height) => return Progress::Size(width, height),
            Step::Screenshot(path) => return Progress::Screenshot(path),
            Step::Quit => return Progress::Quit,
            Step::Timeout(timeout) => {
                self.timeout = timeout;
                return Progress::Act(Vec::new());
            }
            Step::WaitOnline
            | Step::WaitRefused
            | Step::WaitLogin
            | Step::WaitSettled
            | Step::WaitWaiting
            | Step::WaitMessage(_)
            | Step::WaitAccepted
            | Step::Pause(_) => return Progress::Act(Vec::new()),
        };
        Progress::Act(vec![action])
    }
}

fn sentence(step: &Step) -> String {
    match step {
        Step::WaitOnline => "the server to let the user in".into(),
        Step::WaitRefused => "the server to refuse the user".into(),
        Step::WaitWaiting => "the connection to break".into(),
        Step::WaitLogin => "the sign-in screen".into(),
        Step::WaitSettled => "the server to answer".into(),
        Step::WaitMessage(text) => format!("a message containing {text:?}"),
        Step::WaitAccepted => "all messages to be accepted".into(),
        _ => "nothing".into(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mensageiro_protocol::Text;

    use super::*;
    use crate::{
        engine::{MessageId, Peer, SortKey},
        model::Preferences,
        script::parse,
    };

    fn runner(script: &str) -> ScriptRunner {
        ScriptRunner::new("demo.txt".into(), parse(script).unwrap())
    }

    #[test]
    fn a_wait_that_takes_too_long_says_where_and_for_what() {
        let mut runner = runner("timeout 2\nwait-online\nquit");
        let model = Model::new(Preferences::default());
        let start = Instant::now();
        assert_eq!(runner.advance(&model, start), Progress::Act(vec![]));
        let due = start + Duration::from_secs(2);
        assert_eq!(runner.advance(&model, start), Progress::Wait(due));
        assert_eq!(
            runner.advance(&model, due),
            Progress::Failed(
                "demo.txt, line 2: waited 2 s for the server to let the user in, in vain".into()
            )
        );
    }

    #[test]
    fn a_message_is_waited_for_wherever_it_arrives() {
        let mut runner = runner("wait-message ola\ntype x\nquit");
        let model = Model::new(Preferences::default());
        let start = Instant::now();
        assert!(matches!(runner.advance(&model, start), Progress::Wait(_)));
        let message = |delivery| {
            Event::Message(Message {
                id: MessageId(1),
                sort_key: SortKey(1),
                server_id: None,
                with: Peer::Server,
                author: None,
                text: Text::from("diz ola"),
                re: None,
                edited: None,
                is_changing: false,
                at: Timestamp::UNIX_EPOCH,
                written: None,
                delivery,
                receipts: vec![],
            })
        };
        runner.observe(&message(Delivery::Accepted));
        assert!(matches!(runner.advance(&model, start), Progress::Wait(_)));
        runner.observe(&message(Delivery::Received));
        assert_eq!(runner.advance(&model, start), Progress::Act(vec![]));
        assert_eq!(
            runner.advance(&model, start),
            Progress::Act(vec![Action::Write("x".into())])
        );
        assert_eq!(runner.advance(&model, start), Progress::Quit);
    }

    #[test]
    fn a_pause_ends_by_itself() {
        let mut runner = runner("pause 1");
        let model = Model::new(Preferences::default());
        let start = Instant::now();
        let due = start + Duration::from_secs(1);
        assert_eq!(runner.advance(&model, start), Progress::Wait(due));
        assert_eq!(runner.advance(&model, due), Progress::Act(vec![]));
        assert_eq!(runner.advance(&model, due), Progress::Quit);
    }
}
