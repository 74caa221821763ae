//! Stores of earlier formats: what clients were told before a store was converted is what they are told afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod batches;
#[path = "../support/copy.rs"]
mod copy;
mod damage;
mod disk;
mod folders;
mod sample;
mod server;
#[path = "../support/mod.rs"]
mod support;
