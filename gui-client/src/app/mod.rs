//! Connects the model, the screens and the background threads: takes events in, draws, and carries
//! out what the person does. It never blocks.

mod attention;
mod forward;
pub mod icon;
mod leaving;
mod notifying;
mod placement;
mod saved;
mod saving;
mod script;
mod selected;
mod window;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};
use egui::{Context, OpenUrl, Ui, ViewportCommand, scroll_area, text_edit::TextEditState};
use jiff::{Timestamp, tz::TimeZone};
use url::Url;

use self::{
    attention::Attention, forward::Forwarding, notifying::Notifying, saving::Saving,
    script::ScriptDriver, window::Opening,
};
pub use self::{
    placement::{FIRST_SIZE, LEAST_SIZE},
    window::fit_screen,
};
use crate::{
    engine::{Account, Command, Event, StorageProblem},
    files::AskPath,
    model::{
        Action, Model, Notice, Overlay, Preferences, SaveAction, SavedFile, Session, WindowPlace,
    },
    notify::Notify,
    script::ScriptRunner,
    settings::SettingsWriter,
    single_instance::Instance,
    system_theme::SystemTheme,
    texts::Texts,
    theme,
    ui::{self, UiState, View},
};

/// How long events are processed before a frame is drawn.
const EVENTS_A_FRAME: Duration = Duration::from_millis(8);

/// Drafts are saved at most this often.
const DRAFT_PAUSE: Duration = Duration::from_millis(500);

/// What the app is started with.
pub struct Setup {
    /// The preferences of the last run.
    pub preferences: Preferences,
    /// Commands to the background threads.
    pub commands: Sender<Command>,
    /// Events from the background threads.
    pub events: Receiver<Event>,
    /// Saves the settings; `None`: they are not saved.
    pub settings: Option<SettingsWriter>,
    /// Asks where to save a file.
    pub dialog: Arc<dyn AskPath>,
    /// Shows notifications.
    pub notify: Arc<dyn Notify>,
    /// An account to sign in with at once.
    pub sign_in: Option<Account>,
    /// The server that the sign-in screen shows, instead of the remembered one.
    pub server: Option<String>,
    /// An invite link that the sign-in screen begins with.
    pub invite: Option<String>,
    /// A notice to show at the start.
    pub notice: Option<Notice>,
    /// Whether the sign-in screen looks for servers in the local network. Who acts by itself does not: it would do something else in
    /// each network, and perhaps on other people's servers.
    pub looks_around: bool,
    /// The theme that the desktop prefers.
    pub system_theme: SystemTheme,
    /// A script that acts in the person's place.
    pub script: Option<ScriptRunner>,
    /// Receives why a script failed, once.
    pub failed: Sender<String>,
    /// Lets other starts of the app find this window; `None`: they cannot.
    pub running: Option<Instance>,
    /// Where the other windows of the profile are.
    pub others: Vec<WindowPlace>,
}

/// The window.
pub struct MessengerApp {
    model: Model,
    state: UiState,
    commands: Sender<Command>,
    events: Receiver<Event>,
    settings: Option<SettingsWriter>,
    kept: Preferences,
    saving: Saving,
    looks_around: bool,
    script: Option<ScriptDriver>,
    attention: Attention,
    notifying: Notifying,
    zone: TimeZone,
    /// A fixed time, for pictures.
    stopped: Option<(Timestamp, Instant)>,
    title: String,
    system_theme: SystemTheme,
    /// The theme that the window's frame has been told.
    frame_theme: Option<egui::Theme>,
    zoom: f32,
    drafts_due: Option<Instant>,
    notice_due: Option<Instant>,
    place_due: Option<Instant>,
    window: Option<WindowPlace>,
    opening: Option<Opening>,
    forwarding: Forwarding,
    first_screen: FirstScreen,
    /// The frame in which the person was asked whether the server is to go on.
    asked_to_leave: Option<u64>,
}

/// The first screen that can be used: the sign-in screen or the conversations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstScreen {
    Awaited,
    Drawn,
    Told,
}

impl MessengerApp {
    /// The app in a fresh egui context.
    pub fn new(ctx: &Context, setup: Setup) -> Self {
        theme::install(ctx);
        let kept = setup.preferences.clone();
        let window = kept.window;
        let mut app = Self {
            model: Model::new(setup.preferences),
            state: UiState::default(),
            commands: setup.commands,
            events: setup.events,
            settings: setup.settings,
            kept,
            saving: Saving::new(setup.dialog),
            looks_around: setup.looks_around,
            script: setup
                .script
                .map(|runner| ScriptDriver::new(runner, setup.failed)),
            attention: Attention::new(),
            notifying: Notifying::new(setup.notify),
            zone: TimeZone::system(),
            stopped: None,
            title: String::new(),
            system_theme: setup.system_theme,
            frame_theme: None,
            zoom: 1.0,
            drafts_due: None,
            notice_due: None,
            place_due: None,
            window,
            opening: Some(Opening::new(window, setup.others)),
            forwarding: Forwarding::new(setup.running),
            first_screen: FirstScreen::Awaited,
            asked_to_leave: None,
        };
        if let Some(server) = setup.server {
            app.model.login.edit_server(server);
        }
        if let Some(invite) = setup.invite {
            app.model.login.edit_user(invite);
        }
        if let Some(account) = setup.sign_in {
            app.act(ctx, Action::SignInAs(account));
        }
        let look = app.model.look_at_host();
        app.send(look.into_iter().collect());
        // After signing in, which begins without one.
        app.model.notice = setup.notice;
        app.dress(ctx);
        app
    }

