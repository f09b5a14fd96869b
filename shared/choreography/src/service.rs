//! A service from start to drain: settings, database, topics, loops, HTTP, SIGTERM.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use choreography_core::{
    commands::{self, CommandQueue, Commands},
    handler::Handler,
    intake::{self, Beside, Intake, Turn},
    participant::Participant,
    relay::Lane,
    routes::Routed,
};
use choreography_kafka::{BatchLimits, Connection, KafkaConsumer, KafkaProducer, ProducerLimits};
use choreography_postgres as postgres;
use choreography_postgres::{Limits, Pool, Postgres};
use futures::{FutureExt, future::BoxFuture};
use sqlx::migrate::Migrator;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    any_provider::AnyProvider,
    archive_command::archive,
    health::Health,
    http::{Api, Front},
    preparation::{api_pool, check_choreography, migrate, open_pool, prepare_database},
    runner::{Job, Surroundings},
    runtime::{
        Arrivals, ConsumerState, IntakeLoop, Pace, PostCommit, Progress, RelayLoop, ServiceHandler, Waiting, Wakes,
        answer_loop, beside_loop, call_loop, call_queue, deadline_loop, gauge_loop, job_loop, listen_loop,
        maintenance_loop, retry_loop, secrets,
    },
    secret::{self, LiveSecret},
    settings::{EngineSettings, Migrations, Pooler, RANGES, Task, delta},
    shutdown::end_within,
    startup::wait_for,
    telemetry,
};

/// Calls that wait in memory until they are made. What does not fit waits for its lease in the database, which is seconds;
/// so this is several seconds' worth at full speed, and some megabytes.
const CALL_QUEUE: usize = 10_000;
/// Loops that handle what could not be done at once: one never waits for locks, and while one waits for a locked row, another goes on.
const BESIDE: [Turn; 3] = [Turn::Quick, Turn::Slow, Turn::Slow];
/// What a stopping service grants the requests under way; part of its time to drain.
const REQUESTS: Duration = Duration::from_secs(5);
/// The last spans are granted so much after that.
const SPANS: Duration = Duration::from_secs(2);
/// How long a probe waits for the database.
const PROBE: Duration = Duration::from_secs(2);

/// What a service's own HTTP handlers work with.
#[derive(Clone)]
pub struct Context {
    /// The way to the rules.
    pub commands: Commands<Routed>,
    /// For reading, with connections of the API's own; everything that changes state goes through the commands.
    pub pool: Pool,
    /// The way to Kafka, for what a service reads or writes there beside its events.
    pub kafka: Connection,
}

/// Boxed here: an async function's code is compiled where its future is polled, which would be in each service's program.
pub(crate) fn run_routed(
    settings: EngineSettings,
    participant: Routed,
    provider: AnyProvider,
    surroundings: Surroundings,
) -> BoxFuture<'static, Result<()>> {
    run_service(settings, participant, provider, surroundings).boxed()
}

async fn run_service(
    settings: EngineSettings,
    participant: Routed,
    provider: AnyProvider,
    surroundings: Surroundings,
) -> Result<()> {
    let name = participant.name();
    let participant = participant.with_moves(settings.topic_moves.clone().unwrap_or_default());
    if surroundings.starts_logs {
        telemetry::start_logs(settings.log_format);
    }
    if settings.metrics && surroundings.starts_metrics {
        telemetry::start_metrics();
    }
    let migrations = surroundings.migrations;
    // Another crate in the build may leave rustls without a default; the first to install one decides, so a second time is fine.
    #[cfg(feature = "tls")]
    let _ = rustls::crypto::ring::default_provider().install_default();
    if settings.database.migrations == Migrations::Only {
        return migrate(&participant, &settings.database, migrations).await;
    }
    if let Some(Task::Archive(request)) = &settings.task {
        let pool = open_pool(name, &settings.database)?;
        return archive(&participant, &settings, &pool, request).await;
    }
    let settings = Arc::new(settings);
    let access = Access::read(&settings)?;
    let (told, goes_on) = (surroundings.told_to_stop()?, surroundings.stop.is_some());
    let traces = telemetry::Traces::start(name, settings.instance());
    let health = Health::new(Progress::new(settings.stall_timeout));
    let mut front = Front::open(&settings, &health).await?;
    info!(service = name, address = %settings.http_addr, admin = %settings.admin_addr, "starting");
    let started = tokio::select! {
        started = Service::start(settings.clone(), access, participant, provider, migrations, &health) => Some(started?),
        () = told.cancelled() => None,
    };
    let end;
    let (outcome, drained) = match started {
        Some(mut service) => {
            service.show(&front, surroundings.api, surroundings.jobs);
            let ended = service.run_until(&told).await;
            end = end_within(settings.drain_timeout);
            info!("stopping: draining for at most {:?}", settings.drain_timeout);
            health.stops();
            let drain = service.drain(&mut front, ended.is_ok());
            match tokio::time::timeout(settings.drain_timeout, drain).await {
                Ok(()) => (ended, true),
                Err(_) => (Err(not_drained(name, settings.drain_timeout)), false),
            }
        }
        None => {
            end = end_within(settings.drain_timeout);
            (Ok(()), true)
        }
    };
    match &outcome {
        Ok(()) => info!("stopped"),
        // Said here as well: leaving the runtime may take until the process is ended.
        Err(error) => error!(error = format!("{error:#}"), "stopped"),
    }
    if tokio::time::timeout(SPANS, traces.stop()).await.is_err() {
        warn!("the last spans were not exported in time");
    }
    if !(goes_on && drained) {
        end.stays();
    }
    outcome
}

