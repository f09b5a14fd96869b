//! A new version: what it needs, and who has to know it first.

use choreography_catalog::{
    EventVersion,
    compare::{Direction, Kind, Published, compare},
};
use serde_json::{Value, json};

use crate::lending::{breaks, described, golden, lending, loan, on, publish};

fn published() -> Published {
    publish(&Published::default(), &lending(&[(1, loan())]), "2026-01-01")
}

/// A schema with another meaning.
fn other() -> Value {
    let mut schema = loan();
    schema["properties"]["amount"] = json!({ "type": "string" });
    schema
}

#[test]
fn a_new_version_is_accepted_by_those_who_run_before_it_is_written() {
    let mut both = lending(&[(1, loan()), (2, other())]);
    let mut payload = golden();
    payload["amount"] = json!("five");
    both.golden.insert(EventVersion::new("loan.granted", 2), payload);
    let report = compare(&published(), &both, &on("2026-01-02"));
    let new = Direction::NewEventOldReader;
    let expected = ["audit", "ledger"].map(|reader| (reader.into(), new, String::new(), Kind::VersionUnknown));
    assert_eq!(breaks(&report), expected.into(), "{report}");
    assert_eq!(report.findings[0].what, "audit accepts 1, and would dead-letter it");

    let mut readers_first = lending(&[(1, loan())]);
    readers_first.choreography = described(1, &[1, 2]);
    assert!(compare(&published(), &readers_first, &on("2026-01-02")).is_clean());
    let report = compare(&publish(&published(), &readers_first, "2026-01-02"), &both, &on("2026-01-03"));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn each_version_is_held_against_its_own_published_schema() {
    let mut both = lending(&[(1, other()), (2, other())]);
    both.golden.clear();
    let known = publish(&published(), &lending(&[(1, loan()), (2, other())]), "2026-01-02");
    let report = compare(&known, &both, &on("2026-01-03"));
    let versions: Vec<u32> =
        report.findings.iter().filter(|of| of.kind == Kind::TypeChanged).map(|of| of.version).collect();
    assert!(!versions.is_empty() && versions.iter().all(|version| *version == 1), "{report}");
}

#[test]
fn a_version_that_is_written_has_a_schema_and_each_schema_a_golden_payload_that_keeps_it() {
    let mut catalog = lending(&[(1, loan())]);
    catalog.choreography = described(2, &[1, 2]);
    catalog.golden.clear();
    let kinds = |report: &choreography_catalog::compare::Report| -> Vec<(u32, Kind)> {
        report
            .findings
            .iter()
            .map(|of| (of.version, of.kind))
            .filter(|(_, kind)| *kind != Kind::VersionUnknown)
            .collect()
    };
    let report = compare(&published(), &catalog, &on("2026-01-02"));
    assert_eq!(kinds(&report), [(1, Kind::GoldenMissing), (2, Kind::SchemaMissing)]);
    let texts: Vec<&str> = report.findings.iter().map(|of| of.what.as_str()).collect();
    assert!(texts.contains(&"there is no golden loan.granted.v1.json"), "{texts:?}");
    assert!(texts.contains(&"lender publishes it, and there is no loan.granted.v2.json"), "{texts:?}");

    let mut catalog = lending(&[(1, loan())]);
    catalog.golden.insert(EventVersion::new("loan.granted", 1), json!({ "id": "x" }));
    let report = compare(&published(), &catalog, &on("2026-01-02"));
    assert_eq!(kinds(&report), [(1, Kind::GoldenMissing)]);
    assert!(report.findings[0].what.starts_with("the schema refuses the golden payload: "), "{report}");
}

#[test]
fn what_none_of_the_readers_reads_is_noted_and_breaks_nobody() {
    let ledger_alone = |schema: Value| {
        let mut catalog = lending(&[(1, schema)]);
        catalog.choreography.services.retain(|described| described.service.name != "audit");
        catalog
    };
    let published = publish(&Published::default(), &ledger_alone(loan()), "2026-01-01");
    let mut schema = loan();
    schema["properties"]["currency"] = json!({ "type": "integer" });
    let mut now = ledger_alone(schema);
    now.golden.values_mut().for_each(|golden| golden["currency"] = json!(978));
    let report = compare(&published, &now, &on("2026-01-02"));
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.notes, ["currency of loan.granted version 1 changed, and none of its readers reads it"]);
}

#[test]
fn an_event_that_no_described_service_reads_is_held_against_whoever_reads_it() {
    let alone = |schema: Value| {
        let mut catalog = lending(&[(1, schema)]);
        catalog.choreography.services.retain(|described| described.service.name == "lender");
        catalog
    };
    let published = publish(&Published::default(), &alone(loan()), "2026-01-01");
    let report = compare(&published, &alone(other()), &on("2026-01-02"));
    assert!(breaks(&report).iter().any(|(reader, ..)| reader == "whoever reads it"), "{report}");
}

#[test]
fn a_field_that_a_reader_newly_needs_is_in_every_event_that_can_come() {
    let mut needing = lending(&[(1, loan())]);
    let contract = needing.choreography.services[2].service.events.get_mut("loan.granted").unwrap();
    let optional = contract.fields.as_ref().unwrap()["id"];
    contract.fields.as_mut().unwrap().insert("note".into(), optional);
    let report = compare(&published(), &needing, &on("2026-01-02"));
    let expected = ("ledger".into(), Direction::OldEventNewReader, "note".into(), Kind::FieldOptional);
    assert_eq!(breaks(&report), [expected].into(), "{report}");
}
