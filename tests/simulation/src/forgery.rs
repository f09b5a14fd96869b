//! A planted bug that no service has: stock released before the money went back.

use std::sync::Arc;

use choreography_core::{
    outbox::{self, Lineage},
    trace::TraceContext,
};
use contracts::{Event, PaymentVoided};
use uuid::Uuid;

use choreography_simulator::{Kafka, core::lock};

use crate::shop::Shop;

/// Inventory hears `payment.voided` as soon as shipping is off.
pub fn forger(shop: &Arc<Shop>, kafka: Kafka) -> impl FnMut() + 'static {
    let (core, mut forged) = (shop.core.clone(), 0);
    move || {
        let mut broker = lock(&kafka);
        let logs = broker.logs.iter().filter(|((topic, _), _)| topic == "shipping-events");
        let off: Vec<Uuid> = logs
            .flat_map(|(_, log)| log)
            .filter(|delivery| {
                delivery.headers.iter().any(|header| {
                    let kinds: [&[u8]; 2] = [b"shipping.failed", b"shipping.cancelled"];
                    header.is_named("event-type") && header.value.as_deref().is_some_and(|value| kinds.contains(&value))
                })
            })
            .filter_map(|delivery| std::str::from_utf8(delivery.key.as_deref()?).ok()?.parse().ok())
            .collect();
        for order_id in off.iter().skip(forged) {
            let event = Event::from(PaymentVoided { order_id: *order_id, reason: "planted".into() });
            let trace = TraceContext::default();
            let key = order_id.to_string();
            let lineage = Lineage { source: "payment", correlation_id: &key, causation_id: None, trace: &trace };
            let event = choreography_core::effects::NewEvent {
                topic: event.topic(),
                event_type: event.event_type(),
                version: 1,
                aggregate_id: key.clone(),
                payload: event.to_payload().unwrap_or_default(),
            };
            if let Ok(message) = outbox::message(event, core.uuid(), core.now(), &lineage, usize::MAX) {
                broker.append(message);
            }
        }
        forged = off.len();
    }
}
