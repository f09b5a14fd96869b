//! What others may put on a topic: odd headers, envelopes that only look like one.

use std::time::{Duration, SystemTime};

use harness::{Typed, World, story, typed};
use local::producer::send_with_odd_header;
use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

/// How far the services let an event's time be ahead: the default of EVENT_SKEW.
const SKEW: Duration = Duration::from_secs(600);
const ODD: (&[u8], &[u8]) = (b"na\xffme", b"1");

/// An order typed by hand, of an item that is not in stock: inventory rejects it.
fn placed() -> Typed {
    let payload = json!({"userId": "ada", "totalAmount": 100, "currency": "EUR",
                         "items": [{"sku": "never-stocked", "quantity": 1, "price": 100}]});
    typed("order.placed", &Uuid::now_v7().to_string(), payload)
}

fn send_odd(world: &World, topic: &str, key: &str, payload: &[u8]) {
    send_with_odd_header(&world.system.broker.connection(), topic, key, payload, ODD).expect("Kafka takes it");
}

#[test]
fn a_header_name_that_is_no_text_stops_no_reader() {
    story(|world| async {
        // On a right body it is no matter.
        let event = placed();
        send_odd(world, "order-events", &event.key, &event.bytes());
        world.appears(&event.key, "inventory.rejected").await;

        // On junk it is kept: byte by byte in the database, escaped and marked in the dead letter.
        let key = Uuid::now_v7().to_string();
        for topic in ["order-events", "inventory-events", "payment-events", "shipping-events"] {
            send_odd(world, topic, &key, b"junk");
        }
        for group in ["order", "inventory", "payment", "shipping"] {
            let dead = world.dead_lettered(&key, group).await;
            assert_eq!(dead.header(r"na\xffme"), Some("1"), "{:?}", dead.headers);
            assert_eq!(dead.header("dead-letter-escaped-names"), Some("true"));
        }
        let mut db = world.database("shipping").await;
        let headers: String = sqlx::query_scalar("SELECT headers FROM dead_messages WHERE message_key = $1 LIMIT 1")
            .bind(key.as_bytes())
            .fetch_one(&mut db)
            .await
            .expect("shipping kept it");
        assert_eq!(headers, r#"[[{"hex":"6e61ff6d65"},"1"]]"#);

        let chair = world.stocked("chair", 1).await;
        let order = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
        world.eventually(&order, "completed").await;
    });
}

#[test]
fn an_envelope_written_as_a_list_moves_nothing() {
    story(|world| async {
        let mut event = placed();
        let field = |name: &str| event.body[name].clone();
        let fields = ["id", "type", "version", "timestamp", "correlationId", "aggregateId", "payload"].map(field);
        event.body = Value::from(fields.to_vec());
        world.type_in("order-events", &event).await;
        let dead = world.dead_lettered(&event.key, "inventory").await;
        assert_eq!(dead.header("dead-letter-error-class"), Some("envelope"));
        assert_eq!(world.log.path_of(&event.key), [""; 0]);
    });
}

#[test]
fn a_nul_in_tracestate_parks_no_key() {
    story(|world| async {
        let event = placed();
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let headers = [header("traceparent", parent), header("tracestate", "a=\0b")];
        world.producer.send("order-events", &event.key, &event.bytes(), &headers).await.expect("Kafka takes it");
        let rejected = world.appears(&event.key, "inventory.rejected").await;
        assert!(
            rejected.header("traceparent").is_some_and(|parent| parent.contains("0af7651916cd43dd8448eb211c80319c"))
        );
        assert!(world.deferred("inventory", &event.key).await.is_empty());
    });
}

fn id_at(time: Duration) -> Uuid {
    Uuid::new_v7(Timestamp::from_unix(NoContext, time.as_secs(), time.subsec_nanos()))
}

/// The time within an event's id.
fn time_of(id: &str) -> Duration {
    let (seconds, nanos) =
        id.parse::<Uuid>().ok().and_then(|id| id.get_timestamp()).expect("an id with a time").to_unix();
    Duration::new(seconds, nanos)
}

#[test]
fn an_event_from_the_future_waits_for_its_time_and_then_has_its_effect() {
    story(|world| async {
        let mut event = placed();
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("a clock");
        let allowed_at = now + Duration::from_secs(4);
        event.body["id"] = json!(id_at(allowed_at + SKEW));
        for _ in 0..2 {
            world.type_in("order-events", &event).await;
        }
        let rejected = world.appears(&event.key, "inventory.rejected").await;
        let body: Value = serde_json::from_slice(rejected.payload.as_deref().unwrap_or_default()).expect("an envelope");
        let acted_at = time_of(body["id"].as_str().unwrap_or_default());
        assert!(acted_at.as_millis() >= allowed_at.as_millis(), "{acted_at:?} is before {allowed_at:?}");
        world
            .until("inventory holds nothing of it any more", || async {
                let deferred = world.deferred("inventory", &event.key).await;
                if deferred.is_empty() { Ok(()) } else { Err(format!("{deferred:?}")) }
            })
            .await;
        assert_eq!(world.events(&event.key, "inventory.rejected").len(), 1);
    });
}
