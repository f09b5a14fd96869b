//! The operators' page says of each alert what it means and what to do, and names none that no longer exists.

use std::{collections::BTreeSet, fs};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const RULES: &str = "deploy/prometheus/alerts.yml";
/// Each alert is tried in here.
const TRIED: &str = "deploy/prometheus/alerts_test.yml";
const PAGE: &str = "shared/docs/operations.md";

/// What the lines that begin so name: all up to where the name ends.
fn named<'a>(text: &'a str, begins: &str) -> BTreeSet<&'a str> {
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix(begins));
    names.filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next()).collect()
}

/// What the page and the rules do not agree about. Each line says what to do.
fn wrong(rules: &str, tried: &str, page: &str) -> Vec<String> {
    let (alerts, rows) = (named(rules, "- alert: "), named(page, "| `Saga"));
    let rows: BTreeSet<String> = rows.into_iter().map(|row| format!("Saga{row}")).collect();
    let mut wrong = Vec::new();
    for alert in &alerts {
        if !rows.contains(*alert) {
            wrong.push(format!("{PAGE} has no row for {alert}: say what it means and what to do"));
        }
        if !tried.contains(&format!("alertname: {alert}\n")) {
            wrong.push(format!("{TRIED} does not try {alert}: show when it fires"));
        }
    }
    let gone = rows.iter().filter(|row| !alerts.contains(row.as_str()));
    wrong.extend(gone.map(|row| format!("{RULES} has no alert {row}: take its row out of {PAGE}")));
    wrong
}

#[test]
fn each_alert_is_tried_and_has_its_row_on_the_operators_page() {
    let read =
        |file: &str| fs::read_to_string(format!("{ROOT}/{file}")).unwrap_or_else(|error| panic!("{file}: {error}"));
    let wrong = wrong(&read(RULES), &read(TRIED), &read(PAGE));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_alert_without_a_row_and_a_row_without_an_alert_are_named() {
    let rules = "  - alert: SagaSlow\n  - alert: SagaSlower\n";
    let tried = "alertname: SagaSlow\nalertname: SagaSlower\n";
    assert_eq!(wrong(rules, tried, "| `SagaSlow` | page |\n| `SagaSlower` | page |\n"), [""; 0]);
    assert_eq!(
        wrong(rules, "alertname: SagaSlower\n", "| `SagaSlower` | page |\n| `SagaSlowest` | page |\n"),
        [
            "shared/docs/operations.md has no row for SagaSlow: say what it means and what to do",
            "deploy/prometheus/alerts_test.yml does not try SagaSlow: show when it fires",
            "deploy/prometheus/alerts.yml has no alert SagaSlowest: take its row out of shared/docs/operations.md",
        ]
    );
}
