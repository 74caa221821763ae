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

/// Where a draft goes.
///
/// In a group, a draft that begins with the `@name` of a member goes to the group. Any other
/// `@name` at the beginning is the recipient (rule C4), and the message leaves the open
/// conversation.
impl Session {
    /// The message that the draft would become, and its recipient.
    ///
    /// # Errors
    /// [`ComposeProblem`] says what is missing.
    pub fn outgoing(&self) -> Result<Outgoing, ComposeProblem> {
        let draft = self.draft();
        let mut outgoing = read_compose(self.open.as_ref(), self.stays(draft), draft)?;
        outgoing.to = self.addressed(&outgoing.to).clone();
        Ok(outgoing)
    }

    /// The length in bytes of the line that the draft would become.
    pub fn line_bytes(&self) -> usize {
        let draft = self.draft();
        line_bytes(self.open.as_ref(), self.stays(draft), draft)
    }

    /// The recipient, if it is not the open conversation: the draft begins with another `@login`
    /// and a space.
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

    /// The member of the open group, other than oneself, that the draft begins with; it goes to the
    /// group nevertheless.
    pub fn mentioned(&self) -> Option<Login> {
        if self.editing().is_some() {
            return None;
        }
        let (name, _) = name_before(self.draft())?;
        let whom = self.mentions(self.group()?, name);
        whom.filter(|login| *login != self.account.login)
    }

    /// The members of the open group other than oneself: first those who have written last, as far
    /// as messages are loaded, then the others, if known. `None`: no group is open.
    pub fn group_people(&self) -> Option<Vec<&Login>> {
        let members = self.people.members(self.group()?);
        let is_in = |login: &&Login| members.is_none_or(|members| members.contains(*login));
        let mut seen = HashSet::from([&self.account.login]);
        let people = self.authors().filter(is_in);
        let people = people.chain(members.into_iter().flatten());
        Some(people.filter(|login| seen.insert(*login)).collect())
    }

    /// Moves a draft for the group to the conversation with the member it mentions, without the
    /// name.
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

    /// Whether the name at the beginning is part of the text to the open conversation.
    fn stays(&self, typed: &str) -> bool {
        if self.editing().is_some() {
            return true;
        }
        let (Some(Peer::Person(open)), Some((name, _))) = (&self.open, name_before(typed)) else {
            return false;
        };
        let Ok(login) = Login::parse(name) else {
            // Never a recipient: `@ 10h`, `@carla, hello`.
            return true;
        };
        match self.group() {
            Some(group) if login != *open => {
                self.mentions(group, name).is_some() || self.is_no_login(&login)
            }
            _ => false,
        }
    }

    /// The group member with this name, with or without punctuation behind it.
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

    /// Whether the roster was complete once and nobody has this login: drafts keep their
    /// destination when the link drops.
    pub fn is_no_login(&self, login: &Login) -> bool {
        let called = self.addressed(login);
        self.people.was_told()
            && self.people.user(called).is_none()
            && !self.people.is_group(called)
            && *called != self.account.login
    }

    /// The recipient that a typed login means: one that differs only in accents and case, if nobody
    /// has exactly this login. That is known only with a complete roster; a login with a
    /// conversation, such as the open one, always means itself.
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

    /// The authors of the loaded messages of the open group, the newest first.
    fn authors(&self) -> impl Iterator<Item = &Login> {
        let timeline = self.timeline();
        let messages = timeline.into_iter().flat_map(|known| known.iter().rev());
        messages.filter_map(|message| message.author.as_ref())
    }
}
