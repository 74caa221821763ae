use std::time::Duration;

use mensageiro_protocol::live::NOTE_CHARS;
use serde::{Deserialize, Serialize};

use crate::engine::USUAL_SPACE;

/// The most recent emoji that are offered again.
pub const RECENT_EMOJI_AT_MOST: usize = 16;

/// The fetch intervals to choose from, in seconds; `None`: only when sending.
pub const FETCH_CHOICES: [Option<u32>; 7] = [
    None,
    Some(2),
    Some(5),
    Some(10),
    Some(30),
    Some(60),
    Some(300),
];

/// The space for a server's messages to choose from, in GB (2^30 bytes).
pub const SPACE_CHOICES: [u32; 5] = [1, 2, 5, 10, 50];

/// The preferences of one account. Others who sign in on this computer do not see or get them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountPreferences {
    /// The note that others see, at most [`mensageiro_protocol::live::NOTE_CHARS`] characters;
    /// empty: none.
    pub note: String,
    /// How much notifications say.
    pub notify_of: NotifyOf,
    /// Whether notifications make a sound.
    pub sound: bool,
    /// Seconds between fetches; `None`: only when sending.
    pub fetch_every: Option<u32>,
    /// How many GB the messages of the server may take on this computer, from 1 to
    /// [`SPACE_CHOICES`]' last.
    pub space: u32,
    /// The emoji chosen last, the latest first, at most [`RECENT_EMOJI_AT_MOST`].
    pub recent_emoji: Vec<String>,
}

/// How much a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotifyOf {
    /// There are no notifications.
    Nothing,
    /// The author only.
    Names,
    /// The author and the text.
    Texts,
}

impl AccountPreferences {
    /// The defaults of a new account.
    pub const USUAL: Self = Self {
        note: String::new(),
        notify_of: NotifyOf::Texts,
        sound: false,
        fetch_every: Some(10),
        space: (USUAL_SPACE >> 30) as u32,
        recent_emoji: Vec::new(),
    };

    /// How often to fetch.
    pub fn fetch_interval(&self) -> Option<Duration> {
        self.fetch_every
            .map(|seconds| Duration::from_secs(seconds.max(1).into()))
    }

    /// How many bytes the messages of the server may take on this computer.
    pub fn space_bytes(&self) -> u64 {
        u64::from(self.space) << 30
    }

    /// Sets the note; what is too long is cut off.
    pub fn write_note(&mut self, note: &str) {
        self.note = note.chars().take(NOTE_CHARS).collect();
    }

    /// Puts a chosen emoji at the front of the recent ones.
    pub fn chose_emoji(&mut self, sign: &str) {
        self.recent_emoji.retain(|other| other != sign);
        self.recent_emoji.insert(0, sign.to_owned());
        self.recent_emoji.truncate(RECENT_EMOJI_AT_MOST);
    }

    /// The same with every value in its valid range: the file may have been edited by hand.
    pub(super) fn bring_in_range(&mut self) {
        self.note = self.note.chars().take(NOTE_CHARS).collect();
        self.recent_emoji.truncate(RECENT_EMOJI_AT_MOST);
        self.space = self
            .space
            .clamp(SPACE_CHOICES[0], SPACE_CHOICES[SPACE_CHOICES.len() - 1]);
    }
}

impl Default for AccountPreferences {
    fn default() -> Self {
        Self::USUAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_emoji_is_first_and_none_is_there_twice() {
        let mut preferences = AccountPreferences::default();
        for sign in ["🎉", "👍", "🎉"] {
            preferences.chose_emoji(sign);
        }
        assert_eq!(preferences.recent_emoji, ["🎉", "👍"]);
        for n in 0..40 {
            preferences.chose_emoji(&n.to_string());
        }
        assert_eq!(preferences.recent_emoji.len(), RECENT_EMOJI_AT_MOST);
        assert_eq!(preferences.recent_emoji[0], "39");
    }
}
