//! Measures the app as a whole program in a real window: start-up time, memory and CPU time.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{
    cargo,
    display::Display,
    process::Process,
    server::Server,
    setup::{self, Need},
};

/// Messages that exist before the measurement.
const HISTORY: usize = 100_000;

/// Messages that arrive during the measurement, and as many before it that fill everything that has
/// a bound.
const TRAFFIC: usize = 100_000;
const WARM_UP: usize = 20_000;

/// Users who write to ana.
const OTHERS: [&str; 5] = ["bruno", "carla", "davi", "eva", "fabio"];

/// How often the start is measured.
const STARTS: usize = 10;

/// Lines that are sent before their answers are read.
const BATCH: usize = 200;

const PATIENCE: Duration = Duration::from_secs(120);
const IDLE: Duration = Duration::from_secs(60);

/// Builds both programs, fills a profile, and prints a table.
pub fn measure() -> Result<()> {
    setup::prepare(&[Need::HiddenWindows])?;
    let arguments = ["--release", "-p", "mensageiro-server", "-p", "mensageiro"];
    let programs = cargo::built(&arguments)?;
    let program = |name: &str| programs.get(name).with_context(|| format!("no {name}"));
    let folder = TempDir::with_prefix("mensageiro-bench-")?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    let users = OTHERS.join("\n");
    fs::write(data.join("users.csv"), format!("login\nana\n{users}\n"))?;
    let mut server = Command::new(program("mensageiro-server")?);
    server
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(&data);
    // Few write more than people do.
    server.args([
        "--max-requests-per-minute",
        "0",
        "--max-bytes-per-minute",
        "0",
    ]);
    // A mailbox without limits: ana reads little of what she gets.
    server.args(["--max-mailbox", "1000000000"]);
    server.args(["--max-mailbox-bytes", "1000000000000"]);
    let server = Server::run(server, false)?;
    let desk = Desk {
        app: program("mensageiro")?,
        server: &server.address,
        profile: folder.path().join("profile"),
        display: Display::hidden(1280, 800)?,
    };

    println!("\n### The app: a real window, {HISTORY} messages of history\n");
    println!("| what | figure |\n|---|---|");
    let size = fs::metadata(desk.app)?.len() as f64 / 1_048_576.0;
    tell("size of the program", &format!("{size:.1} MiB"));
    desk.measure_start("empty")?;
    let took = desk.fill(HISTORY)?;
    tell(
        &format!("a first sign-in that brings {HISTORY} messages: all on disk"),
        &format!("{:.1} s", took.as_secs_f64()),
    );
    desk.measure_start(&format!("{HISTORY} messages"))?;
    desk.measure_memory()?;
    server.stop()
}

/// Where the app is started.
struct Desk<'a> {
    app: &'a Path,
    server: &'a str,
    profile: PathBuf,
    display: Display,
}

