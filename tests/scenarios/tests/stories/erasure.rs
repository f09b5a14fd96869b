//! A customer's personal data is sealed wherever events take it, and erased by their key.

use std::{collections::BTreeSet, path::PathBuf};

use harness::{World, story, story_alone, typed};
use local::{EventLog, shop::order};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

const KEYS: &str = "customer-keys";
/// Payment tokens and cities, and how an order of them ends.
const OUTCOMES: [(&str, &str, &str); 4] = [
    ("tok_visa", "Vienna", "completed"),
    ("tok_flaky", "Vienna", "completed"),
    ("tok_declined", "Vienna", "cancelled"),
    ("tok_visa", "Nowhere", "cancelled"),
];

/// Somebody whose data is like nobody else's.
struct Person {
    user_id: String,
    name: String,
    street: String,
}

impl Person {
    fn new(name: &str) -> Self {
        let unmistakable = uuid::Uuid::new_v4().simple().to_string();
        Self {
            user_id: format!("{name}-{}", &unmistakable[..8]),
            name: format!("{name} Unmistakable-{}", &unmistakable[8..16]),
            street: format!("{} {name} Lane", &unmistakable[16..24]),
        }
    }

    fn order(&self, sku: &str, token: &str, city: &str) -> Value {
        let mut body = order(&[(sku, 1)], token, city);
        body["userId"] = json!(self.user_id);
        (body["shippingAddress"]["name"], body["shippingAddress"]["line1"]) = (json!(self.name), json!(self.street));
        body
    }

    async fn orders(&self, world: &World, sku: &str, token: &str, city: &str) -> String {
        let answer = world.post_order(&world.system.url("order"), &self.order(sku, token, city), &[]).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["orderId"].as_str().expect("an order id").to_owned()
    }

    fn erasure(&self, world: &World) -> String {
        format!("{}/customers/{}/erasure", world.system.url("order"), self.user_id)
    }

    async fn asks_for_erasure(&self, world: &World) -> Value {
        let answer = world.shop.post(&self.erasure(world), &Value::Null, &[]).await.expect("order answers");
        assert!([200, 202].contains(&answer.status), "{answer:?}");
        answer.body
    }

    async fn is_erased(&self, world: &World) {
        world
            .until("the erasure is published", || async {
                let body = world.shop.get(&self.erasure(world)).await.map_err(|error| error.to_string())?.body;
                if body["state"] == "published" { Ok(()) } else { Err(body.to_string()) }
            })
            .await;
    }

    /// As hexadecimal digits, the way that PostgreSQL shows it.
    async fn key(&self, world: &World) -> String {
        let mut database = world.database("order").await;
        sqlx::query_scalar("SELECT encode(key, 'hex') FROM owned_keys WHERE subject = $1")
            .bind(&self.user_id)
            .fetch_one(&mut database)
            .await
            .expect("their key")
    }

    /// As shipping holds it: generation, and whether there is a key.
    async fn held(&self, world: &World) -> Option<(i64, bool)> {
        let mut database = world.database("shipping").await;
        sqlx::query_as("SELECT generation, key IS NOT NULL FROM held_keys WHERE subject = $1")
            .bind(&self.user_id)
            .fetch_optional(&mut database)
            .await
            .expect("shipping's keys")
    }

    /// By force, as no service does it: while an order is open.
    async fn key_is_erased_by_force(&self, world: &World) {
        let mut database = world.database("order").await;
        let statement =
            "UPDATE owned_keys SET key = NULL, generation = generation + 1, erased_at = now() WHERE subject = $1";
        sqlx::query(statement).bind(&self.user_id).execute(&mut database).await.expect("erased");
        world
            .until("shipping knows of the erasure", || async {
                match self.held(world).await {
                    Some((_, false)) => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            })
            .await;
    }
}

/// An article, and somebody who has ordered it once: they have a key.
async fn customer(world: &World) -> (String, Person) {
    let (chair, eve) = (world.stocked("chair", 5).await, Person::new("Eve"));
    let first = eve.orders(world, &chair, "tok_visa", "Vienna").await;
    world.eventually(&first, "completed").await;
    (chair, eve)
}

/// Tables of a service's database in which a row shows one of these texts, in clear or as the bytes of a column.
async fn tables_with(world: &World, service: &str, texts: &[&str]) -> Vec<String> {
    // As the administrator: a service's role does not see all.
    let server: PgConnectOptions = world.system.postgres.admin_url().parse().expect("a URL");
    let mut database = PgConnection::connect_with(&server.database(service)).await.expect("its database");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut database)
    .await
    .expect("tables");
    assert!(tables.len() > 10, "{tables:?}");
    let mut found = Vec::new();
    for (table, text) in tables.iter().flat_map(|table| texts.iter().map(move |text| (table, *text))) {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let select = format!("SELECT count(*) FROM {table} AS it WHERE it::text LIKE $1 OR it::text LIKE $2");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(select))
            .bind(format!("%{text}%"))
            .bind(format!("%{hex}%"))
            .fetch_one(&mut database)
            .await
            .expect("a search");
        found.extend((rows > 0).then(|| format!("{table} has {text}")));
    }
    found
}

