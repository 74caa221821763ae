//! `mensageiro-server-VERSION-ARCHITECTURE-container.tar`: an image for Docker and Podman, with the static server and nothing
//! else that runs.

use std::{
    env::consts::ARCH,
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use super::{
    Release, Version,
    contents::{self, Content, Contents},
    package::output,
};
use crate::{
    cargo,
    cross::Target,
    setup::{self, Need},
};

/// Makes the image.
pub fn make(release: &Release) -> Result<()> {
    let program = release.programs(Target::Musl)?.server;
    let version = &release.version;
    let name = format!("mensageiro-server-{}-{ARCH}-container.tar", version.number);
    let staging = release.staging("container")?;
    build(&program, version, &staging, &release.path(&name))
}

/// Builds an image of this static program, by means of an empty folder, into an archive that `docker load` and `podman load`
/// read.
pub fn build(program: &Path, version: &Version, staging: &Path, to: &Path) -> Result<()> {
    setup::prepare(&[Need::Containers])?;
    let context = staging.join("context");
    let documents = contents::documents()?;
    contents::write(&documents, &context.join("doc"), version.epoch)?;
    let program = ("mensageiro-server".to_owned(), Content::program(program)?);
    contents::write(&Contents::from([program]), &context, version.epoch)?;
    fs::create_dir(context.join("data"))?;

    let image = format!("mensageiro-server:{}", version.number);
    // Nothing of it stays on this computer.
    let buildah = || {
        let mut buildah = Command::new("buildah");
        buildah.arg("--root").arg(staging.join("storage"));
        buildah.arg("--runroot").arg(staging.join("running"));
        buildah.args(["--storage-driver", "vfs"]);
        buildah
    };
    let mut build = buildah();
    // OCI's own form has no health checks.
    build.args(["build", "--quiet", "--format", "docker", "--tag", &image]);
    build.args([
        "--identity-label=false",
        "--timestamp",
        &version.epoch.to_string(),
    ]);
    build.args([
        "--label",
        &format!("org.opencontainers.image.version={}", version.number),
    ]);
    build.args([
        "--label",
        "org.opencontainers.image.licenses=MIT OR Apache-2.0",
    ]);
    let file = cargo::root().join("packaging/container/Containerfile");
    output(build.arg("--file").arg(file).arg(&context))?;
    let archive = staging.join("image.tar");
    let target = format!("docker-archive:{}:{image}", archive.display());
    output(buildah().args(["push", "--quiet", &image, &target]))?;

    let unpacked = staging.join("image");
    tar::Archive::new(File::open(archive)?).unpack(&unpacked)?;
    pack(&unpacked, to).with_context(|| format!("cannot write {}", to.display()))
}

/// Packs an image again, without what tells one build from another: the name of the container in which it was built.
fn pack(image: &Path, to: &Path) -> Result<()> {
    let read =
        |name: &str| -> Result<Value> { Ok(serde_json::from_slice(&fs::read(image.join(name))?)?) };
    let mut manifest = read("manifest.json")?;
    let name = manifest[0]["Config"]
        .as_str()
        .context("the image has no configuration")?;
    let mut config = read(name)?;
    if let Some(config) = config.as_object_mut() {
        config.remove("container");
        config.remove("container_config");
    }
    config["config"]["Hostname"] = "".into();
    let config = config.to_string().into_bytes();
    let name = format!("{}.json", HEXLOWER.encode(&Sha256::digest(&config)));
    manifest[0]["Config"] = name.clone().into();

    let mut archive = Builder::new(File::create(to)?);
    let mut append = |name: &str, bytes: &[u8]| -> Result<()> {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len().try_into()?);
        Ok(archive.append_data(&mut header, name, bytes)?)
    };
    append(&name, &config)?;
    for layer in manifest[0]["Layers"].as_array().into_iter().flatten() {
        let layer = layer.as_str().context("the image has no layer")?;
        append(layer, &fs::read(image.join(layer))?)?;
    }
    append("manifest.json", manifest.to_string().as_bytes())?;
    archive.into_inner()?.flush()?;
    Ok(())
}
