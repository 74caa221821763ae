//! The fenced blocks of a Markdown document, so that the tests can run them.

/// One fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The words after the three backticks: the language, then our own marks.
    pub words: Vec<String>,
    /// The text inside.
    pub text: String,
    /// The line in which it starts, from 1.
    pub line: usize,
}

impl Fence {
    /// The first word after the backticks; empty if there is none.
    pub fn language(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Whether it has this language and this mark.
    pub fn is(&self, language: &str, mark: &str) -> bool {
        self.language() == language && self.words.iter().skip(1).any(|word| word == mark)
    }
}

/// All fenced blocks of a document, in order.
pub fn of(document: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for (at, line) in document.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => fences.extend(open.take()),
            (Some(words), None) => {
                open = Some(Fence {
                    words: words.split_whitespace().map(str::to_owned).collect(),
                    text: String::new(),
                    line: at + 1,
                });
            }
            (None, Some(fence)) => {
                fence.text.push_str(line);
                fence.text.push('\n');
            }
            (None, None) => {}
        }
    }
    fences
}

/// A document without its fenced blocks.
pub fn prose(document: &str) -> String {
    let mut inside = false;
    let lines = document.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "one\n```sh run\nls\necho\n```\ntwo\n```\n[a](b)\n```\n";

    #[test]
    fn blocks_keep_their_words_text_and_line() {
        let fences = of(DOCUMENT);
        assert_eq!(fences.len(), 2);
        assert_eq!((fences[0].text.as_str(), fences[0].line), ("ls\necho\n", 2));
        assert!(fences[0].is("sh", "run") && !fences[0].is("sh", "server"));
        assert!(fences[1].words.is_empty());
    }

    #[test]
    fn prose_is_what_is_left() {
        assert_eq!(prose(DOCUMENT), "one\ntwo");
    }
}
