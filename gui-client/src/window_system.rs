//! Which window system the window opens on, where there are two: Wayland and X11.

use thiserror::Error;

/// Where the window opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSystem {
    /// Wherever winit opens it: on Wayland if there is Wayland, else on X11; on other systems, on the system's own.
    Default,
    /// X11, though a Wayland display is named.
    X11,
}

/// Why no window can be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoDisplay {
    /// No display is named.
    #[error(
        "there is no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set. Start it from a desktop, or \
         with xvfb-run"
    )]
    None,
    /// Only a Wayland display is named, and nobody answers there.
    #[error(
        "there is no display to open a window on: the Wayland display {name} of WAYLAND_DISPLAY does not answer ({why}), and \
         DISPLAY is not set. Start it from a desktop, or with xvfb-run"
    )]
    Silent {
        /// What WAYLAND_DISPLAY says.
        name: String,
        /// Why it cannot be reached.
        why: String,
    },
}

/// Decides by the environment, and by whether the Wayland display answers. Its name outlives it in terminals that were started
/// on another desktop, for example in tmux; winit would then open no window, although there is X11.
///
/// # Errors
/// There is no display.
#[cfg(all(unix, not(target_os = "macos")))]
pub fn choose() -> Result<WindowSystem, NoDisplay> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let has_x11 = variable("DISPLAY").is_some();
    // A connection that is open already.
    if variable("WAYLAND_SOCKET").is_some() {
        return Ok(WindowSystem::Default);
    }
    let Some(name) = variable("WAYLAND_DISPLAY") else {
        return has_x11
            .then_some(WindowSystem::Default)
            .ok_or(NoDisplay::None);
    };
    match wayland::connect(&name, variable("XDG_RUNTIME_DIR").as_deref()) {
        Ok(()) => Ok(WindowSystem::Default),
        Err(why) if has_x11 => {
            tracing::warn!("the Wayland display {name:?} does not answer ({why}); X11 is used");
            Ok(WindowSystem::X11)
        }
        Err(why) => Err(NoDisplay::Silent {
            name: name.to_string_lossy().into_owned(),
            why: why.to_string(),
        }),
    }
}

/// There is one window system.
///
/// # Errors
/// None.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn choose() -> Result<WindowSystem, NoDisplay> {
    Ok(WindowSystem::Default)
}

impl WindowSystem {
    /// Makes eframe open the window there.
    pub fn apply(self, options: &mut eframe::NativeOptions) {
        #[cfg(all(unix, not(target_os = "macos")))]
        if self == Self::X11 {
            use winit::platform::x11::EventLoopBuilderExtX11 as _;
            options.event_loop_builder = Some(Box::new(|builder| {
                builder.with_x11();
            }));
        }
        #[cfg(not(all(unix, not(target_os = "macos"))))]
        let _ = options;
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod wayland {
    use std::{ffi::OsStr, io, os::unix::net::UnixStream, path::Path};

    /// Connects as the library of Wayland does, and hangs up.
    pub fn connect(name: &OsStr, folder: Option<&OsStr>) -> io::Result<()> {
        let path = match (Path::new(name), folder) {
            (path, _) if path.is_absolute() => path.to_owned(),
            (path, Some(folder)) => Path::new(folder).join(path),
            (_, None) => return Err(io::Error::other("XDG_RUNTIME_DIR is not set")),
        };
        UnixStream::connect(path).map(drop)
    }

    #[cfg(test)]
    mod tests {
        use std::os::unix::net::UnixListener;

        use super::*;

        #[test]
        fn a_display_is_found_by_name_and_by_path_and_only_while_it_listens() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wayland-7");
            let (name, at) = (OsStr::new("wayland-7"), Some(folder.path().as_os_str()));
            assert!(connect(name, at).is_err());
            let display = UnixListener::bind(&path).unwrap();
            connect(name, at).unwrap();
            connect(path.as_os_str(), None).unwrap();
            let nowhere = connect(name, None).unwrap_err();
            assert!(nowhere.to_string().contains("XDG_RUNTIME_DIR"));
            drop(display);
            assert!(connect(name, at).is_err(), "its file is still there");
        }
    }
}
