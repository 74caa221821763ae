//! A conversation that two windows really have: both online, then one away, then back.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{cargo::Programs, display::Display, process::Process, server::Data, window::Window};

/// How long one window may take for its part.
const PATIENCE: Duration = Duration::from_secs(180);

/// Size of a window in the pictures.
const SIZE: (u32, u32) = (960, 640);

/// Where the conversation takes place.
pub struct Stage<'a> {
    /// The programs.
    pub programs: &'a Programs,
    /// `host:port` of the server.
    pub server: &'a str,
    /// The server's data. The profiles of the windows are beside it.
    pub data: &'a Data,
    /// The folder for the pictures.
    pub pictures: &'a Path,
}

/// The texts of the conversation in one language.
pub struct Story {
    /// The app's name for the language: `en` or `pt-BR`.
    pub language: &'static str,
    question: &'static str,
    answer: &'static str,
    thanks: &'static str,
    leaving: &'static str,
    while_away: [&'static str; 3],
    back: &'static str,
}

/// In English.
pub const ENGLISH: Story = Story {
    language: "en",
    question: "Hi Bruno! Do we still meet for the project at 10?",
    answer: "Yes, at 10 in the library. I bring the coffee ☕",
    thanks: "Great, see you there!",
    leaving: "My bus is here. I am offline for a while",
    while_away: [
        "The room has changed: it is 204 now",
        "Carla and Diego come too",
        "See you at 10 🎉",
    ],
    back: "Back again, and your three messages are here. Room 204 👍",
};

/// In Portuguese.
pub const PORTUGUESE: Story = Story {
    language: "pt-BR",
    question: "Oi, Bruno! A reunião do projeto continua às 10?",
    answer: "Sim, às 10 na biblioteca. Eu levo o café ☕",
    thanks: "Ótimo, até lá!",
    leaving: "Meu ônibus chegou. Fico offline um pouco",
    while_away: [
        "A sala mudou: agora é a 204",
        "A Carla e o Diego também vão",
        "Até às 10 🎉",
    ],
    back: "Voltei, e suas três mensagens estão aqui. Sala 204 👍",
};

impl Story {
    /// Plays the conversation between Ana and Bruno. Returns the pictures it took, in order.
    pub fn play(&self, stage: &Stage) -> Result<Vec<PathBuf>> {
        let picture = |name: &str| stage.pictures.join(format!("{name}.{}.png", self.language));
        let alone = picture("bruno-is-away");
        let returned = picture("bruno-returns");
        let light = picture("conversation-light");
        let dark = picture("conversation-dark");
        let pictures = vec![alone.clone(), returned.clone(), light.clone(), dark.clone()];
        for old in &pictures {
            let _ = std::fs::remove_file(old);
        }

        // Each window has its own display, so that none covers the other.
        let displays = [Display::hidden(1280, 800)?, Display::hidden(1280, 800)?];
        let ana = |script: &str| self.window(stage, &displays[0], "ana", script);
        let bruno = |script: &str| self.window(stage, &displays[1], "bruno", script);

        let mut first_ana = ana(&format!(
            "open bruno\n{}wait-message {}\n{}wait-message {}\npause 0.5\nquit\n",
            say(self.question),
            self.answer,
            say(self.thanks),
            self.leaving,
        ))?;
        let mut first_bruno = bruno(&format!(
            "wait-message {}\nopen ana\n{}wait-message {}\n{}quit\n",
            self.question,
            say(self.answer),
            self.thanks,
            say(self.leaving),
        ))?;
        first_bruno.succeed(PATIENCE)?;
        first_ana.succeed(PATIENCE)?;

        let mut second_ana = ana(&format!(
            "theme light\nopen bruno\n{}pause 0.5\nscreenshot {}\nwait-message {}\npause 0.5\n\
             screenshot {}\nquit\n",
            self.while_away.map(say).concat(),
            alone.display(),
            self.back,
            light.display(),
        ))?;
        wait_for_file(&alone, &mut second_ana)?;
        let mut second_bruno = bruno(&format!(
            "theme dark\nwait-message {}\npause 0.5\nscreenshot {}\nopen ana\n{}pause 0.5\n\
             screenshot {}\nquit\n",
            self.while_away[2],
            returned.display(),
            say(self.back),
            dark.display(),
        ))?;
        second_bruno.succeed(PATIENCE)?;
        second_ana.succeed(PATIENCE)?;
        Ok(pictures)
    }

    fn window(
        &self,
        stage: &Stage,
        display: &Display,
        user: &str,
        script: &str,
    ) -> Result<Process> {
        let (width, height) = SIZE;
        let window = Window {
            program: &stage.programs.app,
            display,
            user: Some(user),
            server: stage.server,
            profile: stage.data.profile(&format!("{user}-{}", self.language)),
            clock: None,
        };
        window.play(&format!(
            "language {}\nsize {width} {height}\ntimeout 90\nwait-online\n{script}",
            self.language
        ))
    }
}

fn say(text: &str) -> String {
    format!("type {text}\nsend\nwait-accepted\n")
}

fn wait_for_file(file: &Path, by: &mut Process) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        if let Some(status) = by.ended()? {
            bail!(
                "a window ended early, with {status}; it said:\n{}",
                by.said()
            );
        }
        if Instant::now() > deadline {
            bail!("{} was not taken in time", file.display());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
