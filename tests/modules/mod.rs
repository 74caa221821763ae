//! Which modules of a crate use each other in a circle, read from its sources.
//!
//! Modules of the same parent are compared, with all that is below them. What a module uses of its
//! own parent does not count: a folder and its `mod.rs` are one piece.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

/// A module by the names that lead to it from the crate's root.
type Name = Vec<String>;

/// Modules that use each other in a circle.
#[derive(Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The module they are in; empty for the crate itself.
    pub parent: String,
    /// Their names.
    pub members: BTreeSet<String>,
    /// What makes it a circle: `from -> path`.
    uses: Vec<String>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: Vec<_> = self.members.iter().map(String::as_str).collect();
        writeln!(f, "in {:?}: {}", self.parent, members.join(", "))?;
        self.uses
            .iter()
            .try_for_each(|uses| writeln!(f, "    {uses}"))
    }
}

/// The cycles among the modules below this `src` folder. Tests are left out.
pub fn cycles(src: &Path) -> Vec<Cycle> {
    let mut sources = BTreeMap::new();
    read(src, &[], &mut sources);
    let modules: BTreeSet<Name> = sources.keys().cloned().collect();
    let mut crate_ = Crate {
        modules,
        names: BTreeMap::new(),
        uses: Vec::new(),
    };
    for (module, source) in &sources {
        crate_.add(module, &tokens(source));
    }
    crate_.cycles()
}

/// Reads the sources of a folder, which is this module.
fn read(folder: &Path, module: &[String], sources: &mut BTreeMap<Name, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_test = stem == "tests" || stem.ends_with("_tests");
        let mut name = module.to_vec();
        if !["mod", "lib", "main"].contains(&&*stem) {
            name.push(stem);
        }
        if is_test {
            continue;
        } else if path.is_dir() {
            read(&path, &name, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            sources.entry(name).or_default().push_str(&source);
        }
    }
}

