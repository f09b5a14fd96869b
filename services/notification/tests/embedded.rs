//! The service as a part of a program that has logs, metrics and signals of its own, on a real Kafka and PostgreSQL.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use choreography::{Answer, Call, CallError, EngineSettings, PendingCall, Provider, Runner};
use chrono::TimeDelta;
use harness::{PATIENCE, typed};
use local::{
    Kafka, KafkaOptions, Postgres, PostgresOptions, RunDir,
    databases::{Login, create_database},
    producer::Producer,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use notification::{MIGRATIONS, Message, Notification};
use provision::{choreography::topics, kafka::create_topics};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::json;
use sqlx::PgPool;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TOPIC: &str = "order-events";
const LOOK: Duration = Duration::from_millis(25);

/// What the program's own log holds.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends messages by the program's own means.
struct Sent;

impl Provider for Sent {
    async fn call(&self, call: &PendingCall, _age: TimeDelta) -> Result<Answer, CallError> {
        Ok(Answer::Yes { detail: call.idempotency_key() })
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        Some(vec![Message::STEP])
    }
}

/// Kafka and PostgreSQL, and a way to the service's database.
struct Parts {
    kafka: Kafka,
    producer: Producer,
    database: String,
    pool: PgPool,
    _postgres: Postgres,
    _dir: RunDir,
}

impl Parts {
    async fn start() -> Self {
        let dir = RunDir::create().unwrap();
        let (log, data) = (dir.path().join("kafka"), dir.path().join("postgres"));
        let (kafka, postgres) = tokio::try_join!(
            Kafka::start(&log, KafkaOptions::default()),
            Postgres::start(&data, PostgresOptions::default()),
        )
        .unwrap();
        let read: Vec<_> = topics().into_iter().filter(|topic| topic.name.starts_with(TOPIC)).collect();
        create_topics(kafka.connection(), &read).await.unwrap();
        create_database(postgres.admin_url(), "notification", &Login::new("notification", "secret")).await.unwrap();
        let database = postgres.url("notification", "notification", "secret");
        let pool = PgPool::connect(&database).await.unwrap();
        let producer = Producer::connect(kafka.connection()).unwrap();
        Self { kafka, producer, database, pool, _postgres: postgres, _dir: dir }
    }

    async fn place_order(&self) -> String {
        let order = Uuid::now_v7().to_string();
        let items = json!([{"sku": "chair", "quantity": 1, "price": 100}]);
        let payload = json!({"userId": "ada", "totalAmount": 100, "currency": "EUR", "items": items});
        let placed = typed("order.placed", &order, payload);
        self.producer.send(TOPIC, &placed.key, &placed.bytes(), &[]).await.unwrap();
        order
    }

    /// Looks until the service remembers the order. Its table is made at its start.
    async fn remembers(&self, order: &str) {
        let find = async {
            loop {
                let found = sqlx::query_scalar("SELECT state FROM notices WHERE order_id = $1").bind(order);
                let state: Option<String> = found.fetch_optional(&self.pool).await.unwrap_or_default();
                match state.as_deref() {
                    Some("known") => return,
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, find).await.expect("the service handles the event");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_a_service_handle_events_and_stops_it_while_logs_metrics_and_signals_stay_its_own() {
    let metrics = PrometheusBuilder::new().install_recorder().unwrap();
    let log = Lines::default();
    let lines = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone()).init();
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let parts = Parts::start().await;

    let settings = EngineSettings::from_pairs([
        ("DATABASE_URL", parts.database.as_str()),
        ("KAFKA_BROKERS", parts.kafka.bootstrap()),
        ("HTTP_ADDR", "127.0.0.1:0"),
        ("ADMIN_ADDR", "127.0.0.1:0"),
    ])
    .unwrap();
    let stop = CancellationToken::new();
    let service = Runner::new(settings, Notification, &MIGRATIONS).provider(Sent);
    let service = service.until(stop.clone()).without_logs().without_metrics_recorder();
    let running = tokio::spawn(service.run());
    let first = parts.place_order().await;
    parts.remembers(&first).await;

    // The signal is the program's: the service goes on.
    kill_process(getpid(), Signal::TERM).unwrap();
    terminated.recv().await.unwrap();
    let second = parts.place_order().await;
    parts.remembers(&second).await;
    assert!(!running.is_finished());

    stop.cancel();
    let ended = tokio::time::timeout(PATIENCE, running).await.expect("the service drains");
    ended.expect("it does not panic").expect("it drains in its time");
    let (counted, told) = (metrics.render(), log.text());
    assert!(counted.contains("saga_inputs_total{verdict=\"applied\"} 2"), "{counted}");
    assert!(told.contains("ready to serve") && told.contains("stopped"), "{told}");
}
