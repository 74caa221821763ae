use std::collections::HashSet;

use mensageiro_protocol::Login;

use super::Session;
use crate::{
    engine::{Command, Peer},
    model::{
        ComposeProblem, Outgoing,
        compose::{line_bytes, name_before, read_compose},
    },
};

/// Where what is written goes.
///
/// In a group, the `@name` of one of its people is said to the group. Any other `@name` that something
/// begins with is a recipient (rule C4), and what is written leaves the open conversation.
impl Session {
    /// What the compose box would send, and to whom.
    ///
    /// # Errors
    /// [`ComposeProblem`] says what is missing.
    pub fn outgoing(&self) -> Result<Outgoing, ComposeProblem> {
        let draft = self.draft();
        let mut outgoing = read_compose(self.open.as_ref(), self.stays(draft), draft)?;
        outgoing.to = self.addressed(&outgoing.to).clone();
        Ok(outgoing)
    }

    /// How many bytes the line takes that the compose box would send.
    pub fn line_bytes(&self) -> usize {
        let draft = self.draft();
        line_bytes(self.open.as_ref(), self.stays(draft), draft)
    }

    /// Whom what is written goes to, where that is not the open conversation: it begins with
    /// another one's `@login`, and a space behind it.
    pub fn diverted_to(&self) -> Option<Login> {
        let open = self.open.as_ref()?;
        let (name, true) = name_before(self.draft())? else {
            return None;
        };
        let login = Login::parse(name)
            .ok()
            .filter(|_| !self.stays(self.draft()))?;
        let to = self.addressed(&login).clone();
        (*open != Peer::Person(to.clone())).then_some(to)
    }

    /// Whom of the open group, besides oneself, what is written begins with; it is said to the group all
    /// the same.
    pub fn mentioned(&self) -> Option<Login> {
        let (name, _) = name_before(self.draft())?;
        let whom = self.mentions(self.group()?, name);
        whom.filter(|login| *login != self.account.login)
    }

    /// The people of the open group besides oneself: first those who have written last, as far as messages are
    /// loaded, then its other members, if anybody has told who they are. `None`: no group is open.
    pub fn group_people(&self) -> Option<Vec<&Login>> {
        let members = self.people.members(self.group()?);
        let is_in = |login: &&Login| members.is_none_or(|members| members.contains(*login));
        let mut seen = HashSet::from([&self.account.login]);
        let people = self.authors().filter(is_in);
        let people = people.chain(members.into_iter().flatten());
        Some(people.filter(|login| seen.insert(*login)).collect())
    }

    /// What was written to the group stands in the box of the one it mentions, without the name.
    pub(super) fn write_alone(&mut self) -> Vec<Command> {
        let Some(to) = self.mentioned() else {
            return Vec::new();
        };
        let draft = self.draft();
        let behind = draft.find(char::is_whitespace).unwrap_or(draft.len());
        let text = draft[behind..].trim_start().to_owned();
        self.write(String::new());
        let commands = self.start(to);
        if !text.is_empty() {
            self.add_to_draft(&text);
        }
        commands
    }

    /// Whether a name that this begins with is a part of what is said to the open conversation.
    fn stays(&self, typed: &str) -> bool {
        let (Some(Peer::Person(open)), Some((name, _))) = (&self.open, name_before(typed)) else {
            return false;
        };
        let Ok(login) = Login::parse(name) else {
            // No recipient, whatever it is: `@ 10h`, `@carla, hello`.
            return true;
        };
        match self.group() {
            Some(group) if login != *open => {
                self.mentions(group, name).is_some() || self.is_no_login(&login)
            }
            _ => false,
        }
    }

    /// Which of a group's people a name is, with or without what ends a sentence behind it.
    fn mentions(&self, group: &Login, name: &str) -> Option<Login> {
        let is_in = |login: &Login| match self.people.members(group) {
            Some(members) => members.contains(login),
            None => self.authors().any(|author| author == login),
        };
        let without_end = name.trim_end_matches(|c: char| !c.is_alphanumeric());
        [name, without_end]
            .into_iter()
            .filter_map(|name| Login::parse(name).ok())
            .map(|login| self.people.called(&login).clone())
            .find(is_in)
    }

    /// Whether the server has told of everybody once, and nobody is called so: what is written goes where it
    /// did before, when the link drops.
    pub fn is_no_login(&self, login: &Login) -> bool {
        let called = self.addressed(login);
        self.people.was_told()
            && self.people.user(called).is_none()
            && !self.people.is_group(called)
            && *called != self.account.login
    }

    /// Whom a login means that is typed as a recipient: another one that differs in accents and case alone,
    /// where nobody has just this one. Whether anybody has is not known before the server has told of
    /// everybody; and those with whom there is a conversation, as with the open one, are meant themselves.
    fn addressed<'a>(&'a self, login: &'a Login) -> &'a Login {
        if !self.people.was_told() {
            return login;
        }
        let called = self.people.called(login);
        let is_itself = called == login || {
            let peer = Peer::Person(login.clone());
            self.open.as_ref() == Some(&peer) || self.conversations.get(&peer).is_some()
        };
        if is_itself { login } else { called }
    }

    /// The open conversation, if it is a group.
    fn group(&self) -> Option<&Login> {
        let open = self.open.as_ref().filter(|open| self.is_group(open))?;
        match open {
            Peer::Person(group) => Some(group),
            Peer::Server => None,
        }
    }

    /// Who has written the messages of the open group that are loaded, of the newest one first.
    fn authors(&self) -> impl Iterator<Item = &Login> {
        let timeline = self.timeline();
        let messages = timeline.into_iter().flat_map(|known| known.iter().rev());
        messages.filter_map(|message| message.author.as_ref())
    }
}
