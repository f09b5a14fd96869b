//! `order-events` goes from 6 to 12 partitions while orders are placed and cancelled, by the commands of the page of contracts.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use harness::{story_secured, until};
use local::{
    EventLog, Record, System, audit, binaries,
    shop::{Shop, order},
    system::services,
};
use provision::token::{Bearer, sign};
use rdkafka::{
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::{process::Command, task::JoinHandle};

const OLD: &str = "order-events";
const NEW: &str = "order-events.v2";
const BOTH: &str = "both:order-events:order-events.v2";
const MOVED: &str = "moved:order-events:order-events.v2";
const REQUEST: Duration = Duration::from_secs(20);
/// Between two orders.
const PAUSE: Duration = Duration::from_millis(40);
/// Who reads order's events, and what of them has its effect.
const READERS: [(&str, &[&str]); 3] = [
    ("inventory", &["order.placed"]),
    ("shipping", &["order.cancellation_requested"]),
    ("notification", &["order.placed", "order.completed", "order.cancelled"]),
];

/// A customer who places orders, and cancels some of them, until they are told to stop.
struct Customer {
    stop: Arc<AtomicBool>,
    placed: JoinHandle<Vec<String>>,
}

impl Customer {
    fn start(system: Arc<System>, shop: Shop) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let placed = tokio::spawn(place_orders(system, shop, stop.clone()));
        Self { stop, placed }
    }

    async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.placed.await.expect("they end")
    }
}

