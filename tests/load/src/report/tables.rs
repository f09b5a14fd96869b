//! What a run has shown, as tables.

use crate::latency::Latencies;
use crate::measurement::{Measured, is_service, per_second};
use crate::meter::{Database, Process};

use super::Table;

const NOTHING: &str = "–";

/// All of a run.
pub fn of_run(run: &Measured) -> Vec<Table> {
    let mut tables = vec![ends(run), latencies(run)];
    tables.extend(disturbed(run));
    tables.push(costs(run));
    tables.extend(hops(run));
    tables.push(batches(run));
    tables
}

fn ends(run: &Measured) -> Table {
    let mut table =
        Table::new(format!("{}: {}, {}", run.title, run.load, run.mix), &["kind", "completed", "cancelled"]);
    for (kind, (completed, cancelled)) in &run.seen.ends {
        table.row([kind.name().into(), completed.to_string(), cancelled.to_string()]);
    }
    table.note(format!(
        "{:.1} sagas/s: {} orders from the first request to the last terminal event in {:.1} s; {:.1}/s until 99 % had ended",
        run.rate(),
        run.orders,
        run.took.as_secs_f64(),
        per_second(run.orders * 99 / 100, run.took_99),
    ));
    table.note(format!(
        "{:.1} orders/s accepted over HTTP; {} requests told to come again",
        per_second(run.orders, run.intake),
        run.seen.counts.refused
    ));
    table.note("Money, stock and every order's end add up.");
    table
}

fn latencies(run: &Measured) -> Table {
    let mut table = Table::new("Latency, ms", &["", "p50", "p90", "p99", "p99.9", "max"]);
    let row = |name: &str, latencies: &Latencies| {
        let percentiles = [50.0, 90.0, 99.0, 99.9].map(|percent| latencies.percentile(percent));
        let figures = percentiles.into_iter().chain([latencies.max()]).map(|millis| format!("{millis:.1}"));
        std::iter::once(name.to_owned()).chain(figures).collect::<Vec<_>>()
    };
    table.row(row("to the terminal event's timestamp", &run.seen.latencies));
    table.row(row("to its sight on the topic", &run.seen.to_sight));
    table.row(row("sent later than due", &run.seen.delays));
    table.row(row("POST, until it was answered 2xx", &run.seen.post_latencies()));
    table.row(row("a synced write of 8 kB on this disk", &run.sync_time));
    table
}

/// What POSTs took before, during and after a disturbance.
fn disturbed(run: &Measured) -> Option<Table> {
    let disturbed = run.disturbed.as_ref()?;
    let seconds = disturbed.window.seconds();
    let title = format!("POST, ms, with {} ({seconds:.1} s)", disturbed.what);
    let mut table = Table::new(title, &["due", "orders", "p50", "p99", "max"]);
    for (name, posts) in ["before", "meanwhile", "after"].into_iter().zip(disturbed.posts(&run.seen.posts)) {
        let figures = [posts.percentile(50.0), posts.percentile(99.0), posts.max()];
        let figures = figures.map(|millis| if posts.count() > 0 { format!("{millis:.1}") } else { NOTHING.to_owned() });
        table.row([name.to_owned(), posts.count().to_string()].into_iter().chain(figures));
    }
    table.notes.extend(disturbed.notes.iter().cloned());
    Some(table)
}

/// What each part spends on a saga.
fn costs(run: &Measured) -> Table {
    let head = [
        "per saga",
        "CPU-s per 1,000",
        "switches",
        "transactions",
        "WAL kB",
        "of it images",
        "round trips",
        "Kafka requests",
        "peak MB",
    ];
    let mut table = Table::new("Costs", &head);
    for process in &run.spent.processes {
        table.row(cost(run, process));
    }
    let switches = run.per_saga(run.sum(|process| process.context_switches));
    let none = || NOTHING.to_owned();
    let all_wal = run.per_saga(run.spent.wal_bytes as f64 / 1e3);
    let trips = run.per_saga(run.sum(|process| process.round_trips));
    let requests = run.per_saga(run.sum(|process| process.kafka_requests));
    table.row([
        "all".into(),
        format!("{:.3}", run.cost()),
        format!("{switches:.0}"),
        none(),
        format!("{all_wal:.1}"),
        none(),
        format!("{trips:.1}"),
        format!("{requests:.2}"),
        none(),
    ]);
    table.note(format!("{:.2} processors busy on average.", run.busy()));
    if run.disturbed.is_some() {
        table.note("What the disturbance costs is in these figures.");
    }
    if let Some(others) = run.spent.others {
        let others = run.per_saga(others * 1e3);
        table.note(format!(
            "Others: {others:.3} CPU-seconds per 1,000 sagas. Work that is no part of this; it takes processors from it."
        ));
    }
    let syncs = run.per_saga(run.databases.wal_syncs as f64);
    let wal = run.per_saga(run.services_wal() / 1e3);
    table.note(format!(
        "{syncs:.2} WAL syncs per saga. The services' WAL without images of pages: {wal:.1} kB per saga."
    ));
    if run.spent.lost_connections > 0 {
        let lost = run.spent.lost_connections;
        table.note(format!("{lost} connections were closed meanwhile; what they carried last is not counted."));
    }
    table
}

fn cost(run: &Measured, process: &Process) -> Vec<String> {
    let per_saga = |count: f64, decimals: usize| format!("{:.decimals$}", run.per_saga(count));
    let of_database = run.databases.by_name.get(process.name);
    let database = |of: fn(&Database) -> f64, decimals| {
        of_database.map_or_else(|| NOTHING.to_owned(), |database| per_saga(of(database), decimals))
    };
    let sent = |count: u64, decimals, sends: bool| match sends {
        true => per_saga(count as f64, decimals),
        false => NOTHING.to_owned(),
    };
    vec![
        process.name.to_owned(),
        per_saga(process.cpu_seconds * 1e3, 3),
        per_saga(process.context_switches as f64, 1),
        database(|database| database.transactions as f64, 2),
        database(|database| database.wal_bytes as f64 / 1e3, 2),
        database(|database| database.image_bytes / 1e3, 2),
        sent(process.round_trips, 1, of_database.is_some()),
        sent(process.kafka_requests, 2, is_service(process.name)),
        process.peak_memory.map_or_else(|| NOTHING.to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6)),
    ]
}

fn hops(run: &Measured) -> Option<Table> {
    let hops = run.hops.as_ref()?;
    let mut table = Table::new("Hops of orders that completed, ms", &["", "min", "p50", "p99"]);
    for (name, hop) in hops.each() {
        let figures = [hop.min(), hop.percentile(50.0), hop.percentile(99.0)];
        table.row(std::iter::once(name).chain(figures.map(|millis| format!("{millis:.1}"))));
    }
    table.note(format!("Sum of the hops' minima: {:.1} ms.", hops.sum_of_minima()));
    Some(table)
}

fn batches(run: &Measured) -> Table {
    let mut table = Table::new("Average batch", &["", "inputs"]);
    for (service, kind, average) in &run.batches {
        table.row([format!("{service}, {kind}"), format!("{average:.1}")]);
    }
    table
}
