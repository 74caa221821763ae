//! Logins for people who are known by name.

use mensageiro_protocol::{Login, LoginError};

/// What a login may have in it besides letters and digits.
const AROUND: [char; 5] = ['.', '_', '-', '+', '@'];

/// The login of somebody with this name: `Ana Souza` becomes `ana.souza`. What is a login already stays as it is.
pub(super) fn login_of(name: &str) -> Result<Login, LoginError> {
    let name = name.trim();
    if let Ok(login) = Login::parse(name) {
        return Ok(login);
    }
    let words = name.to_lowercase();
    let words: Vec<String> = words
        .split_whitespace()
        .map(|word| {
            let is_kept = |c: &char| c.is_alphanumeric() || AROUND.contains(c);
            let kept: String = word.chars().filter(is_kept).collect();
            kept.trim_matches(AROUND).to_owned()
        })
        .filter(|word: &String| !word.is_empty())
        .collect();
    Login::parse(&words.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_a_login() {
        for (name, login) in [
            ("ana", "ana"),
            (" Ana ", "Ana"),
            ("Ana Souza", "ana.souza"),
            ("  João  D’Ávila ", "joão.dávila"),
            ("José (prof.) Lima", "josé.prof.lima"),
            ("@ana maria", "ana.maria"),
            ("Ana - Turma A", "ana.turma.a"),
        ] {
            assert_eq!(login_of(name).unwrap().as_str(), login, "{name}");
        }
        assert_eq!(login_of("  "), Err(LoginError::Empty));
        assert_eq!(login_of("!? …"), Err(LoginError::Empty));
        let long = "a ".repeat(60);
        assert!(matches!(login_of(&long), Err(LoginError::TooLong { .. })));
    }
}
