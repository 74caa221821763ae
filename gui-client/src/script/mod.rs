//! Scripts: text files with steps that act like a person, for tests, screenshots and demos.

mod runner;
mod step;

pub use runner::{Progress, ScriptRunner};
pub use step::{ParseError, SCRIPT_HELP, Step, parse};
