//! The shop's own folders, and the program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let program = env!("CARGO_BIN_EXE_choreography-catalog");
    let Output { status, stdout, stderr } = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A copy of a folder, of the test's own.
fn copy(folder: &str, name: &str) -> PathBuf {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if to.exists() {
        fs::remove_dir_all(&to).unwrap();
    }
    fs::create_dir_all(&to).unwrap();
    for file in fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
    to
}

#[test]
fn the_shop_breaks_nothing_that_is_published() {
    let (code, out, err) = run(&["compare"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.starts_with("compared with ") && out.ends_with("nothing breaks\n"), "{out}");
}

#[test]
fn a_break_ends_with_1_names_the_reader_and_is_json_on_demand() {
    let schemas = copy("shared/contracts/schemas", "broken");
    let file = schemas.join("payment.refunded.v1.json");
    let text = fs::read_to_string(&file).unwrap().replace("\"refundId\"", "\"refund\"");
    fs::write(&file, text).unwrap();
    let arguments = ["--schemas", schemas.to_str().unwrap(), "compare"];
    let (code, out, _) = run(&arguments);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("field-missing in payment.refunded version 1, refundId: breaks inventory\n"), "{out}");
    let (code, out, _) = run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_str(&out).unwrap();
    let finding = report["findings"].as_array().unwrap().iter().find(|of| of["kind"] == "field-missing").unwrap();
    assert_eq!((&finding["breaks"], &finding["event"]), (&"inventory".into(), &"payment.refunded".into()));
    assert!(finding["do"].is_string() && finding["direction"].is_string());
    let published = copy("shared/contracts/published", "kept");
    let (code, out, _) = run(&[&["publish", "--published", published.to_str().unwrap()], &arguments[..2]].concat());
    assert_eq!(code, Some(1));
    assert!(out.ends_with("nothing was published\n"), "{out}");
}

#[test]
fn what_is_published_is_read_as_it_was_written() {
    let published = copy("shared/contracts/published", "again");
    // The first time it may be new: a schema is published once its release runs everywhere.
    let publish = |today: &str| {
        let (code, out, _) = run(&["publish", "--published", published.to_str().unwrap(), "--today", today]);
        assert_eq!(code, Some(0), "{out}");
        let files = fs::read_dir(&published).unwrap().count();
        (files, fs::read_to_string(published.join("record.json")).unwrap())
    };
    let first = publish("2030-01-01");
    assert_eq!(publish("2030-01-02"), first);
}

#[test]
fn a_folder_that_can_not_be_used_ends_with_2_and_is_named() {
    let (code, _, wrong) = run(&["compare", "--published", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(wrong.starts_with("nowhere: nothing is published there yet: `publish`"), "{wrong}");
    let (code, _, wrong) = run(&["compare", "--schemas", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(wrong.starts_with("nowhere: ") && wrong.contains("TYPE.vN.json"), "{wrong}");
    let schemas = copy("shared/contracts/schemas", "odd");
    fs::write(schemas.join("order.placed.json"), "{}").unwrap();
    let (code, _, wrong) = run(&["compare", "--schemas", schemas.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(wrong.contains("order.placed.json: the name says no event and version"), "{wrong}");
    let published = copy("shared/contracts/published", "cut");
    fs::write(published.join("record.json"), r#"{"events":[{"event":"a","version":"one"}]}"#).unwrap();
    let (code, _, wrong) = run(&["compare", "--published", published.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(wrong.contains("record.json: events[0].version: invalid type"), "{wrong}");
}

#[test]
fn a_document_that_is_not_as_it_would_be_written_ends_with_1() {
    let into = copy("deploy/choreography/asyncapi", "documents");
    let into = into.to_str().unwrap();
    assert_eq!(run(&["asyncapi", "--check", "--into", into]), (Some(0), String::new(), String::new()));
    fs::write(Path::new(into).join("order.json"), "{}").unwrap();
    fs::write(Path::new(into).join("gone.json"), "{}").unwrap();
    let (code, out, _) = run(&["asyncapi", "--check", "--into", into]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("order.json: is not what the descriptions") && out.contains("gone.json: is of nothing"),
        "{out}"
    );
    let (code, out, _) = run(&["asyncapi", "--into", into]);
    assert_eq!(code, Some(0));
    assert!(out.contains("5 files, 2 changed") && out.contains("gone.json"), "{out}");
}
