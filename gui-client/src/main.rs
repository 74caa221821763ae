//! The desktop app of MeuMensageiro.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::{
    any::Any,
    fs,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{self, PathBuf},
    process::ExitCode,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context as _, bail};
use clap::Parser;
use crossbeam_channel::{Receiver, Sender, bounded};
use mensageiro::{
    Arguments,
    app::{FIRST_SIZE, LEAST_SIZE, MessengerApp, Setup, fit_screen, icon},
    engine::{self, Account, Engine, HostPlace, KeyPlace},
    files::DesktopDialog,
    logging,
    model::{LoginForm, Notice, Preferences, WindowPlace, account_key},
    notify::{DesktopNotifications, Notify},
    private, profile,
    script::{ScriptRunner, Step, parse},
    settings::{self, SettingsWriter},
    single_instance::{self, Forward, Instance},
    system_theme::SystemTheme,
    texts, theme, window_system,
};

/// The exit code of a script that failed.
const SCRIPT_FAILED: u8 = 2;

fn main() -> ExitCode {
    logging::start();
    let (failed, failure) = bounded(1);
    let arguments = Arguments::try_parse().unwrap_or_else(|said| {
        show_where_nobody_reads(&said.to_string());
        said.exit()
    });
    match run(arguments, failed, &failure) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(why)) => {
            logging::say(why);
            ExitCode::from(SCRIPT_FAILED)
        }
        Err(error) => {
            logging::say(format_args!("{error:#}"));
            show_where_nobody_reads(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the app to its end; gives why a script failed.
fn run(
    arguments: Arguments,
    failed: Sender<String>,
    failure: &Receiver<String>,
) -> anyhow::Result<Option<String>> {
    let script = script(&arguments)?;
    let portable = profile::beside_program();
    let key_place = match portable {
        // The profile goes from computer to computer, and its keys with it.
        Some(_) => KeyPlace::File,
        None => KeyPlace::Keyring,
    };
    let folder = profile_folder(arguments.data.clone(), portable)?;
    if arguments.forget_keys {
        engine::forget_keys(&folder).map_err(|why| anyhow::anyhow!(why))?;
        return Ok(None);
    }
    let host_place = match &arguments.data {
        // Somebody who keeps a profile apart keeps its server apart too.
        Some(profile) => HostPlace::of_system().with_data(path::absolute(profile)?.join("server")),
        None => HostPlace::of_system(),
    };
    private::tighten(&folder);
    // Pictures that scripts take look the same everywhere.
    if script.is_none() {
        texts::use_clock_of_system();
    }
    let settings::Loaded {
        mut preferences,
        problem,
        may_write,
    } = settings::load(&folder);
    let sign_in = sign_in(&arguments, &preferences)?;
    let turn = single_instance::take_turn(&folder);
    // A script is for a window of its own.
    if script.is_none()
        && single_instance::bring_forward(&folder, &wanted(&arguments, sign_in.as_ref()))
    {
        let said = "MeuMensageiro is running already: its window has come forward.";
        // Most starts have nobody to read it.
        let _ = writeln!(io::stdout(), "{said}");
        return Ok(None);
    }
    let window = Arc::new(OnceLock::<egui::Context>::new());
    let others: Vec<_> = single_instance::others(&folder)
        .iter()
        .filter_map(|other| other.place)
        .collect();
    let running = Instance::start(&folder, preferences.window, wake(&window))
        .inspect_err(|error| tracing::debug!(%error, "other starts do not find this window"))
        .ok();
    if let Some(place) = preferences.window.as_mut().filter(|_| !others.is_empty()) {
        // It would cover them.
        place.is_maximized = false;
    }
    let settings = may_write
        .then(|| SettingsWriter::start(folder.clone(), &preferences, wake(&window)))
        .transpose()
        .context("no thread to keep the settings")?;
    let notify: Arc<dyn Notify> =
        Arc::new(DesktopNotifications::start().context("no thread to show notifications")?);
    let system_theme = SystemTheme::follow(wake(&window));
    let mut options = options(&preferences, &others);
    window_system::choose()?.apply(&mut options);

    // Lives until the window is gone, and ends its threads when dropped.
    let mut engine = None;
    let opened = Arc::new(AtomicBool::new(false));
    let creator = {
        let (opened, kept) = (Arc::clone(&opened), &mut engine);
        move |cc: &eframe::CreationContext<'_>| {
            opened.store(true, Ordering::Relaxed);
            let ctx = cc.egui_ctx.clone();
            // Set once: there is one window.
            let _ = window.set(ctx.clone());
            let wake = move || ctx.request_repaint();
            let engine = Engine::start_with(folder, key_place, host_place, wake);
            let engine = kept.insert(engine);
            let setup = Setup {
                preferences,
                commands: engine.commands().clone(),
                events: engine.events().clone(),
                settings,
                dialog: Arc::new(DesktopDialog),
                notify,
                sign_in,
                server: arguments.server,
                invite: arguments.link,
                notice: problem.map(Notice::Settings),
                looks_around: script.is_none(),
                system_theme,
                script,
                failed,
                running,
                others,
            };
            theme::follow_system(&cc.egui_ctx);
            let place = fit_screen(cc, setup.preferences.window, &setup.others);
            if let Some(running) = &setup.running {
                running.stands(place);
            }
            // The next start finds this window, and where it is.
            drop(turn);
            let app = MessengerApp::new(&cc.egui_ctx, setup);
            Ok(Box::new(app) as Box<dyn eframe::App>)
        }
    };
    quiet_until(Arc::clone(&opened));
    let ran = catch_unwind(AssertUnwindSafe(|| {
        eframe::run_native("mensageiro", options, Box::new(creator))
    }));
    drop(engine);
    match ran {
        Ok(Ok(())) => Ok(failure.try_recv().ok()),
        Ok(Err(error)) => bail!("{}", no_window(&cause(&error))),
        Err(panic) if opened.load(Ordering::Relaxed) => {
            bail!(
                "the window broke down: {}. Messages that were sent or waiting are safe",
                words(panic.as_ref())
            )
        }
        Err(panic) => bail!("{}", no_window(&words(panic.as_ref()))),
    }
}

/// Shows what the app says as it ends where its standard error leads nowhere: Windows gives none to an app that opens
/// windows.
#[cfg(windows)]
fn show_where_nobody_reads(why: &str) {
    use std::os::windows::io::AsRawHandle;
    if io::stderr().as_raw_handle().is_null() {
        rfd::MessageDialog::new()
            .set_level(rfd::MessageLevel::Error)
            .set_title("MeuMensageiro")
            .set_description(why)
            .show();
    }
}

/// Elsewhere the desktop keeps it in its log.
#[cfg(not(windows))]
fn show_where_nobody_reads(_why: &str) {}

/// Draws the window again, as soon as there is one.
fn wake(window: &Arc<OnceLock<egui::Context>>) -> impl Fn() + Send + 'static {
    let window = Arc::clone(window);
    move || {
        if let Some(window) = window.get() {
            window.request_repaint();
        }
    }
}

