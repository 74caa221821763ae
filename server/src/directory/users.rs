use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use mensageiro_protocol::{Login, LoginError, Name, live::Role};

use super::{
    header::{Columns, UserColumns, is_admin, keeps},
    look_alike::look_alikes,
    rows::rows,
    table::{self, BadLine, ReadError},
};

/// The users of one reading of `users.csv`, with their names.
#[derive(Clone, Debug, Default)]
pub struct Users {
    names: HashMap<Login, Name>,
    /// Users whose rows say that they keep what was before.
    keeps: HashSet<Login>,
    /// Users whose rows say that they administer the server.
    admins: HashSet<Login>,
    /// The user of the last row, if the row has no line end: its login may be the beginning of a
    /// longer one.
    unfinished: Option<Login>,
}

impl PartialEq for Users {
    fn eq(&self, other: &Self) -> bool {
        (&self.names, &self.keeps, &self.admins) == (&other.names, &other.keeps, &other.admins)
    }
}

impl Users {
    /// Reads the file. The first column is the login and the second one the name, unless a header
    /// says otherwise. Other columns are ignored.
    ///
    /// # Errors
    /// [`ReadError`]. One bad line makes the whole file unusable.
    pub fn read(file: &Path) -> Result<Self, ReadError> {
        let bytes = table::read(file)?.ok_or_else(|| ReadError::Missing(file.to_owned()))?;
        Self::parse(&bytes).map_err(|lines| ReadError::bad_lines(file, lines))
    }

    /// Parses the content of the file.
    ///
    /// # Errors
    /// All bad lines, or the line from which on the file makes no sense.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<BadLine>> {
        let mut lines = HashMap::new();
        let mut names = HashMap::new();
        let (mut keep, mut admins) = (HashSet::new(), HashSet::new());
        let mut bad = Vec::new();
        let mut newest = None;
        let mut columns = Columns::new(UserColumns::PLAIN);
        let read = rows(bytes, |line, row| {
            let Some(places) = columns.of_row(row, || UserColumns::of(row)) else {
                return;
            };
            let is_first = !columns.has_header() && lines.is_empty() && bad.is_empty();
            match login(row, places) {
                Err(reason) if is_first => {
                    let hint = "if this is a header, call the column of the logins `login`";
                    bad.push(BadLine::new(line, format!("{reason}; {hint}")));
                }
                Err(reason) => bad.push(BadLine::new(line, reason)),
                Ok(login) => match lines.get(&login) {
                    Some(earlier) => {
                        let reason =
                            format!("{login} is there already, on line {earlier}; remove one");
                        bad.push(BadLine::new(line, reason));
                    }
                    None => {
                        newest = Some(login.clone());
                        if keeps(row, places.history) {
                            keep.insert(login.clone());
                        }
                        if is_admin(row, places.role) {
                            admins.insert(login.clone());
                        }
                        names.insert(login.clone(), name(row, places));
                        lines.insert(login, line);
                    }
                },
            }
        });
        // The rows before such a line are of no use without the rest.
        read.map_err(|bad| vec![bad])?;
        bad.extend(look_alikes(&lines));
        if bad.is_empty() {
            let ends = matches!(bytes, [] | [.., b'\n' | b'\r'] | [.., b'\n' | b'\r', 0]);
            let unfinished = newest.filter(|_| !ends);
            return Ok(Self {
                names,
                keeps: keep,
                admins,
                unfinished,
            });
        }
        bad.sort_by_key(|bad| bad.line);
        Err(bad)
    }

    /// Whether there is such a user.
    pub fn contains(&self, login: &Login) -> bool {
        self.names.contains_key(login)
    }

    /// The name of a user, if there is such a user. It may be empty.
    pub fn name(&self, login: &Login) -> Option<&Name> {
        self.names.get(login)
    }

    /// Whether a user's row says that the user keeps what was before.
    pub fn keeps(&self, login: &Login) -> bool {
        self.keeps.contains(login)
    }

    /// Whether a user's row says that the user administers the server.
    pub fn is_admin(&self, login: &Login) -> bool {
        self.admins.contains(login)
    }

    /// The role of a user.
    pub fn role(&self, login: &Login) -> Option<Role> {
        self.is_admin(login).then_some(Role::Admin)
    }

    /// The users who administer the server, in no order.
    pub fn admins(&self) -> impl Iterator<Item = &Login> {
        self.admins.iter()
    }

    /// All users with their names, in no order. A name may be empty.
    pub fn iter(&self) -> impl Iterator<Item = (&Login, &Name)> {
        self.names.iter()
    }

    /// The number of users.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// These plus those who are only in `earlier`; `None` if two of them look alike.
    pub(super) fn and(&self, earlier: &Self) -> Option<Self> {
        let mut names = earlier.names.clone();
        names.extend(
            self.names
                .iter()
                .map(|(login, name)| (login.clone(), name.clone())),
        );
        let lines = names.keys().map(|login| (login.clone(), 0)).collect();
        let both = |now: &HashSet<Login>, earlier: &HashSet<Login>| {
            let only_earlier = earlier.iter().filter(|login| !self.contains(login));
            now.iter().chain(only_earlier).cloned().collect()
        };
        look_alikes(&lines).is_empty().then(|| Self {
            names,
            keeps: both(&self.keeps, &earlier.keeps),
            admins: both(&self.admins, &earlier.admins),
            unfinished: None,
        })
    }

    /// Removes the user of a last row that may be incomplete, unless it is known that this is the whole login.
    pub(super) fn leave_out_unfinished(&mut self, is_known: impl Fn(&Login) -> bool) {
        if let Some(login) = self.unfinished.take().filter(|login| !is_known(login)) {
            self.remove(&login);
        }
    }

    /// Adds a user, or gives a user another name and role.
    pub(super) fn set(&mut self, login: &Login, name: &Name, is_admin: bool, keeps: bool) {
        self.names.insert(login.clone(), name.clone());
        for (all, is_in) in [(&mut self.admins, is_admin), (&mut self.keeps, keeps)] {
            match is_in {
                true => all.insert(login.clone()),
                false => all.remove(login),
            };
        }
    }

    /// Removes a user.
    pub(super) fn remove(&mut self, login: &Login) {
        self.names.remove(login);
        self.keeps.remove(login);
        self.admins.remove(login);
    }

    /// Those users who are not in `other`.
    pub fn not_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Login> {
        self.names.keys().filter(|login| !other.contains(login))
    }
}

