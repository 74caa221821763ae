//! Another network, with a virtual cable to this one.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// The address inside, which is none of this computer's own for a server there or here.
pub const SERVER: &str = "10.213.77.1";

/// Addresses at this end of the cable. The first one is used if no other is asked for.
const NEAR: &str = "10.213.77.2";
pub const FURTHER: [u8; 4] = [10, 213, 77, 3];

/// A network namespace with a virtual cable to this one. It is removed when dropped.
pub struct Network {
    pub name: String,
}

impl Network {
    /// `None`: this needs root, and a system with network namespaces.
    pub fn new() -> Option<Self> {
        let number = std::process::id();
        let network = Self {
            name: format!("mensageiro{number}"),
        };
        let (name, near, far) = (
            &network.name,
            format!("mm{number}a"),
            format!("mm{number}b"),
        );
        let made = [
            format!("netns add {name}"),
            format!("link add {near} type veth peer name {far} netns {name}"),
            format!("addr add {NEAR}/24 dev {near}"),
            format!("addr add 10.213.77.3/24 dev {near}"),
            format!("link set {near} up"),
            format!("-n {name} addr add {SERVER}/24 dev {far}"),
            format!("-n {name} link set {far} up"),
            format!("-n {name} link set lo up"),
        ];
        made.iter().all(|command| ip(command)).then_some(network)
    }

    /// Runs the command `ip` inside.
    pub fn ip(&self, command: &str) -> Result<()> {
        let command = format!("-n {} {command}", self.name);
        ip(&command)
            .then_some(())
            .with_context(|| format!("`ip {command}` failed"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // This removes the virtual cable too.
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(command: &str) -> bool {
    let mut ip = Command::new("ip");
    ip.args(command.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    ip.status().is_ok_and(|status| status.success())
}
