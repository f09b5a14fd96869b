//! What a rule returns, as data: nothing in here has happened yet.

use chrono::{DateTime, Utc};

use crate::{
    AnyRecord, Call, Event, EventType, Record, Refusal,
    effects::{NewEvent, SagaEnd},
};

/// What follows from an input, besides the rows that its rule changed. All of it is written in one transaction.
#[derive(Debug, Default)]
pub struct Reaction {
    pub(super) published: Vec<(EventType, NewEvent)>,
    pub(super) records: Vec<AnyRecord>,
    pub(super) calls: Vec<(&'static str, String)>,
    pub(super) amended: Vec<(&'static str, String)>,
    pub(super) deadlines: Vec<(&'static str, DateTime<Utc>)>,
    pub(super) settled: Vec<&'static str>,
    pub(super) ended: Vec<SagaEnd>,
    /// The first thing that can't be written.
    pub(super) wrong: Option<Refusal>,
}

/// The input is done with, nothing follows.
pub fn nothing() -> Reaction {
    Reaction::default()
}

/// The event is published, nothing else follows.
pub fn publish<E: Event>(event: E) -> Reaction {
    nothing().publish(event)
}

impl Reaction {
    /// Publishes an event about the aggregate whose row the input is about; about another one it is refused, since nothing would give
    /// that one's events their order. Events of one aggregate first appear on their topic in the order of the commits, and within a
    /// reaction in the order given here.
    pub fn publish<E: Event>(mut self, event: E) -> Self {
        let EventType { name, version, topic, .. } = E::TYPE;
        match event.write() {
            Ok(payload) => {
                let aggregate_id = event.aggregate_id();
                self.published.push((E::TYPE, NewEvent { topic, event_type: name, version, aggregate_id, payload }));
            }
            Err(refusal) => self.goes_wrong(refusal),
        }
        self
    }

    /// Appends to a ledger or a history of the service.
    pub fn record<R: Record>(mut self, record: R) -> Self {
        self.records.push(AnyRecord::new(record));
        self
    }

    /// Makes an external call once all of this is committed. It is made at least once, under one idempotency key; its
    /// answer comes back as an input.
    pub fn call<C: Call>(mut self, request: C::Request) -> Self {
        if let Some(request) = self.request::<C>(&request) {
            self.calls.push((C::STEP, request));
        }
        self
    }

    /// Changes what the aggregate's open call of this step asks for; one that has its answer stays as it is. A call that is
    /// under way ends as it was begun, so its answer, and that of the changed call, must mean the same.
    pub fn amend<C: Call>(mut self, request: C::Request) -> Self {
        if let Some(request) = self.request::<C>(&request) {
            self.amended.push((C::STEP, request));
        }
        self
    }

    /// Sets a deadline of the aggregate, or sets it anew. It is told once it has passed by the database's clock.
    pub fn deadline(mut self, name: &'static str, due_at: DateTime<Utc>) -> Self {
        self.deadlines.push((name, due_at));
        self
    }

    /// Takes back a deadline of the aggregate; one that has passed already is simply gone.
    pub fn settle(mut self, name: &'static str) -> Self {
        self.settled.push(name);
        self
    }

    /// Says, for the metrics, that the saga ends here. `outcome` is one of few words: it becomes a label.
    pub fn end(mut self, outcome: &'static str, began_at: DateTime<Utc>) -> Self {
        self.ended.push(SagaEnd { outcome, began_at });
        self
    }

    /// Whether others would learn of it.
    pub(super) fn is_seen(&self) -> bool {
        !(self.published.is_empty() && self.calls.is_empty() && self.amended.is_empty() && self.deadlines.is_empty())
    }

    /// Whether something of it is, or was, to come back as an input about the aggregate.
    pub(super) fn comes_back(&self) -> bool {
        let Self { calls, amended, deadlines, settled, .. } = self;
        !(calls.is_empty() && amended.is_empty() && deadlines.is_empty() && settled.is_empty())
    }

    fn request<C: Call>(&mut self, request: &C::Request) -> Option<String> {
        let written = serde_json::to_string(request);
        written
            .map_err(|error| {
                self.goes_wrong(Refusal::Permanent(format!("the call {} can't be written: {error}", C::STEP)))
            })
            .ok()
    }

    fn goes_wrong(&mut self, refusal: Refusal) {
        self.wrong.get_or_insert(refusal);
    }
}
