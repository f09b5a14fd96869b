//! What one run has shown, and the figures that are read off it.

use std::time::Duration;

use local::system::publishers;

use crate::clock::Micros;
use crate::disturbance::Disturbed;
use crate::hops::Hops;
use crate::latency::Latencies;
use crate::ledger::Seen;
use crate::meter::{Databases, Process, Spent};

/// A run that adds up.
#[derive(Debug)]
pub struct Measured {
    pub title: String,
    /// How orders came, and of which kinds.
    pub load: String,
    pub mix: String,
    pub orders: usize,
    pub begin: Micros,
    pub seen: Seen,
    /// From the first request to the last terminal event.
    pub took: Duration,
    /// From the first request to the terminal event of the last but 1 %.
    pub took_99: Duration,
    /// From the first request to the last acceptance.
    pub intake: Duration,
    pub spent: Spent,
    pub databases: Databases,
    /// Service, kind of batch, average size.
    pub batches: Vec<(&'static str, String, f64)>,
    pub hops: Option<Hops>,
    pub disturbed: Option<Disturbed>,
    /// How long this machine's disk takes to make a page durable.
    pub sync_time: Latencies,
}

/// A figure by which runs are compared.
pub struct Figure {
    pub name: &'static str,
    pub decimals: usize,
    pub of: fn(&Measured) -> f64,
}

const fn figure(name: &'static str, decimals: usize, of: fn(&Measured) -> f64) -> Figure {
    Figure { name, decimals, of }
}

pub const FIGURES: [Figure; 15] = [
    figure("sagas/s", 1, Measured::rate),
    figure("p50, ms", 1, |run| run.seen.latencies.percentile(50.0)),
    figure("p90, ms", 1, |run| run.seen.latencies.percentile(90.0)),
    figure("p99, ms", 1, |run| run.seen.latencies.percentile(99.0)),
    figure("p99.9, ms", 1, |run| run.seen.latencies.percentile(99.9)),
    figure("max, ms", 1, |run| run.seen.latencies.max()),
    figure("p99 of POST, ms", 1, |run| run.seen.post_latencies().percentile(99.0)),
    figure("processors busy", 2, Measured::busy),
    figure("CPU-seconds per 1,000 sagas", 3, Measured::cost),
    figure("transactions per saga", 2, |run| run.per_saga(run.transactions() as f64)),
    figure("round trips to PostgreSQL per saga", 1, |run| run.of_services(|process| process.round_trips)),
    figure("requests to Kafka per saga", 2, |run| run.of_services(|process| process.kafka_requests)),
    figure("WAL per saga, kB", 2, |run| run.per_saga(run.services_wal() / 1e3)),
    figure("WAL syncs per saga", 2, |run| run.per_saga(run.databases.wal_syncs as f64)),
    figure("context switches per saga", 0, |run| run.per_saga(run.sum(|process| process.context_switches))),
];

impl Measured {
    /// Sagas a second, from the first request to the last terminal event.
    pub fn rate(&self) -> f64 {
        per_second(self.orders, self.took)
    }

    /// All processor seconds per 1,000 sagas.
    pub fn cost(&self) -> f64 {
        self.per_saga(self.cpu_seconds() * 1e3)
    }

    /// Processors that were busy with this, on average.
    pub fn busy(&self) -> f64 {
        self.cpu_seconds() / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    pub fn cpu_seconds(&self) -> f64 {
        self.spent.processes.iter().map(|process| process.cpu_seconds).sum()
    }

    pub fn per_saga(&self, count: f64) -> f64 {
        count / self.orders.max(1) as f64
    }

    pub fn sum(&self, of: fn(&Process) -> u64) -> f64 {
        self.spent.processes.iter().map(of).sum::<u64>() as f64
    }

    /// Of the services alone, per saga.
    fn of_services(&self, of: fn(&Process) -> u64) -> f64 {
        let services = self.spent.processes.iter().filter(|process| is_service(process.name));
        self.per_saga(services.map(of).sum::<u64>() as f64)
    }

    /// Of the services' databases.
    fn transactions(&self) -> u64 {
        let services = self.databases.by_name.iter().filter(|(name, _)| is_service(name));
        services.map(|(_, database)| database.transactions).sum()
    }

    /// Bytes of the services' databases, without images of pages.
    pub fn services_wal(&self) -> f64 {
        let services = self.databases.by_name.iter().filter(|(name, _)| is_service(name));
        services.map(|(_, database)| (database.wal_bytes as f64 - database.image_bytes).max(0.0)).sum()
    }
}

pub fn is_service(name: &str) -> bool {
    publishers().contains(&name)
}

pub fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
}
