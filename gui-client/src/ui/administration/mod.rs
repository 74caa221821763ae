//! The pages of the settings about devices, people and groups.

mod devices;
mod groups;
mod invite;
mod users;

use egui::{Align, Key, Layout, RichText, ScrollArea, Ui};
use mensageiro_protocol::Login;

use super::{
    View, error_text,
    people::{self, Kind},
    setting_row, widget,
};
use crate::{
    engine::RequestProblem,
    model::{Action, Administration, Overlay, Page, PageAction, PageField, PageProblem},
    texts::Texts,
    theme::{space, text},
};

/// So many rows fit into a list before it scrolls.
const ROWS: f32 = 6.5;

/// A list of so many is looked through without a field.
const FEW: usize = 8;

/// The rows of the settings that lead to these pages, as far as the server lets the user do it.
pub fn entries(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let Some(session) = &view.model.session else {
        return;
    };
    let (texts, palette, rights) = (view.texts, view.palette, session.rights());
    let has_groups = rights.may_create_groups || !session.groups_to_edit("").is_empty();
    let pages = [
        (
            rights.is_registered,
            "devices.title",
            Page::devices(session.account.login.clone()),
        ),
        (rights.is_administrator, "users.title", Page::users()),
        (has_groups, "groups.title", Page::groups()),
    ];
    let pages = pages.into_iter().filter(|(is_there, ..)| *is_there);
    let mut is_first = true;
    for (_, name, page) in pages {
        if std::mem::take(&mut is_first) {
            ui.add_space(space::SMALL);
            setting_row::line(ui, palette);
            ui.add_space(space::SMALL);
        }
        if setting_row::deed(ui, palette, texts.get(name), "") {
            actions.push(Action::Show(Overlay::administration(page)));
        }
    }
}

/// What a page is about, for the heading.
pub fn title(view: &View<'_>, page: &Page) -> String {
    let texts = view.texts;
    let of = |key, login: &Login| texts.fill(key, &[("name", view.person(login.as_str()))]);
    match page {
        Page::Devices { of: login, .. } if view.is_me(login.as_str()) => {
            texts.get("devices.title").to_owned()
        }
        Page::Devices { of: login, .. } => of("devices.title_of", login),
        Page::Revoke { .. } => texts.get("devices.revoke_title").to_owned(),
        Page::Invite { .. } | Page::Invited { .. } => texts.get("invite.title").to_owned(),
        Page::AddKey { .. } | Page::Key { .. } => texts.get("key.title").to_owned(),
        Page::Users { .. } => texts.get("users.title").to_owned(),
        Page::AddUser { .. } => texts.get("users.add").to_owned(),
        Page::AddUsers { .. } => texts.get("users.add_many").to_owned(),
        Page::User { login, .. } => view.person(login.as_str()).to_owned(),
        Page::RemoveUser(login) => of("users.remove_title", login),
        Page::Groups { .. } => texts.get("groups.title").to_owned(),
        Page::AddGroup { .. } => texts.get("groups.add").to_owned(),
        Page::Group { name, .. } => name.as_str().to_owned(),
        Page::AddMembers { group, .. } => {
            texts.fill("groups.add_members_to", &[("name", group.as_str())])
        }
        Page::RemoveGroup(name) => texts.fill("groups.remove_title", &[("name", name.as_str())]),
    }
}

