use std::{
    path::Path,
    time::{Duration, Instant},
};

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use mensageiro::model::{Notice, Overlay, Preferences};

use crate::desk::{Answer, Desk};

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
    let answer = Answer(Some(path.clone()));
    let mut desk = Desk::with_dialog(Preferences::default(), answer);
    take(&mut desk);
    until(&mut desk, saved);
    assert!(is_picture(&desk, &path));
    desk.harness.run();
    assert!(desk.sees("Saved the picture as"));
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
