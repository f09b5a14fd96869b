//! A participant with two tables of numbers. What an event does to it stands in its payload: `{"act": "add"}`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::{
    effects::{Effects, NewCall, NewEvent, SagaEnd, SetDeadline, SettleDeadline},
    envelope::Envelope,
    participant::{DecodeError, Participant, Refusal, Trigger},
    rows::{Rows, Touch},
};

#[derive(Debug)]
pub(crate) struct Toy;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    /// Keyed by aggregate. A command's key that begins with `new ` was minted for it.
    Accounts,
    /// Keyed by what an event names as its `shelf`.
    Shelves,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    act: String,
    #[serde(default)]
    shelf: Option<String>,
    #[serde(skip)]
    key: String,
}

impl Participant for Toy {
    type Table = Table;
    type Row = i64;
    type Event = Event;
    type Command = String;
    type Reply = ();
    type Record = ();

    fn name(&self) -> &'static str {
        "toy"
    }

    fn tables(&self) -> &[Table] {
        &[Table::Accounts, Table::Shelves]
    }

    fn aggregates(&self) -> Option<Table> {
        Some(Table::Accounts)
    }

    fn reads(&self) -> &[&'static str] {
        &["in"]
    }

    fn writes(&self) -> &[&'static str] {
        &["out"]
    }

    fn absent(&self, _table: Table) -> i64 {
        0
    }

    fn ignores(&self, topic: &str, event_type: &str) -> bool {
        (topic, event_type) == ("in", "toy.foreign")
    }

    fn decode(&self, _topic: &str, envelope: &Envelope) -> Result<Option<Event>, DecodeError> {
        if envelope.event_type == "toy.foreign" {
            return Ok(None);
        }
        let mut event: Event = serde_json::from_str(envelope.payload.get())
            .map_err(|error| DecodeError::Payload { path: "payload".into(), problem: error.to_string() })?;
        assert_ne!(event.act, "panic at decoding");
        event.key = envelope.aggregate_id.clone();
        Ok(Some(event))
    }

    fn overtakes(&self, event: &Event) -> bool {
        assert_ne!(event.act, "panic at overtaking");
        event.act.starts_with("undo")
    }

    fn names(&self, table: Table, trigger: &Trigger<Self>) -> bool {
        match (table, trigger) {
            (Table::Accounts, _) => true,
            (Table::Shelves, Trigger::Event(event)) => event.shelf.is_some() || event.act == "panic at touching",
            (Table::Shelves, _) => false,
        }
    }

    fn touches(&self, table: Table, trigger: &Trigger<Self>, _rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        match (table, trigger) {
            (Table::Accounts, Trigger::Event(event)) => touched.push(Touch::shared(&event.key)),
            (Table::Shelves, Trigger::Event(event)) => {
                touched.extend(event.shelf.as_deref().map(Touch::shared));
                assert_ne!(event.act, "panic at touching");
            }
            (Table::Accounts, Trigger::Command(key)) if key.starts_with("new ") => touched.push(Touch::fresh(key)),
            (Table::Accounts, Trigger::Command(key)) => touched.push(Touch::shared(key)),
            (Table::Accounts, Trigger::Deadline { aggregate_id, .. } | Trigger::Answer { aggregate_id, .. }) => {
                touched.push(Touch::shared(aggregate_id));
            }
            _ => {}
        }
    }

    fn decide(
        &self,
        trigger: &Trigger<Self>,
        rows: &mut Rows<Self>,
        now: DateTime<Utc>,
    ) -> Result<Effects<Self>, Refusal> {
        let (key, act) = match trigger {
            Trigger::Event(event) => (&event.key, event.act.as_str()),
            Trigger::Command(key) => (key, "add"),
            Trigger::Deadline { aggregate_id, name } => (aggregate_id, name.as_str()),
            Trigger::Answer { aggregate_id, step, .. } => (aggregate_id, step.as_str()),
        };
        let sum = rows.get(Table::Accounts, key) + 1;
        rows.set(Table::Accounts, key, sum);
        let effects = Effects::none().event(NewEvent {
            topic: "out",
            event_type: "toy.done",
            version: 1,
            aggregate_id: if act == "speak for another" { "another".to_owned() } else { key.clone() },
            payload: format!(r#"{{"act":"{act}","sum":{sum}}}"#),
        });
        match act {
            "refuse" | "undo but refuse" => Err(Refusal::Permanent("no".into())),
            "fail" | "undo but fail" => Err(Refusal::Transient("not now".into())),
            "await" => Err(Refusal::Awaited("its key is not here yet".into())),
            "panic" => panic!("out of order"),
            act => Ok(asked_for(act, key, now, effects)),
        }
    }
}

/// What some acts ask of the engine.
fn asked_for(act: &str, key: &str, now: DateTime<Utc>, effects: Effects<Toy>) -> Effects<Toy> {
    let ring = |name, due_at| SetDeadline { aggregate_id: key.to_owned(), name, due_at };
    let settle = |name| SettleDeadline { aggregate_id: key.to_owned(), name };
    let call = |step, request: &str| NewCall { aggregate_id: key.to_owned(), step, request: request.to_owned() };
    match act {
        "ring later" => effects.deadline(ring("ring", DateTime::UNIX_EPOCH)),
        "ring tomorrow" => effects.deadline(ring("alarm", now + TimeDelta::days(1))),
        "settle ring" => effects.settle(settle("ring")),
        "settle refuse" => effects.settle(settle("refuse")),
        "call" => effects.call(call("add", "{}")),
        "call otherwise" => effects.call(call("other", "{}")),
        "amend" => effects.amend(call("add", "amended")),
        "note" => effects.record(()),
        "end" => effects.end(SagaEnd { outcome: "done", began_at: now - TimeDelta::seconds(90) }),
        _ => effects,
    }
}
