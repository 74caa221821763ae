//! What is stored, as the budgets see it.

use std::fmt;

use mensageiro_protocol::Login;

/// Counts stored bytes. Called by sessions, at most about once a second for each.
pub trait DiskUsage: fmt::Debug + Send + Sync {
    /// Bytes that a login has in the log.
    fn of(&self, login: &Login) -> u64;

    /// The login that has most bytes in the log, and how many.
    fn largest(&self) -> Option<(Login, u64)>;

    /// Bytes in the log and in messages.csv.
    fn total(&self) -> u64;

    /// Bytes that are free on the disk; `None`: the system does not say.
    fn free(&self) -> Option<u64>;
}
