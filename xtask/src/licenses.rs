//! `assets/licenses.txt`: whose work the programs contain, and under which licences. It is shipped with
//! them, and the app shows it.
//!
//! It is made from the files that the crates come with, and kept in git: so a build needs nothing but the
//! sources, and a change of what one may do with the programs is seen in a diff.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{
    cargo,
    crates::{self, Crate, Name},
    others::{OTHERS, Other},
};

/// The file, in the project.
const FILE: &str = "assets/licenses.txt";

/// The systems that programs are built for. What a static server is linked from is what any for Linux is.
const SYSTEMS: &[&str] = &[
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-gnu",
    "aarch64-apple-darwin",
];

const PROGRAMS: &[&str] = &["mensageiro", "mensageiro-server"];

/// Licences of crates that come without a text: the first that is in the crate's expression is taken.
const STANDARD: &[(&str, &str)] = &[
    ("MIT", "packaging/licenses/MIT.txt"),
    ("Apache-2.0", APACHE),
    ("BSL-1.0", "packaging/licenses/BSL-1.0.txt"),
    ("0BSD", "packaging/licenses/0BSD.txt"),
];

const APACHE: &str = "LICENSE-APACHE";

/// Stands before the number of each text.
const RULE: &str = "================================================================ ";

/// Writes the file.
pub fn run() -> Result<()> {
    fs::write(cargo::root().join(FILE), text()?)?;
    println!("{FILE} is written");
    Ok(())
}

/// Fails if the file is not what [`run`] would write.
pub fn check() -> Result<()> {
    let kept = fs::read_to_string(cargo::root().join(FILE)).unwrap_or_default();
    // Git may have changed the ends of its lines.
    let kept = kept.replace("\r\n", "\n");
    ensure!(
        kept == text()?,
        "{FILE} is not about the crates of today: `cargo xtask licenses` writes it anew"
    );
    Ok(())
}

fn text() -> Result<String> {
    let mut texts = Texts::new()?;
    let root = cargo::root();
    let mut list = String::new();
    for Other {
        name,
        license,
        from,
        texts: files,
        ..
    } in OTHERS
    {
        let numbers = texts.add_all(files.iter().map(|file| root.join(file)))?;
        writeln!(list, "{name} | {license} | {from} | {numbers}")?;
    }
    for ((name, version), known) in linked()? {
        let files = match license_files(&known.folder)? {
            files if files.is_empty() => vec![standard(&known).with_context(|| {
                format!(
                    "{name} {version} comes without the text of its licence, {}",
                    known.license
                )
            })?],
            files => files,
        };
        let numbers = texts.add_all(files)?;
        let (license, repository) = (&known.license, &known.repository);
        writeln!(
            list,
            "{name} {version} | {license} | {repository} | {numbers}"
        )?;
    }
    let own = texts.add_all([root.join("LICENSE-MIT"), root.join(APACHE)])?;
    let mut whole = format!(
        "MeuMensageiro is licensed under MIT or Apache-2.0, at your option: {own}.\n\n\
         Its programs contain the work of others. Each line says what, under which licence, where it is\n\
         from, and which of the texts below it comes with.\n\n{list}"
    );
    for (number, text) in texts.kept {
        write!(whole, "\n{RULE}{number}\n\n{text}\n")?;
    }
    Ok(whole)
}

/// Other people's crates in any of the programs, on any system.
fn linked() -> Result<BTreeMap<Name, Crate>> {
    let mut names = BTreeSet::new();
    for program in PROGRAMS {
        for system in SYSTEMS {
            names.extend(crates::linked(program, system)?);
        }
    }
    let mut all = crates::all(None)?;
    all.retain(|name, known| names.contains(name) && known.checksum.is_some());
    Ok(all)
}

/// The texts, each once, by a number that follows from its words.
struct Texts {
    kept: BTreeMap<String, String>,
    apache: String,
}

impl Texts {
    fn new() -> Result<Self> {
        let apache = read(&cargo::root().join(APACHE))?;
        let kept = BTreeMap::new();
        Ok(Self { kept, apache })
    }

    /// Adds the texts of these files, and returns their numbers.
    fn add_all(&mut self, files: impl IntoIterator<Item = PathBuf>) -> Result<String> {
        let mut numbers = BTreeSet::new();
        for file in files {
            let mut text = read(&file)?;
            if terms(&text) == terms(&self.apache) {
                // They differ only in what is no part of it: how to use it for one's own work.
                text.clone_from(&self.apache);
            }
            let number = HEXLOWER.encode(&Sha256::digest(words(&text).as_bytes())[..4]);
            self.kept.entry(number.clone()).or_insert(text);
            numbers.insert(number);
        }
        let numbers: Vec<String> = numbers.into_iter().collect();
        Ok(numbers.join(" "))
    }
}

/// The files of a folder, and of those in it, that say under which licence it is.
fn license_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let read = fs::read_dir(folder).with_context(|| format!("{} is missing", folder.display()))?;
    for file in read {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
        if path.is_dir() && (has(&["licen", "font"])) {
            files.extend(license_files(&path)?);
        } else if path.is_file()
            && (has(&["licen", "copying", "notice", "unlicense", "copyright", "ofl.", "ufl."])
                || name.contains("license."))
            // The other choice is always one that asks for less.
            && !name.contains("gpl")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn standard(known: &Crate) -> Option<PathBuf> {
    let mut licenses = known.license.split([' ', '(', ')']);
    let file = |license| STANDARD.iter().find(|(name, _)| *name == license);
    let (_, file) = licenses.find_map(file)?;
    Some(cargo::root().join(file))
}

/// A text without what editors add and take away.
fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Ok(lines.join("\n").trim_matches('\n').to_owned())
}

/// What makes two texts the same: their words, however they are broken into lines.
fn words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// The terms of a text, without signs and what follows them.
fn terms(text: &str) -> String {
    let text = text.to_lowercase().replace("https", "http");
    let terms = text.split("end of terms and conditions").next();
    let words = terms
        .unwrap_or_default()
        .split(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_however_its_lines_are_broken() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let mut texts = Texts::new().unwrap();
        let first = texts.add_all([file("a", "Do what\nyou like.\n")]).unwrap();
        let second = texts
            .add_all([file("b", "\r\nDo  what you\r\n like.")])
            .unwrap();
        let other = texts.add_all([file("c", "Do nothing.")]).unwrap();
        assert_eq!(first, second);
        assert_ne!(first, other);
        assert_eq!(texts.kept[&first], "Do what\nyou like.");

        let apache = fs::read_to_string(cargo::root().join(APACHE)).unwrap();
        let own = apache.replace("[yyyy]", "2026").replace("http:", "https:");
        let (apache, own) = (file("d", &apache), file("e", &own));
        assert_eq!(
            texts.add_all([apache]).unwrap(),
            texts.add_all([own]).unwrap()
        );
    }

    #[test]
    fn files_with_licences_are_found_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["LICENSE-MIT", "README.md", "LICENSE-GPLv2", "licence.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("fonts")).unwrap();
        fs::write(folder.path().join("fonts/OFL.txt"), "").unwrap();
        let found = license_files(folder.path()).unwrap();
        let found = found
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap());
        assert_eq!(
            found.collect::<BTreeSet<_>>(),
            BTreeSet::from(["LICENSE-MIT", "OFL.txt", "licence.txt"])
        );
    }
}
