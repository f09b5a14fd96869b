//! A service's API as replicas on one real PostgreSQL, which ends with the test: everything but Kafka.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use choreography::{
    Connection, Context,
    server::as_served,
    testing::{RANGES, whole_api},
};
use choreography_core::{
    AnyRecord, AnyRow, Command, Event, Record, Row,
    commands::{self, CommandQueue},
    deadlines,
    event_id::{Ids, Window},
    handler::{Handler, Progress},
    input::{Inbound, Input, Origin, Verdict},
    intake::{self, Beside, Intake, Turn},
    participant::{Answer as Said, Trigger},
    policy::{Policy, RetryPolicy},
    routes::{AnyCommand, AnyEvent, AnyReply, Routed, Service, TableId},
    store::{
        Database as _, Lost, PendingCall, StoreError, TableChanges, Transaction as _, Waits, Wanted, WantedRows,
        Writing,
    },
    trace::TraceContext,
};
use choreography_postgres as postgres;
use choreography_postgres::{Limits, Pool, Postgres as Database};
use local::{
    Postgres, PostgresOptions, RunDir,
    databases::{self, Login},
};
use serde_json::Value;
use sqlx::{PgPool, migrate::Migrator, postgres::PgConnectOptions};
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

pub type ServiceHandler = Handler<Routed, Database>;

/// One service's database, and the way to its rules.
pub struct OneService<S> {
    service: PhantomData<S>,
    participant: Arc<Routed>,
    pub pool: Pool,
    /// Ends before its directory goes.
    postgres: Arc<(Postgres, RunDir)>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl<S: Service> OneService<S> {
    /// Starts a PostgreSQL and migrates the service's database.
    pub async fn start(service: S, migrations: &Migrator) -> Self {
        Self::start_after(async |_: &PgPool| {}, service, migrations).await
    }

    /// As [`start`](Self::start), on a database in which `past` leaves what it should find.
    pub async fn start_after(past: impl AsyncFnOnce(&PgPool), service: S, migrations: &Migrator) -> Self {
        let dir = RunDir::create().expect("a directory");
        let postgres =
            Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.expect("PostgreSQL");
        databases::create_database(postgres.admin_url(), S::NAME, &Login::new(S::NAME, "secret"))
            .await
            .expect("a database");
        let url = postgres.url(S::NAME, S::NAME, "secret");
        let owner = PgPool::connect(&url).await.expect("a connection");
        past(&owner).await;
        postgres::migrate(&owner, migrations).await.expect("migrations");
        postgres::count_events(&owner, S::Aggregate::TABLE.name).await.expect("the aggregates' events are counted");
        let options: PgConnectOptions = url.parse().expect("a URL");
        let pool =
            Pool::new(options.options(choreography::testing::PLANNING).options([postgres::COUNTS]), Limits::default());
        postgres::make_partitions(&pool, policy().window).await.expect("partitions");
        postgres::make_leases(&pool, RANGES).await.expect("ranges");
        let participant = Arc::new(Routed::new(service).expect("routes"));
        Self { service: PhantomData, participant, pool, postgres: Arc::new((postgres, dir)) }
    }

    /// Replicas of another build of the service, on the same database as it stands.
    pub fn of_another_build<T: Service>(&self, service: T) -> OneService<T> {
        OneService {
            service: PhantomData,
            participant: Arc::new(Routed::new(service).expect("routes")),
            pool: self.pool.clone(),
            postgres: Arc::clone(&self.postgres),
        }
    }

    /// What the service declares.
    pub fn participant(&self) -> &Routed {
        &self.participant
    }

    pub fn handler(&self) -> ServiceHandler {
        let database = Database::new(self.pool.clone(), self.participant.clone(), RANGES);
        Handler::new(self.participant.clone(), database, policy())
    }

    /// What another replica's routes are made of.
    pub fn context(&self) -> Context {
        let (commands, queue) = commands::queue(100, Duration::from_secs(30));
        tokio::spawn(serve(self.handler(), queue));
        Context { commands, pool: self.pool.clone(), kafka: Connection::plain("127.0.0.1:1") }
    }

    /// The admin routes, without the check of a token before them.
    pub fn admin(&self) -> Router {
        as_served(choreography::testing::admin_routes(Arc::new(self.handler())))
    }

    /// As [`admin`](Self::admin), bare, in their place beside the metrics and the document of both.
    pub fn operators(&self) -> Router {
        choreography::testing::operators_routes(Arc::new(self.handler()))
    }

    /// Hands an input in, as the engine's own loops do.
    pub async fn handle(&self, inbound: Inbound<Routed>) -> Progress<AnyReply> {
        let mut progress = Progress::new(1);
        self.handler()
            .handle_isolating(&mut Ids::new(), &mut [inbound], &mut progress)
            .await
            .expect("the database is there");
        progress
    }

    /// Another service's event, as if typed in by hand: the inbox is not what is tried.
    pub async fn told(&self, event: impl Event) -> Progress<AnyReply> {
        self.handle(from_client(Trigger::Event(AnyEvent::new(event)))).await
    }

    /// What a client asks.
    pub async fn asked(&self, command: impl Command) -> Progress<AnyReply> {
        self.handle(from_client(Trigger::Command(AnyCommand::new(command)))).await
    }

    /// The provider's own answer to a call.
    pub async fn answered(&self, call: &PendingCall, answer: Said) -> Verdict<AnyReply> {
        let verdicts = take_in(&self.handler(), |intake| intake.answered(call, answer)).await;
        verdicts.into_iter().next().expect("a verdict")
    }

    /// Deadlines that are due.
    pub async fn deadlines(&self) -> Vec<Verdict<AnyReply>> {
        let handler = self.handler();
        let looked = deadlines::look(&handler.database, 10, chrono::TimeDelta::seconds(1)).await;
        let due = looked.expect("the database is there").due;
        take_in(&handler, |intake| intake.due(due, &intake::search().0)).await
    }

    /// The types of the events that it published, in their order.
    pub async fn published(&self) -> Vec<String> {
        self.texts("SELECT convert_from(payload, 'UTF8')::jsonb->>'type' FROM outbox ORDER BY number").await
    }

    /// The texts that a query finds.
    pub async fn texts(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query).fetch_all(&self.pool).await.expect(query)
    }

