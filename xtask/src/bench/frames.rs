//! Measures how long the app takes for a frame, and its background threads for their work.

use anyhow::{Result, ensure};

use crate::cargo;

/// Runs the app's own benchmarks with cargo.
pub fn measure() -> Result<()> {
    println!("\n### The app: frames and background work\n");
    let measured = cargo::command()
        .args(["bench", "-p", "mensageiro"])
        .args(["--bench", "frames", "--bench", "engine"])
        .status()?;
    ensure!(
        measured.success(),
        "the measuring failed; it said why above"
    );
    Ok(())
}
