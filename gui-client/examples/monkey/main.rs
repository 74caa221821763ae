//! A monkey in front of the app: random clicks, keys, words and sizes, against a real server that is
//! killed now and then, with somebody at the other end who writes and reads. The window is drawn
//! without a display. It ends with an error if anything panics, gets stuck, or is lost.
//!
//! `cargo xtask monkey --minutes 60` builds everything and starts it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a monkey that fails may panic: that is how it tells"
)]

mod friend;
mod hands;
mod keeper;
mod sitting;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use self::{friend::Friend, hands::Hands, keeper::Keeper, sitting::Sitting};

/// What the monkey is called, and whom it writes with.
const MONKEY: &str = "ana";
const FRIEND: &str = "bruno";

/// How often everything is brought to rest, to see that nothing is stuck.
const REST: Duration = Duration::from_secs(60);

struct Arguments {
    server: PathBuf,
    minutes: f64,
    seed: u64,
}

fn main() {
    let arguments = arguments();
    println!("seed {}", arguments.seed);
    let home = tempfile::tempdir().unwrap();
    // What the monkey saves, it saves here.
    env::set_current_dir(home.path()).unwrap();
    let end = Instant::now() + Duration::from_secs_f64(arguments.minutes * 60.0);
    let done = play(&arguments, home.path(), end);
    for (what, count) in done {
        println!("{count:>9}  {what}");
    }
    println!("nothing panicked, got stuck or was lost");
}

/// Lets the monkey play until then; gives what it did, counted.
fn play(arguments: &Arguments, home: &Path, end: Instant) -> BTreeMap<&'static str, usize> {
    let mut rng = fastrand::Rng::with_seed(arguments.seed);
    let mut keeper = Keeper::new(&arguments.server, &home.join("data"), [MONKEY, FRIEND]);
    let mut friend = Friend::new(&home.join("friend"), FRIEND, &keeper.address);
    let mut sitting = Sitting::new(&home.join("monkey"), MONKEY, &keeper.address);
    let mut hands = Hands::default();
    let mut done = BTreeMap::new();
    let mut rest = Instant::now() + REST;
    while Instant::now() < end {
        let what = hands.act(&mut rng, &mut sitting);
        *done.entry(what).or_default() += 1;
        sitting.step();
        friend.act(&mut rng, MONKEY);
        if let Some(event) = keeper.act(&mut rng) {
            *done.entry(event).or_default() += 1;
        }
        if sitting.wants_to_end() {
            sitting = sitting.begin_again();
            *done
                .entry("the app was closed and opened again")
                .or_default() += 1;
        }
        if Instant::now() > rest {
            keeper.serve();
            sitting.come_to_rest(&mut friend, FRIEND);
            *done.entry("everything came to rest").or_default() += 1;
            rest = Instant::now() + REST;
        }
    }
    keeper.serve();
    sitting.come_to_rest(&mut friend, FRIEND);
    friend.compare(MONKEY, &sitting.conversation(FRIEND), FRIEND);
    done.insert(
        "messages of the two, each there once at both ends",
        friend.count(MONKEY),
    );
    done
}

fn arguments() -> Arguments {
    let mut given = env::args().skip(1);
    let mut arguments = Arguments {
        server: PathBuf::new(),
        minutes: 1.0,
        seed: fastrand::u64(..),
    };
    while let Some(name) = given.next() {
        let value = given.next().unwrap_or_default();
        match name.as_str() {
            "--server" => arguments.server = value.into(),
            "--minutes" => arguments.minutes = value.parse().unwrap(),
            "--seed" => arguments.seed = value.parse().unwrap(),
            other => panic!("{other}: there are --server FILE, --minutes N and --seed N"),
        }
    }
    assert!(
        arguments.server.is_file(),
        "--server names the program mensageiro-server"
    );
    arguments
}
