use mensageiro_protocol::{Name, trust::Fingerprint};

/// The longest label of a name in DNS, in bytes.
const LABEL_BYTES: usize = 63;

/// How many characters of the key's fingerprint are part of the names, so that no two servers have the same.
const TAG_CHARS: usize = 4;

/// How many characters of the key's fingerprint are announced.
pub(crate) const KEY_CHARS: usize = 16;

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What people call the server.
    pub name: Name,
    /// The first label of its host name, which ends in `.local`.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The version of its program.
    pub version: String,
    /// Whether a device or a program key is needed to log in.
    pub is_closed: bool,
    /// The beginning of its fingerprint.
    pub key: String,
}

impl Announcement {
    /// Of a server on the computer of this name. `name`: what people call it; empty: as the computer.
    ///
    /// The host name is not the computer's own, which the system may announce itself, with other addresses: it has a part of the
    /// key in it. So it stays the same as long as the server keeps its key and the computer its name.
    pub fn new(computer: &str, name: &Name, port: u16, is_closed: bool, key: Fingerprint) -> Self {
        let computer = computer.split('.').next().unwrap_or_default();
        let key = key.plain();
        let name = match name.is_empty() {
            true => Name::from(computer),
            false => name.clone(),
        };
        Self {
            name: match name.is_empty() {
                true => Name::from("MeuMensageiro"),
                false => name,
            },
            host: host_label(computer, &key),
            port,
            version: env!("CARGO_PKG_VERSION").into(),
            is_closed,
            key: key[..KEY_CHARS].to_owned(),
        }
    }

    /// `HOST.local:PORT`, as people may type it into the app.
    pub fn address(&self) -> String {
        format!("{}.local:{}", self.host, self.port)
    }

    /// The label that names the server among all others: its name, with a part of its key.
    pub(crate) fn label(&self) -> String {
        let tag = format!(" ({})", &self.key[..TAG_CHARS].to_lowercase());
        let name = self.name.as_str();
        let most = name.floor_char_boundary(LABEL_BYTES - tag.len());
        format!("{}{tag}", name[..most].trim_end())
    }
}

/// Small letters, digits and hyphens of the computer's name, and a part of the key.
fn host_label(computer: &str, key: &str) -> String {
    let mut label = String::new();
    for c in computer.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => label.push(c),
            _ if !label.is_empty() && !label.ends_with('-') => label.push('-'),
            _ => {}
        }
        if label.len() == LABEL_BYTES - 1 - TAG_CHARS {
            break;
        }
    }
    let label = match label.trim_end_matches('-') {
        "" => "mensageiro",
        label => label,
    };
    format!("{label}-{}", key[..TAG_CHARS].to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(computer: &str, name: &str) -> Announcement {
        let key = Fingerprint::of(b"abc");
        Announcement::new(computer, &Name::from(name), 3333, false, key)
    }

    #[test]
    fn names_are_those_of_the_computer_and_of_the_key() {
        for (computer, name, shown, host) in [
            ("Sala-3", "", "Sala-3", "sala-3-xj4b"),
            ("sala3.school.example", "", "sala3", "sala3-xj4b"),
            ("sala3", "Turma da Ana", "Turma da Ana", "sala3-xj4b"),
            ("José's PC!", "", "José's PC!", "jos-s-pc-xj4b"),
            ("", "", "MeuMensageiro", "mensageiro-xj4b"),
            ("计算机", " \u{200b}", "计算机", "mensageiro-xj4b"),
        ] {
            let said = of(computer, name);
            assert_eq!((said.name.as_str(), &*said.host), (shown, host));
            assert_eq!(said.label(), format!("{shown} (xj4b)"));
        }
        assert_eq!(of("sala3", "").address(), "sala3-xj4b.local:3333");
    }

    #[test]
    fn labels_are_never_longer_than_dns_allows() {
        for letter in ["a", "é", "机", "👍"] {
            let said = of(&letter.repeat(300), &letter.repeat(300));
            assert!(said.label().len() <= LABEL_BYTES && said.label().ends_with(" (xj4b)"));
            assert!((1..=LABEL_BYTES).contains(&said.host.len()));
        }
    }
}
