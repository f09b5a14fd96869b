//! How little a participant takes: what a service's author writes, and what they have to know.

use std::{collections::BTreeSet, fs};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Rust and SQL of the smallest complete service: files, and lines that are not blank. Tests are not counted.
const PARTICIPANT: (usize, usize) = (9, 150);
/// The whole file of two services in memory.
const EXAMPLE_LINES: usize = 80;
/// What the engine exports to a service.
const NAMES: usize = 40;
/// What it exports to a service's tests, in its module `testing`.
const NAMES_FOR_TESTS: usize = 10;

fn read(file: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{file}")).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(format!("{ROOT}/{folder}")).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    names.filter(|name| name.ends_with(ending)).map(|name| format!("{folder}/{name}")).collect()
}

/// Lines that are not blank, up to the tests: those stand at a file's end, or are named there.
fn lines(text: &str) -> usize {
    let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
    shipped.lines().filter(|line| !line.trim().is_empty()).count()
}

#[test]
fn a_participant_takes_a_page() {
    let of_rust = files("services/notification/src", ".rs").into_iter().filter(|file| !file.ends_with("tests.rs"));
    let counted: Vec<(String, usize)> = of_rust
        .chain(files("migrations/notification", ".sql"))
        .map(|file| (file.clone(), lines(&read(&file))))
        .collect();
    let (most_files, most_lines) = PARTICIPANT;
    let all: usize = counted.iter().map(|(_, lines)| lines).sum();
    assert!(
        counted.len() <= most_files && all <= most_lines,
        "notification has {} files and {all} lines; {most_files} and {most_lines} are the bars: let the engine do it\n\
         {counted:#?}",
        counted.len()
    );
    assert_eq!(lines("one\n\n  \ntwo\n#[cfg(test)]\nmod tests {\n}\n"), 2);
}

#[test]
fn two_services_in_memory_take_one_short_file() {
    let lines = read("shared/choreography/examples/minimal.rs").lines().count();
    assert!(lines <= EXAMPLE_LINES, "examples/minimal.rs has {lines} lines; {EXAMPLE_LINES} are the bar");
}

/// A crate's names, as paths: each that a `pub use` brings, each public item and macro, each public module and each
/// name in it. What is `#[doc(hidden)]` is for no service's author, and not counted. `module` answers a module's file.
fn names(text: &str, module: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut found = Vec::new();
    for item in items(text) {
        let before = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with("#[");
        let attributes = item.lines().take_while(before);
        if attributes.clone().any(|attribute| attribute.contains("#[doc(hidden)]")) {
            continue;
        }
        let code: Vec<&str> = item.lines().skip(attributes.count()).collect();
        let code = code.join("\n");
        let Some((kind, rest)) = code.trim_start().strip_prefix("pub ").and_then(|item| item.split_once(' ')) else {
            if let Some(name) =
                code.trim_start().strip_prefix("macro_rules! ").filter(|_| item.contains("#[macro_export]"))
            {
                found.push(name.split_whitespace().next().unwrap_or_default().to_owned());
            }
            continue;
        };
        if kind == "use" {
            used(rest.trim_end().trim_end_matches(';'), &mut found);
            continue;
        }
        let rest = rest.trim_start_matches("async ").trim_start_matches("fn ");
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        found.push(name.to_owned());
        if kind == "mod" {
            let inner = rest.split_once('{').and_then(|(_, inner)| inner.trim_end().strip_suffix('}'));
            let inner = inner.map_or_else(|| module(name), str::to_owned);
            found.extend(names(&inner, &|_| String::new()).into_iter().map(|inner| format!("{name}::{inner}")));
        }
    }
    found
}

/// What stands side by side in a file, without comments: each up to its semicolon or closing brace.
fn items(text: &str) -> Vec<String> {
    let (mut items, mut item, mut depth) = (Vec::new(), String::new(), 0_i32);
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        item = format!("{item}{line}\n");
        depth += line.chars().map(|c| i32::from(c == '{') - i32::from(c == '}')).sum::<i32>();
        if depth == 0 && line.trim_end().ends_with([';', '}']) {
            items.push(std::mem::take(&mut item));
        }
    }
    items
}

/// The names that `a::{b, c as d, e::{f, g}}` brings.
fn used(tree: &str, found: &mut Vec<String>) {
    if let Some((_, inner)) = tree.split_once('{') {
        let (mut depth, mut branch) = (0, String::new());
        for c in inner.trim_end().strip_suffix('}').unwrap_or(inner).chars().chain([',']) {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if c == ',' && depth == 0 {
                used(std::mem::take(&mut branch).trim(), found);
            } else {
                branch.push(c);
            }
        }
    } else if let Some(name) = tree.rsplit("::").next().and_then(|last| last.split(" as ").last()) {
        assert_ne!(name, "*", "{tree}: name what is exported, so that it can be counted");
        found.extend((!name.is_empty()).then(|| name.trim().to_owned()));
    }
}

#[test]
fn a_service_is_written_with_few_names() {
    let source = "shared/choreography/src";
    let module = |name: &str| read(&format!("{source}/{name}.rs"));
    let mut exported = names(&read(&format!("{source}/lib.rs")), &module);
    let others = files(source, ".rs").into_iter().filter(|file| !file.ends_with("lib.rs")).map(|file| read(&file));
    let macros = others.filter(|text| text.contains("#[macro_export]"));
    exported.extend(macros.flat_map(|text| {
        items(&text).into_iter().filter(|item| item.contains("#[macro_export]")).flat_map(|item| names(&item, &module))
    }));
    let exported: BTreeSet<String> = exported.into_iter().collect();
    for expected in ["Service", "Routes", "Runner", "program", "table", "testing", "testing::Given"] {
        assert!(exported.contains(expected), "{expected} is not found among {exported:?}");
    }
    let (tests, own): (Vec<_>, Vec<_>) = exported.iter().partition(|name| name.starts_with("testing::"));
    assert!(
        own.len() <= NAMES && tests.len() <= NAMES_FOR_TESTS,
        "{} names for a service and {} for its tests; {NAMES} and {NAMES_FOR_TESTS} are the bars: hide what no \
         service's author needs\n{exported:#?}",
        own.len(),
        tests.len()
    );
}

#[test]
fn names_are_counted_wherever_they_come_from() {
    let text = [
        "//! A crate.\nmod inner;\npub use inner::{One, deep::{Two, three as four}};",
        "#[doc(hidden)]\npub use inner::Five;",
        "#[cfg(feature = \"http\")]\n/// Six.\npub mod six {\n    pub use crate::Seven;",
        "    #[doc(hidden)]\n    pub use crate::Eight;\n}",
        "pub mod nine;\npub(crate) fn ten() {\n    let _ = 1;\n}\npub async fn eleven() {}",
        "#[macro_export]\nmacro_rules! twelve {\n    () => {};\n}\npub struct Thirteen {\n    pub field: u8,\n}\n",
    ];
    let module = |name: &str| {
        assert_eq!(name, "nine");
        "use std::fmt;\npub fn nine_and_a_half() {\n}\nimpl Ten {\n    pub fn hidden() {\n    }\n}\n".to_owned()
    };
    assert_eq!(
        names(&text.join("\n"), &module),
        ["One", "Two", "four", "six", "six::Seven", "nine", "nine::nine_and_a_half", "eleven", "twelve", "Thirteen"]
    );
}
