//! Versions of one type of event. What was published in another version is brought, step by step, to the one that this build reads.
//!
//! A version is for a breaking change; a new optional field needs none. Readers change first: a release that reads both versions goes
//! everywhere before one that writes the new one. The conversion from an old version goes only when no event of it can be on a topic,
//! deferred, or among dead letters any more: after `EVENT_HORIZON`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::DecodeError;

/// Changes a payload's fields from those of one version to those of another. A pure function: the same for each reader and each time.
pub type Convert = fn(Map<String, Value>) -> Result<Map<String, Value>, DecodeError>;

/// One step from a version to another, mostly to the next (an upcaster). A step back to the version before lets a build that still
/// writes the old version read the new one.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    /// The version that it takes.
    pub from: u32,
    /// The version that it makes.
    pub to: u32,
    /// What it does.
    pub convert: Convert,
}

/// What a build reads of a type of event.
#[derive(Clone, Copy, Debug)]
pub struct Versions {
    /// Such as `order.placed`.
    pub event_type: &'static str,
    /// The version whose payload the event's own type is.
    pub current: u32,
    /// Steps from other versions.
    pub conversions: &'static [Conversion],
}

impl Versions {
    /// The versions that are read, in ascending order.
    pub fn known(&self) -> Vec<u32> {
        let others = self.conversions.iter().map(|step| step.from);
        let mut known: Vec<u32> = others.filter(|from| self.steps(*from).is_some()).chain([self.current]).collect();
        known.sort_unstable();
        known.dedup();
        known
    }

    /// The payload as the current version has it. One that is of it already is not looked into.
    ///
    /// # Errors
    /// The version is unknown, the payload is no object, or a conversion misses something in it.
    pub fn current<'a>(&self, version: u32, payload: &'a str) -> Result<Cow<'a, str>, DecodeError> {
        if version == self.current {
            return Ok(Cow::Borrowed(payload));
        }
        let steps = self.steps(version).ok_or_else(|| self.unknown(version))?;
        let wrong = |error: serde_json::Error| field("payload", error.to_string());
        let mut fields: Map<String, Value> = serde_json::from_str(payload).map_err(wrong)?;
        for step in steps {
            fields = (step.convert)(fields)?;
        }
        serde_json::to_string(&fields).map(Cow::Owned).map_err(wrong)
    }

    /// The way from a version to the current one; `None`: there is none.
    fn steps(&self, from: u32) -> Option<Vec<&'static Conversion>> {
        let (mut version, mut steps) = (from, Vec::new());
        while version != self.current {
            // A way that is longer than there are steps runs in a circle.
            let step = self.conversions.iter().find(|step| step.from == version)?;
            version = step.to;
            steps.push(step);
            if steps.len() > self.conversions.len() {
                return None;
            }
        }
        Some(steps)
    }

    fn unknown(&self, version: u32) -> DecodeError {
        let known: Vec<String> = self.known().iter().map(u32::to_string).collect();
        DecodeError::UnknownVersion { event_type: self.event_type.to_owned(), version, known: known.join(", ") }
    }
}

/// The error of a conversion that misses something: the field's place, such as `payload.amount`, and what is wrong with it.
pub fn field(path: impl Into<String>, problem: impl Into<String>) -> DecodeError {
    DecodeError::Payload { path: path.into(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Version 2 has an amount in minor units, version 3 has it under another name.
    fn to_minor_units(mut fields: Map<String, Value>) -> Result<Map<String, Value>, DecodeError> {
        let euros = fields.remove("euros").as_ref().and_then(Value::as_i64);
        let euros = euros.ok_or_else(|| field("payload.euros", "is missing"))?;
        fields.insert("cents".into(), json!(euros * 100));
        Ok(fields)
    }

    fn to_amount(mut fields: Map<String, Value>) -> Result<Map<String, Value>, DecodeError> {
        let cents = fields.remove("cents").ok_or_else(|| field("payload.cents", "is missing"))?;
        fields.insert("amount".into(), cents);
        Ok(fields)
    }

    const UP: Versions = Versions {
        event_type: "bill.paid",
        current: 3,
        conversions: &[
            Conversion { from: 1, to: 2, convert: to_minor_units },
            Conversion { from: 2, to: 3, convert: to_amount },
        ],
    };

    #[test]
    fn an_old_payload_takes_each_step_to_the_current_version() {
        assert_eq!(UP.current(1, r#"{"euros":7,"by":"ada"}"#).unwrap(), r#"{"amount":700,"by":"ada"}"#);
        assert_eq!(UP.current(2, r#"{"cents":5}"#).unwrap(), r#"{"amount":5}"#);
    }

    #[test]
    fn the_current_version_is_taken_as_it_stands() {
        assert!(matches!(UP.current(3, "not looked into"), Ok(Cow::Borrowed("not looked into"))));
    }

    #[test]
    fn a_build_that_writes_the_old_version_can_read_the_next() {
        fn back(mut fields: Map<String, Value>) -> Result<Map<String, Value>, DecodeError> {
            fields.remove("added");
            Ok(fields)
        }
        let ahead = Versions { current: 1, conversions: &[Conversion { from: 2, to: 1, convert: back }], ..UP };
        assert_eq!(
            (ahead.known(), ahead.current(2, r#"{"a":1,"added":2}"#).unwrap().into_owned()),
            (vec![1, 2], r#"{"a":1}"#.into())
        );
    }

    #[test]
    fn a_version_without_a_way_to_the_current_one_is_refused_with_those_that_are_known() {
        let refused = UP.current(4, "{}").unwrap_err();
        assert_eq!(refused.to_string(), "bill.paid has version 4; this service reads 1, 2, 3");
        let circle = Versions {
            current: 9,
            conversions: &[
                Conversion { from: 1, to: 2, convert: to_amount },
                Conversion { from: 2, to: 1, convert: to_amount },
            ],
            ..UP
        };
        assert_eq!(circle.current(1, "{}").unwrap_err().to_string(), "bill.paid has version 1; this service reads 9");
    }

    #[test]
    fn what_a_conversion_misses_is_named() {
        assert_eq!(UP.current(1, "{}").unwrap_err().to_string(), "payload.euros: is missing");
        assert_eq!(UP.current(2, "{}").unwrap_err().to_string(), "payload.cents: is missing");
        assert!(UP.current(1, "[]").unwrap_err().to_string().starts_with("payload: "));
    }
}
