//! What a run costs, read from outside: by the kernel's counters and PostgreSQL's, so that the services pay nothing for it.

mod database;
mod disk;
mod processes;
mod sockets;

use std::time::Duration;

use anyhow::Result;
use local::System;

pub use database::{Database, Databases};
pub use disk::sync_time;
pub use processes::Process;

use database::Snapshot;
use sockets::Sockets;

use crate::phase::is_replica_of;
use crate::progress::say;

/// PostgreSQL's processes tell what they have counted after each transaction, but not within a second of the last time,
/// and at rest after 10 s.
pub const REST: Duration = Duration::from_secs(11);

/// A part of the system: a name, and the processes that began it.
struct Part {
    name: &'static str,
    pids: Vec<u32>,
    /// With all that descend from them.
    tree: bool,
}

/// Counts from [`Meter::start`] on.
pub struct Meter<'a> {
    system: &'a System,
    parts: Vec<Part>,
    before: processes::Reading,
    database_before: Snapshot,
    sockets: Sockets,
}

/// What the kernel has counted.
#[derive(Debug, Clone)]
pub struct Spent {
    pub processes: Vec<Process>,
    /// Processor seconds of processes that are no part of the system, and of the kernel for no process.
    pub others: Option<f64>,
    /// Connections that were closed meanwhile: what they carried since the last look is not counted.
    pub lost_connections: usize,
    /// All of PostgreSQL.
    pub wal_bytes: u64,
}

impl<'a> Meter<'a> {
    /// Call it when PostgreSQL has had a [`REST`].
    pub async fn start(system: &'a System) -> Result<Self> {
        let parts = parts(system);
        let owners = parts.iter().filter(|part| part.name != SELF);
        let owners = owners.map(|part| (part.name, part.pids.clone())).collect();
        let sockets = Sockets::watch(system, owners)?;
        let database_before = database::read(system).await?;
        Ok(Self { system, before: processes::read(&parts), parts, database_before, sockets })
    }

    /// Counts on connections that may be gone by the next time.
    pub fn look(&mut self) -> Result<()> {
        self.sockets.look()
    }

    /// Call it at once when a run has ended.
    pub async fn spent(&mut self) -> Result<Spent> {
        let after = processes::read(&self.parts);
        self.sockets.look()?;
        let wal = database::wal_position(self.system).await?;
        let (mut processes, others) = after.since(&self.before);
        for process in &mut processes {
            (process.round_trips, process.kafka_requests) = self.sockets.sent_by(process.name);
        }
        let lost_connections = self.sockets.lost();
        Ok(Spent { processes, others, lost_connections, wal_bytes: wal.saturating_sub(self.database_before.wal) })
    }

    /// What PostgreSQL has counted. It tells late, so this takes two [`REST`]s, and what the system does in one of them is
    /// taken off.
    pub async fn databases(&self) -> Result<Databases> {
        say("waiting until PostgreSQL has told what it counted");
        tokio::time::sleep(REST).await;
        let after = database::read(self.system).await?;
        tokio::time::sleep(REST).await;
        let idle = database::read(self.system).await?;
        let size = database::page_image_size(self.system, &after, self.database_before.wal).await;
        Ok(database::work(&self.database_before, &after, &idle, size))
    }
}

const SELF: &str = "this program";

fn parts(system: &System) -> Vec<Part> {
    let part = |name, pids: Vec<u32>| Part { name, pids, tree: true };
    let mut parts = vec![
        part("broker", system.broker.kafka().map(local::Kafka::pid).into_iter().collect()),
        part("PostgreSQL", system.postgres.pid().into_iter().collect()),
        part("sandbox", vec![system.sandbox().process.pid()]),
    ];
    let running = system.running();
    for service in system.services() {
        let replicas = running.iter().filter(|(replica, _)| is_replica_of(replica, service));
        parts.push(part(service, replicas.map(|(_, running)| running.process.pid()).collect()));
    }
    if let Some(jaeger) = &system.jaeger {
        parts.push(part("Jaeger", vec![jaeger.pid()]));
    }
    // Its tree holds all of the others.
    parts.push(Part { name: SELF, pids: vec![std::process::id()], tree: false });
    parts
}