    /// The model, read-only.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The state of the screens, read-only.
    pub fn state(&self) -> &UiState {
        &self.state
    }

    /// Shows times in this zone instead of the system's.
    pub fn set_zone(&mut self, zone: TimeZone) {
        self.zone = zone;
    }

    /// Stops the clock at this moment.
    pub fn stop_clock(&mut self, now: Timestamp) {
        self.stopped = Some((now, Instant::now()));
    }

    fn drain(&mut self, ctx: &Context) {
        let begin = Instant::now();
        while begin.elapsed() < EVENTS_A_FRAME {
            let Ok(event) = self.events.try_recv() else {
                return;
            };
            if let Some(script) = &mut self.script {
                script.observe(&event);
            }
            let event = match event {
                report @ Event::Report { .. } => {
                    self.save_report(ctx, report);
                    continue;
                }
                other => other,
            };
            let had_account = self.model.session.is_some();
            let commands = self.model.apply(event);
            if had_account && self.model.session.is_none() {
                self.leave_account(ctx);
            }
            self.send(commands);
        }
        ctx.request_repaint();
    }

    /// Carries out an action of the person or of a script.
    pub fn act(&mut self, ctx: &Context, action: Action) {
        match &action {
            Action::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            Action::Save(SaveAction::Take(SavedFile::Picture)) => {
                let is_taken = self.saving.take_picture(ctx, None);
                self.tell_if_busy(is_taken);
            }
            Action::Save(SaveAction::Take(SavedFile::Journey)) => {
                // Taken once it has been drawn alone.
                let is_free = !self.saving.is_busy();
                self.state.show_journey_alone(is_free);
                self.tell_if_busy(is_free);
            }
            Action::Save(SaveAction::Take(SavedFile::Transcript)) => {
                let text = self.model.inspector.transcript(&self.zone);
                let file = SavedFile::Transcript;
                let is_taken = self.saving.take_text(ctx, file, text);
                self.tell_if_busy(is_taken);
            }
            Action::Save(SaveAction::Take(SavedFile::Messages)) => {
                let text = self.selected_as_file();
                let is_taken = self.saving.take_text(ctx, SavedFile::Messages, text);
                self.tell_if_busy(is_taken);
            }
            Action::CopySelected => ctx.copy_text(self.selected_as_text()),
            Action::Save(SaveAction::Drop) => {
                self.saving.drop_held();
                self.model.overlay = None;
            }
            Action::Save(SaveAction::There) => {
                if let Some(Overlay::SavePath { path, .. }) = &self.model.overlay {
                    self.saving.save_held(ctx, path.trim().into());
                }
            }
            Action::ShowOther => self.show_other(ctx),
            Action::OpenLink(url) => ctx.open_url(OpenUrl::new_tab(url)),
            Action::Save(SaveAction::Open(path)) => {
                // What a dialog or a person gave as a path has become a file.
                let path = std::path::absolute(path).unwrap_or_default();
                if let Ok(url) = Url::from_file_path(path) {
                    ctx.open_url(OpenUrl::new_tab(url));
                }
                self.model.notice = None;
            }
            _ => {}
        }
        let changes_account = matches!(
            action,
            Action::SignIn | Action::SignInAs(_) | Action::SignOut
        );
        let had_account = self.model.session.is_some();
        let commands = self.model.act(action);
        // What the sign-in screen does not accept changes nothing.
        if changes_account && (had_account || self.model.session.is_some()) {
            self.leave_account(ctx);
        }
        self.send(commands);
    }

    /// Forgets what only the window knows of an account, so that the next one does not see it:
    /// scroll positions, undo histories, the open conversation.
    fn leave_account(&mut self, ctx: &Context) {
        self.state = UiState::default();
        self.saving.drop_held();
        self.notifying.forget();
        ctx.data_mut(|data| {
            data.remove_by_type::<TextEditState>();
            data.remove_by_type::<scroll_area::State>();
        });
    }

