//! A service from start to drain: settings, database, topics, loops, HTTP, SIGTERM.

use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use sqlx::migrate::Migrator;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    commands::{self, Commands},
    door::Door,
    http,
    intents::Outside,
    kafka::{Connection, KafkaSink, KafkaSource, check_topics},
    postgres::{self, Pool, Postgres, Tables},
    preparing::{api_pool, migrate, prepare_database},
    runtime::{
        Aftermath, ConsumerState, Wakes, answer_loop, call_loop, call_queue, command_loop, consumer_loop,
        deadline_loop, gauge_loop, listen_loop, maintenance_loop, relay_loop, retry_loop, secrets,
    },
    secret::{self, LiveSecret},
    settings::{EngineSettings, Migrations, Pooler, RANGES, delta},
    telemetry,
};

/// Intents that wait in memory for their call. What does not fit waits for its lease in the database, which is seconds;
/// so this is several seconds' worth at full speed, and some megabytes.
const CALL_QUEUE: usize = 10_000;

/// What a service's own HTTP handlers work with.
pub struct Context<P: Tables> {
    /// The way to the rules.
    pub commands: Commands<P>,
    /// For reading, with connections of the API's own; everything that changes state goes through the commands.
    pub pool: Pool,
}

impl<P: Tables> Clone for Context<P> {
    fn clone(&self) -> Self {
        Self { commands: self.commands.clone(), pool: self.pool.clone() }
    }
}

/// Runs a service until SIGTERM or SIGINT, then drains it: no more intake, the batches under way are finished, the
/// outbox is flushed, offsets are committed, the group is left.
///
/// `migrations` are the service's own; the engine's run before them. `routes` is the service's API.
pub async fn run<P: Tables, O: Outside>(
    settings: EngineSettings,
    participant: P,
    outside: O,
    migrations: &'static Migrator,
    routes: impl FnOnce(Context<P>) -> Router,
) -> Result<()> {
    telemetry::start_logs(settings.log_format);
    if settings.metrics {
        http::start_metrics();
    }
    // Another crate in the build may leave rustls without a default; whoever is first decides, so a second time is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if settings.database.migrations == Migrations::Only {
        return migrate::<P>(&settings.database, migrations).await;
    }
    let settings = Arc::new(settings);
    let access = Access::read(&settings)?;
    let traces = telemetry::Traces::start(P::NAME, settings.instance());
    let pool = prepare_database::<P>(&settings, migrations).await?;
    secrets::follow_database_url::<P>(&settings, pool.clone())?;
    check_choreography::<P>(&settings, &access.kafka).await?;
    let instance = settings.instance();
    let crashed = postgres::start_run(&pool, &instance, delta(settings.event_horizon)).await?;
    if crashed {
        warn!(instance, "the last run did not end as it should; it is watched for an event that ends the process");
    }

    let participant = Arc::new(participant);
    let reads = api_pool(&pool, &settings.database);
    let database = Postgres::new(pool, participant.clone(), RANGES);
    let door = Arc::new(Door::new(participant, database, settings.policy()));
    let mut service = Service::start(door, outside, settings.clone(), access, crashed).await?;
    let api = routes(Context { commands: service.commands.clone(), pool: reads });
    let served = service.serve(api).await;
    info!("stopping: draining for at most {:?}", settings.drain_timeout);
    let drained = tokio::time::timeout(settings.drain_timeout, service.drain(served.is_ok())).await;
    traces.stop().await;
    if drained.is_err() {
        bail!(
            "{} did not drain within {:?}; what was under way is repeated after the restart",
            P::NAME,
            settings.drain_timeout
        );
    }
    info!("stopped");
    served
}

/// What lets this service in elsewhere, and others in here.
struct Access {
    kafka: Connection,
    admin_token: Option<LiveSecret>,
}

