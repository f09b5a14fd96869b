//! The format: what is committed has it, and the JSON Schema and the program agree on what has not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use choreography_check::{Choreography, Kind, LIMIT, OWNERS, check};
use serde_json::{Value, json};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema() -> jsonschema::Validator {
    jsonschema::draft202012::new(&read(&Path::new(HERE).join("description.schema.json"))).unwrap()
}

/// The descriptions of a folder.
fn descriptions(folder: &str) -> Vec<(PathBuf, Value)> {
    let folder = Path::new(HERE).join(folder);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|of| of == "json") && !file.ends_with(OWNERS));
    let read: Vec<_> = files.map(|file| (file.clone(), read(&file))).collect();
    assert!(!read.is_empty(), "{}", folder.display());
    read
}

#[test]
fn what_is_committed_fits_the_schema() {
    let schema = schema();
    for folder in ["tests/trip", "tests/defect", "../../deploy/choreography"] {
        for (file, json) in descriptions(folder) {
            let wrong: Vec<String> =
                schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(wrong.is_empty(), "{}: {}", file.display(), wrong.join("\n"));
        }
    }
}

#[test]
fn the_schema_and_the_program_refuse_the_same() {
    let schema = schema();
    let contract = |key: &str, value: Value| {
        let mut contract = json!({ "topic": "visits", "owner": "desk", "version": 1 });
        contract[key] = value;
        json!({ "name": "desk", "writes": ["visits"], "publishes": ["visit.made"], "events": { "visit.made": contract } })
    };
    let line = |key: &str, value: Value| {
        let mut line = json!({ "from": "none", "on": "command visit" });
        line[key] = value;
        let table = json!({ "initial": "none", "states": ["none"], "ends": { "none": "over" }, "transitions": [line] });
        json!({ "name": "desk", "commands": ["visit"], "state_table": table })
    };
    let refused = [
        json!({ "name": 3 }),
        json!({ "reads": [] }),
        json!({ "name": "desk", "reads": "visits" }),
        json!({ "name": "desk", "visits": [] }),
        contract("version", json!("1")),
        contract("fields", json!({ "id": "uuid" })),
        contract("colour", json!("red")),
        line("from", json!(3)),
        line("then", json!("visit.made")),
        line("when", json!("never")),
    ];
    for json in refused {
        assert!(!schema.is_valid(&json), "the schema takes {json}");
        assert!(Choreography::parse([("desk.json", json.to_string().as_str())]).is_err(), "the program takes {json}");
    }
    let taken = [
        json!({ "name": "desk" }),
        contract("fields", json!({ "id": "string", "guests[].age": "integer?" })),
        contract("accepts", json!([1, 2])),
        line("then", json!([])),
        line("from", json!(["none"])),
    ];
    for json in taken {
        assert!(schema.is_valid(&json), "the schema refuses {json}");
        Choreography::parse([("desk.json", json.to_string().as_str())])
            .unwrap_or_else(|wrong| panic!("{wrong}: {json}"));
    }
}

/// The first block of this language in the page, from the place on where `after` stands.
fn block(page: &str, after: &str, language: &str) -> String {
    let page = page.split_once(after).unwrap_or_else(|| panic!("{after} is not in the page")).1;
    let block = page.split_once(&format!("```{language}\n")).unwrap().1;
    block.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_example_in_the_page_is_checked_and_finds_what_the_page_says() {
    let page = fs::read_to_string(Path::new(HERE).join("README.md")).unwrap();
    let example = block(&page, "## A description", "json");
    assert!(example.lines().count() <= 24, "the example is short");
    let json: Value = serde_json::from_str(&example).unwrap();
    assert!(schema().is_valid(&json));
    let report = check(&Choreography::parse([("loan.json", example.as_str())]).unwrap(), LIMIT);
    assert_eq!(report.to_string(), block(&page, "## What it says", "text"));
}

#[test]
fn the_page_names_each_kind() {
    let page = fs::read_to_string(Path::new(HERE).join("README.md")).unwrap();
    for kind in Kind::ALL {
        let line = format!("| `{kind}` | {} |", kind.means());
        assert!(page.contains(&line), "README.md lacks: {line}");
    }
}

#[test]
fn each_kind_is_planted() {
    let folder = Path::new(HERE).join("tests/faults");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let planted: String = files.collect();
    for kind in Kind::ALL {
        assert!(planted.contains(&format!("\"{kind} at ")), "no test plants {kind}");
    }
}
