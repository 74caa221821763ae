//! The desktop app of MeuMensageiro.
//!
//! `engine` is everything that may wait, `model` everything that is known, `ui` everything that
//! is drawn, and `app` what joins them.

pub mod app;
mod arguments;
pub mod copies;
pub mod disk;
pub mod emoji;
pub mod engine;
pub mod files;
pub mod licenses;
#[cfg(test)]
mod linear_time;
pub mod logging;
pub mod markup;
pub mod matching;
pub mod model;
pub mod notify;
pub mod private;
pub mod profile;
pub mod report;
pub mod script;
pub mod settings;
pub mod single_instance;
pub mod system_theme;
pub mod texts;
pub mod theme;
pub mod ui;
pub mod version;
pub mod window_system;

pub use arguments::Arguments;
