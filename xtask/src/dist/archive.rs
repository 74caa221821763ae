//! Archives whose bytes depend on nothing but what is in them.

use std::{fs::File, io::Write, path::Path};

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

use super::contents::Contents;

/// Writes a `.tar.gz` that unpacks into one folder. All files get this time, in seconds since 1970.
pub fn write(path: &Path, folder: &str, contents: &Contents, epoch: u64) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    // Its header says neither when nor where it was made.
    let mut archive = Builder::new(GzEncoder::new(file, Compression::best()));
    for (name, content) in contents {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(content.mode());
        header.set_mtime(epoch);
        header.set_size(content.bytes.len().try_into()?);
        archive.append_data(&mut header, format!("{folder}/{name}"), &content.bytes[..])?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, io::Read};

    use flate2::read::GzDecoder;

    use super::{super::contents::Content, *};

    #[test]
    fn the_same_files_give_the_same_archive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        let program = Content {
            bytes: b"#!/bin/sh\n".to_vec(),
            executable: true,
        };
        let files = BTreeMap::from([
            ("bin/run".to_owned(), program),
            ("share/doc/README.md".to_owned(), b"hello".to_vec().into()),
        ]);
        write(&path, "a-1", &files, 1_000_000_000).unwrap();
        let first = fs::read(&path).unwrap();
        write(&path, "a-1", &files, 1_000_000_000).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);

        let mut archive = tar::Archive::new(GzDecoder::new(&first[..]));
        let read = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let (header, path) = (entry.header(), entry.path().unwrap());
            let about = (header.mode().unwrap(), header.mtime().unwrap());
            (path.display().to_string(), about, text)
        });
        let time = 1_000_000_000;
        assert_eq!(
            read.collect::<Vec<_>>(),
            [
                ("a-1/bin/run".into(), (0o755, time), "#!/bin/sh\n".into()),
                (
                    "a-1/share/doc/README.md".into(),
                    (0o644, time),
                    "hello".into()
                ),
            ]
        );
    }
}
