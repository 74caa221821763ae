//! What Windows knows of a program: its icon, its version, and how it wants to be run (the manifest).

use std::{env, fs, io, path::Path};

/// The folder of the icon and the manifest, from the folder of a package.
const SOURCES: &str = "../packaging/windows";

const ICON: &str = "mensageiro.ico";
const MANIFEST: &str = "mensageiro.manifest";

/// Adds them to the package's program, if it is built for Windows. `version`: what `--version` says.
pub fn add_resources(version: &str) -> io::Result<()> {
    for name in [ICON, MANIFEST] {
        println!("cargo::rerun-if-changed={SOURCES}/{name}");
    }
    if env::var_os("CARGO_CFG_WINDOWS").is_none() {
        return Ok(());
    }
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    let program = variable("CARGO_PKG_NAME")?;
    let script = script(&Resources {
        sources: &fs::canonicalize(SOURCES)?,
        numbers: ["MAJOR", "MINOR", "PATCH"]
            .map(|part| env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default()),
        version,
        program: &program,
        description: &variable("CARGO_PKG_DESCRIPTION")?,
    });
    let file = Path::new(&variable("OUT_DIR")?).join("resources.rc");
    fs::write(&file, script)?;
    let compiled = embed_resource::compile_for(&file, [&program], embed_resource::NONE);
    compiled
        .manifest_required()
        .map_err(|error| io::Error::other(error.to_string()))
}

struct Resources<'a> {
    sources: &'a Path,
    numbers: [String; 3],
    version: &'a str,
    program: &'a str,
    description: &'a str,
}

/// The resource script; see "About resource files" of Windows' documentation. 24 is a manifest.
fn script(resources: &Resources) -> String {
    let Resources {
        sources,
        numbers,
        version,
        program,
        description,
    } = resources;
    let file = |name: &str| {
        let path = sources.join(name).display().to_string();
        path.trim_start_matches(r"\\?\").replace('\\', r"\\")
    };
    let text = |text: &str| text.replace('"', "\"\"");
    format!(
        r#"#pragma code_page(65001)
1 ICON "{icon}"
1 24 "{manifest}"
1 VERSIONINFO
FILEVERSION {numbers},0
PRODUCTVERSION {numbers},0
FILEOS 0x40004
FILETYPE 1
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904B0"
    BEGIN
      VALUE "FileDescription", "{description}"
      VALUE "FileVersion", "{version}"
      VALUE "InternalName", "{program}"
      VALUE "LegalCopyright", "MIT OR Apache-2.0"
      VALUE "OriginalFilename", "{program}.exe"
      VALUE "ProductName", "MeuMensageiro"
      VALUE "ProductVersion", "{version}"
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x409, 1200
  END
END
"#,
        icon = file(ICON),
        manifest = file(MANIFEST),
        numbers = numbers.join(","),
        description = text(description),
        version = text(version),
    )
}
