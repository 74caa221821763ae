use egui::{Align, Layout, RichText, Ui};

use super::{View, widget};
use crate::{
    engine::LinkState,
    model::{Action, FETCH_CHOICES, Language, NotifyOf, ThemeChoice},
    texts::Texts,
    theme::{space, text},
};

/// Theme and language on one line, for the sign-in screen.
pub fn quick(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let preferences = &view.model.preferences;
    ui.horizontal_centered(|ui| {
        ui.add_space(space::LARGE);
        let next = match preferences.theme {
            ThemeChoice::System => ThemeChoice::Light,
            ThemeChoice::Light => ThemeChoice::Dark,
            ThemeChoice::Dark => ThemeChoice::System,
        };
        let label = texts.fill(
            "settings.theme_is",
            &[("theme", theme_name(texts, preferences.theme))],
        );
        if widget::link_button(ui, palette, &label).clicked() {
            actions.push(Action::Theme(next));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(space::LARGE);
            let shown = std::ptr::eq(texts, Texts::of(Language::Portuguese));
            let (other, label) = if shown {
                (Language::English, "English")
            } else {
                (Language::Portuguese, "Português")
            };
            if widget::link_button(ui, palette, label).clicked() {
                actions.push(Action::Language(other));
            }
        });
    });
}

/// Theme, language, fetching and size, for the settings dialog.
pub fn all(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let preferences = &view.model.preferences;

    if view.model.session.is_some() {
        let (label, hint) = (texts.get("settings.note"), texts.get("settings.note_hint"));
        let (typed, _) = widget::field(ui, palette, "note", label, &preferences.note, hint, None);
        actions.extend(typed.map(Action::EditNote));
        let link = view.model.session.as_ref().map(|session| &session.link);
        if matches!(link, Some(LinkState::Online { .. })) {
            let sentence = RichText::new(texts.get("settings.note_classic")).font(text::small());
            ui.label(sentence.color(palette.text_weak));
        }
    }
    heading(ui, view, texts.get("settings.theme"));
    let themes = [ThemeChoice::System, ThemeChoice::Light, ThemeChoice::Dark]
        .map(|theme| (theme, theme_name(texts, theme).to_owned()));
    let chosen = widget::choices(ui, palette, preferences.theme, &themes);
    actions.extend(chosen.map(Action::Theme));

    heading(ui, view, texts.get("settings.language"));
    // A language is called by its own name, so that one finds it in any language.
    let languages = [
        (Language::System, texts.get("settings.system").to_owned()),
        (Language::English, "English".to_owned()),
        (Language::Portuguese, "Português".to_owned()),
    ];
    let chosen = widget::choices(ui, palette, preferences.language, &languages);
    actions.extend(chosen.map(Action::Language));

    heading(ui, view, texts.get("settings.size"));
    let sizes = [75, 100, 125, 150, 200, 250, 300].map(|percent| (percent, format!("{percent} %")));
    let size = (preferences.zoom * 100.0).round() as u32;
    let chosen = widget::choices(ui, palette, size, &sizes);
    actions.extend(chosen.map(|percent| Action::Zoom(percent as f32 / 100.0)));

    heading(ui, view, texts.get("settings.notifications"));
    let what = [
        (NotifyOf::Nothing, texts.get("settings.notify_nothing")),
        (NotifyOf::Names, texts.get("settings.notify_names")),
        (NotifyOf::Texts, texts.get("settings.notify_texts")),
    ]
    .map(|(of, name)| (of, name.to_owned()));
    let chosen = widget::choices(ui, palette, preferences.notify_of, &what);
    actions.extend(chosen.map(Action::NotifyOf));
    if preferences.notify_of != NotifyOf::Nothing {
        let sounds = [
            (false, texts.get("settings.silent").to_owned()),
            (true, texts.get("settings.sound").to_owned()),
        ];
        let chosen = widget::choices(ui, palette, preferences.sound, &sounds);
        actions.extend(chosen.map(Action::Sound));
    }

    let session = view.model.session.as_ref();
    if session.is_some_and(|session| session.live) {
        // Nothing is fetched: it comes by itself.
        return;
    }
    heading(ui, view, texts.get("settings.fetch"));
    let intervals = FETCH_CHOICES.map(|seconds| (seconds, interval_name(texts, seconds)));
    let chosen = widget::choices(ui, palette, preferences.fetch_every, &intervals);
    actions.extend(chosen.map(Action::FetchEvery));
    ui.label(
        RichText::new(texts.get("settings.fetch_why"))
            .font(text::small())
            .color(palette.text_weak),
    );
}

/// A fetch interval, as short as can be.
pub fn interval_name(texts: &Texts, seconds: Option<u32>) -> String {
    match seconds {
        None => texts.get("interval.off").to_owned(),
        Some(seconds) if seconds % 60 == 0 => {
            let minutes = (seconds / 60).to_string();
            texts.fill("interval.minutes", &[("count", &minutes)])
        }
        Some(seconds) => texts.fill("interval.seconds", &[("count", &seconds.to_string())]),
    }
}

/// A heading of the settings dialog.
pub fn heading(ui: &mut Ui, view: &View<'_>, heading: &str) {
    ui.add_space(space::SMALL);
    ui.label(
        RichText::new(heading)
            .font(text::strong())
            .color(view.palette.text),
    );
}

fn theme_name(texts: &Texts, theme: ThemeChoice) -> &str {
    match theme {
        ThemeChoice::System => texts.get("settings.system"),
        ThemeChoice::Light => texts.get("settings.light"),
        ThemeChoice::Dark => texts.get("settings.dark"),
    }
}