/// The page, in `room` points of height. True if Enter was pressed in a field of it.
pub fn show(
    ui: &mut Ui,
    view: &View<'_>,
    pages: &Administration,
    just_opened: bool,
    room: f32,
    actions: &mut Vec<Action>,
) -> bool {
    let top = ui.cursor().top();
    let texts = view.texts;
    if let Some(PageProblem::Request(problem)) = pages.problem() {
        let sentence = RichText::new(problem_text(texts, problem)).font(text::body());
        ui.label(sentence.color(view.palette.danger_text));
        ui.add_space(space::SMALL);
    }
    let room = room - (ui.cursor().top() - top);
    if pages.is_waiting() {
        ui.disable();
    }
    let draw = Draw {
        view,
        pages,
        just_opened,
        room,
    };
    match pages.page() {
        Page::Devices { of, devices } => devices::list(ui, &draw, of, devices.as_deref(), actions),
        Page::Revoke { of, device } => devices::question(ui, &draw, of, device),
        Page::Invite { of, valid } => invite::ask(ui, &draw, of, *valid, actions),
        Page::Invited { of, invited, .. } => invite::show(ui, &draw, of, invited),
        Page::AddKey { name } => {
            sentence(ui, view, texts.get("key.advice"));
            return field(
                ui,
                &draw,
                PageField::First,
                texts.get("key.name"),
                name,
                actions,
            );
        }
        Page::Key { key, .. } => invite::key(ui, &draw, key),
        Page::Users { typed } => users::list(ui, &draw, typed, actions),
        Page::AddUser { login, name } => return users::add(ui, &draw, (login, name), actions),
        Page::AddUsers { typed, is_adding } => {
            users::add_many(ui, &draw, typed, *is_adding, actions);
        }
        Page::User { login, name } => {
            return users::one(ui, &draw, login, name.as_deref(), actions);
        }
        Page::RemoveUser(login) => {
            let name = view.person(login.as_str());
            sentence(
                ui,
                view,
                &texts.fill("users.remove_question", &[("name", name)]),
            );
        }
        Page::Groups { typed } => groups::list(ui, &draw, typed, actions),
        Page::AddGroup { name } => {
            sentence(ui, view, texts.get("groups.add_advice"));
            return field(
                ui,
                &draw,
                PageField::First,
                texts.get("groups.name"),
                name,
                actions,
            );
        }
        Page::Group { name, typed } => groups::one(ui, &draw, name, typed, actions),
        Page::AddMembers { group, typed } => {
            groups::add_members(ui, &draw, group, typed, actions);
        }
        Page::RemoveGroup(name) => {
            let name = [("name", name.as_str())];
            sentence(ui, view, &texts.fill("groups.remove_question", &name));
        }
    }
    false
}

/// Whether a page has buttons below it.
pub fn has_footer(page: &Page) -> bool {
    !matches!(page, Page::AddMembers { .. })
}

/// The buttons of a page. `entered`: Enter was pressed in a field of it.
pub fn footer(
    ui: &mut Ui,
    view: &View<'_>,
    pages: &Administration,
    entered: bool,
    actions: &mut Vec<Action>,
) {
    let (texts, palette) = (view.texts, view.palette);
    let submit = |name| Some((name, PageAction::Submit));
    let open = |name, page| Some((name, PageAction::Open(page)));
    // Questions and forms can also be given up; what ends something is not the main button.
    let (choice, is_form, is_ending) = match pages.page() {
        Page::Devices { of, .. } => {
            let is_own = view.is_me(of.as_str());
            (
                open("devices.add", Page::invite(of.clone(), is_own)),
                false,
                false,
            )
        }
        Page::Revoke { .. } => (submit("devices.revoke"), true, true),
        Page::Invite { .. } => (submit("invite.make"), true, false),
        Page::Invited { .. } | Page::Key { .. } => (None, false, false),
        Page::AddKey { .. } => (submit("key.make"), true, false),
        Page::Users { .. } => {
            let page = Page::AddUser {
                login: String::new(),
                name: String::new(),
            };
            (open("users.add", page), false, false)
        }
        Page::AddUser { .. } => (submit("users.add_this"), true, false),
        Page::AddUsers { typed, .. } => (
            submit("users.add_this").filter(|_| Page::names_in(typed) > 0),
            true,
            false,
        ),
        Page::User { name: Some(_), .. } => (submit("users.save"), true, false),
        Page::User { login, name: None } => {
            let is_own = view.is_me(login.as_str());
            (
                open("users.invite", Page::invite(login.clone(), is_own)),
                false,
                false,
            )
        }
        Page::RemoveUser(_) => (submit("users.remove_this"), true, true),
        Page::Groups { .. } => {
            let may_create = view
                .model
                .session
                .as_ref()
                .is_some_and(|s| s.rights().may_create_groups);
            let page = Page::AddGroup {
                name: String::new(),
            };
            (
                open("groups.add", page).filter(|_| may_create),
                false,
                false,
            )
        }
        Page::AddGroup { .. } => (submit("groups.add_this"), true, false),
        Page::Group { name, .. } => (
            open("groups.add_members", Page::add_members(name.clone())),
            false,
            false,
        ),
        Page::RemoveGroup(_) => (submit("groups.remove_this"), true, true),
        Page::AddMembers { .. } => (None, false, false),
    };
    ui.add_space(space::MEDIUM);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Page::Invited { .. } | Page::Key { .. } = pages.page() {
                invite::copy_button(ui, view, pages.page(), actions);
                return;
            }
            let Some((name, action)) = choice else {
                return;
            };
            let clicked = ui.add_enabled_ui(!pages.is_waiting(), |ui| match is_ending {
                true => widget::plain_button(ui, texts.get(name)).clicked(),
                false => widget::primary_button(ui, palette, texts.get(name)).clicked(),
            });
            if clicked.inner || (entered && !pages.is_waiting()) {
                actions.push(Action::Page(action));
            }
            if is_form && widget::plain_button(ui, texts.get("dialog.cancel")).clicked() {
                actions.push(Action::Page(PageAction::Back));
            }
        });
    });
}

