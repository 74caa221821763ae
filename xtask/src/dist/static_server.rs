//! `mensageiro-server-VERSION-ARCHITECTURE-linux-static.tar.gz`: the server for any Linux.

use std::env::consts::ARCH;

use anyhow::Result;

use super::{Release, archive, contents};
use crate::cross::Target;

pub fn make(release: &Release) -> Result<()> {
    let mut all = contents::server(release, Target::Musl)?;
    // Where whoever unpacks it looks first.
    all.extend(contents::documents()?);
    let name = format!(
        "mensageiro-server-{}-{ARCH}-linux-static",
        release.version.number
    );
    let path = release.path(&format!("{name}.tar.gz"));
    archive::write(&path, &name, &all, release.version.epoch)
}
