//! A script on real PostgreSQL.

use std::{sync::Arc, time::Duration};

use choreography_core::{participant::Participant, routes::TableId};
use choreography_postgres::{
    COUNTS, Limits, PgTransaction, Pool, Postgres, count_events, make_leases, make_partitions, migrate,
};
use chrono::NaiveDate;
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::task::JoinHandle;

use crate::{
    both::both,
    call::{Call, perform},
    model::{RANGES, SLOTS, Seen, Step},
};

/// How long anything may take to come about on a slow, busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

type Answered = (Option<PgTransaction>, String);

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Open(PgTransaction),
    Busy(JoinHandle<Answered>),
}

pub struct OnPostgres {
    _server: local::Postgres,
    _dir: local::RunDir,
    /// Looks on from outside.
    pool: Pool,
    /// One connection each, by the slot's name.
    databases: Vec<Postgres>,
    slots: [Slot; SLOTS],
}

impl OnPostgres {
    pub async fn start() -> anyhow::Result<Self> {
        let dir = local::RunDir::create()?;
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = vec![
            // Nothing here has to survive, and no plan may change on the way.
            setting("fsync", "off"),
            setting("synchronous_commit", "off"),
            setting("autovacuum", "off"),
            setting("deadlock_timeout", "20ms"),
        ];
        let server = local::Postgres::start(&dir.path().join("pg"), local::PostgresOptions { settings }).await?;
        let options: PgConnectOptions = server.admin_url().parse()?;
        let owner = PgPool::connect_with(options.clone()).await?;
        migrate(&owner, &inventory::MIGRATIONS).await?;
        // Each service's migrations are numbered from one.
        for migration in order::MIGRATIONS.iter() {
            sqlx::raw_sql(migration.sql.clone()).execute(&owner).await?;
        }
        let TableId(aggregates) = both().counts().ok_or_else(|| anyhow::anyhow!("it counts"))?;
        count_events(&owner, aggregates.name).await?;
        let one = Limits { connections: 1, ..Limits::default() };
        let pool = Pool::new(options.clone(), one.clone());
        let window = choreography_core::event_id::Window {
            horizon: chrono::TimeDelta::days(1),
            skew: chrono::TimeDelta::zero(),
        };
        make_partitions(&pool, window).await?;
        let day = NaiveDate::from_ymd_opt(2026, 8, 1);
        sqlx::query("SELECT make_partitions('inbox', $1, $1)").bind(day).execute(&pool).await?;
        make_leases(&pool, RANGES).await?;
        sqlx::raw_sql(crate::tables::WORDS).execute(&pool).await?;
        let mut databases = Vec::new();
        for slot in 0..SLOTS {
            let options = options.clone().options([COUNTS]).application_name(&format!("slot {slot}"));
            databases.push(Postgres::new(Pool::new(options, one.clone()), Arc::new(both()), RANGES));
        }
        Ok(Self { _server: server, _dir: dir, pool, databases, slots: Default::default() })
    }

    /// Empty tables, and numbers that begin at one.
    pub async fn reset(&mut self) -> anyhow::Result<()> {
        for slot in std::mem::take(&mut self.slots) {
            if let Slot::Busy(call) = slot {
                call.abort();
            }
        }
        for slot in 0..SLOTS {
            // The connection comes back to its pool once its transaction is rolled back; and the server's clock is known then.
            self.databases[slot].pool.begin().await?.commit().await?;
        }
        sqlx::raw_sql(
            "TRUNCATE relays, outbox_blocks, outbox_left_behind, stopped_keys, runs, messages_under_way, inbox, outbox, deadlines, intents, held_events, dead_messages, discarded, reservations, stock,
                      requests, orders RESTART IDENTITY;
             ALTER SEQUENCE outbox_number RESTART;
             UPDATE outbox_ranges SET holder = NULL, epoch = 0, server = pg_postmaster_start_time(), expires_at = '-infinity', published_through = 0",
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Makes the call; `Err` says what came about other than expected.
    pub async fn step(&mut self, step: &Step) -> anyhow::Result<Result<(), String>> {
        self.issue(step.slot, step.call.clone());
        for (slot, expected) in &step.seen {
            let seen = self.see(*slot, expected).await?;
            if seen != *expected {
                return Ok(Err(format!("t{slot}: the model says {expected:?}, PostgreSQL says {seen:?}")));
            }
        }
        if matches!(step.call, Call::RollBack) {
            sqlx::query("SELECT 1").execute(&self.databases[step.slot].pool).await?;
        }
        Ok(Ok(()))
    }

    pub fn issue(&mut self, slot: usize, call: Call) {
        let tx = match std::mem::take(&mut self.slots[slot]) {
            Slot::Open(tx) => Some(tx),
            _ => None,
        };
        self.slots[slot] = Slot::Busy(tokio::spawn(perform(self.databases[slot].clone(), tx, call)));
    }

    /// Waits until the call has ended, or waits for the slot that it is expected to wait for.
    async fn see(&mut self, slot: usize, expected: &Seen) -> anyhow::Result<Seen> {
        let Slot::Busy(call) = &mut self.slots[slot] else { anyhow::bail!("slot {slot} has no call") };
        let ended = match expected {
            Seen::Done(_) => tokio::time::timeout(PATIENCE, call).await.ok(),
            Seen::Blocked(by) => {
                let until = tokio::time::Instant::now() + PATIENCE;
                let mut blockers = Vec::new();
                while !call.is_finished() && blockers != [*by] && tokio::time::Instant::now() < until {
                    blockers = blocked_by(&self.pool, slot).await?;
                }
                if call.is_finished() { Some(call.await) } else { None }
            }
        };
        let Some(ended) = ended else {
            let blockers = blocked_by(&self.pool, slot).await?;
            return Ok(blockers
                .first()
                .map_or(Seen::Done("neither ended nor blocked".into()), |by| Seen::Blocked(*by)));
        };
        Ok(Seen::Done(self.keep(slot, ended?)))
    }

    fn keep(&mut self, slot: usize, (tx, answer): Answered) -> String {
        self.slots[slot] = tx.map_or(Slot::Empty, Slot::Open);
        answer
    }

    /// How many of these calls fail for a deadlock, once at least one of them has.
    pub async fn victims(&mut self, circle: &[usize]) -> anyhow::Result<Vec<usize>> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let mut victims = Vec::new();
        while victims.is_empty() && tokio::time::Instant::now() < until {
            for slot in circle {
                let Slot::Busy(call) = &mut self.slots[*slot] else { continue };
                if !call.is_finished() {
                    tokio::task::yield_now().await;
                    continue;
                }
                let answered = call.await?;
                if self.keep(*slot, answered) == "contention" {
                    victims.push(*slot);
                }
            }
        }
        Ok(victims)
    }

    /// The committed tables, in the model's words.
    pub async fn tables(&self) -> anyhow::Result<Vec<String>> {
        crate::tables::read(&self.pool, &self.databases[0]).await
    }
}

async fn blocked_by(pool: &Pool, slot: usize) -> sqlx::Result<Vec<usize>> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT b.application_name FROM pg_stat_activity a JOIN pg_stat_activity b ON b.pid = ANY(pg_blocking_pids(a.pid))
         WHERE a.application_name = $1",
    )
    .bind(format!("slot {slot}"))
    .fetch_all(pool)
    .await?;
    Ok(names.iter().filter_map(|name| name.strip_prefix("slot ")?.parse().ok()).collect())
}
