use egui::{Align, Frame, Layout, Margin, RichText, Sense, Ui, Vec2};

use super::{View, administration, hosting, setting_row, widget};
use crate::{
    engine::LinkState,
    model::{
        Action, FETCH_CHOICES, InspectAction, NotifyOf, Overlay, SPACE_CHOICES, SaveAction,
        SavedFile, Session, ThemeChoice,
    },
    texts::{Language, Texts},
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

/// The settings dialog: what can be set, and what leads elsewhere.
pub fn page(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    all(ui, view, actions);
    administration::entries(ui, view, actions);
    hosting::setting(ui, view, actions);
    ui.add_space(space::SMALL);
    setting_row::line(ui, palette);
    ui.add_space(space::SMALL);
    if setting_row::deed(ui, palette, texts.get("keys.title"), "F1") {
        actions.push(Action::Show(Overlay::Shortcuts));
    }
    if setting_row::deed(ui, palette, texts.get("wire.open"), "F10") {
        actions.push(Action::CloseOverlay);
        actions.push(Action::Inspect(InspectAction::Toggle));
    }
    if setting_row::deed(ui, palette, texts.get("settings.picture"), "F12") {
        actions.push(Action::CloseOverlay);
        actions.push(Action::Save(SaveAction::Take(SavedFile::Picture)));
    }
    let version = env!("CARGO_PKG_VERSION");
    if setting_row::deed(ui, palette, texts.get("about.title"), version) {
        actions.push(Action::Show(Overlay::About));
    }
    if view.model.session.is_some()
        && setting_row::ending(ui, palette, texts.get("settings.sign_out"))
    {
        actions.push(Action::SignOut);
    }
}

/// Who one is, and all there is to set, a row for each.
fn all(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let preferences = &view.model.preferences;

    if let Some(session) = &view.model.session {
        // Where the words of the rows begin and end.
        let margin = Margin::symmetric(space::SMALL as i8, 0);
        Frame::new().inner_margin(margin).show(ui, |ui| {
            oneself(ui, view, session);
            note(ui, view, session, actions);
        });
        ui.add_space(space::SMALL);
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let themes = [ThemeChoice::System, ThemeChoice::Light, ThemeChoice::Dark]
        .map(|theme| (theme, theme_name(texts, theme).to_owned()));
    let name = texts.get("settings.theme");
    let chosen = setting_row::value(ui, palette, name, preferences.theme, &themes);
    actions.extend(chosen.map(Action::Theme));

    // A language is called by its own name, so that one finds it in any language.
    let languages = [
        (Language::System, texts.get("settings.system").to_owned()),
        (Language::English, "English".to_owned()),
        (Language::Portuguese, "Português".to_owned()),
    ];
    let name = texts.get("settings.language");
    let chosen = setting_row::value(ui, palette, name, preferences.language, &languages);
    actions.extend(chosen.map(Action::Language));

    let sizes = [75, 100, 125, 150, 200, 250, 300].map(|percent| (percent, format!("{percent}%")));
    let size = (preferences.zoom * 100.0).round() as u32;
    let name = texts.get("settings.size");
    let chosen = setting_row::value(ui, palette, name, size, &sizes);
    actions.extend(chosen.map(|percent| Action::Zoom(percent as f32 / 100.0)));

    // From here on it is what the account has chosen.
    let Some(session) = &view.model.session else {
        return;
    };
    let own = view.model.own();
    let what = [
        (NotifyOf::Nothing, texts.get("settings.notify_nothing")),
        (NotifyOf::Names, texts.get("settings.notify_names")),
        (NotifyOf::Texts, texts.get("settings.notify_texts")),
    ]
    .map(|(of, name)| (of, name.to_owned()));
    let name = texts.get("settings.notifications");
    let chosen = setting_row::value(ui, palette, name, own.notify_of, &what);
    actions.extend(chosen.map(Action::NotifyOf));
    if own.notify_of != NotifyOf::Nothing {
        let name = texts.get("settings.sound");
        let chosen = setting_row::switch(ui, palette, name, own.sound);
        actions.extend(chosen.map(Action::Sound));
    }

    let spaces = SPACE_CHOICES.map(|gigabytes| (gigabytes, space_name(texts, gigabytes)));
    let name = texts.get("settings.space");
    let chosen = setting_row::value(ui, palette, name, own.space, &spaces);
    actions.extend(chosen.map(Action::AllowSpace));

    if session.live {
        // Nothing is fetched: it comes by itself.
        return;
    }
    let intervals = FETCH_CHOICES.map(|seconds| (seconds, interval_name(texts, seconds)));
    let name = texts.get("settings.fetch");
    let chosen = setting_row::value(ui, palette, name, own.fetch_every, &intervals);
    actions.extend(chosen.map(Action::FetchEvery));
    let why = RichText::new(texts.get("settings.fetch_why")).font(text::small());
    let margin = Margin::symmetric(space::SMALL as i8, 0);
    Frame::new().inner_margin(margin).show(ui, |ui| {
        ui.label(why.color(palette.text_weak));
    });
}

/// What the others are told of oneself.
fn note(ui: &mut Ui, view: &View<'_>, session: &Session, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let (label, hint) = (texts.get("settings.note"), texts.get("settings.note_hint"));
    let note = &view.model.own().note;
    let (typed, _) = widget::field(ui, palette, "note", label, note, hint, None);
    actions.extend(typed.map(Action::EditNote));
    if matches!(session.link, LinkState::Online { .. }) {
        let sentence = RichText::new(texts.get("settings.note_classic")).font(text::small());
        ui.label(sentence.color(palette.text_weak));
    }
}

/// Who one is here: picture, name, login and server.
fn oneself(ui: &mut Ui, view: &View<'_>, session: &Session) {
    const PICTURE: f32 = 48.0;
    let (texts, palette) = (view.texts, view.palette);
    let (login, server) = (
        session.account.login.as_str(),
        session.account.server.as_str(),
    );
    let name = view.person(login);
    let about = texts.fill("list.me", &[("login", login), ("server", server)]);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::MEDIUM;
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(PICTURE), Sense::hover());
        let center = rect.center();
        widget::avatar(ui.painter(), palette, center, PICTURE, (login, name));
        let size = Vec2::new(ui.available_width(), PICTURE);
        let centred = Layout::top_down(Align::Min).with_main_align(Align::Center);
        ui.allocate_ui_with_layout(size, centred, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            // Both lines stand around the middle of the picture.
            ui.add_space(4.0);
            for (line, font, ink) in [
                (name, text::heading(), palette.text),
                (about.as_str(), text::small(), palette.text_weak),
            ] {
                ui.label(widget::one_line(line, font, ink, size.x));
            }
        });
    });
    ui.add_space(space::SMALL);
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

/// A space on the disk.
pub fn space_name(texts: &Texts, gigabytes: u32) -> String {
    let count = texts.number(gigabytes.try_into().unwrap_or(usize::MAX));
    texts.fill("settings.gigabytes", &[("count", &count)])
}

fn theme_name(texts: &Texts, theme: ThemeChoice) -> &str {
    match theme {
        ThemeChoice::System => texts.get("settings.system"),
        ThemeChoice::Light => texts.get("settings.light"),
        ThemeChoice::Dark => texts.get("settings.dark"),
    }
}
