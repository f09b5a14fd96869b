//! The program: what it prints, and how it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use choreography_check::Kind;
use serde_json::Value;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_choreography-check")).args(arguments).current_dir(HERE).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_clean_choreography_ends_with_0_and_what_was_explored() {
    let (code, out, _) = run(&["tests/trip"]);
    assert_eq!(code, Some(0), "{out}");
    let first = "explored flight, hotel, trip: 610 states, 1756 steps, all orders\n";
    assert!(out.starts_with(first) && out.ends_with("nothing found\n"), "{out}");
}

#[test]
fn a_finding_says_where_why_by_which_order_and_what_to_do() {
    let (code, out, _) =
        run(&["tests/trip/owners.json", "tests/trip/trip.json", "tests/trip/flight.json", "tests/defect/hotel.json"]);
    assert_eq!(code, Some(1), "{out}");
    let expected = fs::read_to_string(Path::new(HERE).join("tests/defect/report.txt")).unwrap();
    assert_eq!(out, expected);
}

#[test]
fn the_report_is_json_on_demand() {
    let files = ["tests/trip/owners.json", "tests/trip/trip.json", "tests/trip/flight.json", "tests/defect/hotel.json"];
    let (code, out, _) = run(&[&["--json"], &files[..]].concat());
    assert_eq!(code, Some(1), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(finding["kind"], "no-compensation");
    assert_eq!((&finding["where"]["service"], &finding["where"]["at"]), (&"hotel".into(), &"hotel.held".into()));
    assert_eq!(finding["file"], "tests/defect/hotel.json");
    assert!(finding["order"].as_array().is_some_and(|order| !order.is_empty()));
    assert!(finding["do"].is_string() && finding["what"].is_string());
    assert_eq!(report["explored"][0]["complete"], true);
}

#[test]
fn each_kind_is_explained() {
    let (code, all, _) = run(&["--explain", "all"]);
    assert_eq!(code, Some(0));
    for kind in Kind::ALL {
        let (code, out, _) = run(&["--explain", kind.name()]);
        assert_eq!(code, Some(0));
        assert!(out.starts_with(kind.name()) && out.contains(kind.fix()) && all.contains(&out), "{out}");
    }
    let (code, _, wrong) = run(&["--explain", "gremlins"]);
    assert_eq!(code, Some(2));
    assert!(wrong.starts_with("gremlins is no kind of findings; there are: all, not-explored, "), "{wrong}");
}

#[test]
fn what_can_not_be_read_ends_with_2_and_names_the_path() {
    let (code, _, wrong) = run(&["tests/nowhere"]);
    assert_eq!(code, Some(2));
    assert!(wrong.starts_with("tests/nowhere: ") && wrong.contains("name a folder of descriptions"), "{wrong}");
    let empty = folder("empty");
    let (code, _, wrong) = run(&[empty.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(wrong.contains("has no descriptions: what `SERVICE describe` prints belongs there"), "{wrong}");
}

#[test]
fn a_file_without_the_format_ends_with_2_and_names_the_place() {
    let folder = folder("wrong");
    let file = folder.join("loyalty.json");
    let table =
        r#"{"initial":"none","states":["none"],"ends":{"none":"kept"},"transitions":[{"from":"some","on":"call me"}]}"#;
    for (text, place) in [
        ("{", "EOF while parsing"),
        (r#"{"name":"loyalty","handels":[]}"#, "handels: unknown field `handels`"),
        (r#"{"name":"loyalty","reads":["a",3]}"#, "reads[1]: invalid type: integer `3`"),
        (r#"{"name":"loyalty","handles":["a.b"]}"#, "handles: a.b is not in `events`: say there what its topic"),
        (
            r#"{"name":"loyalty","events":{"a.b":{"topic":"a","owner":"b","version":1,"fields":{"x":"uuid"}}}}"#,
            r#"events.a.b.fields.x: "uuid" is no type of a field"#,
        ),
        (
            &format!(r#"{{"name":"loyalty","state_table":{table}}}"#),
            "state_table.transitions[0].from: some is not in `states`",
        ),
        (
            &format!(r#"{{"name":"loyalty","state_table":{table}}}"#),
            r#"state_table.transitions[0].on: "call me" is no input"#,
        ),
    ] {
        fs::write(&file, text).unwrap();
        let (code, _, wrong) = run(&[folder.to_str().unwrap()]);
        assert_eq!(code, Some(2), "{text}");
        assert!(wrong.contains("loyalty.json: ") && wrong.contains(place), "{text}: {wrong}");
    }
}

#[test]
fn a_service_that_is_described_twice_is_refused() {
    let (code, _, wrong) = run(&["tests/trip", "tests/defect/hotel.json"]);
    assert_eq!(code, Some(2));
    let line =
        "tests/defect/hotel.json: name: hotel is described by tests/trip/hotel.json, too: leave one of the two out\n";
    assert_eq!(wrong, line);
}

#[test]
fn too_many_states_are_a_finding() {
    let (code, out, _) = run(&["tests/trip", "--limit", "100"]);
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with(
            "not-explored at flight: state_table (tests/trip/flight.json)\n  there are more than 100 states."
        ),
        "{out}"
    );
}

#[test]
fn the_choreography_is_drawn_as_it_is_described() {
    let (code, page, _) = run(&["--draw", "tests/trip"]);
    assert_eq!(code, Some(0));
    let committed = fs::read_to_string(Path::new(HERE).join("tests/trip/page.md")).unwrap();
    let update = "cargo run --release -p choreography-check -- --draw tests/trip > tests/trip/page.md";
    assert_eq!(page, committed, "after a wanted change: {update}");
}

#[cfg(feature = "observe")]
#[test]
fn what_happened_is_asked_for_in_words_that_are_understood() {
    for (arguments, said) in [
        (&["--observed", "topics"][..], "--observed \"topics\" is no source: name kafka://HOST:PORT, or a Jaeger as "),
        (
            &["--observed", "kafka://127.0.0.1:1", "--since", "yesterday"],
            "--since \"yesterday\" is no time: give how long ago",
        ),
        (&["--observed", "http://127.0.0.1:1"], "Jaeger at http://127.0.0.1:1: error sending request"),
        (
            &["--observed", "kafka://127.0.0.1:1", "--kafka-username", "order"],
            "KAFKA_USERNAME is set, but KAFKA_SECURITY_PROTOCOL is plaintext",
        ),
        (&["--observed", "kafka://127.0.0.1:1"], "Kafka at 127.0.0.1:1: 127.0.0.1:1/bootstrap: Connect to "),
        (&["--since", "1h"], "error: the following required arguments were not provided:"),
    ] {
        let (code, out, wrong) = run(&[&["tests/trip"], arguments].concat());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(wrong.starts_with(said), "{arguments:?}: {wrong}");
    }
}