impl Desk<'_> {
    fn start(&self, script: &str) -> Result<Process> {
        fs::create_dir_all(&self.profile)?;
        let mut command = Command::new(self.app);
        command.args(["--server", self.server, "--user", "ana", "--data"]);
        command
            .arg(&self.profile)
            .env("RUST_LOG", "mensageiro=info");
        if !script.is_empty() {
            let file = self.profile.join("script.txt");
            fs::write(&file, script)?;
            command.arg("--script").arg(file);
        }
        self.display.place(&mut command);
        Process::start("the app", &mut command, false)
    }

    /// Measures from the start of the process to the first usable screen.
    fn measure_start(&self, profile: &str) -> Result<()> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let begun = Instant::now();
            let app = self.start("")?;
            app.wait_for(PATIENCE, says("the first screen is there"))?;
            times.push(begun.elapsed());
            app.stop_whatever_it_says()?;
        }
        times.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        tell(
            &format!("start to the first screen that can be used, {profile}"),
            &format!(
                "{:.0} ms (median of {STARTS}; {:.0} to {:.0})",
                ms(times[STARTS / 2]),
                ms(times[0]),
                ms(times[STARTS - 1])
            ),
        );
        Ok(())
    }

    /// Others write while ana is offline. Then she logs in and receives all of it.
    fn fill(&self, messages: usize) -> Result<Duration> {
        self.write(messages, "before")?;
        let begun = Instant::now();
        let script = format!(
            "timeout 300\nwait-online\nwait-message {}\npause 1\nquit\n",
            END
        );
        let mut app = self.start(&script)?;
        app.succeed(PATIENCE * 3)?;
        Ok(begun.elapsed() - Duration::from_secs(1))
    }

    fn measure_memory(&self) -> Result<()> {
        let script = "wait-online\nopen bruno\npause 3600\n";
        let app = self.start(script)?;
        app.wait_for(PATIENCE, says("the first screen is there"))?;
        thread::sleep(Duration::from_secs(5));
        tell("memory, one conversation open", &mib(memory(&app)?));

        let before = processor_seconds(&app)?;
        thread::sleep(IDLE);
        let used = processor_seconds(&app)? - before;
        tell(
            &format!(
                "processor time in {} s in which nothing happens",
                IDLE.as_secs()
            ),
            &format!("{used:.2} s"),
        );

        self.write(WARM_UP, "warm-up")?;
        self.settle(&app)?;
        let before = memory(&app)?;
        let begun = Instant::now();
        self.write(TRAFFIC, "traffic")?;
        self.settle(&app)?;
        let took = begun.elapsed();
        let after = memory(&app)?;
        tell(
            &format!(
                "memory after {TRAFFIC} more messages, played in {:.0} s",
                took.as_secs_f64()
            ),
            &format!(
                "{} (from {}: {:+.1} %)",
                mib(after),
                mib(before),
                (after / before - 1.0) * 100.0
            ),
        );
        app.stop_whatever_it_says()
    }

    /// Waits until the app has received everything and is idle.
    fn settle(&self, app: &Process) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut rested = 0;
        while rested < 3 {
            let before = processor_seconds(app)?;
            thread::sleep(Duration::from_secs(1));
            rested = if processor_seconds(app)? - before < 0.03 {
                rested + 1
            } else {
                0
            };
            if Instant::now() > deadline {
                bail!("the app does not come to rest");
            }
        }
        Ok(())
    }

    /// Lets the others write this many messages to ana, one after the other.
    fn write(&self, messages: usize, what: &str) -> Result<()> {
        let each = messages / OTHERS.len();
        for other in OTHERS {
            let texts = (0..each).map(|number| format!("{} {what} {number}", TEXTS[number % 5]));
            send(self.server, other, texts)?;
        }
        send(self.server, OTHERS[0], std::iter::once(END.to_owned()))
    }
}

const END: &str = "that was all of it";

const TEXTS: [&str; 5] = [
    "bom dia! alguém já viu o cartaz da semana que vem?",
    "A reunião de hoje passou para as 15h, na sala 204.",
    "ok",
    "Consegui terminar a parte do relatório sobre o projeto",
    "levo o café e os biscoitos, como sempre",
];

/// Writes to ana as a classic client, some lines ahead of the answers.
fn send(server: &str, login: &str, texts: impl Iterator<Item = String>) -> Result<()> {
    let stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut answers = BufReader::new(&stream).lines();
    let messages = texts.map(|text| format!("@ana {text}\n"));
    let mut lines = std::iter::once(format!("{login}\n")).chain(messages);
    loop {
        let batch: Vec<_> = lines.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        (&stream).write_all(batch.concat().as_bytes())?;
        let mut owed = batch.len();
        while owed > 0 {
            let answer = answers.next().context("the server hung up")??;
            owed -= usize::from(answer == "f");
        }
    }
}

fn says(what: &str) -> impl Fn(&str) -> Option<()> {
    move |line| line.contains(what).then_some(())
}

/// Seconds of CPU time used so far.
fn processor_seconds(process: &Process) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id()))
        .context("only Linux tells how much processor time a program has used")?;
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .into_iter()
        .flat_map(str::split_whitespace)
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    // The unit is always 1/100 s for programs.
    Ok(fields.iter().sum::<f64>() / 100.0)
}

/// Resident memory in KiB.
fn memory(process: &Process) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()))
        .context("only Linux tells how much memory a program has")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.context("no VmRSS")?.trim().trim_end_matches(" kB");
    Ok(number.parse()?)
}

fn mib(kib: f64) -> String {
    format!("{:.0} MiB", kib / 1024.0)
}

fn tell(what: &str, figure: &str) {
    println!("| {what} | {figure} |");
}
