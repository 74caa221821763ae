//! Skeletons: names that one could take for each other have the same (Unicode TR 39, "Unicode Security
//! Mechanisms").

use std::hash::{DefaultHasher, Hash, Hasher};

use unicode_security::confusable_detection::skeleton;

use super::fold;

/// What a name looks like, as a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Skeleton(u64);

/// The skeletons of a name, as it is written and in small letters: `I` looks like `l`, and `i` does not,
/// but nobody remembers which of them a name is written with. Accents, spaces and signs make no
/// difference, nor do letters of other scripts that look the same. `None`: there is no letter and no
/// digit in it.
pub fn skeletons(name: &str) -> Option<[Skeleton; 2]> {
    let as_written: String = skeleton(name).collect();
    let small: String = skeleton(&fold(name)).collect();
    let [as_written, small] = [as_written, small].map(|shape| {
        let mut letters = fold(&shape);
        letters.retain(char::is_alphanumeric);
        letters
    });
    let is_seen = !as_written.is_empty() && !small.is_empty();
    is_seen.then(|| [as_written, small].map(|letters| hashed(&letters)))
}

fn hashed(letters: &str) -> Skeleton {
    let mut hasher = DefaultHasher::new();
    letters.hash(&mut hasher);
    Skeleton(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear_time;

    fn are_alike(one: &str, other: &str) -> bool {
        let (one, other) = (skeletons(one).unwrap(), skeletons(other).unwrap());
        one.iter().any(|one| other.contains(one))
    }

    #[test]
    fn names_that_one_could_take_for_each_other_look_alike() {
        for (one, other) in [
            ("Bruno Lima", "bruno lima"),
            ("Bruno Lima", "Bruno  Lima ✓"),
            ("Bruno Lima", "Bruno.Lima"),
            // Cyrillic and Greek letters.
            ("Bruno Lima", "Вruno Lima"),
            ("Bruno Lima", "Brunо Limа"),
            ("Bruno Lima", "Βruno Lima"),
            ("Bruno Lima", "Ｂｒｕｎｏ Ｌｉｍａ"),
            ("Bruno Lima", "𝐁𝐫𝐮𝐧𝐨 𝐋𝐢𝐦𝐚"),
            ("Bruno Lima", "Bruno\u{200b} Lima\u{200d}"),
            ("Bruno Lima", "Bruno LIma"),
            ("Inês", "lnes"),
            ("Ivan", "ivan"),
            ("Ivan", "lvan"),
            ("Carmo", "Carrno"),
            ("João", "Joao"),
            ("prof 10", "Prof. lO"),
        ] {
            assert!(are_alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("Bruno Lima", "Bruna Lima"),
            ("Bruno Lima", "Bruno Lima 2"),
            ("Ivan", "Evan"),
            ("Ана", "Ира"),
            ("李小龙", "李大龙"),
        ] {
            assert!(!are_alike(one, other), "{one} {other}");
        }
        assert_eq!(skeletons("👍 …"), None);
    }

    #[test]
    fn a_long_name_is_looked_at_in_time_that_grows_as_its_length_does() {
        for part in ["a", "І", "e\u{301}", "\u{301}\u{323}", "ﷺ"] {
            let is_seen = part != "\u{301}\u{323}";
            linear_time::check(part, |name| assert_eq!(skeletons(name).is_some(), is_seen));
        }
    }
}
