//! Every event can come twice.

use harness::{story, typed};
use serde_json::json;
use uuid::Uuid;

#[test]
fn repeats_of_every_event_change_nothing() {
    story(|world| async {
        let chair = world.stocked("chair", 9).await;
        let mut orders = Vec::new();
        for (token, city, end) in [
            ("tok_visa", "Vienna", "completed"),
            ("tok_declined", "Vienna", "cancelled"),
            ("tok_visa", "Nowhere", "cancelled"),
        ] {
            let order = world.place(&[(&chair, 1)], token, city).await;
            world.eventually(&order, end).await;
            orders.push((order, end));
        }
        for (order, end) in &orders {
            let before = world.log.path_of(order);
            let records = world.log.find(|record| record.is_keyed(order) && !record.topic.ends_with(".dlq"));
            for record in &records {
                world.producer.send_again(record).await.expect("Kafka takes it");
            }
            // A marker behind the repeats: once it is known to be dead, its reader has passed the repeats.
            for topic in ["order-events", "inventory-events", "payment-events", "shipping-events"] {
                world.producer.send(topic, order, b"marker", &[]).await.expect("Kafka takes it");
            }
            for (reader, topics) in [("order", 2), ("inventory", 3), ("payment", 2), ("shipping", 2)] {
                world
                    .until(&format!("{reader} passed the repeats"), || async {
                        let found = world.dead_messages(reader, order).await;
                        if found >= topics { Ok(()) } else { Err(format!("{found} of {topics} markers")) }
                    })
                    .await;
            }
            assert_eq!(world.log.path_of(order), before);
            assert_eq!(world.status(order).await, *end);
        }
    });
}

#[test]
fn an_event_typed_in_without_headers_has_one_effect() {
    story(|world| async {
        let order = Uuid::now_v7().to_string();
        let payload = json!({"userId": "ada", "totalAmount": 100, "currency": "EUR",
                             "items": [{"sku": "typed-in-and-never-stocked", "quantity": 1, "price": 100}]});
        let placed = typed("order.placed", &order, payload);
        let before = world.repeats("inventory").await;
        world.type_in("order-events", &placed).await;
        let rejected = world.appears(&order, "inventory.rejected").await;
        assert_eq!(rejected.json()["causationId"], placed.id());
        world.type_in("order-events", &placed).await;
        world
            .until("inventory skipped the repeat", || async {
                let now = world.repeats("inventory").await;
                if now > before { Ok(()) } else { Err(format!("{now} repeats")) }
            })
            .await;
        assert_eq!(world.events(&order, "inventory.rejected").len(), 1);
        assert_eq!(world.effects("inventory", placed.id()).await, 1);
    });
}
