//! A lender, and two services that read of a loan: audit reads all of it, ledger a part.

use std::collections::BTreeSet;

use choreography_catalog::{
    Catalog, EventVersion,
    compare::{Direction, Finding, Kind, Moment, Published, Report, compare, publication},
};
use choreography_check::Choreography;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// What ledger reads of a loan.
const LEDGER: &str = r#"{ "id": "string", "amount": "integer", "items": "list", "items[].quantity": "integer" }"#;

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The day, and thirty days in which an event can come.
pub fn on(text: &str) -> Moment {
    Moment { today: day(text), retention_days: 30 }
}

/// The schema of `loan.granted`, version 1.
pub fn loan() -> Value {
    json!({
        "title": "loan.granted, version 1",
        "type": "object",
        "required": ["id", "amount", "currency", "status", "items", "code"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "amount": { "type": "integer", "minimum": 1, "maximum": 1000 },
            "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
            "status": { "$ref": "#/$defs/Status" },
            "code": { "enum": ["new", "renewed"] },
            "note": { "type": ["string", "null"], "maxLength": 10 },
            "items": { "type": "array", "minItems": 1, "maxItems": 10, "items": { "$ref": "#/$defs/Item" } },
            "to": { "anyOf": [{ "$ref": "#/$defs/Address" }, { "type": "null" }] },
        },
        "$defs": {
            "Status": { "oneOf": [{ "const": "open", "type": "string" }, { "const": "paid", "type": "string" }] },
            "Item": {
                "type": "object", "required": ["sku", "quantity"],
                "properties": { "sku": { "type": "string" }, "quantity": { "type": "integer", "minimum": 1 } },
            },
            "Address": {
                "type": "object", "required": ["zip"],
                "properties": { "zip": { "type": "string", "minLength": 4, "maxLength": 5 }, "city": { "type": "string" } },
            },
        },
    })
}

pub fn golden() -> Value {
    json!({
        "id": "01990000-0000-7000-8000-000000000001", "amount": 5, "currency": "EUR", "status": "open", "code": "new",
        "items": [{ "sku": "chair", "quantity": 1 }],
    })
}

/// What the three say of themselves: which version is written, and which ones are read.
pub fn described(written: u32, accepts: &[u32]) -> Choreography {
    let event = |version: u32, more: &str| {
        format!(r#"{{ "loan.granted": {{ "topic": "loans", "owner": "lender", "version": {version}{more} }} }}"#)
    };
    let known = accepts.iter().copied().max().unwrap();
    let lender = format!(
        r#"{{ "name": "lender", "writes": ["loans"], "publishes": ["loan.granted"], "events": {} }}"#,
        event(written, "")
    );
    let reader = |name: &str, fields: &str| {
        let events = event(known, &format!(r#", "accepts": {accepts:?}{fields}"#));
        format!(r#"{{ "name": "{name}", "reads": ["loans"], "handles": ["loan.granted"], "events": {events} }}"#)
    };
    let (audit, ledger) = (reader("audit", ""), reader("ledger", &format!(r#", "fields": {LEDGER}"#)));
    Choreography::parse([("lender.json", &*lender), ("audit.json", &*audit), ("ledger.json", &*ledger)]).unwrap()
}

/// The lending with these versions of the event, of which the highest is written and all are read.
pub fn lending(schemas: &[(u32, Value)]) -> Catalog {
    let versions: Vec<u32> = schemas.iter().map(|(version, _)| *version).collect();
    let with = |payload: &dyn Fn(&Value) -> Value| {
        schemas.iter().map(|(version, schema)| (EventVersion::new("loan.granted", *version), payload(schema))).collect()
    };
    Catalog {
        choreography: described(*versions.iter().max().unwrap(), &versions),
        schemas: with(&Value::clone),
        golden: with(&|_| golden()),
    }
}

/// What is published once a catalogue was published on a day, after what was before.
pub fn publish(before: &Published, catalog: &Catalog, today: &str) -> Published {
    let publication = publication(before, catalog, day(today));
    let mut schemas = before.schemas.clone();
    let new = publication.files.iter().filter(|(name, _)| *name != "record.json");
    schemas.extend(new.map(|(name, text)| (name.clone(), serde_json::from_str(text).unwrap())));
    Published { record: publication.record, schemas }
}

/// A break: the service, the direction, the field, the kind.
pub type Break = (String, Direction, String, Kind);

pub fn breaks(report: &Report) -> BTreeSet<Break> {
    let of =
        |finding: &Finding| Some((finding.breaks.clone()?, finding.direction?, finding.field.clone(), finding.kind));
    report.findings.iter().filter_map(of).collect()
}

/// The report if the loan's schema changes, a day after it was published.
pub fn changed(change: impl Fn(&mut Value)) -> Report {
    let before = publish(&Published::default(), &lending(&[(1, loan())]), "2026-01-01");
    let mut schema = loan();
    change(&mut schema);
    let mut report = compare(&before, &lending(&[(1, schema)]), &on("2026-01-02"));
    // Whether the golden payload follows is not what is asked here.
    report.findings.retain(|finding| finding.kind != Kind::GoldenMissing);
    report
}
