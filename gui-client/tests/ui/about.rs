//! What the app is, and whose work is in it.

use mensageiro::{licenses, model::Overlay};

use crate::desk::{Desk, conversation};

#[test]
fn the_licence_of_each_part_is_a_few_clicks_away_and_back() {
    let mut desk = Desk::signed_in(vec![conversation("bob", 1, 0)]);
    // High enough for all the settings.
    desk.harness.set_size(egui::Vec2::new(900.0, 1000.0));
    desk.show(Overlay::Settings);
    desk.click("About MeuMensageiro");
    assert_eq!(desk.model().overlay, Some(Overlay::About));
    assert!(desk.sees(concat!(
        "Version ",
        env!("CARGO_PKG_VERSION"),
        " (debug build)"
    )));
    let inter = &licenses::parts()[0];
    desk.click(inter.name);
    assert_eq!(desk.model().overlay, Some(Overlay::License(0)));
    for text in [inter.license, inter.from].iter().chain(&inter.texts) {
        assert!(desk.sees(text), "{text}");
    }
    desk.click("Back");
    assert_eq!(desk.model().overlay, Some(Overlay::About));
    desk.click("Back");
    assert_eq!(desk.model().overlay, Some(Overlay::Settings));
}

#[test]
fn every_licence_can_be_drawn() {
    let mut desk = Desk::signed_in(Vec::new());
    for at in 0..licenses::parts().len() {
        desk.show(Overlay::License(at));
    }
    // One that is no longer there.
    desk.show(Overlay::License(usize::MAX));
}
