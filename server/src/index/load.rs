//! Reads the whole state at start, and verifies that no row is missing, changed or outdated.

use std::{collections::HashMap, path::Path};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::Epoch};
use rusqlite::Connection;

use super::{
    CursorEntry, DeviceEntry, GroupEntry, Header, HolderEntry, IndexError, RosterEntry,
    SettingEntry,
    memtable::Written,
    pack::{Unpack, login},
    rosters,
    schema::{Table, checksum},
    state_rows::{
        self as rows, CHAIN, CHANGE, CURSOR, Chain, ChainNumber, DEVICE, EPOCH, GROUP, HEADER,
        HOLDER, MARK, SEEN, SETTING, StoredHeader, Subject, WRITTEN,
    },
};
use crate::model::{conversation::Conversation, message::MessageId};

/// The state at a position of the log.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Single values, including the position from which the log must be replayed.
    pub header: Header,
    /// All conversations that have messages or cursors, each with its last message.
    pub conversations: Vec<(Conversation, MessageId)>,
    /// Those with messages that change others, each with the last one of these.
    pub changed: Vec<(Conversation, MessageId)>,
    /// All cursors, grouped by conversation.
    pub cursors: Vec<CursorEntry>,
    /// What was written to groups.
    pub groups: Vec<GroupEntry>,
    /// The last roster of every group, including deleted groups.
    pub rosters: Vec<RosterEntry>,
    /// When users were last online.
    pub seen: Vec<(Login, Timestamp)>,
    /// The windows of devices.
    pub devices: Vec<DeviceEntry>,
    /// The epochs of the store, oldest first.
    pub epochs: Vec<Epoch>,
    /// Names whose holder has changed or left.
    pub holders: Vec<HolderEntry>,
    /// What users have set.
    pub settings: Vec<SettingEntry>,
    /// The number of read marks that wait for the archive.
    pub marks: u64,
    /// Why the index was discarded, so that the whole log must be replayed. `None` if it was not, and for a new index.
    pub discarded: Option<String>,
}

/// The part of the loaded values that the index itself keeps.
pub(super) struct Kept {
    pub(super) stored: StoredHeader,
    pub(super) written: HashMap<Subject, Written>,
}

impl Kept {
    /// The state of an empty index.
    pub(super) fn new(stored: StoredHeader) -> Self {
        let written = HashMap::new();
        Self { stored, written }
    }
}

/// The number of each group's current roster.
type Groups = Vec<(Login, u32)>;

/// Reads all rows in one pass.
pub(super) fn load(file: &Path, connection: &Connection) -> Result<(Loaded, Kept), IndexError> {
    let damaged = || IndexError::damaged(file, "a part of the state is missing or changed");
    let failed = |source| IndexError::sqlite(file, source);
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let mut rows = Rows::default();
    let sql = "SELECT key, value, checksum FROM state ORDER BY key";
    let mut statement = transaction.prepare(sql).map_err(failed)?;
    let mut found = statement.query([]).map_err(failed)?;
    while let Some(row) = found.next().map_err(failed)? {
        let read = || {
            let (key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
            Ok((key, value, row.get::<_, i64>(2)?.cast_unsigned()))
        };
        let (key, value, sum) = read().map_err(failed)?;
        rows.take(key, value, sum).ok_or_else(damaged)?;
    }
    let (mut loaded, kept, groups) = rows.finish().ok_or_else(damaged)?;
    for (group, number) in groups {
        loaded.rosters.push(RosterEntry {
            number,
            group,
            members: rosters::read(file, &transaction, number)?,
        });
    }
    Ok((loaded, kept))
}

#[derive(Default)]
struct Rows {
    loaded: Loaded,
    header: Option<StoredHeader>,
    /// By number, from 1.
    chains: Vec<Chain>,
    groups: Vec<(Login, u32)>,
    /// The key of the previous row.
    before: Vec<u8>,
    rows: u64,
    sum: u64,
    scratch: Vec<u8>,
}

impl Rows {
    /// Adds the next row; `None` if it is invalid.
    fn take(&mut self, key: &[u8], value: &[u8], sum: u64) -> Option<()> {
        let is_right = checksum(Table::State, key, value, &mut self.scratch) == sum;
        // A repeated key, or one out of order, means damage.
        if !is_right || *self.before >= *key {
            return None;
        }
        self.before.clear();
        self.before.extend_from_slice(key);
        let (&kind, key) = key.split_first()?;
        if kind == HEADER {
            let header = StoredHeader::read(value)?;
            self.loaded.header = header.header;
            self.header = Some(header);
            return Some(());
        }
        self.rows += 1;
        self.sum = self.sum.wrapping_add(sum);
        match kind {
            CHAIN => {
                let (number, chain) = Chain::read(key, value)?;
                self.chains.push(chain);
                (number as usize == self.chains.len()).then_some(())?;
            }
            CURSOR => {
                let chains = &self.chains;
                let conversation = |number: ChainNumber| {
                    let chain = chains.get((number as usize).checked_sub(1)?)?;
                    match &chain.subject {
                        Subject::Conversation(conversation) => Some(conversation),
                        Subject::Changes(_) | Subject::Tags(_) => None,
                    }
                };
                let cursor = rows::read_cursor(key, value, conversation)?;
                self.loaded.cursors.push(cursor);
            }
            GROUP => {
                let mut value = Unpack(value);
                self.groups.push((login(key)?, value.int32()?));
                value.end()?;
            }
            SEEN => {
                let mut value = Unpack(value);
                let seen = (login(key)?, value.time()?);
                value.end()?;
                // The login has another holder now.
                if seen.1 > Timestamp::UNIX_EPOCH {
                    self.loaded.seen.push(seen);
                }
            }
            DEVICE => self.loaded.devices.push(rows::read_device(key, value)?),
            MARK => {
                rows::read_mark(key, value)?;
                self.loaded.marks += 1;
            }
            CHANGE => (key.len() == 17 && value.is_empty()).then_some(())?,
            HOLDER => self.loaded.holders.push(rows::read_holder(key, value)?),
            SETTING => self.loaded.settings.push(rows::read_setting(key, value)?),
            EPOCH => self.loaded.epochs.push(rows::read_epoch(key, value)?),
            WRITTEN => self.loaded.groups.push(rows::read_written(key, value)?),
            _ => return None,
        }
        Some(())
    }

    /// Verifies that the rows are complete: their number and checksums must match the header.
    fn finish(self) -> Option<(Loaded, Kept, Groups)> {
        let (mut loaded, stored) = (self.loaded, self.header?);
        let is_whole = (stored.rows, stored.sum) == (self.rows, self.sum)
            && stored.chains as usize == self.chains.len();
        if !is_whole {
            return None;
        }
        let mut written = HashMap::with_capacity(self.chains.len());
        for (number, chain) in (1..).zip(self.chains) {
            let last = chain.last;
            match &chain.subject {
                Subject::Conversation(of) => loaded.conversations.push((of.clone(), last)),
                Subject::Changes(of) => loaded.changed.push((of.clone(), last)),
                Subject::Tags(_) => {}
            }
            written.insert(chain.subject, Written { number, last });
        }
        Some((loaded, Kept { stored, written }, self.groups))
    }
}