/// While order is replaced there is no answer: a request that was not accepted is no order.
async fn place_orders(system: Arc<System>, shop: Shop, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut placed: Vec<String> = Vec::new();
    let mut body = order(&[("chair", 1)], "tok_visa", "Vienna");
    body["userId"] = json!("clerk");
    while !stop.load(Ordering::Relaxed) {
        let orders = format!("{}/orders", system.url("order"));
        if let Ok(answer) = shop.post(&orders, &body, &[]).await
            && let Some(id) = answer.body["orderId"].as_str()
        {
            placed.push(id.to_owned());
            if placed.len().is_multiple_of(4) {
                // Too late for some: shipping decides.
                let _ = shop.post(&format!("{orders}/{id}/cancel"), &Value::Null, &[]).await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    placed
}

fn clerk(system: &System) -> Shop {
    let key = system.secrets().expect("a secured system").join("operator/signing-key.pem");
    let bearer = Bearer {
        user: "clerk".into(),
        scopes: vec!["back-office".into()],
        issuer: "choreography".into(),
        audience: "shop".into(),
        lifetime: chrono::TimeDelta::hours(1),
    };
    Shop::bearing(sign(&std::fs::read_to_string(key).expect("a key"), &bearer).expect("a token"))
}

/// Runs `provision` as the administrator.
async fn provision(system: &System, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    let secrets = system.secrets().expect("a secured system").join("kafka-setup");
    let file = |name: &str| secrets.join(name);
    let mut command = Command::new(binaries::sibling("provision").expect("it is built"));
    command
        .args(arguments)
        .env("KAFKA_BROKERS", system.broker.bootstrap())
        .env("KAFKA_SECURITY_PROTOCOL", "sasl_ssl")
        .env("KAFKA_SASL_MECHANISM", "PLAIN")
        .env("KAFKA_USERNAME", "admin")
        .env("KAFKA_PASSWORD_FILE", file("kafka-password"))
        .env("KAFKA_CA_FILE", file("ca.pem"))
        .env("SECRETS_DIR", &secrets)
        .envs(env.iter().copied());
    command.output().await.expect("it runs")
}

async fn provisioned(system: &System, arguments: &[&str], env: &[(&str, &str)]) -> String {
    let output = provision(system, arguments, env).await;
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Replaces a replica by one that knows these moves.
async fn replace(system: &System, service: &str, replica: &str, moves: &str) {
    system.stop(replica).await.expect("it drains");
    start(system, service, replica, moves).await;
}

async fn start(system: &System, service: &str, replica: &str, moves: &str) {
    system.spawn(service, replica, &[("TOPIC_MOVES", moves)]).expect("it starts");
    system.wait_ready(replica).await.expect("it is ready");
}

async fn metric(system: &System, replica: &str, name: &str) -> Option<f64> {
    let admin = system.find(replica)?.admin;
    let text = Shop::default().text(&format!("{admin}/metrics")).await.ok()?;
    text.lines().find(|line| line.starts_with(name))?.rsplit(' ').next()?.parse().ok()
}

/// Waits until a replica reads the new topic.
async fn has_switched(system: &System, replica: &str) {
    until(system, &format!("{replica} has switched"), || async {
        match metric(system, replica, "saga_topic_switched").await {
            Some(1.0) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    })
    .await;
}

/// Waits until so many more events stand on a topic.
async fn more_on(system: &System, log: &EventLog, topic: &str, more: usize) {
    let count = || log.find(|record| record.topic == topic).len();
    let before = count();
    until(system, &format!("{more} more events on {topic}"), || async {
        let now = count();
        if now >= before + more { Ok(()) } else { Err(format!("{} more", now - before)) }
    })
    .await;
}

/// How many partitions a topic has, and how many events.
fn size_of(system: &System, topic: &str) -> (usize, i64) {
    let consumer: BaseConsumer = system.broker.connection().config().create().expect("a client");
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST).expect("Kafka answers");
    let partitions: Vec<i32> = metadata.topics().iter().flat_map(|t| t.partitions()).map(|p| p.id()).collect();
    let ends = partitions.iter().map(|id| consumer.fetch_watermarks(topic, *id, REQUEST).expect("Kafka answers").1);
    (partitions.len(), ends.sum())
}

#[test]
fn a_topic_goes_from_6_to_12_partitions_while_orders_are_placed() {
    story_secured(&["provision"], |system| async move {
        let system = Arc::new(system);
        for service in services() {
            system.spawn(service, service, &[]).expect("it starts");
        }
        system.spawn("inventory", "inventory-2", &[]).expect("it starts");
        for (name, _) in system.running() {
            system.wait_ready(&name).await.expect("it is ready");
        }
        let clerk = clerk(&system);
        let stock = format!("{}/stock/chair", system.url("inventory"));
        assert_eq!(clerk.put(&stock, &json!({"onHand": 1_000_000})).await.expect("an answer").status, 200);
        let mut log = EventLog::follow(&system.broker.connection(), &[OLD.to_owned()]).expect("the topic");
        let customer = Customer::start(system.clone(), clerk.clone());
        more_on(&system, &log, OLD, 100).await;

        let refused = provision(&system, &["kafka", "--partitions", "12"], &[]).await;
        assert!(!refused.status.success());
        for part in ["has 6 partitions", "read before its earlier ones", "shared/docs/contracts.md"] {
            assert!(said(&refused).contains(part), "{}", said(&refused));
        }
        provisioned(&system, &["kafka"], &[("TOPIC_MOVES", BOTH), ("NEW_PARTITIONS", "12")]).await;
        assert_eq!((size_of(&system, OLD).0, size_of(&system, NEW).0), (6, 12));
        drop(log);
        log = EventLog::follow(&system.broker.connection(), &[OLD.to_owned(), NEW.to_owned()]).expect("the topics");

        let switch = ["switch", "--from", OLD, "--to", NEW];
        let early = provision(&system, &switch, &[]).await;
        assert!(said(&early).contains("TOPIC_MOVES=both"), "{}", said(&early));
        replace(&system, "order", "order", BOTH).await;
        let line = until(&system, "every key range is on both topics", || async {
            let output = provision(&system, &switch, &[]).await;
            if output.status.success() {
                Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            } else {
                Err(said(&output))
            }
        })
        .await;

        // Readers move one by one; one of them is killed right after, and one in the middle.
        replace(&system, "shipping", "shipping", &line).await;
        has_switched(&system, "shipping").await;
        replace(&system, "inventory", "inventory-2", &line).await;
        system.kill("inventory").expect("it dies");
        start(&system, "inventory", "inventory", &line).await;
        system.kill("inventory-2").expect("it dies");
        start(&system, "inventory", "inventory-2", &line).await;
        has_switched(&system, "inventory").await;
        has_switched(&system, "inventory-2").await;
        more_on(&system, &log, OLD, 50).await;
        assert_eq!(metric(&system, "notification", "saga_topic_switched").await, None, "it still reads the old topic");
        replace(&system, "notification", "notification", &line).await;
        has_switched(&system, "notification").await;

        replace(&system, "order", "order", MOVED).await;
        let (_, closed_at) = size_of(&system, OLD);
        for (reader, _) in READERS {
            replace(&system, reader, reader, MOVED).await;
        }
        replace(&system, "inventory", "inventory-2", MOVED).await;
        provisioned(&system, &["kafka"], &[("TOPIC_MOVES", MOVED)]).await;
        more_on(&system, &log, NEW, 100).await;
        assert_eq!(size_of(&system, OLD).1, closed_at, "nobody writes the old topic any more");
        delete(&system, OLD).await;
        more_on(&system, &log, NEW, 100).await;

        let placed = customer.stop().await;
        everything_has_ended(&system, &placed).await;
        for (reader, handled) in READERS {
            everything_had_its_effect(&system, &log, reader, handled).await;
        }
        keys_are_in_order(&log, &placed);
    });
}

async fn delete(system: &System, topic: &str) {
    let admin: AdminClient<DefaultClientContext> =
        system.broker.connection().config().create().expect("an admin client");
    let answers = admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("Kafka answers");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// Every order has one end on which all agree, and money and stock add up.
async fn everything_has_ended(system: &System, placed: &[String]) {
    assert!(placed.len() > 100, "{} orders", placed.len());
    until(system, "all is at rest and adds up", || async {
        let findings = audit::check(system).await.map_err(|error| error.to_string())?;
        if findings.is_empty() { Ok(()) } else { Err(findings.join("; ")) }
    })
    .await;
    let mut db = PgConnection::connect(&system.database_url("order")).await.expect("the database answers");
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM orders WHERE order_id = ANY($1) AND status IN ('completed', 'cancelled')",
    )
    .bind(placed)
    .fetch_one(&mut db)
    .await
    .expect("orders can be counted");
    assert_eq!(usize::try_from(ended).expect("a count"), placed.len(), "what was accepted has ended");
}

/// Each event of these types, on whichever topic, has one row in the reader's inbox.
async fn everything_had_its_effect(system: &System, log: &EventLog, reader: &str, handled: &[&str]) {
    let is_handled = |record: &Record| handled.contains(&record.event_type().as_str());
    let ids: BTreeSet<String> = log.find(is_handled).iter().map(Record::event_id).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    assert!(!ids.is_empty(), "{reader}");
    until(system, &format!("{reader} has handled all"), || async {
        let mut db = PgConnection::connect(&system.database_url(reader)).await.expect("the database answers");
        let query = "SELECT count(*) FROM inbox WHERE event_id = ANY($1::uuid[])";
        let rows: i64 = sqlx::query_scalar(query).bind(&ids).fetch_one(&mut db).await.expect("the inbox can be read");
        if usize::try_from(rows) == Ok(ids.len()) { Ok(()) } else { Err(format!("{rows} of {}", ids.len())) }
    })
    .await;
}

/// On each topic the events of an order first appear in the order in which order published them; and the events that are on both have
/// the same ids.
fn keys_are_in_order(log: &EventLog, placed: &[String]) {
    let mut first: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in log.find(|_| true) {
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
        ids.entry(record.topic.clone()).or_default().insert(record.event_id());
        let events = first.entry((record.topic.clone(), key)).or_default();
        let event_type = record.event_type();
        if !events.contains(&event_type) {
            events.push(event_type);
        }
    }
    let rank = |event_type: &String| match event_type.as_str() {
        "order.placed" => 0,
        "order.cancellation_requested" => 1,
        _ => 2,
    };
    for (of, events) in &first {
        assert!(events.is_sorted_by_key(rank), "{of:?}: {events:?}");
    }
    let on_new = placed.iter().filter(|id| first.contains_key(&(NEW.to_owned(), (*id).clone()))).count();
    assert!(on_new > 100, "{on_new} orders are on the new topic");
    assert!(ids[OLD].intersection(&ids[NEW]).count() > 100, "events of both topics have the same ids");
}
