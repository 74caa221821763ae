//! What the programs contain that is no crate.

use crate::cross::Target;

/// A part of a program that cargo does not know.
pub struct Other {
    /// What people call it.
    pub name: &'static str,
    /// Its licence, as an expression of SPDX.
    pub license: &'static str,
    /// Where it comes from.
    pub from: &'static str,
    /// The texts of its licence, in the project.
    pub texts: &'static [&'static str],
    /// The package of Debian that it is built from, if one is.
    pub debian: Option<&'static str>,
    place: Place,
}

enum Place {
    Everywhere,
    App,
    /// In the title bar on Wayland.
    LinuxApp,
    StaticServer,
    Windows,
    WindowsAndStaticServer,
}

impl Other {
    /// Whether it is in this program for this system.
    pub fn is_in(&self, program: &str, target: Target) -> bool {
        match self.place {
            Place::Everywhere => true,
            Place::App => program == "mensageiro",
            Place::LinuxApp => program == "mensageiro" && target == Target::Linux,
            Place::StaticServer => target == Target::Musl,
            Place::Windows => target == Target::Windows,
            Place::WindowsAndStaticServer => target != Target::Linux,
        }
    }
}

/// All of them.
pub const OTHERS: &[Other] = &[
    Other {
        name: "Inter",
        license: "OFL-1.1",
        from: "https://rsms.me/inter",
        texts: &["assets/fonts/Inter-LICENSE.txt"],
        debian: None,
        place: Place::App,
    },
    Other {
        name: "DejaVu Sans",
        license: "Bitstream-Vera",
        from: "https://dejavu-fonts.github.io",
        texts: &["assets/fonts/DejaVu-LICENSE.txt"],
        debian: None,
        place: Place::App,
    },
    Other {
        name: "Twemoji",
        license: "OFL-1.1 AND CC-BY-4.0",
        from: "https://github.com/mozilla/twemoji-colr",
        texts: &["assets/fonts/Twemoji-LICENSE.txt"],
        debian: None,
        place: Place::App,
    },
    Other {
        name: "Noto Sans Symbols 2",
        license: "OFL-1.1",
        from: "https://github.com/notofonts/symbols",
        texts: &["assets/fonts/ControlPictures-LICENSE.txt"],
        debian: None,
        place: Place::App,
    },
    Other {
        name: "Cantarell",
        license: "OFL-1.1",
        from: "https://gitlab.gnome.org/GNOME/cantarell-fonts",
        texts: &["packaging/licenses/Cantarell.txt"],
        debian: None,
        place: Place::LinuxApp,
    },
    Other {
        name: "Unicode CLDR",
        license: "Unicode-3.0",
        from: "https://cldr.unicode.org",
        texts: &["assets/emoji/CLDR-LICENSE.txt"],
        debian: None,
        place: Place::App,
    },
    Other {
        name: "Rust standard library",
        license: "MIT OR Apache-2.0",
        from: "https://github.com/rust-lang/rust",
        texts: &["LICENSE-APACHE", "packaging/licenses/rust.txt"],
        debian: None,
        place: Place::Everywhere,
    },
    Other {
        name: "musl",
        license: "MIT",
        from: "https://musl.libc.org",
        texts: &["packaging/licenses/musl.txt"],
        debian: Some("musl-dev"),
        place: Place::StaticServer,
    },
    Other {
        name: "MinGW-w64 runtime",
        license: "ZPL-2.1",
        from: "https://www.mingw-w64.org",
        texts: &["packaging/licenses/mingw-w64.txt"],
        debian: Some("mingw-w64-x86-64-dev"),
        place: Place::Windows,
    },
    Other {
        name: "GCC runtime library",
        license: "GPL-3.0-or-later WITH GCC-exception-3.1",
        from: "https://gcc.gnu.org",
        texts: &["packaging/licenses/gcc-runtime.txt"],
        debian: None,
        place: Place::WindowsAndStaticServer,
    },
];