fn script(arguments: &Arguments) -> anyhow::Result<Option<ScriptRunner>> {
    if let Some(path) = &arguments.screenshot {
        let steps = [Step::WaitSettled, Step::Screenshot(path.clone())];
        let steps = steps.into_iter().map(|step| (0, step)).collect();
        return Ok(Some(ScriptRunner::new("--screenshot".into(), steps)));
    }
    let Some(path) = &arguments.script else {
        return Ok(None);
    };
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let steps = parse(&text).with_context(|| format!("{name} is no script"))?;
    Ok(Some(ScriptRunner::new(name, steps)))
}

fn profile_folder(given: Option<PathBuf>, portable: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    given
        .or(portable)
        .or_else(profile::of_this_computer)
        .context("there is no home folder; name a folder for settings and messages with --data")
}

/// Which windows may come forward instead of a new one. Who names a server but nobody wants to sign
/// in there, and so does who brings an invite.
fn wanted(arguments: &Arguments, sign_in: Option<&Account>) -> Vec<Forward> {
    let with = sign_in.map(|account| Forward::With(account_key(account)));
    let is_plain =
        arguments.user.is_none() && arguments.server.is_none() && arguments.link.is_none();
    let any = is_plain.then_some(Forward::Any);
    with.into_iter().chain(any).collect()
}

