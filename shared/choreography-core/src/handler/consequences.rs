//! What a rule answered, made into rows.

use super::{execution::Running, reporting::created};
use crate::{
    effects::{Effects, NewCall, NewEvent, SagaEnd},
    input::Input,
    outbox::{self, Lineage},
    participant::{Participant, Refusal},
    spans::SagaSpan,
    store::{AmendedCall, Deadline, OutboxMessage, PendingCall},
    trace::TraceContext,
};

impl<P: Participant> Running<'_, P> {
    pub(super) fn messages(
        &mut self,
        input: &Input<P>,
        effects: &Effects<P>,
        trace: &TraceContext,
    ) -> Result<Vec<(OutboxMessage, SagaSpan)>, Refusal> {
        effects
            .events
            .iter()
            .map(|event| {
                self.check_aggregate(event)?;
                let correlation_id = input.correlation_id.as_deref().unwrap_or(&event.aggregate_id);
                let id = self.ids.next(self.now);
                let span = created(trace, event, id, correlation_id);
                let causation_id = input.origin.causation_id();
                let lineage =
                    Lineage { source: self.participant.name(), correlation_id, causation_id, trace: span.context() };
                outbox::message(event.clone(), id, self.now, &lineage, self.policy.max_message_bytes)
                    .map(|message| (message, span))
            })
            .collect()
    }

    /// An event is about an aggregate whose row this input has locked: nothing else gives the aggregate's events their order.
    fn check_aggregate(&self, event: &NewEvent) -> Result<(), Refusal> {
        match self.participant.aggregates() {
            Some(table) if self.rows.find(table, &event.aggregate_id).is_none() => Err(Refusal::Permanent(format!(
                "{} is about {}, whose row in {table:?} this input does not touch",
                event.event_type, event.aggregate_id
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn keep(&mut self, input: &Input<P>, effects: Effects<P>, trace: &TraceContext) -> Option<P::Reply> {
        self.outcome.writing.records.extend(effects.records);
        for SagaEnd { outcome, began_at } in effects.ended {
            let seconds = (self.now - began_at).num_milliseconds().max(0) as f64 / 1000.0;
            self.outcome.ended.push((outcome, seconds));
        }
        for settled in effects.settled {
            self.outcome.settle_deadline(settled.aggregate_id, settled.name);
        }
        for deadline in effects.deadlines {
            let correlation_id = input.correlation_id.clone().unwrap_or_else(|| deadline.aggregate_id.clone());
            self.outcome.set_deadline(Deadline {
                id: self.ids.next(self.now),
                aggregate_id: deadline.aggregate_id,
                name: deadline.name.to_owned(),
                due_at: deadline.due_at,
                correlation_id,
                trace: trace.clone(),
                attempts: 0,
                last_error: None,
                not_before: None,
            });
        }
        for new in effects.calls {
            let correlation_id = input.correlation_id.clone().unwrap_or_else(|| new.aggregate_id.clone());
            self.outcome.writing.calls.new.push(PendingCall {
                id: self.ids.next(self.now),
                aggregate_id: new.aggregate_id,
                step: new.step.to_owned(),
                request: new.request,
                correlation_id,
                causation_id: input.origin.causation_id(),
                trace: trace.clone(),
                attempts: 0,
                requested_at: self.now,
            });
        }
        for NewCall { aggregate_id, step, request } in effects.amended {
            self.outcome.amend_call(AmendedCall { aggregate_id, step: step.to_owned(), request });
        }
        effects.reply
    }
}