/// What the pages are drawn from.
struct Draw<'a> {
    view: &'a View<'a>,
    pages: &'a Administration,
    just_opened: bool,
    /// Points of height for the page.
    room: f32,
}

impl Draw<'_> {
    /// The height of a list, below what stands above it since `top`.
    fn list_height(&self, ui: &Ui, top: f32) -> f32 {
        let room = self.room - (ui.cursor().top() - top);
        room.clamp(people::PERSON, people::PERSON * ROWS)
    }
}

/// A field of the page. True if Enter was pressed in it.
fn field(
    ui: &mut Ui,
    draw: &Draw<'_>,
    which: PageField,
    label: &str,
    value: &str,
    actions: &mut Vec<Action>,
) -> bool {
    let (id, problem) = match which {
        PageField::First => ("first", draw.pages.problem()),
        PageField::Name => ("name", None),
    };
    let problem = problem.and_then(|problem| match problem {
        PageProblem::Login(error) => Some(error_text::login(draw.view.texts, error)),
        PageProblem::Request(_) => None,
    });
    let palette = draw.view.palette;
    let (typed, field) = widget::field(ui, palette, id, label, value, "", problem.as_deref());
    let typed = typed.map(|typed| Action::Page(PageAction::Type(which, typed)));
    actions.extend(typed);
    // The keyboard goes to what is to be typed or corrected.
    let is_free = ui.memory(|memory| memory.focused().is_none());
    if which == PageField::First && (draw.just_opened || is_free && problem.is_some()) {
        field.request_focus();
    }
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if entered {
        // Still there if it was not accepted.
        field.request_focus();
    }
    entered
}

fn sentence(ui: &mut Ui, view: &View<'_>, words: &str) {
    let words = RichText::new(words).font(text::body());
    ui.label(words.color(view.palette.text_weak));
    ui.add_space(space::SMALL);
}

/// Rows of people, of which only those in sight are drawn; each is drawn by `draw_row`.
fn rows(ui: &mut Ui, height: f32, people: &[Login], mut draw_row: impl FnMut(&mut Ui, &Login)) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt("rows")
        .max_height(height)
        .auto_shrink([false, true])
        .show_rows(ui, people::PERSON, people.len(), |ui, range| {
            for login in &people[range] {
                draw_row(ui, login);
            }
        });
}

/// A user, oneself included, with a word about them. True if the row was clicked.
fn person(ui: &mut Ui, view: &View<'_>, login: &Login, about: &str) -> bool {
    let session = view.model.session.as_ref();
    let me = session.and_then(|session| session.people.me());
    let known = session.and_then(|session| match *login == session.account.login {
        true => me,
        false => session.people.user(login),
    });
    let name = known.map_or("", |known| known.name.as_str());
    let news = known.and_then(|known| known.presence.as_ref());
    let news = news.filter(|_| !view.is_me(login.as_str()));
    let kind = Kind::on(view.palette.raised);
    people::person_row(ui, view, login, (name, about), news, kind)
}

/// Why the server did not do it.
fn problem_text(texts: &Texts, problem: &RequestProblem) -> String {
    let key = match problem {
        RequestProblem::NotAllowed => "admin.not_allowed",
        RequestProblem::NoConnection => "admin.no_connection",
        RequestProblem::Exists => "admin.exists",
        RequestProblem::Unknown => "admin.unknown",
        RequestProblem::BadName => "admin.bad_name",
        RequestProblem::LastAdministrator => "admin.last",
        RequestProblem::CannotEdit(why) => {
            return texts.fill("admin.cannot_edit", &[("why", why)]);
        }
        RequestProblem::Busy => "admin.busy",
        RequestProblem::Quota => "admin.quota",
        RequestProblem::NotStored => "admin.not_stored",
        RequestProblem::Other => "admin.unexplained",
    };
    texts.get(key).to_owned()
}
