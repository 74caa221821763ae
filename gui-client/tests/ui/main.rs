//! The window without a display, driven by the names a screen reader says, with the test in the
//! place of the background threads.

mod chat;
mod desk;
mod idle;
mod login;
mod pictures;
mod timeline;
