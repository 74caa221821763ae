//! The documents that exist in two languages say the same: chapters, commands, and the rules of the protocol.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};

use super::{Outcome, check};
use crate::{
    cargo,
    fences::{self, Fence},
};

/// Documents with all their chapters in both languages, without the end of their names.
const WHOLE: &[&str] = &["README", "TUTORIAL", "docs/RUNNING"];

/// The protocol: in Portuguese, only what is before [`NOT_CLASSIC`].
const PROTOCOL: &str = "docs/PROTOCOL";

/// The first chapter of the protocol that is in English only.
const NOT_CLASSIC: &str = "\n## Live sessions\n";

/// A document's text in English and in Portuguese.
struct Pair {
    name: &'static str,
    texts: [String; 2],
}

/// Compares each document with the one in the other language.
pub fn run() -> Outcome {
    let mut outcome = Outcome::default();
    for &name in WHOLE {
        outcome = outcome.and(check(&format!("both languages of {name}"), || {
            let pair = Pair::read(name)?;
            pair.check_links()?;
            pair.check_chapters()?;
            pair.check_blocks()
        }));
    }
    outcome.and(check(&format!("both languages of {PROTOCOL}"), || {
        let pair = Pair::read(PROTOCOL)?;
        pair.check_links()?;
        pair.check_rules()
    }))
}

impl Pair {
    fn read(name: &'static str) -> Result<Self> {
        let read = |file: &str| {
            fs::read_to_string(cargo::root().join(file))
                .with_context(|| format!("cannot read {file}"))
        };
        let [english, portuguese] = files(name);
        let texts = [read(&english)?, read(&portuguese)?];
        Ok(Self { name, texts })
    }

    /// Each leads to the other, where a reader who does not understand it looks: before the first chapter.
    fn check_links(&self) -> Result<()> {
        let files = files(self.name);
        let short = |file: &str| file.rsplit('/').next().unwrap_or(file).to_owned();
        for (text, other) in self.texts.iter().zip([&files[1], &files[0]]) {
            let beginning = text.split("\n## ").next().unwrap_or_default();
            let link = format!("]({})", short(other));
            ensure!(
                beginning.contains(&link),
                "nothing leads to {other} before the first chapter"
            );
        }
        Ok(())
    }

    fn check_chapters(&self) -> Result<()> {
        let [english, portuguese] = self.texts.each_ref().map(|text| chapters(text));
        for (at, chapter) in english.iter().enumerate() {
            let other = portuguese.get(at);
            ensure!(
                other.is_some_and(|other| level(other) == level(chapter)),
                "{chapter:?} has become {other:?}"
            );
        }
        let further = portuguese.get(english.len());
        ensure!(further.is_none(), "only in Portuguese: {further:?}");
        Ok(())
    }

    /// The fenced blocks are the same, apart from the words that people read.
    fn check_blocks(&self) -> Result<()> {
        let [english, portuguese] = self.texts.each_ref().map(|text| fences::of(text));
        ensure!(
            english.len() == portuguese.len(),
            "{} blocks have become {}",
            english.len(),
            portuguese.len()
        );
        for (one, other) in english.iter().zip(&portuguese) {
            ensure!(
                one.words == other.words && comparable(one) == comparable(other),
                "the block in line {} differs from that in line {} in Portuguese",
                one.line,
                other.line
            );
        }
        Ok(())
    }

    /// The Portuguese text explains every classic rule, and no rule that there is not.
    fn check_rules(&self) -> Result<()> {
        let [english, portuguese] = &self.texts;
        let (classic, _) = english
            .split_once(NOT_CLASSIC)
            .context("its classic part has no end")?;
        let (rules, explained) = (defined(classic), mentioned(portuguese));
        ensure!(rules.len() > 30, "only {} rules are found", rules.len());
        let missing: Vec<_> = rules.difference(&explained).collect();
        ensure!(missing.is_empty(), "not in Portuguese: {missing:?}");
        let invented: Vec<_> = explained.difference(&rules).collect();
        ensure!(invented.is_empty(), "no classic rules: {invented:?}");
        Ok(())
    }
}

fn files(name: &str) -> [String; 2] {
    [format!("{name}.md"), format!("{name}.pt-BR.md")]
}

fn chapters(text: &str) -> Vec<String> {
    let prose = fences::prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(str::to_owned).collect()
}

fn level(heading: &str) -> usize {
    heading.bytes().take_while(|&byte| byte == b'#').count()
}

/// What must be the same in both languages: commands without the texts of messages and the names of files that they make, and
/// of other blocks the number of lines.
fn comparable(fence: &Fence) -> Vec<String> {
    let lines = fence.text.lines();
    match fence.language() {
        "sh" | "ini" => lines.map(without_texts).collect(),
        _ => lines.map(|_| String::new()).collect(),
    }
}

/// A command without its comment, and without what follows `@login ` up to the end of its quotes.
fn without_texts(line: &str) -> String {
    let command = line.split("  #").next().unwrap_or(line).trim_end();
    let Some((before, message)) = command.split_once('@') else {
        return command.to_owned();
    };
    let login = message.split(' ').next().unwrap_or_default();
    let rest = message.find(['\'', '"']).map_or("", |end| &message[end..]);
    format!("{before}@{login} {rest}")
}

/// The rules that a document states: `**S6, S7.**`, `**A2. Devices.**`.
fn defined(text: &str) -> BTreeSet<String> {
    let bold = text.split("**").skip(1).step_by(2);
    let named = bold.filter_map(|bold| bold.split('.').next());
    named
        .flat_map(|names| {
            names
                .split(", ")
                .filter(|name| is_rule(name))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The rules that a document names anywhere.
fn mentioned(text: &str) -> BTreeSet<String> {
    let prose = fences::prose(text);
    let words = prose.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| is_rule(word))
        .map(str::to_owned)
        .collect()
}

fn is_rule(word: &str) -> bool {
    let number = word.strip_prefix(['L', 'F', 'S', 'G', 'C']);
    number.is_some_and(|number| matches!(number.parse(), Ok(1..=99u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_compared_without_what_people_write_to_each_other() {
        for (line, kept) in [
            ("nc -N localhost 3333 <<END", "nc -N localhost 3333 <<END"),
            ("@elisa Lunch at noon?", "@elisa "),
            (
                "echo \"@elisa Hi all\" | python3 x.py",
                "echo \"@elisa \" | python3 x.py",
            ),
            ("cargo xtask demo    # starts a server", "cargo xtask demo"),
        ] {
            assert_eq!(without_texts(line), kept, "{line}");
        }
    }

    #[test]
    fn rules_are_found_where_they_are_stated_and_where_they_are_named() {
        let stated = defined("**S6, S7.** x **not** S9 **A2. y.** **F1. z.**");
        assert_eq!(stated, ["F1", "S6", "S7"].map(str::to_owned).into());
        let named = mentioned("caixa (S7, C4), UTF8, S0, S100\n```\nS5\n```");
        assert_eq!(named, ["C4", "S7"].map(str::to_owned).into());
    }
}
