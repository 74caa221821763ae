//! Finds out from the first row which column is which.

use mensageiro_protocol::{Login, LoginError};

/// Words for the login itself. Here and below: without punctuation, spaces and capital letters.
const LOGIN: &[&str] = &[
    "login",
    "logins",
    "loginname",
    "user",
    "users",
    "userid",
    "username",
    "usernames",
    "usuario",
    "usuarios",
    "usuário",
    "usuários",
    "utilizador",
    "utilizadores",
    "nomedeusuario",
    "nomedeusuário",
    "nomedousuario",
    "nomedousuário",
];

/// Words for a column that can serve as login if there is no login column.
const IDENTIFIER: &[&str] = &[
    "matricula",
    "matrícula",
    "matriculas",
    "matrículas",
    "email",
    "emails",
    "emailaddress",
    "endereçodeemail",
    "enderecodeemail",
    "studentid",
    "idnumber",
    "id",
];

/// Like `IDENTIFIER`, but words that could also be somebody's login.
const CODE: &[&str] = &["ra", "codigo", "código"];

/// Words for the name that others see. Nobody has such a login.
const NAME: &[&str] = &[
    "nome",
    "nomes",
    "nomecompleto",
    "nomedoaluno",
    "nomedaaluna",
    "name",
    "names",
    "fullname",
    "firstname",
    "displayname",
];

/// Further words that nobody has as a login, so they make a header in any column.
const UNMISTAKABLE: &[&str] = &[
    "login",
    "username",
    "nomedeusuario",
    "nomedeusuário",
    "matricula",
    "matrícula",
    "email",
    "emailaddress",
    "endereçodeemail",
    "enderecodeemail",
];

const GROUP: &[&str] = &[
    "group", "groups", "grupo", "grupos", "turma", "turmas", "equipe", "equipes", "class",
    "classe", "team",
];

const MEMBER: &[&str] = &[
    "member",
    "members",
    "membro",
    "membros",
    "integrante",
    "integrantes",
    "participante",
    "participantes",
    "pessoa",
    "student",
    "students",
    "estudante",
    "estudantes",
    "aluno",
    "alunos",
    "aluna",
    "alunas",
];

/// What a row says about messages from before, if the login or group was gone for a while.
const HISTORY: &[&str] = &["history", "historico", "histórico"];

/// In this column: it is who it was before.
const KEEP: &[&str] = &["keep", "manter"];

/// What a user may do: administer the server, or in `groups.csv` the group.
const ROLE: &[&str] = &[
    "role", "roles", "papel", "papeis", "papéis", "função", "funcao", "perfil",
];

/// In this column: an administrator.
const ADMIN: &[&str] = &[
    "admin",
    "admins",
    "adm",
    "administrator",
    "administrador",
    "administradora",
];

/// The columns of `users.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UserColumns {
    pub(super) login: usize,
    pub(super) name: Option<usize>,
    pub(super) history: Option<usize>,
    pub(super) role: Option<usize>,
}

impl UserColumns {
    /// The columns of a file without a header.
    pub(super) const PLAIN: Self = Self {
        login: 0,
        name: Some(1),
        history: None,
        role: None,
    };

    /// The columns according to the first row, if it is a header.
    pub(super) fn of(row: &[&str]) -> Option<Self> {
        let words = words(row);
        let first = words.first()?.as_str();
        let is_one_of =
            |word: &str, lists: &[&[&str]]| lists.iter().any(|list| list.contains(&word));
        let says = |word: &String| is_one_of(word, &[NAME, UNMISTAKABLE]);
        // Further columns belong to the user of the file: `ana,Ana,email` says how to reach Ana.
        let is_anybody = Login::parse(row[0]).is_ok();
        let any = [LOGIN, IDENTIFIER, CODE, NAME, UNMISTAKABLE];
        let count = words.iter().filter(|word| is_one_of(word, &any)).count();
        let is_header = is_one_of(first, &[LOGIN, IDENTIFIER, NAME])
            || words.get(1).is_some_and(says)
            || (words.iter().any(says) && (!is_anybody || count > 1));
        if !is_header {
            return None;
        }
        let column = |list: &[&str]| words.iter().position(|word| list.contains(&word.as_str()));
        let login = column(LOGIN)
            .or_else(|| column(IDENTIFIER))
            .or_else(|| column(CODE))
            .unwrap_or(0);
        let name = column(NAME).filter(|&name| name != login);
        let (history, role) = (column(HISTORY), column(ROLE));
        let second = || {
            (login == 0
                && history != Some(1)
                && role != Some(1)
                && words
                    .get(1)
                    .is_none_or(|word| !IDENTIFIER.contains(&word.as_str())))
            .then_some(1)
        };
        Some(Self {
            login,
            name: name.or_else(second),
            history,
            role,
        })
    }
}

