use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use encoding_rs::WINDOWS_1252;
use mensageiro_protocol::{Login, LoginError};
use thiserror::Error;
use unicode_security::confusable_detection::skeleton;

/// The logins of one reading of `users.csv`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    logins: HashSet<Login>,
}

/// Words that mark the first line as a header, as spreadsheets and courses write them.
const HEADER_WORDS: [&str; 14] = [
    "login",
    "logins",
    "user",
    "users",
    "username",
    "user name",
    "user_name",
    "usuario",
    "usuarios",
    "usuário",
    "usuários",
    "utilizador",
    "nome de usuário",
    "nome de usuario",
];

/// How many bad lines are named; the rest is counted.
const NAMED_LINES: usize = 20;

/// Why `users.csv` cannot be used.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is not there.
    #[error(
        "{0}: there is no such file; write one with a line `login,name` and one line for each user, or start with --init for a sample"
    )]
    Missing(PathBuf),
    /// The system refused.
    #[error("{file}: cannot be read: {source}")]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has lines that name no user.
    #[error("{}", BadLines { file, lines, more: *more })]
    BadLines {
        /// Which file.
        file: PathBuf,
        /// The first of them.
        lines: Vec<BadLine>,
        /// How many there are beyond these.
        more: usize,
    },
}

/// A line of `users.csv` that names no user.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct BadLine {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

struct BadLines<'a> {
    file: &'a Path,
    lines: &'a [BadLine],
    more: usize,
}

impl fmt::Display for BadLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.lines.len() > 1 { "\n  " } else { " " };
        write!(f, "{}:", self.file.display())?;
        for line in self.lines {
            write!(f, "{separator}{line}")?;
        }
        if self.more > 0 {
            write!(f, "\n  and {} more bad lines", self.more)?;
        }
        Ok(())
    }
}

impl Users {
    /// Reads the file, whatever of the usual forms it has: with or without header, one column or
    /// more (the first is the login), `,`, `;` or tab between them, BOM or not, LF or CR LF,
    /// UTF-8 or Windows-1252.
    ///
    /// # Errors
    /// [`ReadError`]; a file with a bad line is refused as a whole.
    pub fn read(file: &Path) -> Result<Self, ReadError> {
        let bytes = fs::read(file).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ReadError::Missing(file.to_owned()),
            _ => ReadError::Io {
                file: file.to_owned(),
                source,
            },
        })?;
        Self::parse(&bytes).map_err(|mut lines| {
            let more = lines.len().saturating_sub(NAMED_LINES);
            lines.truncate(NAMED_LINES);
            ReadError::BadLines {
                file: file.to_owned(),
                lines,
                more,
            }
        })
    }

    /// Reads the content of the file.
    ///
    /// # Errors
    /// Every bad line, in order.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<BadLine>> {
        let text = decode(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter(&text))
            .from_reader(text.as_bytes());
        let mut lines = HashMap::new();
        let mut bad = Vec::new();
        let mut record = csv::StringRecord::new();
        let mut first = true;
        loop {
            match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    bad.push(BadLine {
                        line,
                        reason: "it is not CSV".into(),
                    });
                    break;
                }
            }
            let line = record
                .position()
                .map_or(0, |position| line_of(&text, position));
            let field = record.get(0).unwrap_or_default().trim();
            let is_header =
                std::mem::take(&mut first) && HEADER_WORDS.contains(&field.to_lowercase().as_str());
            if is_header || record.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            match Login::parse(field) {
                Err(LoginError::Empty) => {
                    bad.push(BadLine {
                        line,
                        reason: "the first column, the login, is empty".into(),
                    });
                }
                Err(error) => bad.push(BadLine {
                    line,
                    reason: error.to_string(),
                }),
                Ok(login) => match lines.get(&login) {
                    Some(earlier) => bad.push(BadLine {
                        line,
                        reason: format!("{login} is there already, on line {earlier}"),
                    }),
                    None => drop(lines.insert(login, line)),
                },
            }
        }
        bad.extend(look_alikes(&lines));
        if bad.is_empty() {
            return Ok(Self {
                logins: lines.into_keys().collect(),
            });
        }
        bad.sort_by_key(|bad| bad.line);
        Err(bad)
    }

    /// Whether there is such a user.
    pub fn contains(&self, login: &Login) -> bool {
        self.logins.contains(login)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.logins.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.logins.is_empty()
    }

    /// How many of these are not in `other`.
    pub(super) fn not_in(&self, other: &Self) -> usize {
        self.logins.difference(&other.logins).count()
    }
}

