//! What is done to the system on purpose while orders come. What comes of it must be right all the same. The run shows how
//! little POSTs about other orders feel it.

mod backlog;
mod drain;
mod locked_row;
mod no_ops;
mod refusals;
mod settings;
mod victims;
mod window;

use anyhow::Result;
use local::System;
use local::shop::Shop;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use crate::latency::Latencies;
use crate::ledger::Ledger;

use backlog::{Backlog, Heap};
use locked_row::LockedRow;
use refusals::Refusals;

pub use settings::{Kind, Settings};
pub use window::Disturbed;

/// What must be there before the load.
pub enum Prepared {
    LockedRow(LockedRow),
    Backlog(Heap),
    Refusals(Refusals),
}

/// At work while orders come.
pub enum Disturber {
    LockedRow(LockedRow),
    Backlog(Backlog),
    Refusals(Refusals),
}

impl Prepared {
    /// Call it at rest. `before`: what POSTs took before, where the load is disturbed from its first order on.
    pub async fn new(system: &System, settings: &Settings, before: Latencies) -> Result<Option<Self>> {
        let Settings { disturb, undisturbed, disturbed, backlog } = *settings;
        Ok(match disturb {
            None => None,
            Some(Kind::LockedRow) => Some(Self::LockedRow(LockedRow { undisturbed, disturbed, shop: Shop::default() })),
            Some(Kind::Backlog) => Some(Self::Backlog(Heap::pile(system, backlog, before).await?)),
            Some(Kind::Bisection) => Some(Self::Refusals(Refusals::install(system, undisturbed, disturbed).await?)),
        })
    }

    /// The load is about to begin. Services that were stopped run again, one replica of each and on other ports.
    pub async fn begin(self, system: &System) -> Result<Disturber> {
        Ok(match self {
            Self::LockedRow(locked_row) => Disturber::LockedRow(locked_row),
            Self::Backlog(heap) => Disturber::Backlog(heap.release(system).await?),
            Self::Refusals(refusals) => Disturber::Refusals(refusals),
        })
    }
}

impl Disturber {
    /// Beside the load, from its first order on.
    pub async fn run(&self, system: &System, ledger: &Ledger) -> Result<Disturbed> {
        match self {
            Self::LockedRow(locked_row) => locked_row.run(system, ledger).await,
            Self::Backlog(backlog) => backlog.run().await,
            Self::Refusals(refusals) => refusals.run(system, ledger).await,
        }
    }

    /// When both have ended, the load and the disturbance.
    pub async fn settle(&self, system: &System, ledger: &Ledger) -> Result<()> {
        match self {
            Self::LockedRow(_) | Self::Backlog(_) => Ok(()),
            Self::Refusals(refusals) => refusals.settle(system, ledger).await,
        }
    }

    /// Changes as long as something goes on that no order's end shows.
    pub fn progress(&self) -> u64 {
        match self {
            Self::LockedRow(_) | Self::Refusals(_) => 0,
            Self::Backlog(backlog) => backlog.progress(),
        }
    }
}

/// A connection of the administrator's.
async fn database(system: &System, name: &str) -> Result<PgConnection> {
    let server: PgConnectOptions = system.postgres.admin_url().parse()?;
    Ok(PgConnection::connect_with(&server.database(name)).await?)
}
