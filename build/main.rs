//! The build script of both programs: says of which sources they are, and adds what Windows shows of them.

mod source;
mod windows;

use std::{env, io, path::Path};

fn main() -> io::Result<()> {
    let version = version();
    println!("cargo::rerun-if-changed=../build");
    println!("cargo::rustc-env=MENSAGEIRO_VERSION={version}");
    windows::add_resources(&version)
}

/// `0.1.0 (0e18b15 2026-11-30)` in a release. Other builds name no commit: each new one would compile
/// them again.
fn version() -> String {
    let number = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    if env::var("PROFILE").as_deref() != Ok("release") {
        return format!("{number} (debug build)");
    }
    println!("cargo::rerun-if-env-changed=MENSAGEIRO_COMMIT");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=../commit.txt");
    let root = Path::new("..");
    // Changes with every commit, whatever branch it is on.
    let git = source::git(root, &["rev-parse", "--git-path", "logs/HEAD"]);
    if let Some(log) = git.filter(|_| root.join(".git").exists()) {
        println!(
            "cargo::rerun-if-changed={}",
            root.join(log.trim()).display()
        );
    }
    let commit = source::commit(root);
    let time = source::given_time().or(commit.as_ref().map(|commit| commit.time));
    let name = env::var("MENSAGEIRO_COMMIT").ok();
    let name = name.or_else(|| Some(commit?.hash.get(..7)?.to_owned()));
    let parts: Vec<String> = name.into_iter().chain(time.map(source::day)).collect();
    if parts.is_empty() {
        return number;
    }
    format!("{number} ({})", parts.join(" "))
}