/// Logins that a person could take for one another: they differ in upper and lower case only,
/// or in letters of another script that look the same. The later line is the bad one.
fn look_alikes(lines: &HashMap<Login, u64>) -> Vec<BadLine> {
    let mut ordered: Vec<_> = lines.iter().collect();
    ordered.sort_unstable_by_key(|&(_, line)| line);
    // What looks the same within ASCII (1 and l, rn and m) is told apart by people who have such
    // logins; across scripts nobody can. So skeletons count once another script is in play.
    let other_script: HashSet<String> = ordered
        .iter()
        .filter(|(login, _)| !login.as_str().is_ascii())
        .map(|(login, _)| looks_of(login))
        .collect();
    let mut seen: HashMap<String, (&Login, u64)> = HashMap::with_capacity(ordered.len());
    let mut bad = Vec::new();
    for (login, &line) in ordered {
        let mut keys = vec![login.as_str().to_lowercase()];
        if !other_script.is_empty() {
            let looks = looks_of(login);
            if other_script.contains(&looks) && looks != keys[0] {
                keys.push(looks);
            }
        }
        match keys.iter().find_map(|key| seen.get(key)) {
            Some((earlier, earlier_line)) => bad.push(BadLine {
                line,
                reason: format!(
                    "{login} looks like {earlier} on line {earlier_line}; people would mix them up"
                ),
            }),
            None => seen.extend(keys.into_iter().map(|key| (key, (login, line)))),
        }
    }
    bad
}

/// The same for all logins that look alike (Unicode TR 39).
fn looks_of(login: &Login) -> String {
    skeleton(&login.as_str().to_lowercase())
        .collect::<String>()
        .to_lowercase()
}

fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// The line a record starts on. The reader counts the empty lines before it as part of it.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let record = text.get(start..).unwrap_or_default();
    let empty = record
        .bytes()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + empty.filter(|&byte| byte == b'\n').count() as u64
}

/// What parts the columns: the first of `,`, `;` and tab that the first line with one has.
fn delimiter(text: &str) -> u8 {
    let found = text
        .bytes()
        .find(|byte| matches!(byte, b',' | b';' | b'\t'));
    found.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: &[&str]) {
        let users = Users::parse(content).unwrap();
        let mut logins: Vec<_> = users.logins.iter().map(Login::as_str).collect();
        logins.sort_unstable();
        assert_eq!(logins, expected);
    }

    fn check_bad(content: &str, expected: &[(u64, &str)]) {
        let bad = Users::parse(content.as_bytes()).unwrap_err();
        let bad: Vec<_> = bad
            .iter()
            .map(|bad| (bad.line, bad.reason.as_str()))
            .collect();
        assert_eq!(bad, expected);
    }

    #[test]
    fn files_as_people_write_them_are_read() {
        check(b"login,name\nana,Ana\nbob,Bob\n", &["ana", "bob"]);
        check(b"ana\nbob", &["ana", "bob"]);
        check(
            "\u{feff}usuário;nome\r\nana;Ana, a de cá\r\nbob;\r\n;\r\n\r\n".as_bytes(),
            &["ana", "bob"],
        );
        check(b"Usuario\tNome\nana\tAna\n", &["ana"]);
        check(b"login;name\njo\xe3o;Jo\xe3o\n", &["joão"]);
        check(b"\"ana\",\"Ana \"\"A\"\" Lima\"\n bob ,\n", &["ana", "bob"]);
        check(b"", &[]);
    }

    #[test]
    fn bad_lines_are_named() {
        check_bad(
            "login,name\nana,Ana\n,Bob\nana,Again\n\r\n\na b,Two\n",
            &[
                (3, "the first column, the login, is empty"),
                (4, "ana is there already, on line 2"),
                (
                    7,
                    "' ' is not allowed in a login (letters, digits and . _ - + @ are)",
                ),
            ],
        );
    }

    #[test]
    fn logins_that_look_alike_are_refused() {
        let reason = "Ana looks like ana on line 1; people would mix them up";
        check_bad("ana\nAna\n", &[(2, reason)]);
        let reason = "p\u{430}ul looks like paul on line 1; people would mix them up";
        check_bad("paul\np\u{430}ul\n", &[(2, reason)]);
        let reason = "marie looks like m\u{430}rie on line 1; people would mix them up";
        check_bad("m\u{430}rie\nmarie\n", &[(2, reason)]);
        check(
            b"user1\nuserl\nbumo\nburno",
            &["bumo", "burno", "user1", "userl"],
        );
    }
}
