//! The handler of the toy on its database in memory, and what comes to it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use uuid::Uuid;

use super::{DeferredRow, Memory, Table, Toy};
use crate::{
    calls, deadlines,
    delivery::{Delivery, Position},
    event_id::{IdSource, Ids, Window},
    handler::{Handler, Progress},
    input::{DeferredEvent, Inbound, Input, Origin, Unread, Verdict},
    intake::{self, Beside, Intake, Turn},
    participant::{Answer, Trigger},
    policy::{Policy, RetryPolicy},
    retry::{self, Limits},
    store::{Deadline, Failure, PendingCall, StoreError},
    trace::TraceContext,
};

pub(crate) const LIMITS: Limits = Limits { keys: 100, per_key: 100, bytes: 1_000_000 };

const POLICY: Policy = Policy {
    window: Window { horizon: TimeDelta::days(20), skew: TimeDelta::minutes(5) },
    retry: RetryPolicy { base: TimeDelta::seconds(1), cap: TimeDelta::seconds(10), max_attempts: 3 },
    max_message_bytes: 1_000_000,
    ranges: 4,
    call_lease: TimeDelta::seconds(10),
};

pub(crate) struct World {
    pub handler: Handler<Toy, Memory>,
    pub ids: Ids,
    offset: i64,
}

impl World {
    pub fn new() -> Self {
        let memory = Memory::default();
        memory.state().now = DateTime::from_timestamp_millis(1_790_000_000_000).unwrap();
        Self { handler: Handler::new(Arc::new(Toy), memory, POLICY), ids: Ids::new(), offset: 0 }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.handler.database.state().now
    }

    pub fn pass(&self, time: TimeDelta) {
        self.handler.database.state().now += time;
    }

    /// An event of `key` that says what to do, as `{"act":"add"}`.
    pub fn event(&mut self, key: &str, payload: &str) -> Delivery {
        let now = self.now();
        let id = self.ids.next(now);
        self.event_with(id, key, payload)
    }

    pub fn event_with(&mut self, id: Uuid, key: &str, payload: &str) -> Delivery {
        self.offset += 1;
        let json = format!(
            r#"{{"id":"{id}","type":"toy.event","version":1,"timestamp":"2026-08-01T10:00:00Z","correlationId":"s","aggregateId":"{key}","payload":{payload}}}"#
        );
        Delivery {
            position: Position { topic: Arc::from("in"), partition: 0, offset: self.offset },
            key: Some(key.into()),
            payload: Some(json.into_bytes().into()),
            headers: Vec::new(),
        }
    }

