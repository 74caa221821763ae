//! `PROGRAM-VERSION-SYSTEM.cdx.json`: what each program is made of, in the form of CycloneDX 1.6.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Release;
use crate::{
    crates::{self, Crate, Name},
    cross::{self, Target},
    others::{OTHERS, Other},
    source,
};

/// The programs that are shipped.
const PROGRAMS: &[(&str, Target)] = &[
    ("mensageiro", Target::Linux),
    ("mensageiro", Target::Windows),
    ("mensageiro-server", Target::Linux),
    ("mensageiro-server", Target::Musl),
    ("mensageiro-server", Target::Windows),
];

pub fn make(release: &Release) -> Result<()> {
    for (program, target) in PROGRAMS {
        let bill = bill(release, program, *target)?;
        let name = format!(
            "{program}-{}-{}.cdx.json",
            release.version.number,
            target.triple()
        );
        fs::write(
            release.path(&name),
            serde_json::to_string_pretty(&bill)? + "\n",
        )?;
    }
    Ok(())
}

fn bill(release: &Release, program: &str, target: Target) -> Result<Value> {
    let triple = target.triple();
    let names = crates::linked(program, &triple)?;
    let mut linked = crates::all(Some(&triple))?;
    linked.retain(|name, _| names.contains(name));
    let own = (program.to_owned(), release.version.number.clone());
    let references: BTreeMap<&str, String> = linked
        .iter()
        .map(|(name, known)| (known.id.as_str(), reference(name)))
        .collect();
    let dependencies: Vec<Value> = linked
        .iter()
        .map(|(name, known)| {
            let needs = known
                .needs
                .iter()
                .filter_map(|id| references.get(id.as_str()));
            json!({ "ref": reference(name), "dependsOn": needs.collect::<Vec<_>>() })
        })
        .collect();
    let main = linked
        .get(&own)
        .context("the program is not among its crates")?;
    let mut main = component(&own, main);
    main["type"] = json!("application");
    let others = OTHERS.iter().filter(|other| other.is_in(program, target));
    let mut components: Vec<Value> = linked
        .iter()
        .filter(|(name, _)| **name != own)
        .map(|(name, known)| component(name, known))
        .collect();
    for other in others {
        components.push(foreign(other, target)?);
    }
    let properties = [
        ("target", Some(triple)),
        ("commit", release.version.commit.clone()),
    ];
    let properties = properties.into_iter().filter_map(|(name, value)| {
        Some(json!({ "name": format!("mensageiro:{name}"), "value": value? }))
    });
    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": timestamp(release.version.epoch),
            "component": main,
            "properties": properties.collect::<Vec<_>>(),
        },
        "components": components,
        "dependencies": dependencies,
    });
    bill["serialNumber"] = json!(serial_number(&bill.to_string()));
    Ok(bill)
}

/// A crate.
fn component(name: &Name, known: &Crate) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(name),
        "name": name.0,
        "version": name.1,
        "purl": reference(name),
        "licenses": [{ "expression": known.license }],
    });
    if !known.description.is_empty() {
        let words: Vec<&str> = known.description.split_whitespace().collect();
        component["description"] = json!(words.join(" "));
    }
    if let Some(checksum) = &known.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if !known.repository.is_empty() {
        component["externalReferences"] = json!([{ "type": "vcs", "url": known.repository }]);
    }
    component
}

/// What is no crate.
fn foreign(other: &Other, target: Target) -> Result<Value> {
    let kind = match other.texts {
        [text] if text.starts_with("assets/") => "data",
        _ => "library",
    };
    let mut component = json!({
        "type": kind,
        "bom-ref": other.name,
        "name": other.name,
        "licenses": [{ "expression": other.license }],
        "externalReferences": [{ "type": "website", "url": other.from }],
    });
    if other.name == "Rust standard library" {
        component["version"] = json!(cross::rust_version(target)?);
    } else if let Some(version) = other.debian.and_then(debian_version) {
        component["version"] = json!(version);
    }
    Ok(component)
}

fn debian_version(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    let output = query.args(["-W", "-f=${Version}", package]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !version.is_empty()).then_some(version)
}

/// What others call a crate (a package URL).
fn reference((name, version): &Name) -> String {
    // Of what a version may have, only + means something in a URL.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn timestamp(epoch: u64) -> String {
    let (hours, minutes, seconds) = (epoch / 3_600 % 24, epoch / 60 % 60, epoch % 60);
    format!(
        "{}T{hours:02}:{minutes:02}:{seconds:02}Z",
        source::day(epoch)
    )
}

/// A UUID of version 8, which follows from the content.
fn serial_number(content: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(content.as_bytes())[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_names_what_is_linked_and_nothing_else() {
        let release = Release::new();
        let bill = bill(&release, "mensageiro-server", Target::Linux).unwrap();
        let components = bill["components"].as_array().unwrap();
        let names = components
            .iter()
            .map(|component| component["name"].as_str().unwrap());
        let names: Vec<&str> = names.collect();
        for linked in ["rustls", "mensageiro-protocol", "Rust standard library"] {
            assert!(names.contains(&linked), "{linked} is missing");
        }
        // Of the app, only for building, only for Windows, only for tests.
        for absent in [
            "egui",
            "clap_derive",
            "windows-sys",
            "proptest",
            "musl",
            "Inter",
        ] {
            assert!(!names.contains(&absent), "{absent} is not in it");
        }
        // Whatever is referred to is there.
        let references: Vec<&Value> = components
            .iter()
            .map(|component| &component["bom-ref"])
            .collect();
        for dependency in bill["dependencies"].as_array().unwrap() {
            for needed in dependency["dependsOn"].as_array().unwrap() {
                assert!(references.contains(&needed), "{needed} is not described");
            }
        }
    }

    #[test]
    fn the_same_content_has_the_same_number() {
        let number = serial_number("a");
        assert_eq!(number, serial_number("a"));
        assert_ne!(number, serial_number("b"));
        assert_eq!(number.len(), "urn:uuid:".len() + 36);
        assert_eq!(timestamp(1_795_962_251), "2026-11-29T14:24:11Z");
    }
}