    /// A number that a query counts.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.expect(query)
    }
}

impl<S: Service> OneService<S> {
    /// Whether rows of a declared table come back as they are written, and what is not there is the default.
    ///
    /// # Panics
    /// They don't, or the database refuses them.
    pub async fn keeps<R: Row>(&self, rows: Vec<R>) {
        let table = TableId(R::TABLE);
        let keyed = rows.iter().enumerate();
        let rows: Vec<_> = keyed.map(|(n, row)| (format!("key{n:03}"), AnyRow::new(row.clone()))).collect();
        let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(self.rows(table, &keys).await, [], "nothing is there yet");
        let absent: Vec<_> = keys.iter().map(|key| (key.clone(), AnyRow::new(R::default()))).collect();
        let once = R::TABLE.columns.iter().any(|column| column.once);
        if !once {
            self.change(TableChanges { inserts: absent, ..TableChanges::none(table) }).await;
            self.change(TableChanges { updates: rows.clone(), ..TableChanges::none(table) }).await;
            assert_eq!(self.rows(table, &keys).await, rows, "rows are overwritten");
        }
        let fresh: Vec<_> = rows.into_iter().map(|(key, row)| (format!("new {key}"), row)).collect();
        let keys: Vec<String> = fresh.iter().map(|(key, _)| key.clone()).collect();
        self.change(TableChanges { fresh: fresh.clone(), ..TableChanges::none(table) }).await;
        assert_eq!(self.rows(table, &keys).await, fresh, "rows are inserted");
    }

