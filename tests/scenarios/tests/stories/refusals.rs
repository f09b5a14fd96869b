//! What Kafka does not take from a service stops nothing that it need not stop.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Record, World, story, story_alone, typed};
use local::producer::Producer;
use serde_json::{Value, json};
use uuid::Uuid;

/// SHA-256 of 1,900,000 letters `x`.
const DIGEST_OF_X: &str = "85c1a774f05bc91f3b11f4ef9088a9c16f140f1b4df2129ba27fee4a8eacc856";

async fn compressed(world: &World, topic: &str, key: &str, payload: &[u8]) {
    let producer = Producer::compressing(&world.system.broker.connection(), "zstd").expect("a producer");
    producer.send(topic, key, payload, &[]).await.expect("Kafka takes it");
}

async fn orders_end(world: &World, sku: &str) {
    for (city, ends) in [("Vienna", "completed"), ("Nowhere", "cancelled"), ("Vienna", "completed")] {
        let order = world.place(&[(sku, 1)], "tok_visa", city).await;
        world.eventually(&order, ends).await;
    }
}

fn header<'a>(record: &'a Record, name: &str) -> &'a str {
    record.header(&format!("dead-letter-payload{name}")).unwrap_or_default()
}

#[test]
fn a_compressible_junk_message_is_dead_lettered_without_its_payload_and_stops_no_order() {
    story(|world| async {
        let chair = world.stocked("chair", 10).await;
        let key = Uuid::now_v7().to_string();
        compressed(world, "inventory-events", &key, &vec![b'x'; 1_900_000]).await;
        for reader in ["order", "payment"] {
            let dead = world.dead_lettered(&key, reader).await;
            assert_eq!((&dead.payload, header(&dead, ""), header(&dead, "-length")), (&None, "omitted", "1900000"));
            assert_eq!(header(&dead, "-sha256"), DIGEST_OF_X);
        }
        let mut db = world.database("payment").await;
        let kept: i32 = sqlx::query_scalar("SELECT octet_length(payload) FROM dead_messages WHERE message_key = $1")
            .bind(key.as_bytes())
            .fetch_one(&mut db)
            .await
            .expect("the bytes are kept");
        assert_eq!(kept, 1_900_000);
        orders_end(world, &chair).await;
    });
}

#[test]
fn a_parked_event_with_a_large_unknown_field_stops_no_order() {
    story(|world| async {
        let chair = world.stocked("chair", 10).await;
        let order = Uuid::now_v7().to_string();
        // It cannot happen where nothing is set aside, so inventory parks it.
        let payload = json!({"trackingNumber": "T1", "more": "x".repeat(3_000_000)});
        let event = typed("shipping.dispatched", &order, payload);
        compressed(world, "shipping-events", &order, &event.bytes()).await;
        let dead = world.dead_lettered(&order, "inventory").await;
        assert_eq!((&dead.payload, header(&dead, "")), (&None, "omitted"));
        assert_eq!(header(&dead, "-length"), event.bytes().len().to_string());
        assert_eq!(dead.header("dead-letter-error-class"), Some("refused"));
        orders_end(world, &chair).await;
    });
}

