//! Orders are placed, and their ends awaited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use local::System;
use local::shop::Shop;

use crate::clock::{self, Micros};
use crate::disturbance::{Disturbed, Disturber};
use crate::follower::Follower;
use crate::hops::Hops;
use crate::ledger::{Ledger, Seen};
use crate::meter::{Meter, Spent};
use crate::placement::{self, Limit, Load, Orders};
use crate::progress::{self, say_again};

const LOOK: Duration = Duration::from_millis(20);
const SCRAPE: Duration = Duration::from_secs(5);

/// Which orders come when, and how long one waits for their ends.
pub struct Drive<'a> {
    pub system: &'a System,
    pub orders: &'a Orders,
    pub load: Load,
    pub limit: Limit,
    pub hops: bool,
    pub scraped: bool,
    /// At work all the while.
    pub disturber: Option<&'a Disturber>,
    pub patience: Duration,
}

/// What was seen meanwhile.
pub struct Driven {
    pub placed: usize,
    pub begin: Micros,
    /// From the first request to the last acceptance.
    pub intake: Duration,
    pub seen: Seen,
    pub hops: Option<Hops>,
    pub disturbed: Option<Disturbed>,
}

impl Drive<'_> {
    /// Without counting what it costs.
    pub async fn run(&self) -> Result<Driven> {
        self.until_all_ended(None).await
    }

    /// And what it costs.
    pub async fn metered(&self, meter: &mut Meter<'_>) -> Result<(Driven, Spent)> {
        let driven = self.until_all_ended(Some(&mut *meter)).await?;
        Ok((driven, meter.spent().await?))
    }

    async fn until_all_ended(&self, meter: Option<&mut Meter<'_>>) -> Result<Driven> {
        let hops = self.hops.then(Hops::default);
        let ledger = Arc::new(Ledger::new(self.load.unended(), hops));
        let follower = Follower::start(self.system.broker.bootstrap(), Arc::clone(&ledger), self.hops)?;
        let (start, begin) = (Instant::now(), clock::now());
        let placing = async {
            let placed = placement::place(self.orders, &ledger, self.load, self.limit).await?;
            let intake = start.elapsed();
            while ledger.counts().measured < placed {
                tokio::time::sleep(LOOK).await;
            }
            Ok((placed, intake))
        };
        let disturbing = async {
            match self.disturber {
                Some(disturber) => disturber.run(self.system, &ledger).await.map(Some),
                None => Ok(None),
            }
        };
        let all = async {
            let ended = tokio::try_join!(placing, disturbing)?;
            if let Some(disturber) = self.disturber {
                disturber.settle(self.system, &ledger).await?;
            }
            Ok(ended)
        };
        let ((placed, intake), disturbed) = tokio::select! {
            ended = all => ended,
            stalled = self.watch(&ledger, meter) => stalled,
            scraping = self.scrape(), if self.scraped => scraping,
        }?;
        drop(follower);
        progress::close();
        let (seen, hops) = ledger.close();
        ensure!(seen.findings.is_empty(), "orders did not end as they must:\n{}", seen.findings.join("\n"));
        ensure!(placed > 0, "no order was placed: give it more time");
        Ok(Driven { placed, begin, intake, seen, hops, disturbed })
    }

    /// Tells how far it is; an error when a process is gone or nothing ends any more.
    async fn watch<T>(&self, ledger: &Ledger, mut meter: Option<&mut Meter<'_>>) -> Result<T> {
        let goal = self.limit.time.is_none().then_some(self.limit.orders);
        let (mut last, mut since, mut told) = ((0, 0), Instant::now(), Instant::now());
        loop {
            tokio::time::sleep(progress::pause()).await;
            for (name, running) in self.system.running() {
                if let Some(status) = running.process.exit_status()? {
                    bail!("{name} has ended ({status}):\n{}", running.process.log_tail(20));
                }
            }
            if let Some(meter) = &mut meter {
                meter.look()?;
            }
            let counts = ledger.counts();
            let come = (counts.measured, self.disturber.map_or(0, Disturber::progress));
            if come != last {
                (last, since) = (come, Instant::now());
            }
            say_again(&progress::status(&counts, goal, &ledger.lately(), told.elapsed().as_secs_f64()));
            told = Instant::now();
            ensure!(since.elapsed() < self.patience, "no order has ended for {:?}: {counts:?}", self.patience);
        }
    }

    /// As Prometheus does, oftener.
    async fn scrape<T>(&self) -> Result<T> {
        let shop = Shop::default();
        loop {
            tokio::time::sleep(SCRAPE).await;
            for (name, running) in self.system.running() {
                let scraped = shop.text(&format!("{}/metrics", running.admin)).await;
                scraped.with_context(|| format!("{name}'s metrics"))?;
            }
        }
    }
}
