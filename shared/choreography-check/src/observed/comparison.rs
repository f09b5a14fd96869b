//! What was seen, held against what is declared, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::{declared::Declared, observations::Observations, undeclared, unexercised};
use crate::{read::Choreography, report::Finding};

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Seen and not declared: what was checked is not what runs.
    pub undeclared: Vec<Finding>,
    /// Declared and never exercised in this time: no fault by itself.
    pub unexercised: Vec<Finding>,
    /// What was read.
    pub read: Vec<String>,
    /// What could not be told, and why.
    pub notes: Vec<String>,
}

/// Holds what was seen against what the services describe.
pub fn compare(choreography: &Choreography, seen: &Observations) -> Comparison {
    let declared = Declared(choreography);
    let ready = |mut findings: Vec<Finding>| {
        for finding in &mut findings {
            let file = choreography.services.iter().find(|of| of.service.name == finding.place.service);
            finding.file = file.map(|of| of.file.clone()).unwrap_or_else(|| "not described".to_owned());
        }
        findings.sort_by(|one, other| (one.kind, &one.place).cmp(&(other.kind, &other.place)));
        findings.dedup_by(|one, other| one.kind == other.kind && one.place == other.place);
        findings
    };
    let mut notes = seen.untold();
    notes.extend(unobservable(declared, seen));
    Comparison {
        undeclared: ready(undeclared::findings(declared, seen)),
        unexercised: ready(unexercised::findings(declared, seen)),
        read: seen.read.clone(),
        notes,
    }
}

/// What the sources that were read can't show.
fn unobservable(declared: Declared<'_>, seen: &Observations) -> Vec<String> {
    let mut notes = Vec::new();
    if seen.traced.is_empty() {
        notes.push(
            "topics do not show who takes an event in, nor which deadline or command led to one: name a Jaeger, too"
                .to_owned(),
        );
    } else {
        let dark = declared.services().filter(|service| !seen.traced.contains(&service.name));
        let dark: Vec<&str> = dark.map(|service| service.name.as_str()).collect();
        if !dark.is_empty() {
            notes.push(format!(
                "there are no traces of {}: what it takes in and why it publishes is not told",
                dark.join(", ")
            ));
        }
    }
    if seen.topics.is_empty() {
        notes.push("traces do not show types, versions and fields of all events: name Kafka, too".to_owned());
    }
    notes
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.undeclared.iter().chain(&self.unexercised) {
            writeln!(formatter, "{finding}")?;
        }
        for read in &self.read {
            writeln!(formatter, "read {read}")?;
        }
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        let (undeclared, unexercised) = (self.undeclared.len(), self.unexercised.len());
        writeln!(formatter, "{undeclared} seen and not declared, {unexercised} declared and never exercised")
    }
}
