//! Names that a service can bear: program, database, role, Kafka user, consumer group, folder and host are called so.

use std::{fs, path::Path};

use crate::PlanError;

const LONGEST: usize = 30;
/// Rust's own words and crates.
const OF_RUST: &[&str] = &[
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue", "core", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "std", "struct",
    "super", "test", "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual", "where",
    "while", "yield",
];
/// Users of Kafka, roles of PostgreSQL, databases and readers of secrets that there are already; and the template.
const OF_OTHERS: &[&str] = &[
    "admin",
    "anonymous",
    "broker",
    "kafka",
    "load",
    "newcomer",
    "operator",
    "originals",
    "postgres",
    "prometheus",
    "public",
    "sandbox",
    "secrets",
    "template0",
    "template1",
];

/// Whether a service can be called so here.
pub(crate) fn check(root: &Path, name: &str) -> Result<(), PlanError> {
    let refuse = |why: String| Err(PlanError(why));
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !(2..=LONGEST).contains(&name.len()) || !begins || !name.chars().all(fits) {
        return refuse(format!(
            "{name:?} cannot be a service's name: take 2 to {LONGEST} of a-z and 0-9, the first a letter, such as loyalty"
        ));
    }
    if OF_RUST.contains(&name) {
        return refuse(format!("{name} is a word of Rust, and cannot be the name of a package: choose another name"));
    }
    if OF_OTHERS.contains(&name) || is_there(root, name) {
        return refuse(format!("{name} is taken already: choose another name"));
    }
    if let Some(there) = places(name).into_iter().find(|place| is_used(&root.join(place))) {
        return refuse(format!("{there} exists already: choose another name, or remove what is left of it"));
    }
    Ok(())
}

/// Where a service of this name stands.
pub(crate) fn places(name: &str) -> [String; 5] {
    [
        format!("services/{name}"),
        format!("migrations/{name}"),
        format!("deploy/choreography/{name}.json"),
        format!("deploy/compose/{name}.yml"),
        format!("deploy/k8s/base/{name}"),
    ]
}

/// An empty folder may be filled.
fn is_used(place: &Path) -> bool {
    place.is_file() || fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some())
}

/// A package of the build, or a container of compose.
fn is_there(root: &Path, name: &str) -> bool {
    let text = |file: &Path| fs::read_to_string(file).unwrap_or_default();
    let package = format!("name = \"{name}\"");
    let container = format!("  {name}:");
    let compose = fs::read_dir(root.join("deploy/compose")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut compose = compose.chain([root.join("deploy/docker-compose.yml")]);
    text(&root.join("Cargo.lock")).lines().any(|line| line == package)
        || compose.any(|file| text(&file).lines().any(|line| line.trim_end() == container))
}
