//! What source files may hold, and how long they may be.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use contracts::Event;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Enough for the longest thing that is one thing.
const MOST_LINES: usize = 450;

/// All Rust files under a folder of the project, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                found.push((path.strip_prefix(ROOT).unwrap_or(&path).to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {folder}");
    found
}

/// The part of a file that ships: unit tests stand at the end of theirs.
fn shipped(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(shipped, _)| shipped)
}

fn is_test(path: &Path) -> bool {
    let named = path.file_stem().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with("tests"));
    named || path.parent().is_some_and(|folder| folder.ends_with("src/testing"))
}

/// Lines with a string literal that begins like an event type.
fn mentions<'a>(text: &'a str, prefixes: &BTreeSet<String>) -> Vec<(usize, &'a str)> {
    let begins = |line: &str| prefixes.iter().any(|prefix| line.contains(&format!("\"{prefix}")));
    shipped(text).lines().enumerate().filter(|(_, line)| begins(line)).map(|(at, line)| (at + 1, line.trim())).collect()
}

/// What event types begin with: `order.` and so on.
fn prefixes() -> BTreeSet<String> {
    Event::TYPES.iter().filter_map(|name| name.split_once('.')).map(|(owner, _)| format!("{owner}.")).collect()
}

#[test]
fn the_engine_mentions_no_business_event() {
    let prefixes = prefixes();
    let mut found = Vec::new();
    let engine =
        ["choreography", "choreography-core", "choreography-kafka", "choreography-postgres", "choreography-simulator"];
    for (path, text) in engine.iter().flat_map(|crate_name| sources(&format!("shared/{crate_name}/src"))) {
        let lines = mentions(&text, &prefixes);
        found.extend(lines.into_iter().map(|(number, line)| format!("{}:{number}: {line}", path.display())));
    }
    let advice = "the engine knows no business event: decide about it in a service's rules, or let the service tell the \
                  engine what it needs in its routes";
    assert!(found.is_empty(), "{advice}\n{}", found.join("\n"));
}

#[test]
fn a_mention_is_found_where_it_ships() {
    let prefixes = prefixes();
    assert!(["order.", "inventory.", "payment.", "shipping."].iter().all(|prefix| prefixes.contains(*prefix)));
    let line = r#"if event_type == "payment.failed" {"#;
    assert_eq!(mentions(line, &prefixes), [(1, line)]);
    assert!(mentions(&format!("let order = 1;\n#[cfg(test)]\nmod tests {{\n{line}"), &prefixes).is_empty());
}

#[test]
fn no_source_file_is_too_long() {
    let all = ["deploy", "services", "shared", "tests"].into_iter().flat_map(sources);
    let long: Vec<String> = all
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(
        long.is_empty(),
        "no file over {MOST_LINES} lines: split these by what they are about\n{}",
        long.join("\n")
    );
}

/// Lines of code with rust-rdkafka's trait for reading headers, which unwraps every name as UTF-8.
fn header_readers(text: &str) -> Vec<usize> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let named = |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "Headers");
    if text.contains("rdkafka") { code.filter(|(_, line)| named(line)).map(|(at, _)| at + 1).collect() } else { vec![] }
}

#[test]
fn no_code_reads_headers_where_an_odd_name_ends_the_process() {
    let all = ["deploy", "services", "shared", "tests"].into_iter().flat_map(sources);
    let found = all.filter(|(path, _)| !path.ends_with("sources.rs")).flat_map(|(path, text)| {
        header_readers(&text).into_iter().map(move |line| format!("{}:{line}", path.display()))
    });
    let found: Vec<String> = found.collect();
    assert!(
        found.is_empty(),
        "read headers by choreography_kafka::headers, which takes names as bytes\n{}",
        found.join("\n")
    );
    assert_eq!(header_readers("// Headers\nuse rdkafka::message::{Headers, OwnedHeaders};"), [2]);
}

/// What a seeded schedule drives: the same seed must do the same thing on any day.
const DRIVEN: [&str; 4] = [
    "shared/choreography-core/src",
    "shared/choreography-simulator/src",
    "tests/simulation/src",
    "shared/contracts/src",
];
/// Files that may: what they read is handed on and never looked at, or no schedule drives them.
const MAY: [&str; 5] = [
    "tests/simulation/src/main.rs",
    "shared/choreography-core/src/handler/mod.rs",
    "shared/choreography-core/src/event_id.rs",
    "shared/choreography-core/src/progress.rs",
    "shared/choreography-core/src/trace.rs",
];

#[test]
fn nothing_that_a_seeded_schedule_drives_reads_a_clock_or_draws_at_random() {
    // The rules; what surrounds them stands in folders and in these files.
    const AROUND: [&str; 5] = ["main", "settings", "http", "store", "idempotency"];
    let rules = sources("services").into_iter().filter(|(path, _)| {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let sandbox = path.starts_with("services/sandbox");
        path.parent().is_some_and(|folder| folder.ends_with("src")) && !sandbox && !AROUND.contains(&name)
    });
    let driven = DRIVEN.into_iter().flat_map(sources).chain(rules);
    let reads = |line: &str| ["::now()", "now_v7(", ".elapsed()", "new_v4("].iter().any(|call| line.contains(call));
    let mut found = Vec::new();
    for (path, text) in driven.filter(|(path, _)| !MAY.iter().any(|may| path.ends_with(may)) && !is_test(path)) {
        let lines = shipped(&text).lines().enumerate().filter(|(_, line)| reads(line));
        found.extend(lines.map(|(at, line)| format!("{}:{}: {}", path.display(), at + 1, line.trim())));
    }
    let advice = "take the moment from the transaction and randomness from the id source";
    assert!(found.is_empty(), "{advice}\n{}", found.join("\n"));
}

/// Types that are errors: they derive the trait by thiserror, or implement it.
fn errors(text: &str) -> Vec<&str> {
    let (mut found, mut derives) = (Vec::new(), false);
    for line in text.lines().map(str::trim_start) {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        derives |= line.starts_with("#[derive(") && words.contains(&"Error");
        let type_at = words.iter().position(|word| matches!(*word, "enum" | "struct"));
        if let Some(at) = type_at.filter(|_| derives && !line.starts_with(['#', '/'])) {
            found.extend(words.get(at + 1));
            derives = false;
        }
        if line.starts_with("impl") && line.contains("Error for ") {
            found.extend(line.split("Error for ").nth(1).and_then(|rest| rest.split([' ', '<', '{']).next()));
        }
    }
    found
}

#[test]
fn every_error_is_called_one() {
    let all = ["deploy", "services", "shared", "tests"].into_iter().flat_map(sources);
    let found: Vec<String> = all
        .filter(|(path, _)| !path.ends_with("sources.rs"))
        .flat_map(|(path, text)| {
            let odd = errors(&text).into_iter().filter(|name| !name.ends_with("Error"));
            odd.map(|name| format!("{}: {name}", path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(found.is_empty(), "errors have one suffix: end these names in Error\n{}", found.join("\n"));
    let text = "#[derive(Debug, thiserror::Error)]\n#[error(\"x\")]\npub struct Wrong(u8);\nstruct Right;\nimpl Error for Odd {}";
    assert_eq!(errors(text), ["Wrong", "Odd"]);
}
