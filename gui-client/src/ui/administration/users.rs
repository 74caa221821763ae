//! The users of the server, for administrators.

use egui::{Frame, Margin, RichText, ScrollArea, TextEdit, Ui};
use mensageiro_protocol::Login;

use super::{Draw, field, person, rows, sentence};
use crate::{
    engine::Request,
    model::{Action, Page, PageAction, PageField, PageProblem},
    theme::{space, text},
    ui::{error_text, setting_row, widget},
};

/// The height of a name that is typed.
const NAME: f32 = 22.0;

/// All users, or those whose login or name matches; oneself first.
pub fn list(ui: &mut Ui, draw: &Draw<'_>, typed: &str, actions: &mut Vec<Action>) {
    let (view, top) = (draw.view, ui.cursor().top());
    let Some(session) = &view.model.session else {
        return;
    };
    let texts = view.texts;
    field(
        ui,
        draw,
        PageField::First,
        texts.get("users.find"),
        typed,
        actions,
    );
    ui.add_space(space::SMALL);
    let others = session.users_matching(typed);
    let me = Some(&session.account.login).filter(|_| session.is_me_matching(typed));
    let all: Vec<Login> = me.into_iter().chain(others.iter()).cloned().collect();
    if all.is_empty() {
        sentence(
            ui,
            view,
            &texts.fill("new.nobody", &[("name", typed.trim())]),
        );
        return;
    }
    let height = draw.list_height(ui, top);
    rows(ui, height, &all, |ui, login| {
        let about = match session.people.is_administrator(login) {
            true => texts.get("users.administrator"),
            false => "",
        };
        if person(ui, view, login, about) {
            let page = Page::user(login.clone());
            actions.push(Action::Page(PageAction::Open(page)));
        }
    });
}

/// Login and name of a new user. True if Enter was pressed.
pub fn add(
    ui: &mut Ui,
    draw: &Draw<'_>,
    (login, name): (&str, &str),
    actions: &mut Vec<Action>,
) -> bool {
    let texts = draw.view.texts;
    sentence(ui, draw.view, texts.get("users.add_advice"));
    let first = field(
        ui,
        draw,
        PageField::First,
        texts.get("login.user"),
        login,
        actions,
    );
    ui.add_space(space::TINY);
    let second = field(
        ui,
        draw,
        PageField::Name,
        texts.get("users.name"),
        name,
        actions,
    );
    ui.add_space(space::SMALL);
    let many = draw.view.texts.get("users.add_many");
    if widget::link_button(ui, draw.view.palette, many).clicked() {
        actions.push(Action::Page(PageAction::Open(Page::add_users())));
    }
    first || second
}

/// The names of many new users, one in a line.
pub fn add_many(
    ui: &mut Ui,
    draw: &Draw<'_>,
    typed: &str,
    is_adding: bool,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (draw.view.texts, draw.view.palette);
    sentence(ui, draw.view, texts.get("users.add_many_advice"));
    let name = RichText::new(texts.get("users.names")).font(text::small());
    let name = ui.label(name.color(palette.text_weak));
    ui.add_space(-space::TINY);
    let id = widget::field_id(ui, "names");
    let mut names = typed.to_owned();
    let rows = (draw.room / NAME - 6.0).clamp(2.0, 10.0) as usize;
    let height = rows as f32 * NAME;
    let field = ScrollArea::vertical()
        .id_salt("names")
        .max_height(height)
        .show(ui, |ui| {
            let field = TextEdit::multiline(&mut names)
                .id(id)
                .font(text::body())
                .desired_width(f32::INFINITY)
                .desired_rows(rows);
            let look = widget::Look {
                is_wrong: draw.pages.problem().is_some(),
                has_lines: true,
                ..widget::Look::default()
            };
            widget::edit(ui, palette, field, look)
        });
    let field = field.inner.labelled_by(name.id);
    if draw.just_opened {
        field.request_focus();
    }
    if field.changed() {
        let typed = PageAction::Type(PageField::First, names);
        actions.push(Action::Page(typed));
    }
    let problem = match draw.pages.problem() {
        Some(PageProblem::Login(error)) => Some(error_text::login(texts, error)),
        _ => None,
    };
    let about = match (&problem, Page::names_in(typed)) {
        (Some(problem), _) => RichText::new(problem).color(palette.danger_text),
        (None, 0) => return,
        (None, count) => {
            let key = match is_adding {
                true => "users.names_left",
                false => "users.names_typed",
            };
            RichText::new(texts.count(key, count)).color(palette.text_weak)
        }
    };
    ui.label(about.font(text::small()));
}

/// One user: name, role, devices, and the way out. True if Enter was pressed in the name.
pub fn one(
    ui: &mut Ui,
    draw: &Draw<'_>,
    login: &Login,
    typed: Option<&str>,
    actions: &mut Vec<Action>,
) -> bool {
    let (view, texts, palette) = (draw.view, draw.view.texts, draw.view.palette);
    let Some(session) = &view.model.session else {
        return false;
    };
    let is_me = view.is_me(login.as_str());
    let known = match is_me {
        true => session.people.me(),
        false => session.people.user(login),
    };
    let Some(known) = known else {
        sentence(ui, view, texts.get("admin.unknown"));
        return false;
    };
    // Where the words of the rows begin and end.
    let margin = Margin::symmetric(space::SMALL as i8, 0);
    let entered = Frame::new().inner_margin(margin).show(ui, |ui| {
        let about = RichText::new(login.as_str()).font(text::small());
        ui.label(about.color(palette.text_weak));
        ui.add_space(space::TINY);
        let name = typed.unwrap_or(known.name.as_str());
        field(
            ui,
            draw,
            PageField::Name,
            texts.get("users.name"),
            name,
            actions,
        )
    });
    ui.add_space(space::SMALL);
    ui.spacing_mut().item_spacing.y = 0.0;
    // Nobody locks themselves out.
    if !is_me {
        let name = texts.get("users.administrator_role");
        let is_administrator = session.people.is_administrator(login);
        if let Some(is_administrator) = setting_row::switch(ui, palette, name, is_administrator) {
            let login = login.clone();
            let request = Request::SetRole {
                login,
                is_administrator,
            };
            actions.push(Action::Page(PageAction::Ask(request)));
        }
    }
    if setting_row::deed(ui, palette, texts.get("devices.title"), "") {
        let page = Page::devices(login.clone());
        actions.push(Action::Page(PageAction::Open(page)));
    }
    if !is_me && setting_row::ending(ui, palette, texts.get("users.remove")) {
        let page = Page::RemoveUser(login.clone());
        actions.push(Action::Page(PageAction::Open(page)));
    }
    entered.inner
}