/// Whether a segment of the topic of keys holds this text, on the broker's disk.
fn is_on_disk(world: &World, text: &str) -> bool {
    let data = world.system.logs().parent().expect("a directory").join("kafka/data");
    let mut files: Vec<PathBuf> = Vec::new();
    for partition in std::fs::read_dir(data).expect("Kafka's data").flatten().map(|entry| entry.path()) {
        if partition.file_name().is_some_and(|name| name.to_string_lossy().starts_with(KEYS)) {
            // A segment may go while it is looked for.
            files.extend(std::fs::read_dir(partition).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    assert!(!files.is_empty());
    let holds = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files.iter().any(holds)
}

/// What the topic of keys says of a subject, first to last: the key in base64, or nothing.
fn on_topic(log: &EventLog, subject: &str) -> Vec<Option<String>> {
    let records = log.find(|record| record.topic == KEYS && record.is_keyed(subject));
    records
        .iter()
        .map(|record| record.payload.as_ref().map(|_| record.json()["k"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

async fn is_in_no_log_and_no_span(world: &World, texts: &[&str]) {
    for entry in std::fs::read_dir(world.system.logs()).expect("logs").flatten() {
        let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
        assert!(texts.iter().all(|text| !log.contains(text)), "{}", entry.path().display());
    }
    for service in world.system.services() {
        let url = format!("{}/api/traces?service={service}&limit=1500&lookback=1h", world.jaeger());
        let spans = world.shop.text(&url).await.expect("Jaeger answers");
        assert!(spans.contains("traceID"), "there are spans of {service}");
        assert!(texts.iter().all(|text| !spans.contains(text)), "spans of {service}");
    }
}

#[test]
fn a_customer_is_erased_and_found_nowhere_while_the_others_order_on() {
    story_alone(|world| async {
        let soon = [("segment.ms", "1000"), ("max.compaction.lag.ms", "1000"), ("file.delete.delay.ms", "100")];
        world.set_topic_to(KEYS, &soon).await;
        let chair = world.stocked("chair", 50).await;
        let (eve, bob) = (Person::new("Eve"), Person::new("Bob"));
        let mut orders = Vec::new();
        for (token, city, end) in OUTCOMES {
            orders.push((eve.orders(world, &chair, token, city).await, end));
            orders.push((bob.orders(world, &chair, token, city).await, end));
        }
        for (order, end) in &orders {
            world.eventually(order, end).await;
        }
        // What she had sealed, where it does not belong: it is parked, and its dead letter leaves.
        let paid = world.appears(&orders[0].0, "payment.succeeded").await.json()["payload"].clone();
        let elsewhere = uuid::Uuid::now_v7().to_string();
        let mut moved = paid;
        moved["orderId"] = json!(elsewhere);
        world.type_in("payment-events", &typed("payment.succeeded", &elsewhere, moved)).await;
        world.dead_lettered(&elsewhere, "shipping").await;

        let (hex, k) = (eve.key(world).await, on_topic(&world.log, &eve.user_id)[0].clone().expect("a key"));
        assert!(is_on_disk(world, &k), "the search finds what is there");
        waits_for_open_orders(world, &eve, &chair).await;
        eve.is_erased(world).await;

        let plain = [eve.name.as_str(), eve.street.as_str()];
        let seen = world.log.find(|record| {
            let text = String::from_utf8_lossy(record.payload.as_deref().unwrap_or_default()).into_owned();
            plain.iter().any(|plain| text.contains(plain))
        });
        assert!(seen.is_empty(), "no topic ever had it: {seen:?}");
        world
            .until("shipping has dropped the key", || async {
                let held = eve.held(world).await;
                if matches!(held, Some((_, false))) { Ok(()) } else { Err(format!("{held:?}")) }
            })
            .await;
        for service in world.system.services() {
            let found = tables_with(world, service, &[plain[0], plain[1], &hex, &k]).await;
            assert!(found.is_empty(), "{service}: {found:?}");
        }
        is_in_no_log_and_no_span(world, &[plain[0], plain[1], &hex, &k]).await;
        world
            .until("the key is on no disk of the broker's", || async {
                if is_on_disk(world, &k) { Err("it is there".to_owned()) } else { Ok(()) }
            })
            .await;
        let now = EventLog::follow(&world.system.broker.connection(), &[KEYS.to_owned()]).expect("the topic");
        world
            .until("a reader that begins now learns of the erasure", || async {
                let said = on_topic(&now, &eve.user_id);
                if said.last() == Some(&None) && !said.contains(&Some(k.clone())) {
                    Ok(())
                } else {
                    Err(format!("{said:?}"))
                }
            })
            .await;

        let shown = |order: &str| format!("{}/orders/{order}", world.system.url("order"));
        let hers = world.shop.get(&shown(&orders[0].0)).await.expect("order answers").body;
        assert_eq!((&hers["status"], &hers["shippingAddress"]), (&json!("completed"), &Value::Null), "{hers}");
        let his = world.shop.get(&shown(&orders[1].0)).await.expect("order answers").body;
        assert_eq!(his["shippingAddress"]["name"], json!(bob.name));
        for person in [&bob, &eve] {
            let again = person.orders(world, &chair, "tok_visa", "Vienna").await;
            world.eventually(&again, "completed").await;
        }
        assert_ne!(eve.key(world).await, hex, "who comes again has a new key");
        world.set_topic(KEYS, "segment.ms", None).await;
    });
}

/// An order is under way: the erasure waits for it, and no other begins.
async fn waits_for_open_orders(world: &World, eve: &Person, chair: &str) {
    let shipping = world.system.find("shipping").expect("shipping runs");
    shipping.process.freeze().expect("shipping stands still");
    let open = eve.orders(world, chair, "tok_visa", "Vienna").await;
    let asked = eve.asks_for_erasure(world).await;
    assert_eq!((&asked["state"], &asked["openOrders"]), (&json!("waiting"), &json!(1)), "{asked}");
    let refused = world.post_order(&world.system.url("order"), &eve.order(chair, "tok_visa", "Vienna"), &[]).await;
    assert_eq!((refused.status, &refused.body["field"]), (409, &json!("userId")), "{refused:?}");
    let again = eve.asks_for_erasure(world).await;
    assert_eq!(again["askedAt"], asked["askedAt"], "to ask again changes nothing");
    shipping.process.thaw().expect("shipping goes on");
    world.eventually(&open, "completed").await;
}

#[test]
fn an_event_that_comes_after_the_erasure_is_refused_and_the_money_goes_back() {
    story_alone(|world| async {
        let (chair, eve) = customer(world).await;
        let payment = world.system.find("payment").expect("payment runs");
        payment.process.freeze().expect("payment stands still");
        let open = eve.orders(world, &chair, "tok_visa", "Vienna").await;
        world.appears(&open, "inventory.reserved").await;
        eve.key_is_erased_by_force(world).await;
        payment.process.thaw().expect("payment goes on");
        world.eventually(&open, "cancelled").await;
        let failed = world.appears(&open, "shipping.failed").await.json();
        assert_eq!(failed["payload"]["reason"], json!("the customer's address was erased"), "{failed}");
        let money = world.money(&open).await;
        assert!(money.captured > 0 && money.captured == money.refunded, "{money:?}");
        let types: BTreeSet<String> = world.log.path_of(&open).into_iter().collect();
        assert!(types.contains("payment.refunded") && types.contains("inventory.released"), "{types:?}");
    });
}

#[test]
fn an_event_whose_key_has_not_come_waits_for_it_without_spending_attempts() {
    story_alone(|world| async {
        let (chair, eve) = customer(world).await;
        let mut held = world.database("shipping").await;
        let deleted =
            sqlx::query("DELETE FROM held_keys WHERE subject = $1").bind(&eve.user_id).execute(&mut held).await;
        assert_eq!(deleted.expect("as if it had never come").rows_affected(), 1);
        let waiting = eve.orders(world, &chair, "tok_visa", "Vienna").await;
        world
            .until("the event has been tried some times", || async {
                let deferred = world.deferred("shipping", &waiting).await;
                let is_retried = deferred.iter().any(|event| {
                    event["status"] == "retrying"
                        && event["errorClass"] == "awaited"
                        && event["attempts"] == 1
                        && event["lastFailedAt"] != event["firstFailedAt"]
                });
                if is_retried { Ok(()) } else { Err(format!("{deferred:?}")) }
            })
            .await;
        let mut owned = world.database("order").await;
        let again = sqlx::query("UPDATE owned_keys SET published = 0 WHERE subject = $1").bind(&eve.user_id);
        again.execute(&mut owned).await.expect("it is published again");
        world.eventually(&waiting, "completed").await;
        assert!(world.dead_letters(&waiting, "shipping").is_empty(), "it was never parked");
    });
}

#[test]
fn a_message_among_the_keys_that_is_none_is_passed_over_and_counted() {
    story(|world| async {
        let (chair, eve) = customer(world).await;
        world.producer.send(KEYS, &eve.user_id, b"no key", &[]).await.expect("Kafka takes it");
        world
            .until("both readers count it", || async {
                for service in ["order", "shipping"] {
                    let url = format!("{}/metrics", world.system.admin_url(service));
                    let metrics = world.shop.text(&url).await.map_err(|error| error.to_string())?;
                    let counter = "saga_key_messages_unreadable_total{topic=\"customer-keys\"} ";
                    let count = metrics.lines().find_map(|line| line.strip_prefix(counter)).unwrap_or("none");
                    if count.parse().unwrap_or(0) < 1 {
                        return Err(format!("{service}: {count}"));
                    }
                }
                Ok(())
            })
            .await;
        let next = eve.orders(world, &chair, "tok_visa", "Vienna").await;
        world.eventually(&next, "completed").await;
    });
}
