//! The emoji one can choose, by group and by name: those the app can draw (Unicode 15).

use std::sync::LazyLock;

use emojis::{Group, UnicodeVersion};

/// The newest version of Unicode whose emoji the app's face has.
const NEWEST: UnicodeVersion = UnicodeVersion::new(15, 0);

/// An emoji that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emoji {
    /// The sign itself.
    pub sign: &'static str,
    /// What it is called, in English, as Unicode does.
    pub name: &'static str,
    /// The short name people write between colons.
    pub code: &'static str,
}

/// All of them, in the order of Unicode's groups: faces first, flags last.
pub fn all() -> &'static [Emoji] {
    static ALL: LazyLock<Vec<Emoji>> = LazyLock::new(|| {
        let groups = Group::iter().flat_map(|group| group.emojis());
        let drawn = groups.filter(|emoji| emoji.unicode_version() <= NEWEST);
        drawn
            .filter_map(|emoji| {
                Some(Emoji {
                    sign: emoji.as_str(),
                    name: emoji.name(),
                    code: emoji.shortcode()?,
                })
            })
            .collect()
    });
    &ALL
}

/// The emoji with this short name.
pub fn named(code: &str) -> Option<&'static str> {
    let found = emojis::get_by_shortcode(code)?;
    (found.unicode_version() <= NEWEST).then(|| found.as_str())
}

/// Those whose short name begins so, then those in whose names it is.
pub fn matching(typed: &str) -> Vec<&'static Emoji> {
    let typed = typed.trim().to_lowercase();
    let mut found: Vec<_> = all()
        .iter()
        .filter(|emoji| {
            emoji.sign == typed || emoji.code.contains(&typed) || emoji.name.contains(&typed)
        })
        .collect();
    found.sort_by_key(|emoji| !emoji.code.starts_with(&typed));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_found_by_what_they_are_called() {
        assert!(all().len() > 1500, "{}", all().len());
        assert_eq!(named("tada"), Some("🎉"));
        let found = matching("Heart");
        assert!(found[0].code.starts_with("heart"));
        assert!(found.iter().any(|emoji| emoji.sign == "💔"));
        assert_eq!(matching("🎉").len(), 1);
        assert!(matching("no such thing").is_empty());
    }
}
