//! `meu-mensageiro.zip`: what the author hands in, packed and then opened again and checked.
//!
//! It holds every file that git tracks, except the pictures the app's tests compare with: those
//! are larger than all the rest. The tests of the unpacked sources say that they compare none.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::{cargo, picture, server::Data, source};

/// The folder into which everything unpacks.
pub const FOLDER: &str = "meu-mensageiro";

/// What stays out, though git tracks it.
const LEFT_OUT: &str = "gui-client/tests/snapshots/";

/// The zip is smaller than this, in bytes, so that any mail or form takes it.
const LIMIT: u64 = 8_000_000;

/// The tutorial in both languages.
const TUTORIALS: &[&str] = &["TUTORIAL.md", "TUTORIAL.pt-BR.md"];

/// The columns of messages.csv, in the order that the assignment requires.
const MESSAGES_HEADER: &str = "id,sent_at,read_at,from,to,text";

/// Contents of files by their path in the project, in order.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Packs the sources and these files, then checks the rules D1 to D6 on the result.
pub fn pack(path: &Path, more: Files) -> Result<()> {
    let mut files = sources()?;
    files.extend(more);
    write(path, &files)?;
    check(path, &files).with_context(|| format!("{} is not complete", path.display()))?;
    println!(
        "{} is complete, D1 to D6: {} files in {:.1} MB",
        path.display(),
        files.len(),
        fs::metadata(path)?.len() as f64 / 1e6,
    );
    Ok(())
}

/// What `report/` holds: the data files after a server has kept messages that were read.
pub fn report(data: &Data) -> Result<Files> {
    let mut files = Files::new();
    for name in ["users.csv", "groups.csv", "messages.csv"] {
        let content = fs::read(data.path().join(name))?;
        files.insert(format!("report/{name}"), content);
    }
    Ok(files)
}

/// The files that git tracks, as far as they are handed in.
fn sources() -> Result<Files> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(cargo::root())
        .output()
        .context("cannot start git")?;
    ensure!(
        listed.status.success(),
        "the sources are packed from a git clone, and this is none"
    );
    let names = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
    let mut files = Files::new();
    for name in names.split_terminator('\0') {
        if !name.starts_with(LEFT_OUT) {
            let path = cargo::root().join(name);
            let bytes = fs::read(&path).with_context(|| format!("cannot read {name}"))?;
            files.insert(name.to_owned(), bytes);
        }
    }
    // Without git they must say it themselves.
    if let Some(commit) = source::commit(cargo::root()) {
        let line = format!("{} {}\n", commit.hash, commit.time);
        files.insert("commit.txt".to_owned(), line.into_bytes());
    }
    Ok(files)
}

fn write(path: &Path, files: &Files) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut zip = ZipWriter::new(file);
    for (name, bytes) in files {
        let is_script = bytes.starts_with(b"#!");
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .unix_permissions(if is_script { 0o755 } else { 0o644 });
        zip.start_file(format!("{FOLDER}/{name}"), options)?;
        zip.write_all(bytes)?;
    }
    zip.finish()?.sync_all()?;
    Ok(())
}

/// Opens the zip as its reader will, and checks the assignment's requirements.
fn check(path: &Path, expected: &Files) -> Result<()> {
    let size = fs::metadata(path)?.len();
    ensure!(
        size < LIMIT,
        "it has {size} bytes, and {LIMIT} are too many"
    );
    let packed = read(path)?;
    let text = |name: &str| -> Result<String> {
        let bytes = packed
            .get(name)
            .with_context(|| format!("{name} is missing"))?;
        String::from_utf8(bytes.clone()).with_context(|| format!("{name} is not text"))
    };
    for name in TUTORIALS {
        let tutorial = text(name)?;
        ensure!(tutorial.contains("mensageiro-server --data"), "D1: {name}");
        ensure!(tutorial.contains("mensageiro --user"), "D2: {name}");
        let screens: Vec<&str> = screens(&tutorial).collect();
        ensure!(
            screens.len() >= 4,
            "D3: {name} shows only {} screens",
            screens.len()
        );
        for screen in screens {
            let bytes = packed
                .get(screen)
                .with_context(|| format!("D3: {screen} is missing"))?;
            picture::check_bytes(bytes).with_context(|| format!("D3: {screen}"))?;
        }
    }
    ensure!(packed == *expected, "D4: the zip differs from the sources");
    for source in ["server/src/main.rs", "gui-client/src/main.rs", "Cargo.lock"] {
        ensure!(packed.contains_key(source), "D4: {source} is missing");
    }
    ensure!(
        !text("commit.txt")?.starts_with('$'),
        "D4: commit.txt does not say of which commit the sources are"
    );
    ensure!(
        text("data/users.csv")?.lines().count() > 1,
        "D5: data/users.csv is empty"
    );
    text("data/messages.csv")?;
    let messages = text("report/messages.csv")?;
    ensure!(
        messages.starts_with(MESSAGES_HEADER),
        "D6: report/messages.csv has no header"
    );
    ensure!(
        messages.lines().count() > 1,
        "D6: report/messages.csv has no message"
    );
    Ok(())
}

fn read(path: &Path) -> Result<Files> {
    let mut zip = ZipArchive::new(File::open(path)?)?;
    let mut files = Files::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at)?;
        let name = entry.name()?.into_owned();
        let inside = name
            .strip_prefix(FOLDER)
            .and_then(|rest| rest.strip_prefix('/'));
        let name = inside
            .with_context(|| format!("{name} is not in {FOLDER}"))?
            .to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

/// The pictures that a document shows.
fn screens(document: &str) -> impl Iterator<Item = &str> {
    let images = document.split("![").skip(1);
    let targets = images.filter_map(|rest| rest.split_once("](")?.1.split(')').next());
    targets.filter(|target| target.ends_with(".png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let files = Files::from([
            ("a/ação.txt".to_owned(), "olá".into()),
            ("run".to_owned(), b"#!/bin/sh\n".to_vec()),
        ]);
        write(&path, &files).unwrap();
        assert_eq!(read(&path).unwrap(), files);
        let first = fs::read(&path).unwrap();
        write(&path, &files).unwrap();
        assert_eq!(
            fs::read(&path).unwrap(),
            first,
            "the same files, the same zip"
        );
    }

    #[test]
    fn a_zip_that_is_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        File::create(&path).unwrap().set_len(LIMIT).unwrap();
        let error = check(&path, &Files::new()).unwrap_err();
        assert!(error.to_string().contains("8000000 bytes"), "{error}");
    }

    #[test]
    fn only_pictures_are_screens() {
        let document = "![a](b.png) [c](d.png) ![e](f.svg)\n![g](h/i.png)";
        assert_eq!(screens(document).collect::<Vec<_>>(), ["b.png", "h/i.png"]);
    }
}
