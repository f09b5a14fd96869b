//! Events of inventory's as Kafka brings them to payment.

use choreography_core::{
    Event as _,
    delivery::{Delivery, Position},
    door::Progress,
    event_id::Ids,
    input::{Unread, Verdict, Work},
    routes::AnyReply,
};
use contracts::{InventoryReserved, Item, OrderDetails};
use one_service::OneService;
use payment::{MIGRATIONS, Payment};
use serde_json::{Value, json};
use uuid::Uuid;

pub async fn start() -> OneService<Payment> {
    OneService::start(Payment, &MIGRATIONS).await
}

/// An order whose payment is to be captured, by its number. `amount`: a negative one is refused by the rules.
pub fn reserved(order: u128, offset: i64) -> (Uuid, Delivery) {
    let event = InventoryReserved {
        order_id: Uuid::from_u128(order),
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: 200,
            currency: "EUR".into(),
            items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
            payment_method: Some("tok_visa".into()),
            shipping_address: None,
        },
    };
    let payload: Value = serde_json::from_str(&event.write().expect("it can be written")).expect("JSON");
    let (id, key) = (Uuid::now_v7(), event.aggregate_id());
    let envelope = json!({
        "id": id, "type": "inventory.reserved", "version": 1, "timestamp": "2026-08-01T10:00:00Z", "correlationId": key,
        "aggregateId": key, "payload": payload,
    });
    (id, delivery(offset, &key, envelope.to_string().into_bytes()))
}

/// A message of inventory's topic.
pub fn delivery(offset: i64, key: &str, payload: Vec<u8>) -> Delivery {
    let position = Position { topic: "inventory-events".into(), partition: 3, offset };
    Delivery { position, key: Some(key.into()), payload: Some(payload.into()), headers: Vec::new() }
}

/// What becomes of messages that share a batch.
pub async fn arrive(world: &OneService<Payment>, deliveries: &[Delivery]) -> Vec<Verdict<AnyReply>> {
    let mut work: Vec<_> = deliveries.iter().cloned().map(|delivery| Work::Unread(Unread::Message(delivery))).collect();
    let mut progress = Progress::new(work.len());
    world.door().handle_isolating(&mut Ids::new(), &mut work, &mut progress).await.expect("the database is there");
    progress.verdicts.into_iter().flatten().collect()
}
