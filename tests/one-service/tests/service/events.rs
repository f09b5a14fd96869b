//! Events as Kafka brings them to a service.

use choreography_core::{
    Event,
    delivery::{Delivery, Position},
    event_id::{IdSource as _, Ids},
    handler::Progress,
    input::{Inbound, Unread, Verdict},
    routes::{AnyReply, Service},
    store::{DeferEvent, DeferredEvents, DeferredStatus, Inbox, Writing},
};
use chrono::{TimeDelta, Utc};
use contracts::{InventoryReserved, Item, OrderDetails};
use one_service::OneService;
use payment::{MIGRATIONS, Payment};
use serde_json::{Value, json};
use uuid::Uuid;

pub async fn start() -> OneService<Payment> {
    OneService::start(Payment, &MIGRATIONS).await
}

/// Two chairs.
pub fn details() -> OrderDetails {
    OrderDetails {
        user_id: "ada".into(),
        total_amount: 200,
        currency: "EUR".into(),
        items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
        payment_method: Some("tok_visa".into()),
        shipping_address: None,
        sealed_address: None,
    }
}

/// An order whose payment is to be captured, by its number.
pub fn reserved(order: u128, offset: i64) -> (Uuid, Delivery) {
    let id = Uuid::now_v7();
    (id, reserved_as(id, order, offset))
}

pub fn reserved_as(id: Uuid, order: u128, offset: i64) -> Delivery {
    published(id, &InventoryReserved { order_id: Uuid::from_u128(order), details: details() }, offset)
}

/// An event as its owner publishes it.
pub fn published<E: Event>(id: Uuid, event: &E, offset: i64) -> Delivery {
    delivery_on(E::TYPE.topic, offset, &event.aggregate_id(), enveloped(id, event))
}

/// An id from the next hour, by a clock that is wrong: it has no inbox row until its time comes.
pub fn early_id() -> Uuid {
    Ids::new().next(Utc::now() + TimeDelta::hours(1))
}

/// That an order is reserved is deferred, and there is no row of it.
pub async fn defer(world: &OneService<Payment>, order: u128, status: DeferredStatus) {
    let (id, delivery) = reserved(order, 1);
    let deferred = DeferEvent {
        key: Uuid::from_u128(order).to_string(),
        event_id: id,
        event_type: "inventory.reserved".into(),
        status,
        delivery,
        failure: None,
        retry_in: TimeDelta::zero(),
        now: Utc::now(),
        overtakes: false,
        early: false,
    };
    let inbox = Inbox { new: vec![id], ..Inbox::default() };
    let deferred = DeferredEvents { defer: vec![deferred], ..DeferredEvents::default() };
    let lost = world.write(Writing { inbox, deferred, ..Writing::default() }).await.expect("it is written");
    assert!(lost.is_nothing(), "{lost:?}");
}

fn enveloped<E: Event>(id: Uuid, event: &E) -> Vec<u8> {
    let payload: Value = serde_json::from_str(&event.write().expect("it can be written")).expect("JSON");
    let key = event.aggregate_id();
    let envelope = json!({
        "id": id, "type": E::TYPE.name, "version": 1, "timestamp": "2026-08-01T10:00:00Z", "correlationId": key,
        "aggregateId": key, "payload": payload,
    });
    envelope.to_string().into_bytes()
}

/// A message of inventory's topic.
pub fn delivery(offset: i64, key: &str, payload: Vec<u8>) -> Delivery {
    delivery_on("inventory-events", offset, key, payload)
}

fn delivery_on(topic: &str, offset: i64, key: &str, payload: Vec<u8>) -> Delivery {
    let position = Position { topic: topic.into(), partition: 3, offset };
    Delivery { position, key: Some(key.into()), payload: Some(payload.into()), headers: Vec::new() }
}

/// What becomes of messages that share a batch.
pub async fn arrive<S: Service>(world: &OneService<S>, deliveries: &[Delivery]) -> Vec<Verdict<AnyReply>> {
    let mut inbound: Vec<_> =
        deliveries.iter().cloned().map(|delivery| Inbound::Unread(Unread::Message(delivery))).collect();
    let mut progress = Progress::new(inbound.len());
    world
        .handler()
        .handle_isolating(&mut Ids::new(), &mut inbound, &mut progress)
        .await
        .expect("the database is there");
    progress.verdicts.into_iter().flatten().collect()
}