impl Access {
    /// What comes from a file is looked at again from here on.
    fn read(settings: &EngineSettings) -> Result<Self> {
        let every = settings.secrets_poll_interval;
        let (token, file) = (settings.admin_token.as_ref(), settings.admin_token_file.as_deref());
        let kafka = settings.kafka.connection()?;
        secrets::follow_kafka_password(&settings.kafka, &kafka, every)?;
        secrets::watch_kafka_authorities(&settings.kafka, every)?;
        Ok(Self { kafka, admin_token: secret::live("ADMIN_TOKEN", token, file, every)? })
    }
}

/// Checks that topics exist, and that the horizon covers how long they keep events.
async fn check_choreography<P: Tables>(settings: &EngineSettings, kafka: &Connection) -> Result<()> {
    let dead_letters: Vec<String> = P::TOPICS.iter().map(|topic| crate::dead_letter::topic_of(topic)).collect();
    let written = P::WRITES.iter().copied();
    let topics: Vec<&str> =
        P::TOPICS.iter().copied().chain(written).chain(dead_letters.iter().map(String::as_str)).collect();
    check_topics(kafka, &topics, None).await?;
    if settings.check_topic_settings {
        let elsewhere = delta(settings.outbox_delay + settings.redrive_horizon);
        check_topics(kafka, P::TOPICS, Some((delta(settings.event_horizon), elsewhere))).await?;
    }
    Ok(())
}

type Loop = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Service<P: Tables> {
    commands: Commands<P>,
    health: http::Health,
    door: Arc<crate::runtime::ServiceDoor<P>>,
    settings: Arc<EngineSettings>,
    wakes: Wakes,
    admin_token: Option<LiveSecret>,
    /// Stops the intake: consumer, commands, deadlines, retries, calls.
    intake: CancellationToken,
    /// Stops what publishes and wakes, once the intake has ended.
    outlet: CancellationToken,
    intakes: JoinSet<()>,
    outlets: JoinSet<()>,
}

impl<P: Tables> Service<P> {
    async fn start<O: Outside>(
        door: Arc<crate::runtime::ServiceDoor<P>>,
        outside: O,
        settings: Arc<EngineSettings>,
        access: Access,
        crashed: bool,
    ) -> Result<Self> {
        let state = Arc::new(ConsumerState::default());
        let source = KafkaSource::subscribe(&access.kafka, P::NAME, P::TOPICS, &settings, state.kafka.clone())
            .context("KAFKA_BROKERS: the consumer could not be made")?;
        let sink = KafkaSink::connect(&access.kafka, P::NAME, settings.max_message_bytes)
            .context("KAFKA_BROKERS: the producer could not be made")?;
        let (commands, command_queue) = commands::queue(settings.command_queue, settings.command_timeout);
        let (calls, call_receiver) = call_queue(CALL_QUEUE);
        let (answers, answer_receiver) = tokio::sync::mpsc::channel(settings.call_concurrency * 2);
        let wakes = Wakes::default();
        let aftermath = Aftermath::new(wakes.clone(), calls);
        let (intake, outlet) = (CancellationToken::new(), CancellationToken::new());
        let store = door.database.clone();
        let (limit, slow) = (settings.batch_limit, settings.slow_poll);
        let at = || (door.clone(), aftermath.clone(), intake.clone());

        let mut intakes = JoinSet::new();
        let (d, a, stop) = at();
        intakes.spawn(consume(d, source, a, state.clone(), limit, crashed, stop));
        let (d, a, stop) = at();
        intakes.spawn(command_loop(d, command_queue, a, limit, settings.command_timeout, stop));
        let (d, a, stop) = at();
        intakes.spawn(deadline_loop(d, a, limit, slow, stop));
        let (d, a, stop) = at();
        intakes.spawn(retry_loop(d, a, limit, slow, crashed, stop));
        intakes.spawn(call_loop(
            store.clone(),
            Arc::new(outside),
            call_receiver,
            answers,
            state.clone(),
            settings.clone(),
            intake.clone(),
        ));
        intakes.spawn(answer_loop(door.clone(), answer_receiver, aftermath.clone(), limit));

        let mut outlets = JoinSet::new();
        let pool = store.pool.clone();
        let loops: [Loop; 2] = [
            Box::pin(relay_loop(store, sink, aftermath.clone(), settings.clone(), outlet.clone())),
            Box::pin(maintenance_loop(pool.clone(), settings.clone(), outlet.clone())),
        ];
        // LISTEN needs a connection of the server's own; behind a pooler the poll finds everything.
        if settings.database.database_pooler == Pooler::None {
            outlets.spawn(listen_loop(pool.clone(), wakes.clone(), outlet.clone()));
        }
        if settings.metrics {
            outlets.spawn(gauge_loop(pool.clone(), state.clone(), outlet.clone()));
        }
        for each in loops {
            outlets.spawn(each);
        }
        let health = http::Health { pool, consumer: state };
        let admin_token = access.admin_token;
        Ok(Self { commands, health, door, settings, wakes, admin_token, intake, outlet, intakes, outlets })
    }