fn login(row: &[&str], columns: UserColumns) -> Result<Login, String> {
    let field = row.get(columns.login).map_or("", |field| field);
    if field.len() <= 32 && is_shortened_number(field) {
        return Err(format!(
            "{field} is a number that a spreadsheet has shortened; format the column as text there, \
             and write the number out"
        ));
    }
    Login::parse(field).map_err(|error| match error {
        LoginError::Empty => format!(
            "column {}, the login, is empty; fill it in or remove the line",
            columns.login + 1
        ),
        LoginError::BadCharacter(',' | ';' | '|') => {
            format!("{error}; between columns, use the same sign as in the first line")
        }
        error => error.to_string(),
    })
}

/// Whether the field is a number that a spreadsheet has shortened, such as `2.02612E+11`.
fn is_shortened_number(field: &str) -> bool {
    let is_number = |text: &str| {
        let mut digits = text.bytes();
        digits.next().is_some_and(|byte| byte.is_ascii_digit())
            && digits.all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
    };
    let parts = field.split_once("E+").or_else(|| field.split_once("e+"));
    parts.is_some_and(|(number, exponent)| is_number(number) && is_number(exponent))
}

/// The name, if the row has one.
fn name(row: &[&str], columns: UserColumns) -> Name {
    let field = columns.name.and_then(|name| row.get(name));
    field.map_or_else(Name::default, |field| Name::from(*field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: &[&str]) {
        let users = Users::parse(content).unwrap();
        let mut logins: Vec<_> = users.iter().map(|(login, _)| login.as_str()).collect();
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
        check(
            b"login,name\nana,\nlogin,name\nbob,\nlogin\n",
            &["ana", "bob", "login"],
        );
        check("Nome;E-mail\nAna Lima;ana@x.br\n".as_bytes(), &["ana@x.br"]);
        check(b"nome\nana\n", &["ana"]);
        check(b"", &[]);
    }

    #[test]
    fn the_second_column_is_the_name() {
        let users = Users::parse("login;nome\nana; Ana \u{1b}Lima ;x\nbob\n".as_bytes()).unwrap();
        let mut names: Vec<_> = users.iter().map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["", "Ana ␛Lima"]);
        let users = "login;nome\nana;\"Ana\n\u{200b}Lima\u{202e}\"\nbob;\u{3164}\n";
        let users = Users::parse(users.as_bytes()).unwrap();
        let name = |login| users.name(&Login::parse(login).unwrap()).unwrap();
        assert_eq!(name("ana").as_str(), "Ana Lima\u{fffd}");
        assert!(name("bob").is_empty());
    }

    #[test]
    fn a_row_may_keep_what_was_before() {
        let of = |content: &str| {
            let users = Users::parse(content.as_bytes()).unwrap();
            let logins = ["ana", "bob", "carla"].map(|name| Login::parse(name).unwrap());
            (logins.map(|login| users.keeps(&login)), users)
        };
        let (kept, before) = of("login,name,history\nana,Ana,keep\nbob,Bob,\ncarla,Carla,all\n");
        assert_eq!(kept, [true, false, false]);
        let (kept, now) = of("login;histórico\nana;\nbob;Manter\n");
        assert_eq!(kept, [false, true, false]);
        assert_ne!(before, of("login,name\nana,Ana\nbob,Bob\ncarla,Carla\n").1);
        let (_, nobody) = of("zoe\n");
        let both = nobody.and(&now).unwrap();
        assert!(both.keeps(&Login::parse("bob").unwrap()));
    }

    #[test]
    fn a_row_may_say_that_its_user_administers_the_server() {
        let login = |name| Login::parse(name).unwrap();
        let users = Users::parse(b"login,name,role\nana,Ana,Admin\nbob,Bob,user\n").unwrap();
        assert!(users.is_admin(&login("ana")) && !users.is_admin(&login("bob")));
        let nobody = Users::parse(b"login,name,role\nana,Ana,\nbob,Bob,\n").unwrap();
        assert_ne!(users, nobody);
        // Who is there in both has the role of the newer one.
        assert!(!nobody.and(&users).unwrap().is_admin(&login("ana")));
        let others = Users::parse(b"carla\n").unwrap();
        assert!(others.and(&users).unwrap().is_admin(&login("ana")));
    }

    #[test]
    fn bad_lines_are_named() {
        check_bad(
            "login,name\nana,Ana\n,Bob\nana,Again\n\r\n\na b,Two\n",
            &[
                (
                    3,
                    "column 1, the login, is empty; fill it in or remove the line",
                ),
                (4, "ana is there already, on line 2; remove one"),
                (
                    7,
                    "' ' is not allowed in a login (letters, digits and . _ - + @ are)",
                ),
            ],
        );
    }

    #[test]
    fn a_line_that_is_written_in_another_way_than_the_first_is_explained() {
        let allowed = "(letters, digits and . _ - + @ are)";
        let sign = "between columns, use the same sign as in the first line";
        let reason = format!("';' is not allowed in a login {allowed}; {sign}");
        check_bad("login,name\nana,Ana\nbob;Bob\n", &[(3, &reason)]);
        let header = "if this is a header, call the column of the logins `login`";
        let reason = format!("' ' is not allowed in a login {allowed}; {header}");
        check_bad("Turma A;;\nana;Ana;\n", &[(1, &reason)]);
    }

    #[test]
    fn a_number_that_a_spreadsheet_has_shortened_is_no_login() {
        let reason = |number| {
            format!(
                "{number} is a number that a spreadsheet has shortened; format the column as text \
                 there, and write the number out"
            )
        };
        check_bad("ana\n2.02612E+11\n", &[(2, &reason("2.02612E+11"))]);
        check_bad("ana;A\n2,02612E+11;B\n", &[(2, &reason("2,02612E+11"))]);
        check(b"2e\nE+1\n2026123\n", &["2026123", "2e", "E+1"]);
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
