//! Events that come and are neither handled nor declared as ignored.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use tracing::warn;

use crate::EventType;

/// The label for all types that no contract declares: a label must not take whatever comes from outside.
const OTHER: &str = "other";

/// What is known of the types that have no rule.
#[derive(Debug, Default)]
pub(super) struct Unhandled {
    types: HashMap<&'static str, Known>,
    other: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    ignored: bool,
    reported: AtomicBool,
}

impl Unhandled {
    /// Types that may come.
    pub fn know(&mut self, family: &'static [EventType]) {
        for known in family {
            self.types.entry(known.name).or_default();
        }
    }

    /// A type that is to be passed over in silence.
    pub fn ignore(&mut self, event_type: EventType) {
        self.types.entry(event_type.name).or_default().ignored = true;
    }

    /// Counts an event that has no rule, and says so once per type. The label's value, `None` for what is ignored.
    pub fn report(&self, service: &'static str, event_type: &str) -> Option<&'static str> {
        let (label, reported) = match self.types.get_key_value(event_type) {
            Some((_, known)) if known.ignored => return None,
            Some((name, known)) => (*name, &known.reported),
            None => (OTHER, &self.other),
        };
        metrics::counter!("saga_unhandled_events_total", "type" => label).increment(1);
        if !reported.swap(true, Ordering::Relaxed) {
            let event_type: String = event_type.chars().filter(|character| !character.is_control()).take(100).collect();
            warn!(
                service,
                event_type, "events of this type come and have no route: handle them, or declare them as ignored"
            );
        }
        Some(label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_log::logged;

    const KNOWN: EventType = EventType { name: "visit.made", version: 1, topic: "visits", owner: "desk" };

    #[test]
    fn each_type_is_told_of_once_and_what_no_contract_declares_as_one() {
        let mut unhandled = Unhandled::default();
        unhandled.know(&[KNOWN]);
        let lines = logged(tracing::Level::WARN, || {
            for event_type in ["visit.made", "visit.made", "whatever\n.came", "something.else"] {
                unhandled.report("loyalty", event_type);
            }
        });
        let expected = ["visit.made", "whatever.came"].map(|event_type| {
            format!(
                r#"WARN events of this type come and have no route: handle them, or declare them as ignored service="loyalty" event_type="{event_type}""#
            )
        });
        assert_eq!(lines, expected);
    }
}
