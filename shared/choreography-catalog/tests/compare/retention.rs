//! A published version stays readable for as long as its events can come.

use choreography_catalog::{
    EventVersion,
    compare::{Direction, Kind, Published, compare},
};
use serde_json::{Value, json};

use crate::lending::{breaks, described, lending, loan, on, publish};

fn with_note(note: Option<Value>) -> Value {
    let mut schema = loan();
    let properties = schema["properties"].as_object_mut().unwrap();
    match note {
        Some(note) => drop(properties.insert("note".into(), note)),
        None => drop(properties.remove("note")),
    }
    schema
}

#[test]
fn each_schema_by_which_an_event_may_still_come_is_compared() {
    let mut published = Published::default();
    for (note, day) in [(Some(json!({ "type": "string" })), "2026-01-01"), (None, "2026-01-10")] {
        published = publish(&published, &lending(&[(1, with_note(note))]), day);
    }
    assert_eq!(published.record.events[0].revisions.len(), 2);
    // The last published schema has no note, the one before has a text: for thirty days after its last day it may come.
    let number = lending(&[(1, with_note(Some(json!({ "type": "integer" }))))]);
    let report = compare(&published, &number, &on("2026-02-09"));
    let expected = ("audit".into(), Direction::OldEventNewReader, "note".into(), Kind::TypeChanged);
    assert_eq!(breaks(&report), [expected].into(), "{report}");
    let report = compare(&published, &number, &on("2026-02-10"));
    assert!(report.is_clean(), "{report}");
}

/// Version 1, then both with 2 written from the 10th of January on.
fn moved_on() -> Published {
    let first = publish(&Published::default(), &lending(&[(1, loan())]), "2026-01-01");
    let mut readers = lending(&[(1, loan())]);
    readers.choreography = described(1, &[1, 2]);
    let readers = publish(&first, &readers, "2026-01-05");
    publish(&readers, &lending(&[(1, loan()), (2, loan())]), "2026-01-10")
}

#[test]
fn the_record_knows_when_a_version_was_first_published_and_last_written() {
    let published = moved_on();
    let known: Vec<String> = published
        .record
        .events
        .iter()
        .map(|of| format!("{} {} {:?}", of.version, of.revisions[0].since, of.last_written.map(|day| day.to_string())))
        .collect();
    assert_eq!(known, ["1 2026-01-01 Some(\"2026-01-10\")", "2 2026-01-10 None"]);
    let again = publish(&published, &lending(&[(1, loan()), (2, loan())]), "2026-01-20");
    assert_eq!(again, published, "to publish the same again changes nothing");
}

#[test]
fn a_version_that_is_taken_up_again_is_written_again() {
    let mut back = lending(&[(1, loan()), (2, loan())]);
    back.choreography = described(1, &[1, 2]);
    let published = publish(&moved_on(), &back, "2026-01-12");
    assert_eq!(published.record.events[0].last_written, None);
    assert!(published.record.events[1].last_written.is_some());
}

#[test]
fn a_version_goes_once_no_event_of_it_can_come() {
    let mut without = lending(&[(1, loan()), (2, loan())]);
    without.schemas.remove(&EventVersion::new("loan.granted", 1));
    let published = moved_on();
    let report = compare(&published, &without, &on("2026-02-09"));
    let kinds: Vec<_> = report.findings.iter().map(|of| (of.kind, of.breaks.as_deref())).collect();
    assert_eq!(kinds, [(Kind::VersionRemoved, Some("audit")), (Kind::VersionRemoved, Some("ledger"))]);
    let what = "it was last written before 2026-01-10, an event of it can come until 2026-02-09, and loan.granted.v1.json is gone";
    assert_eq!(report.findings[0].what, what);
    let report = compare(&published, &without, &on("2026-02-10"));
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.notes, ["loan.granted version 1 is gone, and no event of it can come"]);
    let record = publish(&published, &without, "2026-02-10").record;
    assert_eq!(record.events.iter().map(|of| of.version).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_version_that_is_written_does_not_go() {
    let published = publish(&Published::default(), &lending(&[(1, loan())]), "2026-01-01");
    let report = compare(&published, &lending(&[(2, loan())]), &on("2027-01-01"));
    let removed = report.findings.iter().filter(|of| of.kind == Kind::VersionRemoved);
    let what = "it was written when it was last published, and loan.granted.v1.json is gone";
    assert_eq!(removed.map(|of| of.what.as_str()).collect::<Vec<_>>(), [what, what], "{report}");
}

#[test]
fn a_reader_accepts_a_version_as_long_as_it_can_come() {
    let mut deaf = lending(&[(1, loan()), (2, loan())]);
    deaf.choreography = described(2, &[2]);
    let report = compare(&moved_on(), &deaf, &on("2026-02-09"));
    let old = Direction::OldEventNewReader;
    let expected = ["audit", "ledger"].map(|reader| (reader.into(), old, String::new(), Kind::VersionUnknown));
    assert_eq!(breaks(&report), expected.into(), "{report}");
    assert!(compare(&moved_on(), &deaf, &on("2026-02-10")).is_clean());
}
