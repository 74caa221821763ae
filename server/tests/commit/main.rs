//! Commits, with everything on disk: tags, cursors, who is told, and what a start reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod desk;
mod groups;
mod keep;
mod panics;
mod reading;
mod sending;
