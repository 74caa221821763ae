//! The groups that this user administers, and their members.

use egui::{Popup, Rect, Ui};
use mensageiro_protocol::Login;

use super::{Draw, FEW, field, person, rows, sentence};
use crate::{
    engine::Request,
    model::{Action, Page, PageAction, PageField, Session},
    theme::space,
    ui::{
        icon::Icon,
        people::{self, Kind},
        setting_row, widget,
    },
};

/// The groups.
pub fn list(ui: &mut Ui, draw: &Draw<'_>, typed: &str, actions: &mut Vec<Action>) {
    let (view, top) = (draw.view, ui.cursor().top());
    let Some(session) = &view.model.session else {
        return;
    };
    let texts = view.texts;
    let groups = session.groups_to_edit(typed);
    if groups.len() > FEW || !typed.is_empty() {
        field(
            ui,
            draw,
            PageField::First,
            texts.get("groups.find"),
            typed,
            actions,
        );
        ui.add_space(space::SMALL);
    }
    if groups.is_empty() {
        let words = match typed.trim() {
            "" => texts.get("groups.none").to_owned(),
            typed => texts.fill("groups.nothing", &[("name", typed)]),
        };
        sentence(ui, view, &words);
        return;
    }
    let height = draw.list_height(ui, top);
    rows(ui, height, &groups, |ui, group| {
        let members = session
            .people
            .members(group)
            .map_or(0, |members| members.len());
        let about = texts.count("presence.members", members);
        let kind = Kind {
            is_group: true,
            ..Kind::on(view.palette.raised)
        };
        if people::person_row(ui, view, group, ("", &about), None, kind) {
            let page = Page::group(group.clone());
            actions.push(Action::Page(PageAction::Open(page)));
        }
    });
}

/// The members of one group, and what can be done with each.
pub fn one(ui: &mut Ui, draw: &Draw<'_>, group: &Login, typed: &str, actions: &mut Vec<Action>) {
    let (view, top) = (draw.view, ui.cursor().top());
    let Some(session) = &view.model.session else {
        return;
    };
    let texts = view.texts;
    let Some(all) = session.people.members(group) else {
        sentence(ui, view, texts.get("admin.unknown"));
        return;
    };
    if all.len() > FEW {
        field(
            ui,
            draw,
            PageField::First,
            texts.get("members.find"),
            typed,
            actions,
        );
        ui.add_space(space::SMALL);
    }
    let found = session.members_matching(group, typed);
    if found.is_empty() {
        sentence(
            ui,
            view,
            &texts.fill("members.nobody", &[("name", typed.trim())]),
        );
    }
    // What stands below the list.
    let below = space::CONTROL + 2.0 * space::SMALL + 1.0;
    let height = (draw.list_height(ui, top) - below).max(people::PERSON);
    ui.scope(|ui| {
        rows(ui, height, &found, |ui, member| {
            member_row(ui, draw, session, (group, member), actions);
        });
    });
    if setting_row::ending(ui, view.palette, texts.get("groups.remove")) {
        let page = Page::RemoveGroup(group.clone());
        actions.push(Action::Page(PageAction::Open(page)));
    }
}

fn member_row(
    ui: &mut Ui,
    draw: &Draw<'_>,
    session: &Session,
    (group, member): (&Login, &Login),
    actions: &mut Vec<Action>,
) {
    let (view, texts) = (draw.view, draw.view.texts);
    let is_administrator = session.people.administers(group, member);
    let about = match (view.is_me(member.as_str()), is_administrator) {
        (true, false) => texts.get("members.you").to_owned(),
        (false, true) => texts.get("groups.administrator").to_owned(),
        (true, true) => format!(
            "{}, {}",
            texts.get("members.you"),
            texts.get("groups.administrator")
        ),
        (false, false) => String::new(),
    };
    let whole = ui.available_rect_before_wrap();
    let left = Rect::from_min_size(
        whole.min,
        egui::vec2(whole.width() - space::CONTROL - space::TINY, people::PERSON),
    );
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::TINY;
        ui.allocate_ui(left.size(), |ui| {
            let _ = person(ui, view, member, &about);
        });
        let name = texts.fill(
            "groups.member_menu",
            &[("name", view.person(member.as_str()))],
        );
        let button = widget::icon_button(ui, view.palette, Icon::More, &name);
        Popup::menu(&button).show(|ui| {
            widget::menu(ui);
            let role = match is_administrator {
                true => "groups.take_role",
                false => "groups.give_role",
            };
            let (group, login) = (group.clone(), member.clone());
            if ui.button(texts.get(role)).clicked() {
                let is_administrator = !is_administrator;
                let request = Request::SetMemberRole {
                    group,
                    login,
                    is_administrator,
                };
                actions.push(Action::Page(PageAction::Ask(request)));
                ui.close();
            } else if ui.button(texts.get("groups.remove_member")).clicked() {
                let request = Request::RemoveMember { group, login };
                actions.push(Action::Page(PageAction::Ask(request)));
                ui.close();
            }
        });
    });
}

/// Users who are not in the group; a click adds one.
pub fn add_members(
    ui: &mut Ui,
    draw: &Draw<'_>,
    group: &Login,
    typed: &str,
    actions: &mut Vec<Action>,
) {
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
    let members = session.people.members(group);
    let all = session.users_matching(typed);
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
        let is_member = members.is_some_and(|members| members.contains(login));
        let about = match is_member {
            true => texts.get("groups.is_member"),
            false => "",
        };
        if person(ui, view, login, about) && !is_member {
            let (group, login) = (group.clone(), login.clone());
            let request = Request::AddMember { group, login };
            actions.push(Action::Page(PageAction::Ask(request)));
        }
    });
}
