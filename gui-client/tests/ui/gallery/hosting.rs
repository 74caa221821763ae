//! The server on this computer.

use std::time::{Duration, Instant};

use egui::Vec2;
use mensageiro::{
    engine::{Event, HostNews, HostProblem, LinkProblem, LinkState},
    model::{Overlay, Preferences},
};

use super::{SMALL, USUAL, picture, scenes::chat};
use crate::{
    desk::Desk,
    hosting::{host, hosted, news, running},
};

const BOTH: [(&str, Vec2); 2] = [("", USUAL), ("-small", SMALL)];

fn form() -> Desk {
    let mut desk = Desk::new(Preferences::default());
    desk.show(Overlay::Hosting);
    desk.tell(news(HostNews::NotRunning { has_data: false }));
    desk.write("Your name", "Ana Souza");
    desk
}

#[test]
fn a_server_on_this_computer() {
    for (suffix, size) in BOTH {
        picture(&format!("host-form{suffix}"), size, |_| form());
        picture(&format!("host-running{suffix}"), size, |_| running(false));
        picture(&format!("host-leaving{suffix}"), size, |_| {
            let mut desk = running(false);
            desk.show(Overlay::Leaving);
            desk
        });
        picture(&format!("host-port-taken{suffix}"), size, |_| {
            let mut desk = form();
            let (port, free) = (3333, Some(3334));
            let problem = HostProblem::PortTaken { port, free };
            desk.tell(news(HostNews::Failed(problem)));
            desk
        });
        picture(&format!("users-add-many{suffix}"), size, |_| {
            let mut desk = running(false);
            desk.click("Add people");
            let names = "Bruno Lima\nCarla Dias\nDavi Nunes\nElisa Prado\n";
            desk.harness.event(egui::Event::Paste(names.into()));
            desk.harness.run();
            desk
        });
    }
    picture("host-closed", USUAL, |_| running(true));
    picture("host-no-network", USUAL, |_| {
        let mut desk = running(true);
        let mut alone = host(true);
        alone.addresses.clear();
        desk.tell(news(HostNews::Running(alone)));
        desk
    });
    picture("host-no-program", USUAL, |_| {
        let mut desk = form();
        desk.tell(news(HostNews::Failed(HostProblem::NoProgram {
            folder: "/opt/mensageiro".into(),
        })));
        desk
    });
    picture("host-crashed", USUAL, |_| {
        let mut desk = running(false);
        desk.tell(news(HostNews::Crashed {
            said: "store: the disk is full; free some space".into(),
            log: host(false).log,
        }));
        desk
    });
    picture("host-entry", USUAL, |_| {
        let mut desk = Desk::new(hosted());
        desk.tell(news(HostNews::Running(host(false))));
        desk
    });
    picture("host-down", USUAL, |words| {
        let mut desk = chat(words);
        desk.tell(Event::Host(HostNews::Started(
            host(false),
            crate::identity::invite(),
        )));
        desk.tell(Event::Link(LinkState::Waiting {
            problem: LinkProblem::NobodyListens,
            retry_at: Instant::now() + Duration::from_secs(30),
        }));
        desk.tell(news(HostNews::NotRunning { has_data: true }));
        desk
    });
}