    /// Takes the picture of a journey that is drawn alone, and lets it stand until it is taken.
    fn expose_journey(&mut self, ctx: &Context) {
        if !self.state.is_journey_alone() {
            return;
        }
        ctx.request_repaint();
        if self.saving.is_exposing() {
            return;
        }
        match self.state.take_drawn_journey() {
            Some(area) => {
                let is_taken = self.saving.take_picture(ctx, Some(area));
                self.tell_if_busy(is_taken);
            }
            // The picture is taken.
            None => self.state.show_journey_alone(false),
        }
    }

    fn send(&mut self, commands: Vec<Command>) {
        for command in commands {
            if self.commands.send(command).is_err() {
                self.model
                    .apply(Event::StorageFailed(StorageProblem::Stopped));
            }
        }
    }

    fn look_around(&mut self) {
        if self.looks_around
            && let Some(command) = self.model.look_around()
        {
            self.send(vec![command]);
        }
    }

    fn keep_settings(&mut self) {
        if self.model.preferences != self.kept {
            self.kept = self.model.preferences.clone();
            if let Some(settings) = &self.settings {
                settings.write(self.kept.clone());
            }
        }
    }

    fn keep_drafts(&mut self, ctx: &Context) {
        if !self.model.has_unsaved_drafts() {
            self.drafts_due = None;
            return;
        }
        let due = *self
            .drafts_due
            .get_or_insert_with(|| Instant::now() + DRAFT_PAUSE);
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.drafts_due = None;
            let commands = self.model.take_unsaved_drafts();
            self.send(commands);
        } else {
            ctx.request_repaint_after(left);
        }
    }

    /// Logs once that the first usable screen is on the display, which is the case when the next
    /// frame begins.
    fn tell_first_screen(&mut self, ctx: &Context) {
        let is_usable = |session: &Session| session.ready || session.storage_problem.is_some();
        match self.first_screen {
            FirstScreen::Awaited if self.model.session.as_ref().is_none_or(is_usable) => {
                self.first_screen = FirstScreen::Drawn;
                ctx.request_repaint();
            }
            FirstScreen::Drawn => {
                tracing::info!("the first screen is there");
                self.first_screen = FirstScreen::Told;
            }
            _ => {}
        }
    }

    fn run_script(&mut self, ctx: &Context) {
        let Some(mut script) = self.script.take() else {
            return;
        };
        for action in script.step(ctx, &self.model, &mut self.saving) {
            self.act(ctx, action);
        }
        self.script = Some(script);
    }
}

impl eframe::App for MessengerApp {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.drain(ctx);
        self.follow_closing(ctx);
        // Here, as a window that is hidden is not drawn.
        self.follow_attention(ctx);
        self.notify(ctx);
        self.take_back();
        self.hear_clicks(ctx);
        self.hear_starts(ctx);
        self.call_if_behind(ctx);
        self.hear_forwarding();
        self.hear_saving(ctx);
        self.hear_settings();
        self.look_around();
        self.keep_drafts(ctx);
        self.dismiss_notice(ctx);
        self.entitle(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.tell_first_screen(&ctx);
        self.settle_in(&ctx, frame);
        self.follow_zoom(&ctx);
        self.follow_window(&ctx, frame);
        self.keep_place(&ctx);
        self.run_script(&ctx);
        let (now, instant) = self
            .stopped
            .unwrap_or_else(|| (Timestamp::now(), Instant::now()));
        let view = View {
            model: &self.model,
            texts: Texts::of(self.model.preferences.language),
            palette: ui::palette(ui),
            now,
            zone: &self.zone,
            instant,
            watched: self.script.is_some() || ui.input(|input| input.focused),
        };
        let actions = ui::show(ui, &view, &mut self.state);
        if !actions.is_empty() {
            // What was done shows in the next frame.
            ctx.request_repaint();
        }
        self.expose_journey(&ctx);
        for action in actions {
            self.act(&ctx, action);
        }
        self.dress(&ctx);
        self.keep_drafts(&ctx);
        self.keep_settings();
        self.wake_at_midnight(&ctx);
    }

    /// Adds what winit does not tell on this system. The pointer's position means nothing while a script is running.
    fn raw_input_hook(&mut self, _ctx: &Context, input: &mut egui::RawInput) {
        input.system_theme = self.system_theme.theme().or(input.system_theme);
        if self.script.is_some() {
            use egui::Event::{MouseMoved, PointerButton, PointerMoved};
            let is_of_pointer = |event: &_| {
                matches!(
                    event,
                    PointerMoved(_) | MouseMoved(_) | PointerButton { .. }
                )
            };
            input.events.retain(|event| !is_of_pointer(event));
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Some(script) = &mut self.script {
            script.closed();
        }
        let mut commands = self.model.take_unsaved_drafts();
        commands.push(Command::Quit);
        self.send(commands);
        if self.window.is_some() {
            self.model.preferences.window = self.window;
        }
        self.keep_settings();
        self.notifying.forget();
        // A start from now on opens a window of its own.
        self.forwarding = Forwarding::new(None);
        // Dropping it waits for the last settings to be written; the window is gone already.
        self.settings = None;
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
