//! OpenAPI's own JSON Schema, fetched once by npm; and what a document does not keep of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Carries the schemas that the OpenAPI Initiative publishes.
const PACKAGE: &str = "@seriousme/openapi-schema-validator@2.11.0";
/// What npm says of that package, so that nothing else is taken for it.
const INTEGRITY: &str =
    "sha512-DL8TjmjkUS76OaK/TinoRtf6PrirsWfMZiv62ifP9eq3UOpoLqSGZKpCErxMzz0i1pjECSPYY+qZ1SRYEgiEvg==";

/// What is wrong with a document, by its place.
pub fn wrong(document: &Value) -> Vec<String> {
    let validator = jsonschema::options().build(&schema()).expect("OpenAPI's schema");
    let mut wrong: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let mut schemas = Vec::new();
    collect(document, &mut schemas);
    assert!(!schemas.is_empty(), "no schemas are found in the document");
    // What OpenAPI leaves to JSON Schema.
    wrong.extend(schemas.iter().filter_map(|schema| {
        let error = jsonschema::draft202012::meta::validate(schema).err()?;
        Some(format!("{schema}: {error}"))
    }));
    let mut references = Vec::new();
    self::references(document, &mut references);
    let leads = |reference: &&str| reference.strip_prefix('#').is_some_and(|at| document.pointer(at).is_some());
    wrong.extend(references.into_iter().filter(|reference| !leads(reference)).map(|at| format!("{at} leads nowhere")));
    wrong
}

/// All schemas of a document.
fn collect<'a>(json: &'a Value, schemas: &mut Vec<&'a Value>) {
    match json {
        Value::Object(fields) => {
            schemas.extend(fields.get("schema"));
            let named = fields.get("schemas").and_then(Value::as_object);
            schemas.extend(named.into_iter().flatten().map(|(_, schema)| schema));
            fields.values().for_each(|value| collect(value, schemas));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, schemas)),
        _ => {}
    }
}

/// All references in a document.
fn references<'a>(json: &'a Value, found: &mut Vec<&'a str>) {
    match json {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// The schema of OpenAPI 3.1. It is fetched once, to where a test's program stands: `target/release/deps`.
fn schema() -> Value {
    let program = std::env::current_exe().expect("a program");
    let target = program.ancestors().nth(3).expect("a target folder");
    let folder = target.join("tmp/openapi-schema-validator-2.11.0");
    let file = folder.join("package/schemas/v3.1/schema.json");
    if !file.exists() {
        fetch(&folder);
    }
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Unpacks the package beside its place and moves it there, so that half of it is never taken for the whole.
fn fetch(folder: &Path) {
    let new: PathBuf = folder.with_extension(format!("{}", std::process::id()));
    fs::create_dir_all(&new).expect("a folder");
    let packed = Command::new("npm").args(["pack", "--json", PACKAGE]).current_dir(&new).output();
    let packed = packed.unwrap_or_else(|error| {
        panic!("npm can't be run ({error}): install npm (Node.js); it fetches {PACKAGE}, once, to check the documents")
    });
    let said = String::from_utf8_lossy(&packed.stderr);
    assert!(packed.status.success(), "npm pack {PACKAGE} failed: see that npm reaches its registry\n{said}");
    let about: Value = serde_json::from_slice(&packed.stdout).expect("npm's words");
    assert_eq!(about[0]["integrity"], INTEGRITY, "{PACKAGE} is not the one that these tests were written with");
    let archive = about[0]["filename"].as_str().expect("a file's name");
    let unpacked = Command::new("tar").args(["xzf", archive]).current_dir(&new).status().expect("tar runs");
    assert!(unpacked.success(), "{archive} can't be unpacked");
    // Another process may have been first.
    if fs::rename(&new, folder).is_err() {
        assert!(folder.exists(), "{} can't be made", folder.display());
    }
}