fn not_drained(name: &str, limit: Duration) -> anyhow::Error {
    anyhow::anyhow!("{name} did not drain within {limit:?}; what was under way is repeated after the restart")
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

struct Service {
    commands: Commands<Routed>,
    handler: Arc<ServiceHandler>,
    settings: Arc<EngineSettings>,
    post_commit: PostCommit,
    health: Health,
    reads: Pool,
    kafka: Connection,
    admin_token: Option<LiveSecret>,
    /// Stops the intake: consumer, commands, deadlines, retries, calls.
    intake: CancellationToken,
    /// Stops what publishes and wakes, once the intake has ended.
    outlet: CancellationToken,
    intakes: JoinSet<()>,
    outlets: JoinSet<()>,
}

/// Where the loops take their work from, and where to.
struct Ends {
    state: Arc<ConsumerState>,
    consumer: KafkaConsumer,
    events: KafkaProducer,
    dead_letters: KafkaProducer,
    command_queue: CommandQueue<Routed>,
    calls: mpsc::Receiver<Waiting>,
    provider: AnyProvider,
    crashed: bool,
}

impl Service {
    /// Waits for what it needs and starts the loops.
    async fn start(
        settings: Arc<EngineSettings>,
        access: Access,
        participant: Routed,
        provider: AnyProvider,
        migrations: &'static Migrator,
        health: &Health,
    ) -> Result<Self> {
        let name = participant.name();
        let pool = open_pool(name, &settings.database)?;
        secrets::follow_database_url(name, &settings, pool.clone())?;
        let policy =
            wait_for(health, "the database", || prepare_database(&participant, &settings, &pool, migrations)).await?;
        wait_for(health, "Kafka", || check_choreography(&participant, &settings, &access.kafka)).await?;
        let instance = settings.instance();
        let forget_after = delta(settings.event_horizon);
        let participant = Arc::new(participant);
        let database = Postgres::new(pool.clone(), participant.clone(), RANGES);
        let crashed =
            wait_for(health, "the database", || async { Ok(database.start_run(&instance, forget_after).await?) })
                .await?;
        if crashed {
            warn!(instance, "the last run crashed; this run looks for an event that ends the process");
        }
        let state = Arc::new(ConsumerState::default());
        let batches =
            BatchLimits { messages: settings.batch_limit, bytes: settings.batch_bytes, linger: settings.batch_linger };
        let (topics, switches) = participant.subscription();
        let consumer = KafkaConsumer::subscribe_switching(
            &access.kafka,
            name,
            (&topics, switches),
            batches,
            settings.group_protocol(),
            state.kafka.clone(),
        )
        .context("KAFKA_BROKERS: the consumer could not be made")?;
        let limits = ProducerLimits {
            message_bytes: settings.max_message_bytes,
            batch_bytes: settings.relay_batch_bytes,
            patience: settings.relay_ack_timeout,
        };
        let producer = || {
            let producer = KafkaProducer::connect(&access.kafka, name, limits);
            let producer = producer.context("KAFKA_BROKERS: the producer could not be made")?;
            Ok::<_, anyhow::Error>(producer.publishing(participant.publication()))
        };
        let (events, dead_letters) = (producer()?, producer()?);
        let (commands, command_queue) = commands::queue(settings.command_queue, settings.command_timeout);
        let (calls, call_receiver) = call_queue(CALL_QUEUE);
        let reads = api_pool(&pool, &settings.database);
        let post_commit = PostCommit::new(Wakes::default(), calls);
        let mut service = Self {
            commands,
            handler: Arc::new(Handler::new(participant, database, policy)),
            settings,
            post_commit: post_commit.clone(),
            health: health.clone(),
            reads,
            kafka: access.kafka,
            admin_token: access.admin_token,
            intake: CancellationToken::new(),
            outlet: CancellationToken::new(),
            intakes: JoinSet::new(),
            outlets: JoinSet::new(),
        };
        let ends =
            Ends { state, consumer, events, dead_letters, command_queue, calls: call_receiver, provider, crashed };
        service.spawn_loops(ends, &post_commit);
        Ok(service)
    }

    fn spawn_loops(&mut self, ends: Ends, post_commit: &PostCommit) {
        let (state, settings) = (ends.state.clone(), self.settings.clone());
        let (limit, slow, crashed) = (settings.batch_limit, settings.poll_interval, ends.crashed);
        let (called, ended_calls) = mpsc::channel(settings.call_concurrency * 2);
        let store = self.handler.database.clone();
        let progress = self.health.progress.clone();
        let at = || (self.handler.clone(), post_commit.clone(), self.intake.clone());

        let intakes = &mut self.intakes;
        let (intake, aside) = Intake::new(intake::Limits { inputs: limit, bytes: settings.batch_bytes });
        let nothing_comes = CancellationToken::new();
        for turn in BESIDE {
            let (d, a, stop) = at();
            let beside = Beside::new(aside.clone(), turn);
            let run = beside_loop(d, beside, a, stop, nothing_comes.clone());
            intakes.spawn(progress.watch("beside", run));
        }
        let (due, deadlines) = mpsc::channel(1);
        let (d, a, stop) = at();
        intakes.spawn(progress.watch("deadline", deadline_loop(d, due, a, limit, slow, stop)));
        let (consumer, commands) = (ends.consumer, ends.command_queue);
        let (answers, answered) = mpsc::channel(settings.call_concurrency * 2);
        let arrivals = Arrivals { consumer, commands, answers: answered, deadlines };
        let (handler, after_intake, stop) = at();
        let main = IntakeLoop {
            handler,
            post_commit: after_intake,
            state: state.clone(),
            limit,
            crashed,
            stop,
            ended: nothing_comes,
        };
        intakes.spawn(progress.watch("intake", main.run(intake, arrivals)));
        let (d, a, stop) = at();
        intakes.spawn(progress.watch("retry", retry_loop(d, a, limit, slow, crashed, stop)));
        let (d, _, stop) = at();
        let provider = Arc::new(ends.provider);
        let run = call_loop(store.clone(), provider, ends.calls, called, state.clone(), Pace::of(&settings), stop);
        intakes.spawn(progress.watch("call", run));
        intakes.spawn(progress.watch("answer", answer_loop(d, ended_calls, answers, limit)));

        let (outlets, pool) = (&mut self.outlets, store.pool.clone());
        let stop = || self.outlet.clone();
        for (lane, name, producer) in
            [(Lane::Events, "relay", ends.events), (Lane::DeadLetters, "dead-letter relay", ends.dead_letters)]
        {
            let (store, post_commit, settings) = (store.clone(), post_commit.clone(), settings.clone());
            let run = RelayLoop { store, lane, post_commit, settings, stop: stop() }.run(producer);
            outlets.spawn(progress.watch(name, run));
        }
        let run = maintenance_loop(pool.clone(), settings.clone(), stop());
        outlets.spawn(progress.watch("maintenance", run));
        // LISTEN needs a connection of the server's own; behind a pooler the poll finds everything.
        if settings.database.database_pooler == Pooler::None {
            let run = listen_loop(pool.clone(), post_commit.clone(), stop());
            outlets.spawn(progress.watch("wake-up", run));
        }
        if settings.metrics {
            let run = gauge_loop(pool.clone(), state.clone(), self.health.clone(), stop());
            outlets.spawn(progress.watch("gauge", run));
        }
        self.health.runs(pool.beside(Limits { connections: 1, acquire: PROBE, statement: PROBE }), state);
    }

    fn name(&self) -> &'static str {
        self.handler.participant.name()
    }

    /// From here on the API and the admin routes answer.
    fn show(&mut self, front: &Front, api: Api, jobs: Vec<Job>) {
        let context = Context { commands: self.commands.clone(), pool: self.reads.clone(), kafka: self.kafka.clone() };
        for job in jobs {
            let name = job.name;
            let run = job_loop(job, context.clone(), self.intake.clone());
            self.intakes.spawn(self.health.progress.watch(name, run));
        }
        front.show(
            self.name(),
            api,
            context,
            &self.health,
            (self.handler.clone(), self.post_commit.clone(), self.admin_token.take()),
        );
        info!(service = self.name(), "ready to serve");
    }

    /// Until a signal comes, or a loop ends that must not.
    async fn run_until(&mut self, told: &CancellationToken) -> Result<()> {
        let ended = tokio::select! {
            () = told.cancelled() => return Ok(()),
            ended = self.intakes.join_next() => ended,
            ended = self.outlets.join_next() => ended,
        };
        bail!("a loop of {} ended: {ended:?}; see the log above", self.name())
    }

    /// `well`: nothing went wrong so far.
    async fn drain(&mut self, front: &mut Front, mut well: bool) {
        self.intake.cancel();
        if tokio::time::timeout(REQUESTS, front.close()).await.is_err() {
            warn!("some requests were still open when the HTTP server stopped");
        }
        while let Some(ended) = self.intakes.join_next().await {
            well &= reported(ended);
        }
        // Whatever the last batches published goes out before the relay ends.
        self.outlet.cancel();
        while let Some(ended) = self.outlets.join_next().await {
            well &= reported(ended);
        }
        let pool = &self.handler.database.pool;
        // A loop that panicked may do so again: the next run is to look for the event that did it.
        if well && let Err(error) = postgres::end_run(pool, &self.settings.instance()).await {
            warn!(%error, "the end of this run could not be recorded; the next run counts it as a crash");
        }
        self.reads.close().await;
        pool.close().await;
    }
}

fn reported(ended: Result<(), tokio::task::JoinError>) -> bool {
    if let Err(error) = &ended {
        error!(%error, "a loop panicked");
    }
    ended.is_ok()
}
