//! The scripted mode: a text file of steps that acts as a person would, for reports and demos.

mod runner;
mod step;

pub use runner::{Progress, ScriptRunner};
pub use step::{ParseError, SCRIPT_HELP, Step, parse};
