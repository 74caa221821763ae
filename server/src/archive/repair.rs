//! What is at the end of the file after a crash, and whatever a person may have done to it since.
//!
//! Nothing is cut off but what is byte for byte the beginning of a row that the store still holds, and so
//! will be written again. Everything else stays, however little it looks like a row.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use mensageiro_protocol::Login;

use super::{
    pieces::{End, Pieces},
    row::HEADER,
};
use crate::message::MessageId;

/// A row, told from others: a message to a group has one for each reader.
pub(super) type Key = (MessageId, Login);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows that the store still holds and that are there, with where they begin.
    pub(super) written: HashMap<Key, u64>,
    /// The largest id.
    pub(super) newest: MessageId,
    /// What may be the beginning of a row that the store still holds, up to the end of the file.
    pub(super) unfinished: Vec<Unfinished>,
}

/// What goes on to the end of the file without the end of a row.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) start: u64,
    /// Whether it is enough to tell a row of ours from what a person may have begun to write there.
    pub(super) is_telling: bool,
    /// Whether it only lacks the line end.
    is_complete: bool,
    key: Option<Key>,
}

impl Found {
    /// Where the file has the beginning of this row and nothing else up to its end, if it has. `end` is
    /// the file from the first unfinished piece on.
    pub(super) fn torn(&self, end: &[u8], row: &[u8]) -> Option<u64> {
        let first = self.unfinished.first()?.start;
        let mut starts = self.unfinished.iter().map(|piece| piece.start);
        starts.find(|start| {
            let piece = usize::try_from(start - first)
                .ok()
                .and_then(|at| end.get(at..));
            piece.is_some_and(|piece| row.len() > piece.len() && row.starts_with(piece))
        })
    }

    /// Forgets what was found from here on, as it is cut off.
    pub(super) fn cut(&mut self, start: u64) {
        self.written.retain(|_, at| *at < start);
    }

    /// Takes a last row without its line end for one, as nothing is cut off.
    pub(super) fn keep(&mut self, pending: &HashSet<Key>) {
        for piece in self.unfinished.drain(..).filter(|piece| piece.is_complete) {
            if let Some(key) = piece.key.filter(|key| pending.contains(key)) {
                self.written.entry(key).or_insert(piece.start);
            }
        }
    }
}

/// Looks at what was written after the first `from` bytes, which is where the store has last seen the
/// end, for `pending` rows. If that is not what the server writes, the file was edited, and all of it
/// is looked at.
pub(super) fn look(file: &mut File, from: u64, pending: &HashSet<Key>) -> io::Result<Found> {
    let length = file.seek(SeekFrom::End(0))?;
    if from > 0 && from <= length && byte_at(file, from - 1)? == b'\n' {
        let (found, is_ours) = look_from(file, from, pending)?;
        if is_ours || pending.is_empty() {
            return Ok(found);
        }
    }
    let (mut found, _) = look_from(file, 0, pending)?;
    if from > 0 {
        found.unfinished.retain(|piece| piece.is_telling);
    }
    Ok(found)
}