/// Words, `::` and other signs of a source, without its comments and the tests at its end.
fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let code = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    for mut rest in lines.map(|line| line.split(" // ").next().unwrap_or_default()) {
        while let Some(first) = rest.chars().next() {
            let length = match rest.find(|c: char| !is_word(c)) {
                Some(0) if rest.starts_with("::") => 2,
                Some(0) => first.len_utf8(),
                Some(end) => end,
                None => rest.len(),
            };
            tokens.extend((!first.is_whitespace()).then_some(&rest[..length]));
            rest = &rest[length..];
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The modules of a crate and what they use.
struct Crate {
    modules: BTreeSet<Name>,
    /// What a name stands for that a module has imported or exported again.
    names: BTreeMap<(Name, String), Name>,
    /// A module, and the full path of something it uses.
    uses: Vec<(Name, Name)>,
}

impl Crate {
    /// Adds what a module imports, exports again and names by its path.
    fn add(&mut self, module: &[String], tokens: &[&str]) {
        let mut at = 0;
        while at < tokens.len() {
            let is_export = at > 0 && ["pub", ")"].contains(&tokens[at - 1]);
            let after_path = at > 0 && tokens[at - 1] == "::";
            if tokens[at] == "use" {
                let mut imports = Vec::new();
                at = self.read_imports(tokens, at + 1, &[], &mut imports);
                for (path, name) in imports {
                    if let Some(full) = self.full(module, &path) {
                        let key = (module.to_vec(), name);
                        self.names.insert(key, full.clone());
                        if !is_export {
                            self.uses.push((module.to_vec(), full));
                        }
                    }
                }
            } else if tokens.get(at + 1) == Some(&"::") && !after_path {
                let mut path = vec![tokens[at].to_owned()];
                at += 1;
                while tokens.get(at) == Some(&"::") {
                    path.extend(tokens.get(at + 1).map(|word| (*word).to_owned()));
                    at += 2;
                }
                let full = self.full(module, &path);
                self.uses.extend(full.map(|full| (module.to_vec(), full)));
            } else {
                at += 1;
            }
        }
    }

    /// Reads one branch of `a::{b, c as d}`: each path with the name it gets here. Gives the place
    /// behind it.
    fn read_imports(
        &self,
        tokens: &[&str],
        mut at: usize,
        before: &[String],
        imports: &mut Vec<(Name, String)>,
    ) -> usize {
        let mut path = before.to_vec();
        loop {
            match tokens[at] {
                "{" => {
                    at += 1;
                    while tokens[at] != "}" {
                        at = self.read_imports(tokens, at, &path, imports);
                        at += usize::from(tokens[at] == ",");
                    }
                    return at + 1;
                }
                "self" if !path.is_empty() => {}
                word => path.push(word.to_owned()),
            }
            at += 1;
            if tokens[at] == "::" {
                at += 1;
                continue;
            }
            let mut name = path.last().cloned().unwrap_or_default();
            if tokens[at] == "as" {
                name = tokens[at + 1].to_owned();
                at += 2;
            }
            imports.push((path, name));
            return at;
        }
    }

    /// The path from the crate's root; none if it leads into another crate.
    fn full(&self, module: &[String], path: &[String]) -> Option<Name> {
        let ups = path.iter().take_while(|word| *word == "super").count();
        let (base, rest) = match &*path[0] {
            "crate" => (&[][..], &path[1..]),
            "self" => (module, &path[1..]),
            "super" => (&module[..module.len().checked_sub(ups)?], &path[ups..]),
            child => {
                let is_child = self
                    .modules
                    .contains(&[module, &[child.to_owned()]].concat());
                (is_child.then_some(module)?, path)
            }
        };
        Some([base, rest].concat())
    }

    /// The module in which the last word of a path is defined.
    fn home(&self, path: &[String], patience: usize) -> Name {
        let mut module = Name::new();
        for (at, word) in path.iter().enumerate() {
            module.push(word.clone());
            if !self.modules.contains(&module) {
                module.pop();
                let named = self.names.get(&(module.clone(), word.clone()));
                return match named {
                    Some(named) if patience > 0 => {
                        self.home(&[named, &path[at + 1..]].concat(), patience - 1)
                    }
                    _ => module,
                };
            }
        }
        module
    }

    fn cycles(&self) -> Vec<Cycle> {
        // For each parent: which child uses which other, and where.
        let mut parents = BTreeMap::<Name, BTreeMap<(String, String), BTreeSet<String>>>::new();
        for (module, path) in &self.uses {
            let home = self.home(path, 8);
            let shared = module.iter().zip(&home).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (module.get(shared), home.get(shared)) {
                let children = parents.entry(home[..shared].to_vec()).or_default();
                let uses = children.entry((from.clone(), to.clone())).or_default();
                uses.insert(format!("{} -> {}", module.join("::"), path.join("::")));
            }
        }
        let mut cycles = Vec::new();
        for (parent, children) in parents {
            let mut reached: BTreeSet<(String, String)> = children.keys().cloned().collect();
            loop {
                let next = reached.iter().flat_map(|(a, b)| {
                    let further = reached.iter().filter(move |(from, _)| from == b);
                    further.map(move |(_, c)| (a.clone(), c.clone()))
                });
                let next: BTreeSet<_> = next.chain(reached.clone()).collect();
                if next.len() == reached.len() {
                    break;
                }
                reached = next;
            }
            let both = |a: &String, b: &String| {
                reached.contains(&(a.clone(), b.clone()))
                    && reached.contains(&(b.clone(), a.clone()))
            };
            let mut left: BTreeSet<_> = children.keys().map(|(from, _)| from.clone()).collect();
            left.retain(|name| both(name, name));
            while let Some(first) = left.first().cloned() {
                let members: BTreeSet<_> = left
                    .iter()
                    .filter(|name| both(name, &first))
                    .cloned()
                    .collect();
                left.retain(|name| !members.contains(name));
                let inside = children
                    .iter()
                    .filter(|((a, b), _)| members.contains(a) && members.contains(b));
                cycles.push(Cycle {
                    parent: parent.join("::"),
                    uses: inside.flat_map(|(_, uses)| uses.clone()).collect(),
                    members,
                });
            }
        }
        cycles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, source).unwrap();
        }
        let found = cycles(folder.path());
        let found: Vec<String> = found
            .iter()
            .map(|cycle| {
                let members: Vec<_> = cycle.members.iter().cloned().collect();
                format!("{}: {}", cycle.parent, members.join(" "))
            })
            .collect();
        assert_eq!(found, expected, "{files:?}");
    }

    #[test]
    fn modules_that_use_each_other_are_found_however_they_say_it() {
        let root = ("lib.rs", "mod a; mod b;\npub use a::{One, inner::Two};");
        let inner = ("a/inner.rs", "pub struct Two;");
        check(
            &[root, ("a/mod.rs", "use crate::b;"), inner, ("b.rs", "")],
            &[],
        );
        for uses in [
            "use crate::a::One;",
            "use super::{fmt, a};",
            "use crate::One as Other;",
            "fn f() { crate::Two::new() }",
            "use crate::{x::{self, Y}, Two};",
        ] {
            let a = ("a/mod.rs", "use crate::b;");
            check(&[root, a, inner, ("b.rs", uses)], &[": a b"]);
        }
    }

    #[test]
    fn circles_of_three_and_below_other_modules_are_found() {
        check(
            &[
                ("main.rs", "mod a;"),
                ("a/mod.rs", "mod x; mod y; mod z; pub struct Own;"),
                ("a/x.rs", "use super::{Own, y};"),
                ("a/y.rs", "fn f() { super::z::g() }"),
                ("a/z.rs", "use super::x::X;"),
            ],
            &["a: x y z"],
        );
    }

    #[test]
    fn comments_tests_parents_and_other_crates_are_no_uses() {
        check(
            &[
                ("lib.rs", "mod a; mod b; pub struct Own;"),
                ("a.rs", "use crate::{Own, b};"),
                (
                    "b.rs",
                    "//! See [`crate::a`].\nuse std::a; // crate::a\n#[cfg(test)]\nmod tests {\n use crate::a; }",
                ),
                ("b_tests.rs", "use crate::a;"),
            ],
            &[],
        );
    }
}