/// The columns of `groups.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupColumns {
    pub(super) group: usize,
    pub(super) member: usize,
    pub(super) history: Option<usize>,
    pub(super) role: Option<usize>,
}

impl GroupColumns {
    /// The columns of a file without a header.
    pub(super) const PLAIN: Self = Self {
        group: 0,
        member: 1,
        history: None,
        role: None,
    };

    /// The columns according to the first row, if it is a header. A row with a user in the second
    /// column is not a header, so a group may be called `turma`.
    pub(super) fn of(row: &[&str], is_user: impl Fn(&Login) -> bool) -> Option<Self> {
        let second = row.get(1).map(|field| Login::parse(field));
        if matches!(&second, Some(Ok(login)) if is_user(login)) {
            return None;
        }
        let words = words(row);
        let group = words
            .iter()
            .position(|word| GROUP.contains(&word.as_str()))?;
        let column = |list: &[&str]| words.iter().position(|word| list.contains(&word.as_str()));
        let (history, role) = (column(HISTORY), column(ROLE));
        if group == 0 && matches!(second, Some(Err(reason)) if reason != LoginError::Empty) {
            return Some(Self {
                history,
                role,
                ..Self::PLAIN
            });
        }
        let lists = [LOGIN, MEMBER, IDENTIFIER, CODE, NAME];
        let member = lists.iter().find_map(|list| {
            let is_member =
                |(column, word): (usize, &String)| column != group && list.contains(&word.as_str());
            words.iter().enumerate().position(is_member)
        })?;
        Some(Self {
            group,
            member,
            history,
            role,
        })
    }
}

/// Whether a row wants to keep what was before.
pub(super) fn keeps(row: &[&str], history: Option<usize>) -> bool {
    says(row, history, KEEP)
}

/// Whether a row makes an administrator of its user.
pub(super) fn is_admin(row: &[&str], role: Option<usize>) -> bool {
    says(row, role, ADMIN)
}

fn says(row: &[&str], column: Option<usize>, words_for_it: &[&str]) -> bool {
    let field = column.and_then(|column| row.get(column));
    field
        .is_some_and(|field| words_for_it.contains(&words(std::slice::from_ref(field))[0].as_str()))
}

/// The columns that apply to the rows of a file.
pub(super) struct Columns<C> {
    plain: C,
    known: Option<C>,
    header: Option<Vec<String>>,
}

impl<C: Copy> Columns<C> {
    /// For a file whose first row comes next; `plain` applies if that is not a header.
    pub(super) fn new(plain: C) -> Self {
        Self {
            plain,
            known: None,
            header: None,
        }
    }

    /// The columns that apply to rows from now on.
    pub(super) fn of_rows(&self) -> C {
        self.known.unwrap_or(self.plain)
    }

    /// Whether the first row was a header.
    pub(super) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// The columns that apply to this row; `None` for a header. A header can occur again where
    /// files were joined.
    pub(super) fn of_row(&mut self, row: &[&str], header: impl FnOnce() -> Option<C>) -> Option<C> {
        if self.known.is_none() {
            let header = header();
            self.known = header.or(Some(self.plain));
            self.header = header.map(|_| row.iter().map(|field| field.to_string()).collect());
        }
        let is_header = |header: &Vec<String>| header.iter().eq(row);
        self.known
            .filter(|_| !self.header.as_ref().is_some_and(is_header))
    }
}

