//! Which rule takes which input.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use contracts::{Event, topic};
use engine::{
    effects::Effects,
    envelope::Envelope,
    participant::{Participant, Refusal, Undecodable, What},
    rows::{Rows, Touch},
};

use crate::{
    on_order_cancelled, on_order_completed, on_order_placed, on_tell_answer,
    state::{Row, Table},
};

/// The notification service.
#[derive(Clone, Copy, Debug)]
pub struct Notification;

pub const TELL: &str = "tell";
const HANDLED: &[&str] = &["order.placed", "order.completed", "order.cancelled"];

impl Participant for Notification {
    type Table = Table;
    type Row = Row;
    type Event = Event;
    /// Nobody commands it, and it keeps no history beside its rows.
    type Command = Infallible;
    type Reply = ();
    type Record = Infallible;

    const NAME: &'static str = "notification";
    const TABLES: &'static [Table] = &[Table::Notices];
    const TOPICS: &'static [&'static str] = &[topic::ORDER_EVENTS];
    const WRITES: &'static [&'static str] = &[];

    fn absent(&self, _table: Table) -> Row {
        Row::NONE
    }

    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<Event>, Undecodable> {
        shop::decode(topic, envelope, HANDLED)
    }

    /// An order that could not be read is dead-lettered, and its end is parked. Once it can be, it must get past that.
    fn overtakes(&self, event: &Event) -> bool {
        matches!(event, Event::OrderPlaced(_))
    }

    fn touches(&self, _table: Table, what: &What<Self>, _rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        match what {
            What::Event(event) => touched.push(Touch::shared(event.order_id().to_string())),
            What::Answer { aggregate_id, .. } => touched.push(Touch::shared(aggregate_id)),
            What::Command(_) | What::Deadline { .. } => {}
        }
    }

    fn decide(&self, what: &What<Self>, rows: &mut Rows<Self>, _now: DateTime<Utc>) -> Result<Effects<Self>, Refusal> {
        match what {
            What::Event(Event::OrderPlaced(event)) => on_order_placed::handle(event, rows),
            What::Event(Event::OrderCompleted(event)) => on_order_completed::handle(event, rows),
            What::Event(Event::OrderCancelled(event)) => on_order_cancelled::handle(event, rows),
            What::Answer { aggregate_id, step, answer } if step == TELL => {
                on_tell_answer::handle(aggregate_id, answer, rows)
            }
            other => Err(Refusal::Permanent(format!("notification has no rule for {other:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::{CancellationReason, OrderCancellationRequested};
    use engine::participant::Answer;
    use uuid::Uuid;

    use super::*;
    use crate::{given::placed, state::State};

    const ORDER: Uuid = Uuid::from_u128(1);

    fn decode(topic: &str, event: impl Into<Event>) -> Result<Option<Event>, Undecodable> {
        let fact = shop::fact(event).unwrap();
        let json = format!(
            r#"{{"id":"{}","type":"{}","version":{},"timestamp":"2026-01-01T00:00:00Z","correlationId":"{ORDER}","aggregateId":"{ORDER}","payload":{}}}"#,
            Uuid::now_v7(),
            fact.event_type,
            fact.version,
            fact.payload,
        );
        Notification.decode(topic, &Envelope::parse(None, Some(json.as_bytes())).unwrap())
    }

    #[test]
    fn an_order_overtakes_and_what_notification_does_not_handle_is_skipped() {
        let event = decode(topic::ORDER_EVENTS, placed(ORDER)).unwrap().unwrap();
        assert!(Notification.overtakes(&event));
        let other = OrderCancellationRequested { order_id: ORDER, reason: CancellationReason::Client };
        assert_eq!(decode(topic::ORDER_EVENTS, other), Ok(None));
    }

    #[test]
    fn of_all_handled_events_exactly_the_order_overtakes() {
        let overtaking = HANDLED.iter().copied().filter(|event_type| {
            let golden = format!("{}/../../shared/contracts/golden/{event_type}.v1.json", env!("CARGO_MANIFEST_DIR"));
            let payload = std::fs::read_to_string(golden).unwrap();
            Notification.overtakes(&Event::parse(event_type, 1, &payload).unwrap())
        });
        assert_eq!(overtaking.collect::<Vec<_>>(), ["order.placed"]);
    }

    #[test]
    fn an_event_from_a_topic_of_another_owner_is_refused() {
        let refused = decode(topic::PAYMENT_EVENTS, placed(ORDER));
        assert!(matches!(refused, Err(Undecodable::ForeignTopic { .. })), "{refused:?}");
    }

    #[test]
    fn an_answer_to_an_unknown_step_is_refused() {
        let answer = Answer::Yes { detail: "m1".into() };
        let what = What::Answer { aggregate_id: ORDER.to_string(), step: "sing".into(), answer };
        assert!(Notification.decide(&what, &mut Rows::default(), DateTime::UNIX_EPOCH).is_err());
    }

    #[test]
    fn every_input_touches_its_order_alone_and_reaches_its_rule() {
        let key = ORDER.to_string();
        let mut rows = Rows::default();
        rows.load(Table::Notices, key.as_str(), Row::NONE);
        let mut states = Vec::new();
        let events: [Event; 2] = [placed(ORDER).into(), contracts::OrderCompleted { order_id: ORDER }.into()];
        let answer =
            What::Answer { aggregate_id: key.clone(), step: TELL.into(), answer: Answer::Yes { detail: "m1".into() } };
        for what in events.map(What::Event).into_iter().chain([answer]) {
            let mut touched = Vec::new();
            Notification.touches(Table::Notices, &what, &rows, &mut touched);
            assert_eq!(touched, [Touch::shared(key.as_str())], "{what:?}");
            Notification.decide(&what, &mut rows, DateTime::UNIX_EPOCH).unwrap();
            states.push(rows.get(Table::Notices, &key).state);
        }
        assert_eq!(states, [State::Known, State::Telling, State::Told]);
        let cancelled = contracts::OrderCancelled { order_id: ORDER, reason: "out of stock".into() };
        let refused = Notification.decide(&What::Event(cancelled.into()), &mut rows, DateTime::UNIX_EPOCH);
        assert!(refused.is_err_and(|refusal| refusal.to_string().contains("Cancelled")), "it is completed");
    }
}