#[test]
fn a_deleted_dead_letter_topic_slows_no_order_and_takes_its_dead_letters_once_it_is_made_again() {
    story_alone(|world| async move {
        const TOPIC: &str = "payment-events.dlq";
        let chair = world.stocked("chair", 50).await;
        world.delete_topic(TOPIC).await;
        let key = Uuid::now_v7().to_string();
        world.producer.send("payment-events", &key, b"junk", &[]).await.expect("Kafka takes it");
        let metrics = format!("{}/metrics", world.system.admin_url("inventory"));
        let failing = format!("saga_topic_failing{{topic=\"{TOPIC}\"}}");
        let told = |value: &'static str| {
            let (metrics, line) = (&metrics, format!("{failing} {value}"));
            async move {
                world
                    .until(&line, || async {
                        let text = world.shop.text(metrics).await.map_err(|error| error.to_string())?;
                        let seen: Vec<&str> = text.lines().filter(|line| line.contains("topic_failing")).collect();
                        if text.lines().any(|other| other == line) { Ok(()) } else { Err(seen.join(", ")) }
                    })
                    .await;
            }
        };
        told("1").await;
        // Events go on, and no step of their relay waits for the topic.
        let slow = || async {
            let text = world.shop.text(&metrics).await.expect("metrics");
            let count = |le: &str| {
                let bucket = format!("saga_relay_seconds_bucket{{le=\"{le}\"}} ");
                text.lines().find_map(|line| line.strip_prefix(&bucket)?.parse::<u64>().ok()).unwrap_or_default()
            };
            count("+Inf") - count("10")
        };
        let slow_before = slow().await;
        orders_end(world, &chair).await;
        assert_eq!(slow().await, slow_before, "a relay step took more than ten seconds");
        let log = world.make_topic(TOPIC).await;
        world
            .until("the dead letters left", || async {
                let readers: Vec<String> = log
                    .find(|record| record.is_keyed(&key))
                    .iter()
                    .filter_map(|record| record.header("dead-letter-consumer-group").map(str::to_owned))
                    .collect();
                let both = ["inventory", "shipping"].iter().all(|reader| readers.iter().any(|other| other == reader));
                if both { Ok(()) } else { Err(format!("{readers:?}")) }
            })
            .await;
        told("0").await;
    });
}

/// An order of some ten thousand bytes that no codec makes small, of items that are not in stock.
async fn place_large(world: &World) -> String {
    let sku = |_| format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let skus: Vec<String> = (0..100).map(sku).collect();
    let items: Vec<(&str, u32)> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    world.place(&items, "tok_visa", "Vienna").await
}

/// What order's relay has stopped under a key.
async fn stopped(world: &World, key: &str) -> Option<Value> {
    let url = format!("{}/admin/stopped", world.system.admin_url("order"));
    let body = world.operator.get(&url).await.expect("the admin API answers").body;
    body["stopped"].as_array().and_then(|all| all.iter().find(|each| each["key"] == key)).cloned()
}

#[test]
fn a_topic_that_takes_no_large_messages_stops_the_large_orders_key_until_it_is_released() {
    story_alone(|world| async move {
        let chair = world.stocked("chair", 50).await;
        world.set_topic("order-events", "max.message.bytes", Some("6000")).await;
        let large = place_large(world).await;
        // Beside it some that together are too large for one batch.
        let mut placing = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let chair = chair.clone();
            placing.spawn(async move { world.place(&[(&chair, 1)], "tok_visa", "Vienna").await });
        }
        let beside = placing.join_all().await;
        for order in &beside {
            world.eventually(order, "completed").await;
        }
        let found = world
            .until("the large order's key is stopped", || async {
                stopped(world, &large).await.ok_or_else(|| "nothing is".to_owned())
            })
            .await;
        assert_eq!((found["topic"].as_str(), found["bytes"].as_i64() > Some(6_000)), (Some("order-events"), true));
        assert!(world.events(&large, "order.placed").is_empty());

        // Once it is stopped it stays so, whichever replica has its range.
        world.system.kill("order").expect("it dies");
        world.replica("order", "order", &[]).await;
        orders_end(world, &chair).await;
        assert!(stopped(world, &large).await.is_some());
        let release = format!("stopped/{}/release", found["number"]);
        world.set_topic("order-events", "max.message.bytes", None).await;
        assert_eq!(world.admin("order", &release, &json!({})).await.status, 200);
        world.eventually(&large, "cancelled").await;
        assert_eq!(world.admin("order", &release, &json!({})).await.status, 404);
    });
}

