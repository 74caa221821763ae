use egui::{Key, Modifiers, Vec2};
use mensageiro::{
    engine::{ActiveFaults, Delivery, Event, Message, MessageFault},
    model::{Action, InspectAction, Overlay},
};

use super::{SMALL, USUAL, Words, picture, scenes::chat};
use crate::{
    desk::{Desk, message},
    inspector::{ANSWER_LOST, crossed},
};

fn inspecting(words: &Words, lines: &[&str]) -> Desk {
    let mut desk = chat(words);
    desk.press(Modifiers::NONE, Key::F10);
    for (at, line) in (0..).zip(lines) {
        desk.say(crossed(at, line));
    }
    desk.harness.run();
    desk.act(Action::Inspect(InspectAction::ShowFaults(true)));
    desk
}

#[test]
fn faults_of_the_link() {
    let wide = Vec2::new(1200.0, 620.0);
    picture("faults-off", wide, |words| inspecting(words, &[]));
    for (name, size) in [("faults", wide), ("faults-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = inspecting(words, ANSWER_LOST);
            desk.tell(Event::Faults(ActiveFaults {
                held_until: None,
                next_message: Some(MessageFault::LoseAnswer),
            }));
            desk
        });
    }
    for (name, size) in [("journey-again", USUAL), ("journey-again-small", SMALL)] {
        picture(name, size, |words| {
            let mut desk = inspecting(words, ANSWER_LOST);
            let own = Message {
                server_id: Some(10),
                ..message(1, "bob", Delivery::Accepted, "oi")
            };
            desk.act(Action::Show(Overlay::Journey(Box::new(own))));
            desk
        });
    }
}
