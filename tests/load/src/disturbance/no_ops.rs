//! Events that change nothing: valid ones of handled types, each with an id of its own, about orders that ended long
//! ago. A reader takes them through all that it does for an event (inbox, the order's lock, the rule), and its rule
//! answers that there is nothing to do.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chrono::{SecondsFormat, Utc};
use contracts::{Event, InventoryRejected, ShippingDispatched, Shortage};
use local::System;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::mix::sku;

use super::database;

/// Orders that the events are about, at most.
const ORDERS: i64 = 100_000;
const FLUSH: Duration = Duration::from_secs(60);
const ROOM: Duration = Duration::from_millis(50);

/// What is said again about an order that is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoOp {
    /// `shipping.dispatched`: to order, which is completed, and to inventory, which has shipped, it is a repeat.
    /// Payment ignores it.
    Dispatched,
    /// `inventory.rejected`: order is completed, so nothing happens. Payment ignores it.
    Rejected,
}

impl NoOp {
    pub const ALL: [Self; 2] = [Self::Dispatched, Self::Rejected];
    /// Where each stands.
    pub const TOPICS: [&str; 2] = ["shipping-events", "inventory-events"];

    pub fn topic(self) -> &'static str {
        self.event(Uuid::nil()).topic()
    }

    fn event(self, order_id: Uuid) -> Event {
        match self {
            Self::Dispatched => ShippingDispatched { order_id, tracking_number: "said again".into() }.into(),
            Self::Rejected => {
                let shortages = vec![Shortage { sku: sku(0), requested: 2, available: 0 }];
                InventoryRejected { order_id, reason: "said too late".into(), shortages }.into()
            }
        }
    }

    /// An envelope with a new id.
    fn message(self, order: Uuid) -> Result<String> {
        let event = self.event(order);
        let payload = RawValue::from_string(event.to_payload()?)?;
        let envelope = json!({
            "id": Uuid::now_v7(),
            "type": event.event_type(),
            "version": event.version(),
            "timestamp": Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
            "correlationId": order,
            "aggregateId": order,
            "payload": payload,
        });
        Ok(envelope.to_string())
    }
}

/// Sends them about one completed order after the other.
pub struct NoOps {
    producer: BaseProducer,
    orders: Vec<Uuid>,
    next: usize,
}

impl NoOps {
    /// About the orders that are completed by now. Not the newest: the other services may be a moment behind them.
    pub async fn about_completed_orders(system: &System) -> Result<Self> {
        let orders: Vec<String> =
            sqlx::query_scalar("SELECT order_id FROM orders WHERE status = 'completed' ORDER BY order_id LIMIT $1")
                .bind(ORDERS)
                .fetch_all(&mut database(system, "order").await?)
                .await?;
        let orders = orders.iter().map(|order| order.parse()).collect::<Result<Vec<Uuid>, _>>()?;
        ensure!(!orders.is_empty(), "there is no completed order: give it a --warm-up or a --seed");
        let mut config = system.broker.connection().config();
        // As the services do, so that an order's events are in one partition, whichever client writes them.
        config.set("partitioner", "murmur2_random").set("compression.type", "lz4").set("linger.ms", "5");
        config.set("enable.idempotence", "true");
        Ok(Self { producer: config.create().context("a producer could not be made")?, orders, next: 0 })
    }

    /// Hands so many to the producer.
    pub fn send(&mut self, what: NoOp, count: usize) -> Result<()> {
        for _ in 0..count {
            let order = self.orders.get(self.next % self.orders.len()).copied().unwrap_or_default();
            self.next += 1;
            let (key, message) = (order.to_string(), what.message(order)?);
            let mut record = BaseRecord::to(what.topic()).key(&key).payload(&message);
            while let Err((error, refused)) = self.producer.send(record) {
                let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                ensure!(error == full, "the broker does not take an event: {error}");
                self.producer.poll(ROOM);
                record = refused;
            }
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Waits until the broker has them.
    pub fn flush(&self) -> Result<()> {
        self.producer.flush(FLUSH).context("the broker did not take all events")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_valid_event_of_its_topic_with_an_id_of_its_own() {
        let order = Uuid::now_v7();
        for (what, event_type) in NoOp::ALL.into_iter().zip(["shipping.dispatched", "inventory.rejected"]) {
            let [one, other] = [(); 2].map(|()| what.message(order).unwrap());
            assert_ne!(one, other);
            let envelope: serde_json::Value = serde_json::from_str(&one).unwrap();
            assert_eq!(envelope["type"], event_type);
            assert_eq!(Event::topic_of(event_type), Some(what.topic()));
            assert!(NoOp::TOPICS.contains(&what.topic()));
            let event = Event::parse(event_type, 1, &envelope["payload"].to_string()).unwrap();
            assert_eq!((event.order_id(), &envelope["aggregateId"]), (order, &json!(order)));
        }
    }
}