    /// Events of one batch: keys and acts.
    pub fn batch(&mut self, events: &[(&str, &str)]) -> Vec<Verdict<()>> {
        let deliveries: Vec<Delivery> =
            events.iter().map(|(key, act)| self.event(key, &format!(r#"{{"act":"{act}"}}"#))).collect();
        self.arrive(&deliveries)
    }

    pub fn arrive(&mut self, deliveries: &[Delivery]) -> Vec<Verdict<()>> {
        self.try_arrive(deliveries).expect("the database is there")
    }

    pub fn try_arrive(&mut self, deliveries: &[Delivery]) -> Result<Vec<Verdict<()>>, StoreError> {
        self.handle(unread(deliveries)).map(|progress| progress.verdicts.into_iter().flatten().collect())
    }

    /// As [`arrive`](Self::arrive), with all that the batch leaves behind.
    pub fn arrive_fully(&mut self, deliveries: &[Delivery]) -> Progress<()> {
        self.handle(unread(deliveries)).expect("the database is there")
    }

    /// Clients' commands to add, one for each key.
    pub fn command(&mut self, keys: &[&str]) -> Vec<Verdict<()>> {
        let input = |key: &&str| Input {
            trigger: Trigger::Command((*key).to_owned()),
            correlation_id: None,
            trace: TraceContext::default(),
            origin: Origin::Client,
        };
        self.settle(keys.iter().map(|key| Inbound::Input(input(key))).collect())
    }

    /// The provider did what was asked for.
    pub fn answer(&mut self, calls: &[&PendingCall]) -> Vec<Verdict<()>> {
        let yes = Answer::Yes { detail: "done".into() };
        self.settle(calls.iter().map(|call| calls::answered(call, yes.clone())).collect())
    }

    fn settle(&mut self, inbound: Vec<Inbound<Toy>>) -> Vec<Verdict<()>> {
        self.handle(inbound).expect("the database is there").verdicts.into_iter().flatten().collect()
    }

    fn handle(&mut self, mut inbound: Vec<Inbound<Toy>>) -> Result<Progress<()>, StoreError> {
        let mut progress = Progress::new(inbound.len());
        now(self.handler.handle_isolating(&mut self.ids, &mut inbound, &mut progress))?;
        Ok(progress)
    }

    /// As [`arrive`](Self::arrive), after a crash.
    pub fn arrive_guarded(&mut self, deliveries: &[Delivery]) -> Vec<Verdict<()>> {
        let mut inbound = unread(deliveries);
        let mut progress = Progress::new(inbound.len());
        now(self.handler.handle_guarded(&mut self.ids, &mut inbound, &mut progress)).expect("the database is there");
        progress.verdicts.into_iter().flatten().collect()
    }

    /// What is deferred and due.
    pub fn retry(&mut self) -> Vec<Verdict<()>> {
        self.retry_after(false)
    }

    /// What is deferred and due; `crash`: the last run of the process crashed.
    pub fn retry_after(&mut self, crash: bool) -> Vec<Verdict<()>> {
        let memory = self.handler.database.clone();
        let progress = now(retry::step(&self.handler, &memory, &mut self.ids, LIMITS, crash));
        progress.expect("the database is there").verdicts.into_iter().flatten().collect()
    }

    /// A deferred event as it was read some time ago.
    pub fn retry_as_read(&mut self, event: DeferredEvent) -> Vec<Verdict<()>> {
        self.settle(vec![Inbound::Unread(Unread::Deferred(event))])
    }

    /// A deadline as it was read some time ago.
    pub fn deadline_as_read(&mut self, deadline: Deadline) -> Vec<Verdict<()>> {
        self.settle(vec![deadlines::input(deadline)])
    }

    pub fn redrive(&mut self, number: i64) -> Option<Result<Verdict<()>, Failure>> {
        let memory = self.handler.database.clone();
        let redriven = now(retry::redrive(&self.handler, &memory, &mut self.ids, number, LIMITS));
        redriven
            .expect("the database is there")
            .map(|progress| progress.map(|progress| progress.verdicts[0].clone().unwrap()))
    }

    pub fn set_deadline(&mut self, key: &str, name: &str) -> Uuid {
        let (now, id) = (self.now(), Uuid::new_v4());
        let deadline = Deadline {
            id,
            aggregate_id: key.into(),
            name: name.into(),
            due_at: now,
            correlation_id: "s".into(),
            trace: TraceContext::default(),
            attempts: 0,
            last_error: None,
            not_before: None,
        };
        self.handler.database.state().deadlines.insert(id, deadline);
        id
    }

    pub fn deadlines(&mut self, limit: usize) -> Vec<Verdict<()>> {
        let memory = self.handler.database.clone();
        let due = now(deadlines::look(&memory, limit, POLICY.retry.cap)).expect("the database is there").due;
        self.take_in(|intake| intake.due(due, &intake::search().0))
    }

    /// What has arrived, through the loop and the one beside it, as they do it.
    pub fn take_in(&mut self, arrive: impl FnOnce(&mut Intake<Toy>)) -> Vec<Verdict<()>> {
        let (mut intake, aside) = Intake::new(intake::Limits { inputs: 100, bytes: 1_000_000 });
        arrive(&mut intake);
        let mut verdicts = Vec::new();
        while intake.prepare(|_, _| None) {
            let handled = now(intake.step(&self.handler, &mut self.ids)).expect("the database is there");
            verdicts.extend(handled.into_iter().flat_map(|handled| handled.progress.verdicts).flatten());
        }
        for turn in [Turn::Quick, Turn::Slow] {
            let mut beside = Beside::new(aside.clone(), turn);
            while let Some(handled) = now(beside.step(&self.handler, &mut self.ids)).expect("the database is there") {
                verdicts.extend(handled.progress.verdicts.into_iter().flatten());
            }
        }
        verdicts
    }

    pub fn sum(&self, key: &str) -> i64 {
        self.handler.database.state().rows.get(&(Table::Accounts, key.to_owned())).copied().unwrap_or_default()
    }

    pub fn deferred(&self) -> Vec<DeferredRow> {
        self.handler.database.state().deferred.values().cloned().collect()
    }

    /// The payloads of what was published, in their order.
    pub fn published(&self) -> Vec<String> {
        let state = self.handler.database.state();
        let events = state.outbox.iter().filter(|message| message.topic == "out");
        events
            .map(|message| {
                let json: serde_json::Value = serde_json::from_slice(message.payload.as_deref().unwrap()).unwrap();
                format!("{} {}", json["aggregateId"].as_str().unwrap(), json["payload"]["act"].as_str().unwrap())
            })
            .collect()
    }

    pub fn dead_letters(&self) -> usize {
        self.handler.database.state().outbox.iter().filter(|message| message.topic == "in.dlq").count()
    }
}

fn unread(deliveries: &[Delivery]) -> Vec<Inbound<Toy>> {
    deliveries.iter().cloned().map(|delivery| Inbound::Unread(Unread::Message(delivery))).collect()
}

/// Nothing in memory waits.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the database in memory never waits")
}

pub(crate) fn key_of(row: &DeferredRow) -> &str {
    &row.event.event.aggregate_id
}

/// Class and words of why it is deferred.
pub(crate) fn failure(row: &DeferredRow) -> (&str, &str) {
    row.failure.as_ref().map_or(("", ""), |failure| (failure.class, failure.message.as_str()))
}