    /// Serves HTTP until a signal comes or a loop ends that must not.
    async fn serve(&mut self, api: Router) -> Result<()> {
        let api =
            listen("HTTP_ADDR", self.settings.http_addr, http::api_router(api, self.health.clone()), &self.intake);
        let admin = http::admin_router(self.door.clone(), self.wakes.clone(), self.admin_token.take());
        let admin = listen("ADMIN_ADDR", self.settings.admin_addr, admin, &self.intake);
        let (api, admin) = (api.await?, admin.await?);
        info!(service = P::NAME, address = %self.settings.http_addr, admin = %self.settings.admin_addr, "ready to serve");
        let mut server = tokio::spawn(async move { tokio::try_join!(api, admin).map(drop) });
        let result = tokio::select! {
            signal = stop_signal() => signal,
            ended = self.intakes.join_next() => Err(anyhow::anyhow!("a loop of {} ended: {ended:?}; see the log above", P::NAME)),
            ended = self.outlets.join_next() => Err(anyhow::anyhow!("a loop of {} ended: {ended:?}; see the log above", P::NAME)),
            served = &mut server => served.context("the HTTP server failed").and_then(|served| Ok(served?)),
        };
        self.intake.cancel();
        if !server.is_finished() && tokio::time::timeout(Duration::from_secs(5), &mut server).await.is_err() {
            warn!("some requests were still open when the HTTP server stopped");
        }
        result
    }

    /// `well`: it was asked to stop. If it ended otherwise, or a loop panics on the way, the next run has to know.
    async fn drain(&mut self, mut well: bool) {
        self.intake.cancel();
        while let Some(ended) = self.intakes.join_next().await {
            well &= report(ended);
        }
        // Whatever the last batches published goes out before the relay ends.
        self.outlet.cancel();
        while let Some(ended) = self.outlets.join_next().await {
            well &= report(ended);
        }
        let pool = &self.door.database.pool;
        if well && let Err(error) = postgres::end_run(pool, &self.settings.instance()).await {
            warn!(%error, "this run's end could not be written down; the next one counts it as a crash");
        }
        pool.close().await;
    }
}

/// Binds an address, and answers what serves there until `stop`.
async fn listen(
    variable: &'static str,
    address: SocketAddr,
    router: Router,
    stop: &CancellationToken,
) -> Result<impl Future<Output = std::io::Result<()>> + Send + 'static> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("{variable}: can't listen on {address}"))?;
    // Handlers may want to know where a request comes from.
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned()).into_future())
}

/// Whether it ended as it should.
fn report(ended: Result<(), tokio::task::JoinError>) -> bool {
    ended.inspect_err(|error| error!(%error, "a loop panicked")).is_ok()
}

async fn consume<P: Tables>(
    door: Arc<crate::runtime::ServiceDoor<P>>,
    source: KafkaSource,
    aftermath: Aftermath,
    state: Arc<ConsumerState>,
    limit: usize,
    crashed: bool,
    stop: CancellationToken,
) {
    if let Err(error) = consumer_loop(door, source, aftermath, state, limit, crashed, stop).await {
        error!(%error, "the consumer ended");
    }
}

async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
