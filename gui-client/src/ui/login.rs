use egui::{
    Align, Align2, Frame, Layout, Margin, Panel, RichText, ScrollArea, Sense, Ui, Vec2, vec2,
};

use super::{
    UiState, View, bidi, distrust, error_text, hosting_entry, icon::Icon, list_row, nearby,
    preferences, widget,
};
use crate::{
    engine::{Account, AddressError},
    model::{Action, LoginProblem},
    texts::Texts,
    theme::{space, text},
};

const CARD_WIDTH: f32 = 400.0;
const ROW_HEIGHT: f32 = 44.0;

/// The sign-in screen.
pub fn show(ui: &mut Ui, view: &View<'_>, state: &mut UiState, actions: &mut Vec<Action>) {
    let palette = view.palette;
    // In the corners at the bottom, in sight however much there is above.
    Panel::bottom("quick preferences")
        .frame(Frame::NONE)
        .show_separator_line(false)
        .exact_size(44.0)
        .show(ui, |ui| preferences::quick(ui, view, actions));
    ScrollArea::vertical()
        .id_salt("login")
        .auto_shrink(false)
        .show(ui, |ui| {
            widget::centred(ui, CARD_WIDTH, "login", |ui| {
                brand(ui, view);
                ui.add_space(space::MEDIUM);
                Frame::new()
                    .fill(palette.raised)
                    .stroke((1.0, palette.line))
                    .corner_radius(space::CARD_CORNER)
                    .inner_margin(Margin::symmetric(20, space::LARGE as i8))
                    .show(ui, |ui| {
                        ui.with_layout(Layout::top_down(Align::Min), |ui| {
                            ui.set_width(ui.available_width());
                            ui.scope(|ui| form(ui, view, state, actions));
                            if view.model.is_entering() {
                                entering(ui, view, actions);
                            } else {
                                remembered(ui, view, actions);
                                nearby::show(ui, view, actions);
                                hosting_entry::show(ui, view, actions);
                            }
                        });
                    });
                ui.add_space(space::TINY);
            });
        });
}

fn brand(ui: &mut Ui, view: &View<'_>) {
    let palette = view.palette;
    ui.vertical_centered(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(56.0), Sense::hover());
        ui.painter().rect_filled(rect, 16.0, palette.accent);
        Icon::Bubbles.paint(ui.painter(), rect.center(), 34.0, palette.on_accent);
        ui.add_space(space::TINY);
        ui.label(
            RichText::new("MeuMensageiro")
                .font(text::title())
                .color(palette.text),
        );
        ui.add_space(-space::TINY);
        ui.label(
            RichText::new(view.texts.get("login.subtitle"))
                .font(text::body())
                .color(palette.text_weak),
        );
    });
}

fn form(ui: &mut Ui, view: &View<'_>, state: &mut UiState, actions: &mut Vec<Action>) {
    let (texts, palette, form) = (view.texts, view.palette, &view.model.login);
    if view.model.is_entering() {
        ui.disable();
    }
    let problem = form.user_problem.as_ref().map(|p| problem_text(texts, p));
    let (typed, user) = widget::field(
        ui,
        palette,
        "user",
        texts.get("login.user"),
        &form.user,
        texts.get("login.user_hint"),
        problem.as_deref(),
    );
    actions.extend(typed.map(Action::EditUser));
    let nothing_focused = ui.memory(|memory| memory.focused().is_none());
    if nothing_focused && view.model.overlay.is_none() && form.user.is_empty() {
        user.request_focus();
    }
    ui.add_space(space::TINY);
    let problem = form.server_problem.as_ref().map(|p| problem_text(texts, p));
    let (typed, server) = widget::field(
        ui,
        palette,
        "server",
        texts.get("login.server"),
        &form.server,
        "localhost:3333",
        problem.as_deref(),
    );
    actions.extend(typed.map(Action::EditServer));
    // The keyboard goes to what is to be corrected.
    if state.login_failures != form.failures {
        state.login_failures = form.failures;
        if form.user_problem.is_some() {
            user.request_focus();
        } else if form.server_problem.is_some() {
            server.request_focus();
        }
    }
    ui.add_space(space::TINY);
    invite(ui, view, actions);
    let mut stay = form.stay_signed_in;
    if ui.checkbox(&mut stay, texts.get("login.stay")).changed() {
        actions.push(Action::StaySignedIn(stay));
    }
    ui.add_space(space::TINY);
    if view.model.is_entering() {
        return;
    }
    let name = match form.invite {
        None => "login.sign_in",
        Some(_) => "invite.join",
    };
    let clicked = ui
        .with_layout(Layout::top_down_justified(Align::Center), |ui| {
            widget::primary_button(ui, palette, texts.get(name)).clicked()
        })
        .inner;
    let entered = (user.lost_focus() || server.lost_focus())
        && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if clicked || entered {
        actions.push(Action::SignIn);
    }
}

