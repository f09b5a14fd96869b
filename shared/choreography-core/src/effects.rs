//! What a rule returned, without its types, as the handler writes it.

use chrono::{DateTime, Utc};

use crate::participant::Participant;

/// Everything that follows from one input, besides the rows that it changed.
#[derive(Debug)]
pub struct Effects<P: Participant> {
    /// Events to publish, in this order.
    pub events: Vec<NewEvent>,
    /// Notes to append to the service's own histories.
    pub records: Vec<P::Record>,
    /// External calls to make once this is committed.
    pub calls: Vec<NewCall>,
    /// Open calls that ask for something else from now on.
    pub amended: Vec<NewCall>,
    /// Deadlines to set.
    pub deadlines: Vec<SetDeadline>,
    /// Deadlines that are settled.
    pub settled: Vec<SettleDeadline>,
    /// The answer to a client's command.
    pub reply: Option<P::Reply>,
    /// Sagas that this input ends, for the metrics.
    pub ended: Vec<SagaEnd>,
}

impl<P: Participant> Default for Effects<P> {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            records: Vec::new(),
            calls: Vec::new(),
            amended: Vec::new(),
            deadlines: Vec::new(),
            settled: Vec::new(),
            reply: None,
            ended: Vec::new(),
        }
    }
}

impl<P: Participant> Effects<P> {
    /// A listed no-op: the input is done with, nothing follows.
    pub fn none() -> Self {
        Self::default()
    }

    /// Publishes an event.
    pub fn event(mut self, event: NewEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Appends a record.
    pub fn record(mut self, record: P::Record) -> Self {
        self.records.push(record);
        self
    }

    /// Makes an external call once this is committed.
    pub fn call(mut self, call: NewCall) -> Self {
        self.calls.push(call);
        self
    }

    /// Changes what an open call asks for, by its aggregate and step; one that has its answer stays as it is. A call that
    /// is under way ends as it was begun, so its answer, and that of the changed call, must mean the same.
    pub fn amend(mut self, amended: NewCall) -> Self {
        self.amended.push(amended);
        self
    }

    /// Sets a deadline, or sets it anew.
    pub fn deadline(mut self, deadline: SetDeadline) -> Self {
        self.deadlines.push(deadline);
        self
    }

    /// Takes back a deadline.
    pub fn settle(mut self, settled: SettleDeadline) -> Self {
        self.settled.push(settled);
        self
    }

    /// Says, for the metrics, that a saga ends.
    pub fn end(mut self, ended: SagaEnd) -> Self {
        self.ended.push(ended);
        self
    }

    /// Answers a command.
    pub fn reply(mut self, reply: P::Reply) -> Self {
        self.reply = Some(reply);
        self
    }
}

/// An event that a rule publishes; the engine puts the envelope around it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Its owner's topic.
    pub topic: &'static str,
    /// Its type.
    pub event_type: &'static str,
    /// The payload's version.
    pub version: u32,
    /// The Kafka key. Events of one aggregate first appear in the order in which they were committed.
    pub aggregate_id: String,
    /// A JSON object.
    pub payload: String,
}

/// The end of a saga.
#[derive(Clone, Debug, PartialEq)]
pub struct SagaEnd {
    /// One of few words: it becomes a label.
    pub outcome: &'static str,
    /// When the saga began.
    pub began_at: DateTime<Utc>,
}

/// An external call to make. Its answer comes back as an input; until then the call stays open, across crashes.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCall {
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Names the call within the aggregate. The idempotency key is `aggregate_id/step`.
    pub step: &'static str,
    /// What the caller needs to make the call; JSON.
    pub request: String,
}

/// A moment after which the service is told, once, by the database's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct SetDeadline {
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Its name.
    pub name: &'static str,
    /// When it is due.
    pub due_at: DateTime<Utc>,
}

/// Takes back a deadline; one that has passed already is simply gone.
#[derive(Clone, Debug, PartialEq)]
pub struct SettleDeadline {
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Its name.
    pub name: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Toy;

    #[test]
    fn whatever_a_rule_answers_is_kept_in_the_order_in_which_it_was_said() {
        let event = |id: &str| NewEvent {
            topic: "out",
            event_type: "toy.done",
            version: 1,
            aggregate_id: id.into(),
            payload: "{}".into(),
        };
        let call = |step| NewCall { aggregate_id: "a".into(), step, request: "{}".into() };
        let deadline = |name| SetDeadline { aggregate_id: "a".into(), name, due_at: DateTime::UNIX_EPOCH };
        let settled = |name| SettleDeadline { aggregate_id: "a".into(), name };
        let end = |outcome| SagaEnd { outcome, began_at: DateTime::UNIX_EPOCH };
        let effects = Effects::<Toy>::none()
            .event(event("one"))
            .record(())
            .call(call("one"))
            .amend(call("two"))
            .deadline(deadline("one"))
            .settle(settled("two"))
            .end(end("completed"))
            .reply(())
            .event(event("two"))
            .call(call("three"));
        assert_eq!(effects.events, [event("one"), event("two")]);
        assert_eq!((effects.calls, effects.amended), (vec![call("one"), call("three")], vec![call("two")]));
        assert_eq!((effects.deadlines, effects.settled), (vec![deadline("one")], vec![settled("two")]));
        assert_eq!((effects.ended, effects.records, effects.reply), (vec![end("completed")], vec![()], Some(())));
    }
}
