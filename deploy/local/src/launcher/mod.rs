//! From nothing to a table of how every kind of order ends.

mod addresses;
mod events;
mod incidents;
mod outcomes;
mod progress;
mod table;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum, builder::PossibleValuesParser};
use local::{
    BrokerChoice, EventLog, LeftOut, System, SystemOptions, TracesTo, audit, binaries,
    shop::Shop,
    system::{services, topics},
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
    /// Leave a service to you, as to a debugger: all others start, its environment is written to a file, and no order is placed.
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', conflicts_with = "once", value_parser = PossibleValuesParser::new(services()))]
    without: Vec<String>,
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
    let (system, left_out) = tokio::select! {
        started = start(arguments) => started?,
        // Whatever has been started by then is ended by its handle.
        stopped = stop_signal() => {
            stopped?;
            say("interrupted: ending everything that was started");
            return Ok(false);
        }
    };
    let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
    let log = EventLog::follow(&system.broker.connection(), &names)?;
    let good = tokio::select! {
        shown = show(&system, &left_out, &log) => Some(shown?),
        stopped = stop_signal() => stopped.map(|()| None)?,
    };
    if !once && good.is_some() {
        addresses::print(&system, &left_out)?;
        tokio::select! {
            stopped = stop_signal() => stopped?,
            never = events::follow_all(&log) => match never {},
        }
    }
    // Each service drains: one that is killed looks for what killed it at its next start, on a database that outlives this.
    say("stopping");
    drop(log);
    system.stop_all().await?;
    Ok(good.unwrap_or(false))
}

/// Brings everything up but what is left to the user.
async fn start(arguments: Arguments) -> Result<(System, Vec<LeftOut>)> {
    if arguments.notification {
        say("--notification is not needed any more: notification starts with the others");
    }
    say("building the services (the first time that takes about a minute)");
    binaries::build_shop("local").await?;
    let left_out: Vec<&str> =
        services().into_iter().filter(|name| arguments.without.iter().any(|left| left == name)).collect();
    let system = System::start(options(arguments, &left_out), say).await.context("the system did not come up")?;
    let left_out = leave_out(&system, &left_out).await?;
    Ok((system, left_out))
}

/// Places orders of every outcome. Whether all ended as they should.
async fn show(system: &System, left_out: &[LeftOut], log: &EventLog) -> Result<bool> {
    let shop = Shop::default();
    if left_out.iter().all(|left_out| left_out.service != "inventory") {
        say("loading stock");
        outcomes::load_stock(system, &shop).await?;
    }
    if !left_out.is_empty() {
        return Ok(true);
    }
    let first = outcomes::first(system, &shop, log).await?;
    say(&format!("the first order took {} ms: it opens connections and makes caches", first.as_millis()));
    say("placing orders of every outcome");
    let mut reports = outcomes::run(system, &shop, log).await?;
    reports.extend(incidents::run(system, &shop, log, &reports).await?);
    table::print(&reports);
    if let Some(jaeger) = system.jaeger_url() {
        table::print_traces(&reports, &jaeger);
    }
    let findings = audit::check(system).await?;
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
    Ok(good)
}

/// Beside the programs, where a debugger's configuration finds them again at the next start.
async fn leave_out(system: &System, services: &[&'static str]) -> Result<Vec<LeftOut>> {
    let folder = binaries::profile_dir()?;
    let mut left_out = Vec::new();
    for service in services {
        left_out.push(system.leave_out(service, &folder).await?);
    }
    Ok(left_out)
}

fn options(arguments: Arguments, left_out: &[&str]) -> SystemOptions {
    let broker = match (arguments.kafka, arguments.broker) {
        (Some(kafka), _) => BrokerChoice::External(kafka),
        (None, BrokerName::Auto) => BrokerChoice::Auto,
        (None, BrokerName::Kafka) => BrokerChoice::Kafka,
        (None, BrokerName::Embedded) => BrokerChoice::Embedded,
    };
    let others = || services().into_iter().filter(|service| !left_out.contains(service)).collect();
    let deadline = vec![("ORDER_DEADLINE".to_owned(), ORDER_DEADLINE.to_owned())];
    SystemOptions {
        broker,
        database_url: arguments.database_url,
        traces: traces_to(arguments.jaeger),
        services: (!left_out.is_empty()).then(others),
        // Who looks at a service by hand needs longer than that.
        service_env: if left_out.is_empty() { [("order", deadline)].into() } else { BTreeMap::default() },
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

/// Ctrl-C, or what a supervisor sends.
async fn stop_signal() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be waited for")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("Ctrl-C can't be waited for"),
        _ = terminate.recv() => Ok(()),
    }
}
