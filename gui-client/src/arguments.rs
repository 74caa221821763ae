//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::script::SCRIPT_HELP;

/// MeuMensageiro: the desktop app
#[derive(Debug, Parser)]
#[command(name = "mensageiro", version = env!("MENSAGEIRO_VERSION"), after_long_help = SCRIPT_HELP)]
pub struct Arguments {
    /// An invite link, mensageiro://…, to join with
    #[arg(value_name = "LINK", conflicts_with_all = ["user", "server"])]
    pub link: Option<String>,
    /// Sign in as this user at once
    #[arg(long, value_name = "LOGIN")]
    pub user: Option<String>,
    /// The server to use, host:port (localhost:3333)
    #[arg(long, value_name = "HOST:PORT")]
    pub server: Option<String>,
    /// Folder of the settings and the messages
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Remove the profile's keys from the keyring and end, before its folder is removed for good
    #[arg(long)]
    pub forget_keys: bool,
    /// Save the first screen as PNG and end
    #[arg(long, value_name = "FILE", conflicts_with = "script")]
    pub screenshot: Option<PathBuf>,
    /// Act as a script says and end; --help lists its steps
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
}
