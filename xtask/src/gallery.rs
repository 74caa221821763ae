//! `cargo xtask gallery`: all pictures of the app's screens and states on one page.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// If this is set, the tests take new pictures.
const UPDATE: &str = "UPDATE_SNAPSHOTS";

/// The path of the page, below the project's folder.
const PAGE: &str = "target/gallery.html";

/// The HTML before the pictures.
const HEAD: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>MeuMensageiro: every screen</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; background: #8a9296; color: #10181a }
h2 { margin: 2.5rem 0 .5rem }
section { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: start }
figure { margin: 0 } figcaption { font-size: 13px }
img { max-width: min(100%, 900px); height: auto; box-shadow: 0 2px 12px #0006 }
nav a { margin-right: .8rem; color: inherit }
</style>
<h1>Every screen and state</h1>
";

/// Writes the page. With `update`, takes new pictures first.
pub fn run(update: bool) -> Result<()> {
    if update {
        let mut tests = cargo::command();
        tests.args(["test", "-p", "mensageiro", "--test", "ui", "gallery"]);
        let status = tests.env(UPDATE, "1").status().context("starting cargo")?;
        ensure!(status.success(), "the pictures could not be taken");
    }
    let pictures = cargo::root().join("gui-client/tests/snapshots");
    let scenes = scenes(&pictures)?;
    let page = cargo::root().join(PAGE);
    let folder = page.parent().context("the page is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    fs::write(&page, html(&pictures, &scenes))
        .with_context(|| format!("writing {}", page.display()))?;
    let count: usize = scenes.values().map(Vec::len).sum();
    println!(
        "{count} pictures of {} scenes: {}",
        scenes.len(),
        page.display()
    );
    Ok(())
}

/// The names of the pictures by scene: `chat.en.light.png` shows `chat`.
fn scenes(folder: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut scenes = BTreeMap::<_, Vec<_>>::new();
    let entries = fs::read_dir(folder).with_context(|| {
        let folder = folder.display();
        format!("there are no pictures in {folder}; `cargo xtask gallery --update` takes them")
    })?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The pictures that a failed test leaves have one more part in their names.
        if let [scene, _, _, "png"] = name.split('.').collect::<Vec<_>>()[..] {
            let all = scenes.entry(scene.to_owned()).or_default();
            all.push(name.into_owned());
        }
    }
    scenes.values_mut().for_each(|names| names.sort());
    Ok(scenes)
}

fn html(folder: &Path, scenes: &BTreeMap<String, Vec<String>>) -> String {
    let mut page = HEAD.to_owned();
    let links = scenes.keys();
    let links = links.map(|scene| format!("<a href=\"#{scene}\">{scene}</a>"));
    let _ = writeln!(page, "<nav>{}</nav>", links.collect::<String>());
    for (scene, names) in scenes {
        let _ = writeln!(page, "<h2 id=\"{scene}\">{scene}</h2><section>");
        for name in names {
            let file = folder.join(name);
            let file = file.display();
            let _ = writeln!(
                page,
                "<figure><img src=\"{file}\" alt=\"{name}\" loading=\"lazy\">\
                 <figcaption>{name}</figcaption></figure>"
            );
        }
        page.push_str("</section>\n");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_one_scene_stand_together_and_leftovers_do_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "chat.pt-BR.dark.png",
            "chat.en.light.png",
            "chat.en.light.diff.png",
            "list.en.light.png",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let scenes = scenes(folder.path()).unwrap();
        assert_eq!(scenes["chat"], ["chat.en.light.png", "chat.pt-BR.dark.png"]);
        let page = html(folder.path(), &scenes);
        assert_eq!(page.matches("<img ").count(), 3);
        assert_eq!(page.matches("<h2 ").count(), 2);
    }
}
