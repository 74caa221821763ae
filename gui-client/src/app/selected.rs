//! The selected messages as text.

use jiff::Timestamp;

use super::MessengerApp;
use crate::{
    engine::{Message, Older},
    model::Session,
    report::{self, Reported},
    texts::Texts,
    ui,
};

impl MessengerApp {
    /// For the clipboard: names as people know them, days and times.
    pub(super) fn selected_as_text(&self) -> String {
        let Some((session, messages, texts)) = self.selected() else {
            return String::new();
        };
        let name = |message: &Message| {
            let people = &session.people;
            match &message.author {
                _ if message.is_own() => {
                    let me = session.account.login.as_str();
                    people.title(me).unwrap_or(me).to_owned()
                }
                Some(author) => {
                    let author = author.as_str();
                    people.title(author).unwrap_or(author).to_owned()
                }
                None => ui::peer_title(texts, session, &message.with).to_owned(),
            }
        };
        report::lines(texts, &self.zone, &messages, name)
    }

    /// For a file: as the whole conversation would be saved.
    pub(super) fn selected_as_file(&self) -> String {
        let Some((session, messages, texts)) = self.selected() else {
            return String::new();
        };
        let with = messages
            .first()
            .map(|first| ui::peer_name(texts, &first.with));
        let reported = Reported {
            me: session.account.login.as_str(),
            with: with.unwrap_or_default(),
            count: messages.len(),
            older: Older::Nothing,
        };
        let mut text = Vec::new();
        let messages = messages.into_iter().cloned().map(Ok);
        // Memory takes everything.
        let _ = report::text(
            &mut text,
            texts,
            &self.zone,
            Timestamp::now(),
            reported,
            messages,
        );
        String::from_utf8_lossy(&text).into_owned()
    }

    fn selected(&self) -> Option<(&Session, Vec<&Message>, &'static Texts)> {
        let session = self.model.session.as_ref()?;
        let messages = session.selection()?.messages();
        Some((
            session,
            messages,
            Texts::of(self.model.preferences.language),
        ))
    }
}
