//! How fast one relay publishes a backlog of the outbox: the service is stopped, events are put into its outbox, and it is started.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::Utc;
use local::System;
use local::system::{BrokerChoice, SystemOptions};
use rdkafka::consumer::BaseConsumer;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::arguments::Arguments;
use crate::progress::{self, say, say_again};
use crate::report::{Report, Table};
use crate::{seed, watermarks};

const SERVICE: &str = "order";
const TOPIC: &str = "order-events";
const EVENTS: &str = include_str!("../seed/outbox.sql");
/// One in so many of a backlog's events: they go before, uncounted, until the broker is warm.
const WARM_UP: usize = 2;
const LOOK: Duration = Duration::from_millis(20);

/// What was seen of a drain.
struct Drain {
    events: i64,
    took: Duration,
}

/// Drains backlogs of so many events and tells how fast.
pub async fn run(arguments: &Arguments, events: usize, report: &mut Report) -> Result<()> {
    let options = SystemOptions {
        broker: BrokerChoice::Kafka,
        partitions: arguments.partitions,
        services: Some(vec![SERVICE]),
        env: arguments.env(),
        ..Default::default()
    };
    let system = System::start(options, say).await.context("the system did not come up")?;
    let drained = drain_all(&system, arguments, events).await;
    if drained.is_err() {
        eprintln!("logs are kept in {}", system.keep_files().display());
    }
    report.table(&table(&drained?));
    system.stop_all().await?;
    report.write()
}

async fn drain_all(system: &System, arguments: &Arguments, events: usize) -> Result<Vec<Drain>> {
    say(&format!("warming up with {} events", events / WARM_UP));
    drain(system, arguments, events / WARM_UP).await?;
    let mut drains = Vec::new();
    for number in 1..=arguments.pairs {
        say(&format!("backlog {number} of {}", arguments.pairs));
        drains.push(drain(system, arguments, events).await?);
    }
    Ok(drains)
}

async fn drain(system: &System, arguments: &Arguments, events: usize) -> Result<Drain> {
    system.stop(SERVICE).await?;
    fill(system, events).await?;
    let mut config = system.broker.connection().config();
    config.set("group.id", "load").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().context("a consumer could not be made")?;
    let (events, patience) = (i64::try_from(events)?, arguments.patience);
    let before = end(&consumer)?;
    let watching = tokio::task::spawn_blocking(move || watch(&consumer, before, events, patience));
    system.spawn(SERVICE, SERVICE, &[])?;
    system.wait_ready(SERVICE).await?;
    let drained = watching.await?;
    progress::close();
    drained
}

/// All clocks are this machine's: ids must be of their time.
async fn fill(system: &System, events: usize) -> Result<()> {
    let server: PgConnectOptions = system.postgres.admin_url().parse()?;
    let mut db = PgConnection::connect_with(&server.database(SERVICE)).await?;
    sqlx::raw_sql(seed::IDS).execute(&mut db).await?;
    let events = sqlx::query(EVENTS).bind(0_i64).bind(i64::try_from(events)? - 1).bind(Utc::now().timestamp_millis());
    events.execute(&mut db).await.context("filling the outbox")?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut db).await?;
    Ok(())
}

fn end(consumer: &BaseConsumer) -> Result<i64> {
    Ok(watermarks::ends(consumer, &[TOPIC])?.iter().map(|(_, _, end)| end).sum())
}

/// From the first look that saw some of them published to the first that saw all.
fn watch(consumer: &BaseConsumer, before: i64, events: i64, patience: Duration) -> Result<Drain> {
    let mut first = None;
    let (mut seen, mut moved) = (0, Instant::now());
    loop {
        let (now, published) = (Instant::now(), end(consumer)? - before);
        if published > seen {
            (seen, moved) = (published, now);
            let (begun, of_it) = *first.get_or_insert((now, published));
            ensure!(published <= events, "{published} messages of {events} events are on the topic");
            if published == events {
                return Ok(Drain { events: events - of_it, took: now - begun });
            }
        }
        ensure!(moved.elapsed() < patience, "{seen} of {events} events were published, and no more for {patience:?}");
        say_again(&format!("{seen} of {events} published"));
        sleep(LOOK);
    }
}

fn table(drains: &[Drain]) -> Table {
    let mut table =
        Table::new("The relay, from a backlog of events of 700 bytes", &["backlog", "events", "s", "events/s"]);
    for (number, Drain { events, took }) in drains.iter().enumerate() {
        let seconds = took.as_secs_f64();
        let rate = *events as f64 / seconds;
        table.row([(number + 1).to_string(), events.to_string(), format!("{seconds:.2}"), format!("{rate:.0}")]);
    }
    table.note("From the first look that saw some of them on the topic to the first that saw all.");
    table
}
