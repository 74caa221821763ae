//! The window without a display, driven by the names a screen reader says, with the test in the
//! place of the background threads.

// A missing widget fails the test that looks for it.
#![allow(clippy::unwrap_used)]

mod about;
mod accounts;
mod boundaries;
mod changes;
mod chat;
mod completion;
mod composing;
mod desk;
mod far_back;
mod gallery;
mod hostile;
mod hosting;
mod identity;
mod idle;
mod info;
mod ink;
mod inspector;
mod keyboard;
mod links;
mod live;
mod login;
mod mentions;
mod million;
mod names;
mod nearby;
mod not_loaded;
mod notifications;
mod pictures;
mod pointer;
mod replies;
mod report;
mod right_to_left;
mod roster;
mod script;
mod searching;
mod selecting;
mod selection;
mod steady;
mod timeline;
mod words;
