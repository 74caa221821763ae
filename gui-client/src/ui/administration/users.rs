//! The users of the server, for administrators.

use egui::{Frame, Margin, RichText, Ui};
use mensageiro_protocol::Login;

use super::{Draw, field, person, rows, sentence};
use crate::{
    engine::Request,
    model::{Action, Page, PageAction, PageField},
    theme::{space, text},
    ui::setting_row,
};

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
    first || second
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
