//! Whose work the app contains, and under which licences: what `assets/licenses.txt` says.

use std::{collections::HashMap, sync::LazyLock};

/// Something that is in the app.
#[derive(Debug)]
pub struct Part {
    /// Its name, and its version if it has one.
    pub name: &'static str,
    /// Its licence, as an expression of SPDX.
    pub license: &'static str,
    /// Where it comes from: an address, or nothing.
    pub from: &'static str,
    /// The texts that it comes with.
    pub texts: Vec<&'static str>,
}

/// The file, which `cargo xtask licenses` writes.
const FILE: &str = include_str!("../../assets/licenses.txt");

/// Stands before the number of each text.
const RULE: &str = "\n================================================================ ";

/// All that is in the app, in the order of the file.
pub fn parts() -> &'static [Part] {
    static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| read(FILE));
    &PARTS
}

fn read(file: &'static str) -> Vec<Part> {
    let mut sections = file.split(RULE);
    let list = sections.next().unwrap_or_default();
    let texts: HashMap<&str, &str> = sections
        .filter_map(|section| section.split_once('\n'))
        .map(|(number, text)| (number, text.trim_matches('\n')))
        .collect();
    let part = |line: &'static str| {
        let mut values = line.split(" | ");
        Some(Part {
            name: values.next()?,
            license: values.next()?,
            from: values.next()?,
            texts: values
                .next()?
                .split(' ')
                .filter_map(|number| texts.get(number).copied())
                .collect(),
        })
    };
    list.lines().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_licence_and_its_text() {
        assert!(parts().len() > 300);
        for name in ["egui ", "rustls ", "Twemoji"] {
            assert!(parts().iter().any(|part| part.name.starts_with(name)));
        }
        for part in parts() {
            assert!(!part.license.is_empty(), "{}", part.name);
            assert!(!part.texts.is_empty(), "{}", part.name);
            // Some have a sentence that says which texts count, and then those.
            let has_text = part.texts.iter().any(|text| text.len() > 100);
            assert!(has_text, "{}", part.name);
        }
    }
}
