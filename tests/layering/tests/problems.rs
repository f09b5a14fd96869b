//! The page of the APIs has a row for each kind of problem that an API can answer with, and for none that is no more.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PAGE: &str = "shared/docs/api.md";
/// Where kinds are declared.
const SOURCES: [&str; 2] = ["shared/choreography/src/problem", "services"];

/// The names of kinds that a source declares: `new("name", StatusCode::…`, on one line or several.
fn declared(source: &str) -> BTreeSet<String> {
    let shipped = source.split("#[cfg(test)]").next().unwrap_or_default();
    let named = |rest: &str| {
        let (name, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        let status = rest.trim_start_matches([',', ' ', '\n']);
        status.starts_with("StatusCode::").then(|| name.to_owned())
    };
    shipped.split("::new(").skip(1).filter_map(named).collect()
}

/// The names that the page's tables have in their first column.
fn rows(page: &str) -> BTreeSet<String> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    cells.map(|(name, _)| name.to_owned()).collect()
}

/// What page and sources do not agree about. Each line says what to do.
fn wrong(declared: &BTreeSet<String>, rows: &BTreeSet<String>) -> Vec<String> {
    let missing = declared.difference(rows).map(|name| format!("{PAGE} has no row for {name}: say when it comes"));
    let gone = rows.difference(declared).map(|name| format!("no API answers {name}: take its row out of {PAGE}"));
    missing.chain(gone).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let nested = paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[test]
fn each_kind_of_problem_has_its_row_on_the_page_of_the_apis() {
    let read = |file: &Path| fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let files = SOURCES.iter().flat_map(|folder| sources(&Path::new(ROOT).join(folder)));
    let declared: BTreeSet<String> = files.flat_map(|file| declared(&read(&file))).collect();
    assert!(declared.contains("unavailable") && declared.contains("unknown-order"), "{declared:?}");
    let wrong = wrong(&declared, &rows(&read(&Path::new(ROOT).join(PAGE))));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_kind_without_a_row_and_a_row_without_a_kind_are_named() {
    let source = "const A: T = ProblemType::new(\n    \"one\",\n    StatusCode::OK, \"\");\nT::new(\"two\", StatusCode::OK);\nU::new(\"three\", 3)";
    let rows = rows("| `two` | 404 |\n| `four` | 404 |\n");
    assert_eq!(
        wrong(&declared(source), &rows),
        [
            "shared/docs/api.md has no row for one: say when it comes",
            "no API answers four: take its row out of shared/docs/api.md",
        ]
    );
}
