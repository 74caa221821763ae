//! `cargo xtask demo`: starts a server and two windows on a fresh machine, in one command.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    cargo::{self, Programs, Scope},
    display::Display,
    picture,
    process::Process,
    server::{Data, Server},
    setup::{self, Need},
    story::{self, Stage},
    window::Window,
    wire::{self, Style},
};

/// The port of the assignment.
const PORT: u16 = 3333;

/// The users of the two windows.
const PEOPLE: [&str; 2] = ["ana", "bruno"];
const FRIEND: &str = "carla";

/// Sets up, builds, and runs the messenger until its windows are closed.
pub fn run() -> Result<()> {
    setup::prepare(&[Need::Windows])?;
    println!("Building the server and the app; the first time takes some minutes.");
    let programs = cargo::build(Scope::Programs)?;
    let data = Data::copy()?;
    let server = Server::start(&programs.server, data.path(), &listen_address(), true)?;
    if setup::has_display() {
        show(&programs, &data, server)
    } else {
        play(&programs, &data, server)
    }
}

/// The assignment's port if it is free, else any free port.
fn listen_address() -> String {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok() {
        return format!("127.0.0.1:{PORT}");
    }
    println!("Port {PORT} is in use here, so this server takes a free one.");
    "127.0.0.1:0".to_owned()
}

/// Opens two windows for a person to use.
fn show(programs: &Programs, data: &Data, mut server: Server) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed))
        .context("Ctrl-C cannot be caught")?;
    greet(&server.address)?;
    let display = Display::Own;
    let mut windows = Vec::new();
    for (user, left) in PEOPLE.into_iter().zip([20, 690]) {
        let window = Window {
            program: &programs.app,
            display: &display,
            user: Some(user),
            server: &server.address,
            profile: data.profile(user),
            clock: None,
        };
        windows.push(window.open(left)?);
    }
    println!(
        "\nTwo windows are open: {} and {}. Write from one to the other, close one, write to it \
         and open it again:\n    {} --user {} --server {} --data {}\n\
         Netcat is a client too:  nc {}  then  {FRIEND}  then  @{} hello\n\
         Close both windows or press Ctrl-C to end.\n",
        PEOPLE[0],
        PEOPLE[1],
        programs.app.display(),
        PEOPLE[1],
        server.address,
        data.profile(PEOPLE[1]).display(),
        server.address.replace(':', " "),
        PEOPLE[0],
    );
    while !stop.load(Ordering::Relaxed) && any_open(&mut windows)? {
        server.check_alive()?;
        thread::sleep(Duration::from_millis(100));
    }
    drop(windows);
    server.stop()
}

fn any_open(windows: &mut Vec<Process>) -> Result<bool> {
    let mut open = Vec::new();
    for mut window in windows.drain(..) {
        match window.ended()? {
            None => open.push(window),
            Some(status) if !status.success() => {
                println!("A window ended with {status}; it said:\n{}", window.said());
            }
            Some(_) => {}
        }
    }
    *windows = open;
    Ok(!windows.is_empty())
}

/// Lets a third user write before the windows open, so that they are not empty.
fn greet(server: &str) -> Result<()> {
    let mut friend = wire::Client::log_in(Style::Line, server, FRIEND)?;
    for user in PEOPLE {
        friend.say(&format!(
            "@{user} Welcome! I wrote this while you were offline."
        ))?;
    }
    Ok(())
}

/// Without a display: scripts play the conversation, and pictures show it.
fn play(programs: &Programs, data: &Data, server: Server) -> Result<()> {
    println!(
        "There is no display here, so the two windows open on a virtual one and talk by \
         themselves: first both are there, then Bruno is offline for a while."
    );
    let pictures = cargo::root().join("target").join("demo");
    fs::create_dir_all(&pictures)?;
    let stage = Stage {
        programs,
        server: &server.address,
        data,
        pictures: &pictures,
    };
    let taken = story::ENGLISH.play(&stage)?;
    server.stop()?;
    println!("\nThey talked. Of what was read, messages.csv of the server holds:");
    for row in data.archived()? {
        println!("    {row}");
    }
    println!("How it looked:");
    for path in taken {
        picture::check(&path)?;
        println!("    {}", path.display());
    }
    Ok(())
}
