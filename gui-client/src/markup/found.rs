use std::ops::Range;

use crate::matching::{fold, push_folded};

/// The places of search words in a text: byte ranges, in order and disjoint. Like the search, it
/// finds parts of words and ignores accents and case.
pub fn find_words(text: &str, query: &str) -> Vec<Range<usize>> {
    let query = fold(query);
    let mut folded = String::new();
    // Where each character begins, in the folded text and in this one.
    let mut begins = Vec::new();
    for (at, c) in text.char_indices() {
        begins.push((folded.len(), at));
        push_folded(&mut folded, c);
    }
    // The last character that begins at or before a place of the folded text.
    let character = |place: usize| begins.partition_point(|(begin, _)| *begin <= place) - 1;
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut words: Vec<&str> = query.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    for word in words {
        for (from, _) in folded.match_indices(word) {
            let to = from + word.len();
            // Accents after the last letter are part of it.
            let next = begins.partition_point(|(begin, _)| *begin < to);
            let accents = begins[next..].iter().take_while(|(begin, _)| *begin == to);
            let next = match to == folded.len() {
                true => begins.len(),
                false => next + accents.count().saturating_sub(1),
            };
            let end = begins.get(next).map_or(text.len(), |(_, at)| *at);
            found.push(begins[character(from)].1..end);
        }
    }
    found.sort_by_key(|range| range.start);
    found.dedup_by(|later, earlier| {
        let overlaps = later.start <= earlier.end;
        if overlaps {
            earlier.end = earlier.end.max(later.end);
        }
        overlaps
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(text: &'a str, query: &str) -> Vec<&'a str> {
        let found = find_words(text, query);
        found.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn words_are_found_as_the_search_finds_them() {
        assert_eq!(
            words("A Reunião é hoje", "reuniao HOJE"),
            ["Reunião", "hoje"]
        );
        assert_eq!(words("testing a test", "test"), ["test", "test"]);
        assert_eq!(words("abcabc", "abc bca"), ["abcabc"]);
        assert_eq!(words("ﬁm", "m"), ["m"]);
        assert_eq!(words("ação\u{301} 🎉", "o"), ["o\u{301}"]);
        assert_eq!(words("nothing", "else"), [""; 0]);
        assert_eq!(words("", "a"), [""; 0]);
        assert_eq!(words("a", "  "), [""; 0]);
    }
}