/// The invite that was pasted, or that one can be.
fn invite(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let (texts, palette) = (view.texts, view.palette);
    let small = |words: &str, ink| RichText::new(words).font(text::small()).color(ink);
    let Some(invite) = &view.model.login.invite else {
        if !view.model.is_entering() {
            ui.label(small(texts.get("invite.paste"), palette.text_weak));
            ui.add_space(space::TINY);
        }
        return;
    };
    let address = invite.address();
    let values = [
        ("login", invite.login.as_str()),
        ("server", address.as_str()),
    ];
    ui.horizontal(|ui| {
        let width = (ui.available_width() - space::CONTROL - space::SMALL).max(0.0);
        ui.allocate_ui_with_layout(Vec2::new(width, 0.0), Layout::top_down(Align::Min), |ui| {
            ui.set_width(width);
            let words = texts.fill("invite.read", &values);
            ui.label(small(&words, palette.text));
        });
        let drop = texts.get("invite.drop");
        if widget::icon_button(ui, palette, Icon::Close, drop).clicked() {
            actions.push(Action::DropInvite);
        }
    });
    ui.add_space(space::TINY);
}

/// While the server is waited for: says so, and lets one give up.
fn entering(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let clicked = ui
        .with_layout(Layout::top_down_justified(Align::Center), |ui| {
            let session = view.model.session.as_ref();
            let key = match session.is_some_and(|session| session.is_joining) {
                true => "invite.joining",
                false => "link.connecting",
            };
            let sentence = RichText::new(view.texts.get(key));
            let sentence = sentence.font(text::strong()).color(view.palette.text);
            ui.label(sentence);
            ui.add_space(space::TINY);
            widget::plain_button(ui, view.texts.get("dialog.cancel")).clicked()
        })
        .inner;
    if clicked {
        actions.push(Action::SignOut);
    }
}

fn remembered(ui: &mut Ui, view: &View<'_>, actions: &mut Vec<Action>) {
    let accounts: Vec<Account> = view
        .model
        .preferences
        .remembered
        .iter()
        .filter_map(|remembered| remembered.account())
        .collect();
    if accounts.is_empty() {
        return;
    }
    ui.add_space(space::MEDIUM);
    ui.label(
        RichText::new(view.texts.get("login.remembered"))
            .font(text::small())
            .color(view.palette.text_weak),
    );
    ui.spacing_mut().item_spacing.y = 2.0;
    for account in accounts {
        account_row(ui, view, account, actions);
    }
}

fn account_row(ui: &mut Ui, view: &View<'_>, account: Account, actions: &mut Vec<Action>) {
    let palette = view.palette;
    let login = account.login.as_str();
    let (rect, row) =
        ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::click());
    let names = [("login", login), ("server", account.server.as_str())];
    let name = view.texts.fill("login.sign_in_as", &names);
    row.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    let button_rect = Align2::RIGHT_CENTER.align_size_within_rect(Vec2::splat(36.0), rect);
    if row.hovered() || row.has_focus() || ui.rect_contains_pointer(rect) {
        ui.painter()
            .rect_filled(rect, space::CONTROL_CORNER, palette.hover);
    }
    let corner = space::CONTROL_CORNER;
    widget::focus_inside(ui, palette, &row, rect, corner);
    let center = rect.left_center() + vec2(8.0 + 18.0, 0.0);
    widget::avatar(ui.painter(), palette, center, 36.0, (login, login));
    let left = rect.left() + 56.0;
    let width = button_rect.left() - left - 4.0;
    for (line, font, ink, y) in [
        (login, text::strong(), palette.text, -18.0),
        (&account.server, text::small(), palette.text_weak, 1.0),
    ] {
        let galley = bidi::galley(ui, widget::one_line(line, font, ink, width));
        let at = egui::pos2(left, rect.center().y + y);
        ui.painter().galley(at, galley, ink);
    }
    let forget = ui
        .scope_builder(egui::UiBuilder::new().max_rect(button_rect), |ui| {
            let name = view.texts.fill("login.forget", &[("login", login)]);
            widget::icon_button(ui, palette, Icon::Close, &name)
        })
        .inner;
    if forget.clicked() {
        actions.push(Action::Forget(account));
    } else if row.clicked() {
        actions.push(Action::SignInAs(account));
    }
}

fn problem_text(texts: &Texts, problem: &LoginProblem) -> String {
    match problem {
        LoginProblem::Login(problem) => error_text::login(texts, problem),
        LoginProblem::Server(AddressError::NoHost) => texts.get("login.no_server").to_owned(),
        LoginProblem::Server(AddressError::BadHost) => texts.get("login.bad_server").to_owned(),
        LoginProblem::Server(AddressError::BadPort) => texts.get("login.bad_port").to_owned(),
        LoginProblem::Server(AddressError::Everywhere) => texts.get("login.everywhere").to_owned(),
        LoginProblem::Server(AddressError::BadNumbers) => texts.get("login.bad_numbers").to_owned(),
        LoginProblem::Server(AddressError::BadCharacter(' ')) => {
            texts.get("login.bad_space").to_owned()
        }
        LoginProblem::Server(AddressError::BadCharacter(sign)) => {
            let sign = sign.escape_debug().to_string();
            texts.fill("login.bad_character", &[("sign", &sign)])
        }
        LoginProblem::Invite => texts.get("invite.damaged").to_owned(),
        LoginProblem::Distrust { distrust, server } => distrust::sentence(texts, distrust, server),
        LoginProblem::Link { problem, server } => error_text::link(texts, problem, server),
        LoginProblem::Refused { account, said } => {
            let names = [
                ("login", account.login.as_str()),
                ("server", account.server.as_str()),
            ];
            let unknown = texts.fill("login.unknown", &names);
            let Some(said) = said else {
                return unknown;
            };
            // It may say much, on many lines.
            let words = list_row::beginning(said);
            let says = texts.fill("login.server_says", &[("words", words.trim())]);
            format!("{unknown} {says}")
        }
    }
}
