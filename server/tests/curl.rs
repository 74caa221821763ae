//! Runs the commands for files that docs/PROTOCOL.md prints.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, path::Path, process::Command};

use support::{TestServer, http::slot, live::LiveClient};

/// As the document calls them.
const HOST: &str = "chat.example.org:3333";
const FILE: &[u8] = b"hello\n";

fn blocks() -> Vec<String> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    let document = fs::read_to_string(document).unwrap();
    let blocks = document.split("```sh curl\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_commands_that_the_protocol_prints_do_what_it_says() {
    for tool in ["curl", "openssl"] {
        if Command::new(tool).arg("--version").output().is_err() {
            println!("{tool} is not installed, so the commands are not run");
            return;
        }
    }
    let blocks = blocks();
    assert_eq!(blocks.len(), 3);
    let server = TestServer::start(&["ana"]);
    for (number, block) in blocks.iter().enumerate() {
        let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
        // Another file each time, as none is named by a message.
        let name = format!("notes{number}.txt");
        let slot = slot(&mut ana, &name, "text/plain", FILE);
        let commands = block
            .replace(HOST, &server.address().to_string())
            .replace("/f/TOKEN/notes.txt", &slot.path);
        let folder = tempfile::tempdir().unwrap();
        fs::copy(server.file("tls/cert.pem"), folder.path().join("cert.pem")).unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-e", "-c", &commands])
            .current_dir(folder.path());
        let done = shell.env("no_proxy", "*").output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{commands}\n{said}");
        if block.contains("https") {
            assert_eq!(done.stdout, FILE);
        }
    }
}