pub(super) fn byte_at(file: &mut File, at: u64) -> io::Result<u8> {
    file.seek(SeekFrom::Start(at))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// The length without the NUL bytes at the end.
pub(super) fn text_end(file: &mut File, length: u64) -> io::Result<u64> {
    let mut chunk = vec![0; 64 * 1024];
    let mut end = length;
    while end > 0 {
        let size = end.min(chunk.len() as u64);
        let bytes = &mut chunk[..size as usize];
        file.seek(SeekFrom::Start(end - size))?;
        file.read_exact(bytes)?;
        end -= size;
        if let Some(last) = bytes.iter().rposition(|&byte| byte != 0) {
            return Ok(end + last as u64 + 1);
        }
    }
    Ok(0)
}

/// Also returns whether there is nothing but pending rows.
fn look_from(file: &mut File, from: u64, pending: &HashSet<Key>) -> io::Result<(Found, bool)> {
    let ids: HashSet<MessageId> = pending.iter().map(|(id, _)| *id).collect();
    let mut pieces = Pieces::new(file, from)?;
    let mut found = Found::default();
    let mut is_ours = true;
    while let Some(piece) = pieces.next()? {
        let key = piece.id.zip(piece.reader);
        let is_complete = piece.fields >= HEADER.len();
        match piece.end {
            End::Row if is_complete => {
                found.newest = found.newest.max(piece.id.unwrap_or_default());
                let key = key.filter(|key| pending.contains(key));
                is_ours &= key.is_some();
                if let Some(key) = key {
                    found.written.entry(key).or_insert(piece.start);
                }
            }
            End::File | End::InQuotes
                if piece.fields == 1 || piece.id.is_some_and(|id| ids.contains(&id)) =>
            {
                found.unfinished.push(Unfinished {
                    start: piece.start,
                    is_telling: piece.fields > 2,
                    is_complete: is_complete && matches!(piece.end, End::File),
                    key,
                });
            }
            _ => is_ours = false,
        }
    }
    Ok((found, is_ours))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "id,sent_at,read_at,from,to,text\n";
    const ROW_1: &str = "1,t,t,ana,bob,hi\n";
    const ROW_2: &str = "2,t,t,ana,bob,\"say \"\"x\"\",\n3,t,t,ana,bob,y\"\n";
    const ROW_3: &str = "3,t,t,carla,class/bob,bye\n";

    /// Looks at a file of this content when rows 1 to 3 are pending.
    fn check(content: &str, from: usize, written: &[u64], left: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.csv");
        fs::write(&path, content).unwrap();
        let bob = Login::parse("bob").unwrap();
        let pending = HashSet::from([1, 2, 3].map(|id| (MessageId(id), bob.clone())));
        let mut file = File::open(&path).unwrap();
        let mut found = look(&mut file, from as u64, &pending).unwrap();
        let end = found
            .unfinished
            .first()
            .map_or("", |piece| &content[piece.start as usize..]);
        let rows = [ROW_1, ROW_2, ROW_3].iter();
        let torn = rows
            .filter(|row| {
                let id = row.split(',').next().and_then(|id| id.parse().ok());
                !found
                    .written
                    .contains_key(&(MessageId(id.unwrap()), bob.clone()))
            })
            .filter_map(|row| found.torn(end.as_bytes(), row.as_bytes()))
            .min();
        match torn {
            Some(start) => found.cut(start),
            None => found.keep(&pending),
        }
        let mut ids: Vec<_> = found.written.into_keys().map(|(id, _)| id.0).collect();
        ids.sort_unstable();
        assert_eq!(ids, written, "{content:?}");
        assert_eq!(
            &content[..torn.map_or(content.len(), |torn| torn as usize)],
            left
        );
    }

    fn check_kept(content: &str, from: usize, written: &[u64]) {
        check(content, from, written, content);
    }

    #[test]
    fn rows_that_are_there_are_found_and_a_torn_one_is_cut_off_wherever_it_was_torn() {
        let whole = format!("{HEAD}{ROW_1}{ROW_2}");
        check_kept(&whole, 0, &[1, 2]);
        check_kept(&whole, HEAD.len(), &[1, 2]);
        let kept = &whole[..HEAD.len() + ROW_1.len()];
        for cut in kept.len() + 1..whole.len() {
            check(&whole[..cut], 0, &[1], kept);
            check(&whole[..cut], HEAD.len(), &[1], kept);
        }
    }

    #[test]
    fn the_rows_of_a_group_message_are_told_apart_by_their_readers() {
        let row = "1,t,t,ana,class/carla,hi\n";
        check_kept(&format!("{HEAD}{row}"), 0, &[]);
        check_kept(
            &format!("{HEAD}{row}{}", row.replace("carla", "bob")),
            0,
            &[1],
        );
    }

    #[test]
    fn what_a_person_wrote_stays_and_hides_no_row() {
        for own in [
            "ordered: the 19\" monitor\n",
            "\"\n",
            "0,t,t,\"ana,bob,a quote in an old row\n",
            "0,t,t,ana,bob,\"a quote before an old text\n",
            "99,by,hand\n",
            ",,,,,\r\n",
            "1\n",
        ] {
            check_kept(&format!("{HEAD}{own}{ROW_1}{ROW_3}"), 500, &[1, 3]);
            check_kept(&format!("{HEAD}{own}{ROW_1}{ROW_3}"), HEAD.len(), &[1, 3]);
            let end = own.trim_end();
            check_kept(&format!("{HEAD}{ROW_1}{ROW_3}{end}"), 500, &[1, 3]);
            let kept = format!("{HEAD}{own}{ROW_1}");
            check(&format!("{kept}{}", &ROW_3[..9]), 500, &[1], &kept);
        }
    }

    #[test]
    fn a_row_that_is_there_is_not_begun_once_more() {
        check_kept(&format!("{HEAD}{ROW_1}1,t,t"), HEAD.len(), &[1]);
    }

    #[test]
    fn what_is_not_exactly_the_beginning_of_a_row_stays() {
        for end in [
            "3,t,t,carla,class/bob,by hand",
            "3,t,t,carla,class/bob",
            "3;t;t",
            "4,t",
            "3,x",
        ] {
            let is_whole = end.contains("by hand");
            let is_beginning = ROW_3.starts_with(end);
            let content = format!("{HEAD}{end}");
            let left = if is_beginning { HEAD } else { &content };
            check(&content, 500, if is_whole { &[3] } else { &[] }, left);
        }
        // Somebody has edited it, so a number alone may be anything.
        check_kept(&format!("{HEAD}3"), 500, &[]);
    }

    #[test]
    fn rows_of_a_file_that_was_saved_in_another_form_are_found() {
        check_kept(
            "id;sent_at;read_at;from;to;text\r\n1;t;t;ana;bob;hi\r\n3;t;t;carla;class/bob;bye",
            500,
            &[1, 3],
        );
        check_kept(
            "\"id\",\"sent_at\"\n\"1\",\"t\",\"t\",\"ana\",\"bob\",\"hi\"\n",
            500,
            &[1],
        );
        check_kept("id,sent_at,from,to,text\n1,t,ana,bob,hi", 500, &[]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn whatever_was_written_between_rows_they_are_found(own in "[12,;\t\r\n\"x]{0,30}") {
            check_kept(&format!("{HEAD}{own}\n{ROW_1}{ROW_3}"), 0, &[1, 3]);
            check_kept(&format!("{HEAD}{ROW_1}{own}\n{ROW_3}"), HEAD.len(), &[1, 3]);
        }
    }
}
