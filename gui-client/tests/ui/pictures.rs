use std::{
    path::Path,
    time::{Duration, Instant},
};

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use jiff::Timestamp;
use mensageiro::{
    engine::{Delivery, Event, Message, Receipt},
    files::PathAnswer,
    model::{Action, Notice, Overlay, Preferences, SaveAction, SavedFile},
};

use crate::desk::{Answer, Desk, alice, conversation, login, message};

/// Presses F12; the window gives its picture in one of the next frames.
fn take(desk: &mut Desk) {
    desk.press(Modifiers::NONE, Key::F12);
}

/// Draws frames until it is so; the threads that save wake the window themselves.
fn until(desk: &mut Desk, what: impl Fn(&Desk) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !what(desk) {
        assert!(Instant::now() < deadline, "{:?}", desk.model().overlay);
        std::thread::yield_now();
        desk.harness.step();
    }
}

fn saved(desk: &Desk) -> bool {
    matches!(desk.model().notice, Some(Notice::Saved(..)))
}

/// The whole window, with something in it.
fn is_picture(desk: &Desk, path: &Path) -> bool {
    let size = desk.harness.ctx.content_rect().size();
    image::open(path).is_ok_and(|picture| {
        let picture = picture.to_rgb8();
        let ground = picture.get_pixel(0, 0);
        picture.width() == size.x as u32
            && picture.height() == size.y as u32
            && picture.pixels().any(|pixel| pixel != ground)
    })
}

#[test]
fn f12_saves_where_the_dialog_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("window.png");
    let answer = Answer(PathAnswer::At(path.clone()));
    let mut desk = Desk::with_dialog(Preferences::default(), answer);
    take(&mut desk);
    until(&mut desk, saved);
    assert!(is_picture(&desk, &path));
    desk.harness.run();
    assert!(desk.sees("Saved the picture as"));
    desk.harness.get_by_label("Open").click();
    desk.harness.step();
    let commands = &desk.harness.output().platform_output.commands;
    let opened = commands.iter().find_map(|command| match command {
        egui::OutputCommand::OpenUrl(open) => Some(open.url.as_str()),
        _ => None,
    });
    let expected = url::Url::from_file_path(&path).unwrap();
    assert_eq!(opened, Some(expected.as_str()));
    assert_eq!(desk.model().notice, None);
}

#[test]
fn without_a_dialog_a_path_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(Preferences::default());
    take(&mut desk);
    until(&mut desk, |desk| {
        matches!(desk.model().overlay, Some(Overlay::SavePath { .. }))
    });
    desk.harness.run();
    let type_path = |desk: &mut Desk, path: &Path| {
        let field = desk.harness.get_by_label("File");
        field.focus();
        desk.harness.run();
        desk.press(Modifiers::COMMAND, Key::A);
        let field = desk.harness.get_by_label("File");
        field.type_text(&path.display().to_string());
        desk.harness.run();
        desk.press(Modifiers::NONE, Key::Enter);
    };
    type_path(&mut desk, folder.path());
    until(&mut desk, |desk| {
        matches!(
            &desk.model().overlay,
            Some(Overlay::SavePath {
                problem: Some(_),
                ..
            })
        )
    });
    let path = folder.path().join("typed.png");
    type_path(&mut desk, &path);
    until(&mut desk, saved);
    assert!(is_picture(&desk, &path));
    assert!(desk.model().overlay.is_none());
}

#[test]
fn a_picture_that_is_not_wanted_is_dropped() {
    let mut desk = Desk::new(Preferences::default());
    take(&mut desk);
    until(&mut desk, |desk| desk.model().overlay.is_some());
    desk.harness.run();
    desk.press(Modifiers::NONE, Key::Escape);
    assert!(desk.model().overlay.is_none());
}

#[test]
fn a_cancelled_dialog_saves_nothing_and_asks_nothing() {
    let mut desk = Desk::with_dialog(Preferences::default(), Answer(PathAnswer::Cancelled));
    for _ in 0..2 {
        take(&mut desk);
        // A new picture is possible again.
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(2));
            desk.harness.step();
        }
        assert!(desk.model().overlay.is_none() && desk.model().notice.is_none());
    }
}

#[test]
fn what_is_asked_for_while_another_file_is_on_its_way_is_told() {
    let mut desk = Desk::new(Preferences::default());
    let take = |file| Action::Save(SaveAction::Take(file));
    let ctx = desk.harness.ctx.clone();
    let app = desk.harness.state_mut();
    app.act(&ctx, take(SavedFile::Transcript));
    app.act(&ctx, take(SavedFile::Transcript));
    assert_eq!(app.model().notice, Some(Notice::SaveBusy));
    desk.harness.run();
    assert!(desk.sees("Another file is still being saved."));
}

#[test]
fn the_picture_of_a_journey_has_all_of_it_in_a_small_window_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journey.png");
    let answer = Answer(PathAnswer::At(path.clone()));
    let mut desk = Desk::with_dialog(Preferences::default(), answer);
    desk.act(Action::SignInAs(alice()));
    desk.tell(Event::SignedIn {
        account: alice(),
        conversations: vec![conversation("team", 3, 0)],
    });
    let window = egui::Vec2::new(360.0, 480.0);
    desk.harness.set_size(window);
    desk.harness.run();
    let readers = ["bob", "carol", "davi", "eva", "ines"];
    let read = Timestamp::from_second(1_700_000_900).ok();
    let receipts = readers.map(|by| Receipt {
        by: login(by),
        delivered: read,
        read,
    });
    let own = Message {
        server_id: Some(4),
        receipts: receipts.to_vec(),
        ..message(4, "team", Delivery::Accepted, &"many words ".repeat(9))
    };
    desk.show(Overlay::Journey(Box::new(own)));
    desk.act(Action::Save(SaveAction::Take(SavedFile::Journey)));
    until(&mut desk, saved);
    desk.harness.run();
    let area = desk.harness.state().state().journey().unwrap();
    assert!(
        area.height() <= window.y && area.height() > window.y - 1.5,
        "{area}"
    );
    let picture = image::open(&path).unwrap().to_rgb8();
    assert_eq!(picture.width(), area.width().round() as u32);
    assert_eq!(picture.height(), area.height().round() as u32);
    // What stands lowest is in it.
    let ground = *picture.get_pixel(1, 1);
    let lowest = picture.height() * 9 / 10;
    let mut pixels = picture.enumerate_pixels();
    assert!(pixels.any(|(_, y, pixel)| y > lowest && *pixel != ground));
    assert!(!desk.harness.state().state().is_journey_alone());
    if let Some(keep) = std::env::var_os("KEEP_JOURNEY") {
        std::fs::copy(&path, keep).unwrap();
    }
}
