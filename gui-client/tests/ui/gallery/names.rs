use egui::accesskit::{Action, Role};
use egui_kittest::kittest::NodeT;

use crate::desk::Desk;

/// What can be clicked or focused and has no name for a screen reader, each in a few words.
pub fn missing(desk: &Desk) -> impl Iterator<Item = String> {
    let mut missing = Vec::new();
    let mut open = vec![desk.harness.root()];
    while let Some(node) = open.pop() {
        open.extend(node.children());
        let inner = node.accesskit_node();
        let data = inner.data();
        let can_act = [Action::Click, Action::Focus]
            .into_iter()
            .any(|action| data.supports_action(action));
        let is_named = inner.label().is_some_and(|label| !label.trim().is_empty())
            || inner.value().is_some_and(|value| !value.trim().is_empty());
        // The bars of scroll areas are egui's own: their role says all there is to say.
        let is_bar = inner.role() == Role::ScrollBar;
        if can_act && !is_named && !is_bar {
            missing.push(format!(
                "no name: {:?} at {:?}",
                inner.role(),
                data.bounds()
            ));
        }
    }
    missing.into_iter()
}