/// Whom the command line or the last time signs in.
fn sign_in(arguments: &Arguments, preferences: &Preferences) -> anyhow::Result<Option<Account>> {
    let (user, server) = (arguments.user.clone(), arguments.server.as_deref());
    // The sign-in screen asks first.
    if arguments.link.is_some() {
        return Ok(None);
    }
    let Some(user) = user else {
        let kept = preferences.signed_in.as_ref().filter(|_| server.is_none());
        return Ok(kept.and_then(|remembered| remembered.account()));
    };
    let mut form = LoginForm::new(preferences);
    form.edit_user(user);
    if let Some(server) = server {
        form.edit_server(server.to_owned());
    }
    let account = form
        .read()
        .context("cannot sign in as --user and --server say")?;
    Ok(Some(account))
}

fn options(preferences: &Preferences, others: &[WindowPlace]) -> eframe::NativeOptions {
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("MeuMensageiro")
        .with_app_id("mensageiro")
        .with_icon(icon::draw(128))
        .with_inner_size(FIRST_SIZE)
        .with_min_inner_size(LEAST_SIZE);
    if let Some(place) = preferences.window {
        let side = |length: f32| length.clamp(LEAST_SIZE[0], 10_000.0);
        viewport = viewport
            .with_inner_size([side(place.width), side(place.height)])
            .with_maximized(place.is_maximized);
    }
    // `fit_screen` says where; this makes the window system listen to it.
    let known = preferences.window.iter().chain(others);
    let known = known.filter_map(|place| place.x.zip(place.y)).next();
    if let Some((x, y)) = known {
        viewport = viewport.with_position([x, y]);
    }
    eframe::NativeOptions {
        viewport,
        ..eframe::NativeOptions::default()
    }
}

/// Why a window did not open, without the libraries' own details.
fn cause(error: &eframe::Error) -> String {
    match error {
        eframe::Error::NoGlutinConfigs(..) | eframe::Error::Glutin(_) => {
            "there is no OpenGL driver it can use".into()
        }
        other => {
            tracing::debug!("{other}");
            let text = other.to_string();
            text.rsplit(": ").next().unwrap_or(&text).to_owned()
        }
    }
}

fn no_window(why: &str) -> String {
    if why.contains("open connection to X server") {
        let name = std::env::var("DISPLAY").unwrap_or_default();
        return format!(
            "there is no display to open a window on: the X11 display {name} of DISPLAY does not answer. Start it from a \
             desktop, or with xvfb-run"
        );
    }
    let advice = if cfg!(target_os = "linux") {
        "On Debian and Ubuntu, `apt install libegl1 libgl1 libwayland-client0 libwayland-egl1 libx11-xcb1 libxcursor1 libxi6 \
         libxkbcommon-x11-0` installs what it needs"
    } else {
        "It needs a graphics driver with OpenGL 2.1 or later"
    };
    let why = why.trim_end_matches('.');
    format!("the window could not be opened: {why}. {advice}")
}

/// Until the window is there, a panic is told by [`no_window`] alone. What is panic to the search for fonts is none to us.
fn quiet_until(opened: Arc<AtomicBool>) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        if theme::SEARCHING.contains(&thread) {
            tracing::debug!("the system's fonts are not used: {panic}");
        } else if opened.load(Ordering::Relaxed) {
            logging::say_panic(panic);
        }
    }));
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no reason given".into())
}