/// The fields in the form of the lists above. Only their first 64 characters count: no word is
/// longer.
fn words(row: &[&str]) -> Vec<String> {
    let word = |field: &&str| {
        let letters = field.chars().take(64).filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    row.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(row: &str) -> Vec<&str> {
        row.split(',').collect()
    }

    fn check_users(row: &str, expected: Option<(usize, Option<usize>)>) {
        let found = UserColumns::of(&fields(row));
        assert_eq!(
            found.map(|found| (found.login, found.name)),
            expected,
            "{row}"
        );
    }

    fn check_groups(row: &str, expected: Option<(usize, usize)>) {
        let is_user = |login: &Login| ["ana", "aluno", "user"].contains(&login.as_str());
        let found = GroupColumns::of(&fields(row), is_user);
        assert_eq!(
            found.map(|found| (found.group, found.member)),
            expected,
            "{row}"
        );
    }

    #[test]
    fn a_header_says_which_column_is_the_login() {
        for row in [
            "login,name",
            "Usuário,Curso",
            "nome",
            "Matrícula,Nome",
            "email,x",
            "ID,Nome",
            "User-Name,",
        ] {
            check_users(row, Some((0, Some(1))));
        }
        check_users("nome,login", Some((1, Some(0))));
        check_users("id,login,nome", Some((1, Some(2))));
        check_users("Nome Completo,E-mail", Some((1, Some(0))));
        check_users("turma,nome,matricula", Some((2, Some(1))));
        check_users("RA,Nome", Some((0, Some(1))));
        check_users("Nome,Sobrenome,Endereço de email", Some((2, Some(0))));
        check_users("Nº,Nome,RA,Login", Some((3, Some(1))));
        check_users("Nº,Nome,RA", Some((2, Some(1))));
        check_users("apelido,nome", Some((0, Some(1))));
        check_users("login,email", Some((0, None)));
        check_users("nome,curso", Some((0, Some(1))));
    }

    #[test]
    fn a_column_may_say_that_what_was_before_is_kept() {
        for (row, history) in [
            ("login,name,history", Some(2)),
            ("Histórico;Usuário;Nome", Some(0)),
            ("login,history", Some(1)),
            ("login,name,x", None),
        ] {
            let row: Vec<_> = row.split([',', ';']).collect();
            let found = UserColumns::of(&row).unwrap();
            assert_eq!(found.history, history, "{row:?}");
            assert_ne!(found.name, history.or(Some(9)), "{row:?}");
        }
        for (row, history) in [
            ("group,member,history", Some(2)),
            ("history,login,turma", Some(0)),
            ("Turma,quem participa,histórico", Some(2)),
        ] {
            let found = GroupColumns::of(&fields(row), |_| false).unwrap();
            assert_eq!(found.history, history, "{row}");
        }
        let row = ["ana", "Ana", " Keep. "];
        assert!(keeps(&row, Some(2)) && !keeps(&row, Some(1)));
        assert!(!keeps(&row, Some(3)) && !keeps(&row, None));
    }

    #[test]
    fn a_column_may_say_who_administers() {
        for (row, role) in [
            ("login,name,role", Some(2)),
            ("Papel;Usuário;Nome", Some(0)),
            ("login,role", Some(1)),
            ("login,Função,nome", Some(1)),
            ("login,name", None),
        ] {
            let row: Vec<_> = row.split([',', ';']).collect();
            let found = UserColumns::of(&row).unwrap();
            assert_eq!(found.role, role, "{row:?}");
            assert_ne!(found.name, role.or(Some(9)), "{row:?}");
        }
        let found = GroupColumns::of(&fields("turma,aluno,papel,histórico"), |_| false).unwrap();
        assert_eq!((found.role, found.history), (Some(2), Some(3)));
        for word in ["admin", "Admin", " ADMIN ", "administradora", "adm."] {
            assert!(is_admin(&["ana", word], Some(1)), "{word}");
        }
        for word in ["", "user", "no admin", "administration"] {
            assert!(!is_admin(&["ana", word], Some(1)), "{word}");
        }
        assert!(!is_admin(&["admin"], None) && !is_admin(&["ana"], Some(1)));
    }

    #[test]
    fn a_row_of_a_user_is_no_header() {
        for row in [
            "ana",
            "ana,Ana",
            "ana,User",
            "teste,Usuario",
            "aluno,Aluno",
            "ra,Ra",
            "n,",
            "id2,x",
            "ana,Ana,email",
            "bruno,Bruno Lima,x,login",
        ] {
            check_users(row, None);
        }
    }

    #[test]
    fn a_group_called_like_a_header_is_a_group() {
        check_groups("group,member", Some((0, 1)));
        check_groups("Turma,Matrícula", Some((0, 1)));
        check_groups("membro,grupo", Some((1, 0)));
        check_groups("nome,login,turma", Some((2, 1)));
        check_groups("Turma,quem participa", Some((0, 1)));
        check_groups("turma,ana", None);
        check_groups("turma,aluno", None);
        check_groups("class,user", None);
        check_groups("turma,zoe", None);
        check_groups("a,ana", None);
    }
}
