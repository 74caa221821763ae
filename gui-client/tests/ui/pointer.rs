//! The pointer: clicks and drags, and what the app asks of the system then.

use egui::{Event, Modifiers, OutputCommand, PointerButton, Pos2};

use crate::desk::Desk;

/// Presses or releases the button. Returns what the app asks of the system in that frame.
pub fn button(desk: &mut Desk, pos: Pos2, pressed: bool) -> Vec<OutputCommand> {
    desk.harness.event(Event::PointerMoved(pos));
    desk.harness.event(Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    });
    desk.harness.step();
    desk.harness.output().platform_output.commands.clone()
}

/// Presses and releases the button.
pub fn click(desk: &mut Desk, pos: Pos2) -> Vec<OutputCommand> {
    button(desk, pos, true);
    button(desk, pos, false)
}

/// Selects by dragging from one point to another.
pub fn drag(desk: &mut Desk, from: Pos2, to: Pos2) {
    button(desk, from, true);
    desk.harness.event(Event::PointerMoved(to));
    desk.harness.step();
    button(desk, to, false);
}

/// Copies what is selected; empty if nothing is.
pub fn copy(desk: &mut Desk) -> String {
    desk.harness.event(Event::Copy);
    desk.harness.step();
    let commands = &desk.harness.output().platform_output.commands;
    copied(commands).unwrap_or_default()
}

/// The text that the app has copied.
pub fn copied(commands: &[OutputCommand]) -> Option<String> {
    commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

/// Whether the app opens this URL.
pub fn opens(commands: &[OutputCommand], url: &str) -> bool {
    let is_it = |command: &OutputCommand| matches!(command, OutputCommand::OpenUrl(open) if open.url == url);
    commands.iter().any(is_it)
}
