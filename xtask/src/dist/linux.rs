//! `mensageiro-VERSION-ARCHITECTURE-linux.tar.gz`: app and server, to unpack anywhere.

use std::env::consts::ARCH;

use anyhow::Result;

use super::{Release, archive, contents};
use crate::cross::Target;

pub fn make(release: &Release) -> Result<()> {
    let mut all = contents::app(release)?;
    all.extend(contents::server(release, Target::Linux)?);
    // Where whoever unpacks it looks first.
    all.extend(contents::documents()?);
    let name = format!("mensageiro-{}-{ARCH}-linux", release.version.number);
    let path = release.path(&format!("{name}.tar.gz"));
    archive::write(&path, &name, &all, release.version.epoch)
}