#[test]
fn a_refused_message_can_be_given_up_for_a_reason_and_those_behind_it_go_on() {
    story_alone(|world| async move {
        world.set_topic("order-events", "max.message.bytes", Some("6000")).await;
        let large = place_large(world).await;
        let found = world
            .until("the large order's key is stopped", || async {
                stopped(world, &large).await.ok_or_else(|| "nothing is".to_owned())
            })
            .await;
        // What follows for the order waits behind it, although it is small.
        assert_eq!(world.cancel(&large).await.status, 202);
        let discard = format!("stopped/{}/discard", found["number"]);
        assert_eq!(world.admin("order", &discard, &json!({"reason": " "})).await.status, 422);
        assert!(world.events(&large, "order.cancellation_requested").is_empty());
        assert_eq!(world.admin("order", &discard, &json!({"reason": "settled by hand"})).await.status, 200);
        world.appears(&large, "order.cancellation_requested").await;
        world.eventually(&large, "cancelled").await;
        world.set_topic("order-events", "max.message.bytes", None).await;
        let mut db = world.database("order").await;
        let (reason, bytes): (String, i32) =
            sqlx::query_as("SELECT reason, octet_length(payload) FROM discarded_messages WHERE key = $1")
                .bind(large.as_bytes())
                .fetch_one(&mut db)
                .await
                .expect("it is kept");
        assert_eq!((reason.as_str(), bytes > 6_000), ("settled by hand", true));
    });
}

#[test]
fn acknowledgements_slower_than_the_lease_publish_each_event_about_once() {
    story_alone(|world| async move {
        /// Twice `RELAY_LEASE`, and shorter than the consumers' patience with their group.
        const FROZEN: Duration = Duration::from_secs(6);
        let chair = world.stocked("chair", 100).await;
        world.replica("order", "order-2", &[]).await;
        let kafka = world.system.broker.kafka().expect("this world has its own Kafka");
        let mut orders = Vec::new();
        for _ in 0..3 {
            kafka.pause().expect("Kafka stands still");
            for _ in 0..5 {
                orders.push(world.place(&[(&chair, 1)], "tok_visa", "Vienna").await);
            }
            // Not a wait for something: it is how slow Kafka is.
            tokio::time::sleep(FROZEN).await;
            kafka.resume().expect("Kafka goes on");
            let newest = orders.last().expect("orders");
            world.appears(newest, "order.placed").await;
        }
        for order in &orders {
            world.eventually(order, "completed").await;
        }
        let mut records: BTreeMap<&str, usize> = BTreeMap::new();
        for order in &orders {
            records.insert(order, world.events(order, "order.placed").len());
        }
        let repeats = records.values().sum::<usize>() - records.len();
        assert!(repeats <= 5, "{repeats} repeats: {records:?}");
        world.system.kill("order-2").expect("it dies");
    });
}

/// The most memory that a process ever had, in bytes.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
}

#[test]
fn a_backlog_of_large_dead_letters_fits_into_little_memory() {
    story_alone(|world| async move {
        const TOPIC: &str = "payment-events.dlq";
        const LETTERS: i64 = 200;
        world.delete_topic(TOPIC).await;
        let mut db = world.database("inventory").await;
        sqlx::query(
            "WITH large AS MATERIALIZED (SELECT decode(string_agg(md5(part::text), ''), 'hex') AS payload
                                         FROM generate_series(1, 60000) AS part)
             INSERT INTO outbox (range, topic, key, payload, headers)
             SELECT 12, $1, number::text::bytea, payload, '[]' FROM generate_series(1, $2) AS number, large",
        )
        .bind(TOPIC)
        .bind(LETTERS)
        .execute(&mut db)
        .await
        .expect("the backlog is written");
        let log = world.make_topic(TOPIC).await;
        world
            .until("all dead letters left", || async {
                let seen =
                    log.find(|record| record.payload.as_ref().is_some_and(|payload| payload.len() == 960_000)).len();
                if seen >= usize::try_from(LETTERS).unwrap_or_default() { Ok(()) } else { Err(format!("{seen}")) }
            })
            .await;
        let process = world.system.find("inventory").expect("it runs").process;
        let peak = peak_memory(process.pid()) / (1 << 20);
        assert!(peak < 256, "inventory took {peak} MiB");
    });
}
