//! From nothing to a table of how every kind of order ends.

mod events;
mod incidents;
mod outcomes;
mod progress;
mod table;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use local::{
    BrokerChoice, EventLog, System, SystemOptions, TracesTo, audit, binaries,
    shop::Shop,
    system::{ADMIN_TOKEN, topics},
};
use tokio::signal::unix::{SignalKind, signal};

use progress::say;

/// Runs the whole shop on this machine: a database, a broker, all services, and orders of every outcome.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Which broker: Apache Kafka itself, or librdkafka's in-memory mock cluster. `auto` takes Kafka where it can run.
    #[arg(long, value_enum, default_value = "auto")]
    broker: BrokerName,
    /// A Kafka that runs already, as HOST:PORT.
    #[arg(long, conflicts_with = "broker")]
    kafka: Option<String>,
    /// An administrator's URL of a PostgreSQL that runs already.
    #[arg(long)]
    database_url: Option<String>,
    /// Trace every order: starts a Jaeger, or sends the spans to an OTLP endpoint over gRPC such as http://HOST:4317.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = START_JAEGER)]
    jaeger: Option<String>,
    /// Exit after the table: with 0 if every order ended as it should, with 1 if not.
    #[arg(long)]
    once: bool,
    /// Accepted for one more release: notification is one of the services, and starts with them.
    #[arg(long, hide = true)]
    notification: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BrokerName {
    Auto,
    Kafka,
    Embedded,
}

const START_JAEGER: &str = "start";
/// How long an order may take in this run; short, so that one of them can be late.
const ORDER_DEADLINE: &str = "10s";

/// Runs it. `Ok(false)`: something did not end as it should.
///
/// # Errors
/// When a part can't be brought up or asked.
pub async fn run(arguments: Arguments) -> Result<bool> {
    let once = arguments.once;
    tokio::select! {
        ended = show(arguments) => {
            let (system, log, good) = ended?;
            if !once {
                stay_up(&system).await?;
            }
            say("stopping");
            drop(log);
            system.stop_all().await?;
            Ok(good)
        }
        // Whatever has been started by then is ended by its handle.
        stopped = stop_signal() => {
            stopped?;
            say("interrupted: ending everything that was started");
            Ok(false)
        }
    }
}

async fn show(arguments: Arguments) -> Result<(System, EventLog, bool)> {
    if arguments.notification {
        say("--notification is not needed any more: notification starts with the others");
    }
    say("building the services (the first time that takes about a minute)");
    binaries::build_shop("local").await?;
    let system = System::start(options(arguments), say).await.context("the system did not come up")?;
    let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
    let log = EventLog::follow(&system.broker.connection(), &names)?;
    let shop = Shop::default();

    say("loading stock");
    outcomes::load_stock(&system, &shop).await?;
    let first = outcomes::first(&system, &shop, &log).await?;
    say(&format!("the first order took {} ms: it opens connections and makes caches", first.as_millis()));
    say("placing orders of every outcome");
    let mut reports = outcomes::run(&system, &shop, &log).await?;
    reports.extend(incidents::run(&system, &shop, &log, &reports).await?);
    table::print(&reports);
    if let Some(jaeger) = system.jaeger_url() {
        table::print_traces(&reports, &jaeger);
    }

    let findings = audit::check(&system).await?;
    if findings.is_empty() {
        println!(
            "Money: captured = shipped + refunded. Stock: initial + ledgered changes = available + reserved + shipped,"
        );
        println!("nothing reserved at rest. Every order ended in exactly one terminal state.\n");
    }
    for finding in &findings {
        println!("WRONG: {finding}");
    }
    let good = findings.is_empty() && reports.iter().all(outcomes::Report::is_as_expected);
    if !good {
        println!("Something did not end as it should; the logs are kept in {}", system.keep_files().display());
    }
    Ok((system, log, good))
}

fn options(arguments: Arguments) -> SystemOptions {
    let broker = match (arguments.kafka, arguments.broker) {
        (Some(kafka), _) => BrokerChoice::External(kafka),
        (None, BrokerName::Auto) => BrokerChoice::Auto,
        (None, BrokerName::Kafka) => BrokerChoice::Kafka,
        (None, BrokerName::Embedded) => BrokerChoice::Embedded,
    };
    let deadline = vec![("ORDER_DEADLINE".to_owned(), ORDER_DEADLINE.to_owned())];
    SystemOptions {
        broker,
        database_url: arguments.database_url,
        traces: traces_to(arguments.jaeger),
        service_env: [("order", deadline)].into(),
        ..SystemOptions::default()
    }
}

fn traces_to(jaeger: Option<String>) -> TracesTo {
    match jaeger {
        None => TracesTo::Nowhere,
        Some(start) if start == START_JAEGER => TracesTo::Jaeger,
        Some(endpoint) => TracesTo::Endpoint(endpoint),
    }
}

async fn stay_up(system: &System) -> Result<()> {
    println!("Everything stays up. Ctrl-C ends it.\n");
    for (name, running) in system.running() {
        println!(
            "  {name:<12} {}   (metrics: {admin}/metrics, deferred events: {admin}/admin/deferred)",
            running.url,
            admin = running.admin
        );
    }
    println!("  {:<12} {}/v1/ledger", "sandbox", system.sandbox().url);
    if let Some(jaeger) = system.jaeger_url() {
        println!("  {:<12} {jaeger}", "jaeger");
    }
    println!("  {:<12} {}", "broker", system.broker.bootstrap());
    println!("  {:<12} {}", "database", system.postgres.admin_url());
    println!("  {:<12} {}\n", "logs", system.logs().display());
    println!("  the admin routes need: -H 'Authorization: Bearer {ADMIN_TOKEN}'\n");
    println!("  curl -i {}/orders -H 'Idempotency-Key: 1' -d '{}'\n", system.url("order"), outcomes::example());
    stop_signal().await
}

/// Ctrl-C, or what a supervisor sends.
async fn stop_signal() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be waited for")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("Ctrl-C can't be waited for"),
        _ = terminate.recv() => Ok(()),
    }
}
