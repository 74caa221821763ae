//! Shortcuts that put the marks of bold, italic and code around the selection.

use egui::{
    Id, Key, KeyboardShortcut, Modifiers, TextEdit, Ui,
    text::{CCursor, CCursorRange},
    text_edit::TextEditState,
};

/// Each key with the mark it writes.
pub const MARKS: [(KeyboardShortcut, &str); 3] = [
    (KeyboardShortcut::new(Modifiers::COMMAND, Key::B), "*"),
    (KeyboardShortcut::new(Modifiers::COMMAND, Key::I), "_"),
    (KeyboardShortcut::new(Modifiers::COMMAND, Key::E), "`"),
];

/// Puts the mark whose key was pressed around what is selected, or takes it away again; without a
/// selection, around the cursor. True if the text has changed.
pub fn apply(ui: &Ui, id: Id, typed: &mut String) -> bool {
    let pressed = MARKS
        .iter()
        .find(|(key, _)| ui.input_mut(|input| input.consume_shortcut(key)));
    let Some((_, mark)) = pressed else {
        return false;
    };
    let mut state: TextEditState = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    let length = typed.chars().count();
    let range = state.cursor.char_range();
    let [from, to] = range.map_or([length; 2], |range| {
        range
            .sorted_cursors()
            .map(|cursor| usize::from(cursor.index).min(length))
    });
    let (text, [from, to]) = toggle(typed, mark, [from, to]);
    *typed = text;
    let range = CCursorRange::two(CCursor::new(from), CCursor::new(to));
    state.cursor.set_char_range(Some(range));
    state.store(ui.ctx(), id);
    true
}

/// The text with the mark around these characters, or without it if it was there, and where they
/// are now.
fn toggle(text: &str, mark: &str, [from, to]: [usize; 2]) -> (String, [usize; 2]) {
    let byte = |character: usize| {
        let mut begins = text.char_indices().map(|(at, _)| at);
        begins.nth(character).unwrap_or(text.len())
    };
    let (before, rest) = text.split_at(byte(from));
    let (inner, after) = rest.split_at(byte(to) - byte(from));
    let outer = before.strip_suffix(mark).zip(after.strip_prefix(mark));
    match outer.filter(|_| from < to) {
        Some((before, after)) => (format!("{before}{inner}{after}"), [from - 1, to - 1]),
        None => (
            format!("{before}{mark}{inner}{mark}{after}"),
            [from + 1, to + 1],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::toggle;

    #[test]
    fn a_mark_is_put_around_what_is_selected_and_taken_away_again() {
        let (marked, at) = toggle("às dez já", "*", [3, 6]);
        assert_eq!((marked.as_str(), at), ("às *dez* já", [4, 7]));
        let (plain, at) = toggle(&marked, "*", at);
        assert_eq!((plain.as_str(), at), ("às dez já", [3, 6]));
        assert_eq!(toggle("a ", "_", [2, 2]), ("a __".into(), [3, 3]));
    }
}