    /// The rows that are there, as the engine reads them.
    pub async fn rows(&self, table: TableId, keys: &[String]) -> Vec<(String, AnyRow)> {
        let mut tx = self.handler().database.begin(Waits::Long).await.expect("a transaction");
        let rows = vec![WantedRows { table, keys: keys.to_vec(), if_free: Vec::new() }];
        let found = tx.lock(&Wanted { rows, ..Wanted::default() }).await.expect("rows");
        found.rows.into_iter().map(|(_, key, row)| (key, row)).collect()
    }

    async fn change(&self, changes: TableChanges<Routed>) {
        let lost = self.write(Writing { tables: vec![changes], ..Writing::default() }).await.expect("rows are written");
        assert!(lost.is_nothing(), "{lost:?}");
    }

    /// Writes as a batch of the engine's does, and commits if nothing is lost.
    ///
    /// # Errors
    /// The database refuses it.
    pub async fn write(&self, writing: Writing<Routed>) -> Result<Lost, StoreError> {
        let mut tx = self.handler().database.begin(Waits::Long).await?;
        let lost = tx.write(&writing).await?.lost;
        if lost.is_nothing() {
            tx.commit().await?;
        }
        Ok(lost)
    }

    /// Appends records of a declared table.
    ///
    /// # Errors
    /// The database refuses them.
    pub async fn appends<R: Record>(&self, records: Vec<R>) -> Result<Lost, StoreError> {
        let records = records.into_iter().map(AnyRecord::new).collect();
        self.write(Writing { records, ..Writing::default() }).await
    }
}

/// A service's API as the engine serves it, with the probes and the document.
pub fn served(api: impl Into<OpenApiRouter>) -> Router {
    as_served(whole_api(api))
}

/// Sends a request; an empty body is none. An answer that is not JSON is a string.
pub async fn call(api: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = api
        .clone()
        .oneshot(request.body(Body::from(body.to_owned())).expect("a request"))
        .await
        .expect("routes answer");
    let (head, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::String(text));
    Answer { status: head.status, headers: head.headers, body }
}

fn from_client(trigger: Trigger<Routed>) -> Inbound<Routed> {
    Inbound::Input(Input { trigger, correlation_id: None, trace: TraceContext::default(), origin: Origin::Client })
}

/// What the engine's own loop does with commands.
async fn serve(handler: ServiceHandler, mut queue: CommandQueue<Routed>) {
    while let Some(asked) = queue.next(100).await {
        take_in(&handler, |intake| intake.ask(asked)).await;
    }
}

/// Handles what arrives as the engine's own loops do it.
async fn take_in(handler: &ServiceHandler, arrive: impl FnOnce(&mut Intake<Routed>)) -> Vec<Verdict<AnyReply>> {
    let (mut intake, aside) = Intake::new(intake::Limits { inputs: 100, bytes: 1 << 20 });
    arrive(&mut intake);
    let (mut ids, mut verdicts) = (Ids::new(), Vec::new());
    while intake.prepare(|_, _| None) {
        let handled = intake.step(handler, &mut ids).await.expect("the database is there");
        verdicts.extend(handled.into_iter().flat_map(|handled| handled.progress.verdicts).flatten());
    }
    for turn in [Turn::Quick, Turn::Slow] {
        let mut beside = Beside::new(aside.clone(), turn);
        while let Some(handled) = beside.step(handler, &mut ids).await.expect("the database is there") {
            verdicts.extend(handled.progress.verdicts.into_iter().flatten());
        }
    }
    verdicts
}

fn policy() -> Policy {
    let (second, day) = (chrono::TimeDelta::seconds(1), chrono::TimeDelta::days(1));
    Policy {
        window: Window { horizon: day, skew: second * 60 },
        retry: RetryPolicy { base: second, cap: second * 60, max_attempts: 10 },
        max_message_bytes: 1_000_000,
        ranges: RANGES,
        call_lease: second * 10,
    }
}
