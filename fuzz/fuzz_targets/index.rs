//! An index whose database was changed at some bytes answers right, or notices it.
#![no_main]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use libfuzzer_sys::fuzz_target;
use mensageiro_protocol::{Login, Text};
use mensageiro_server::{
    alarm::Alarm,
    index::{Changes, CursorEntry, Index, IndexError, Loaded, Messages, RunEntry, TagEntry},
    log::{Identity, Log, MemoryLog, Part},
    model::{
        codec,
        conversation::Conversation,
        cursor::Cursor,
        event::{Batch, Event, LastNumbers, Run, Sent, Target},
        message::{Message, MessageId, TagHash},
    },
};

const LOG: Identity = Identity { id: 7, epoch: 1 };
const RECORDS: u64 = 150;

struct Sound {
    log: Arc<MemoryLog>,
    folder: PathBuf,
    database: Vec<u8>,
    answers: Answers,
}

#[derive(PartialEq)]
struct Answers {
    histories: Vec<Vec<Message>>,
    timeline: Vec<Message>,
    tags: Vec<TagEntry>,
    cursors: Vec<CursorEntry>,
}

fn login(n: u64) -> Login {
    Login::parse(&format!("user{n}")).unwrap()
}

fn conversations() -> [Conversation; 3] {
    [1, 2, 3].map(|n| Conversation::pair(&login(0), &login(n)))
}

fn open(folder: &Path, log: &MemoryLog) -> (Index, Loaded) {
    let (ring, _) = crossbeam_channel::bounded(1);
    Index::open(folder, LOG, log.end(), Alarm::new(ring)).unwrap()
}

fn answers(index: Index, loaded: Loaded, log: &Arc<MemoryLog>) -> Result<Answers, IndexError> {
    let tags = index.tags(&login(0), MessageId(0), usize::MAX)?;
    let messages = Messages::new(Arc::new(index), log.clone());
    let histories = conversations().map(|one| messages.history(&one, None, 1_000, MessageId::MAX));
    let mut timeline = Vec::new();
    let visit = &mut |message| {
        timeline.push(message);
        true
    };
    messages.timeline(&conversations(), MessageId(9), MessageId::MAX, visit)?;
    Ok(Answers {
        histories: histories.into_iter().collect::<Result<_, _>>()?,
        timeline,
        tags,
        cursors: loaded.cursors,
    })
}

fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("index-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = Arc::new(MemoryLog::default());
        let (index, _) = open(&folder, &log);
        let mut changes = Changes::default();
        for n in 0..RECORDS {
            let run = Run {
                from: login(0),
                to: Target::User(login(1 + n % 3)),
                device: None,
                at: jiff::Timestamp::UNIX_EPOCH,
                missed_by: None,
                texts: vec![Sent {
                    tag: None,
                    text: Text::from(&*format!("text {n}")),
                }],
                part: Part { offset: 0, length: 0 },
            };
            let mut batch = Batch {
                at: run.at,
                last: LastNumbers::default(),
                events: vec![Event::Messages(run)],
            };
            let mut payload = Vec::new();
            codec::write_batch(&mut batch, &mut payload);
            let appended = log.append(&payload).unwrap();
            let Event::Messages(run) = &batch.events[0] else {
                unreachable!()
            };
            let conversation = Conversation::pair(&login(0), &login(1 + n % 3));
            let id = MessageId(n + 1);
            let entry = RunEntry {
                first: id,
                count: 1,
                record: appended.position,
                part: run.part,
                text: 0,
                roster: 0,
                missed_by: None,
            };
            index.add_run(&conversation, entry);
            let tag = TagEntry {
                hash: TagHash(n.into()),
                id,
                sent_at: run.at,
            };
            index.add_tag(&login(0), tag);
            changes.cursors.push(CursorEntry {
                conversation,
                user: login(n),
                cursor: Cursor::default(),
            });
            changes.header.position = appended.next;
        }
        index.flush(changes).unwrap();
        drop(index);
        let database = fs::read(folder.join("index.sqlite")).unwrap();
        let (index, loaded) = open(&folder, &log);
        let answers = answers(index, loaded, &log).unwrap();
        Sound {
            log,
            folder,
            database,
            answers,
        }
    })
}

fuzz_target!(|changes: Vec<(u32, u8)>| {
    let sound = sound();
    let mut database = sound.database.clone();
    let length = database.len();
    for (at, change) in &changes {
        database[*at as usize % length] ^= change;
    }
    for entry in fs::read_dir(&sound.folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::write(sound.folder.join("index.sqlite"), database).unwrap();
    let (index, loaded) = open(&sound.folder, &sound.log);
    if loaded.discarded.is_some() {
        return;
    }
    match answers(index, loaded, &sound.log) {
        Ok(answers) => assert!(answers == sound.answers, "a wrong answer"),
        Err(error) => assert!(matches!(error, IndexError::Damaged { .. }), "{error}"),
    }
});
