//! What is no event of this choreography: dead-lettered at once, parking no key.

use harness::{story, typed};
use serde_json::json;
use uuid::Uuid;

#[test]
fn junk_under_a_live_orders_key_does_not_keep_it_from_ending() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 1)], "tok_visa", "Latetown").await;
        let junk = [0xff, 0x00, b'j', b'u', b'n', b'k'];
        let headers = [("kept".to_owned(), Some(vec![0xfe, 0x01])), ("null".to_owned(), None)];
        for topic in ["order-events", "inventory-events", "payment-events", "shipping-events"] {
            world.producer.send(topic, &order, &junk, &headers).await.expect("Kafka takes it");
        }
        world.eventually(&order, "completed").await;
        let dead = world.dead_lettered(&order, "payment").await;
        assert_eq!(dead.payload.as_deref(), Some(&junk[..]));
        assert!(headers.iter().all(|header| dead.headers.contains(header)), "{:?}", dead.headers);
        for name in ["topic", "partition", "offset", "error-message", "attempts", "first-failure", "last-failure"] {
            assert!(dead.header(&format!("dead-letter-{name}")).is_some(), "dead-letter-{name} is missing");
        }
        assert_eq!(dead.header("dead-letter-error-class"), Some("envelope"));
    });
}

#[test]
fn what_can_never_be_handled_says_why() {
    story(|world| async {
        let placed = json!({"userId": "ada", "totalAmount": 100, "currency": "EUR",
                            "items": [{"sku": "x", "quantity": 1, "price": 100}]});
        let mut cases = Vec::new();
        let mut case = |class: &'static str, topic: &'static str, change: &dyn Fn(&mut serde_json::Value)| {
            let mut message = typed("order.placed", &Uuid::now_v7().to_string(), placed.clone());
            change(&mut message.body);
            cases.push((class, topic, message));
        };
        case("unknown-version", "order-events", &|body| body["version"] = json!(7));
        case("foreign-topic", "payment-events", &|_| {});
        case("payload", "order-events", &|body| body["payload"]["items"][0]["quantity"] = json!(0));
        case("event-id", "order-events", &|body| body["id"] = json!(Uuid::new_v4()));
        case("event-id", "order-events", &|body| body["id"] = json!("018bcfe5-6800-7000-8000-000000000001"));
        case("envelope", "order-events", &|body| body["timestamp"] = json!("yesterday"));
        for (class, topic, message) in cases {
            world.type_in(topic, &message).await;
            let dead = world.dead_lettered(&message.key, "inventory").await;
            assert_eq!(dead.header("dead-letter-error-class"), Some(class));
            assert_eq!(dead.payload, Some(message.bytes()));
            assert!(world.deferred("inventory", &message.key).await.is_empty(), "{class} parks no key");
        }
        let message = typed("order.placed", &Uuid::now_v7().to_string(), placed);
        let headers = [("event-type".to_owned(), Some(b"order.renamed".to_vec()))];
        world.producer.send("order-events", &message.key, &message.bytes(), &headers).await.expect("Kafka takes it");
        let dead = world.dead_lettered(&message.key, "inventory").await;
        assert_eq!(dead.header("dead-letter-error-class"), Some("header"));
    });
}
