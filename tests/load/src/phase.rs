//! One run: start all, warm up, measure, check.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use local::shop::Shop;
use local::{BrokerChoice, Service, System, SystemOptions, TracesTo, audit};
use serde_json::json;

use crate::arguments::Arguments;
use crate::batches;
use crate::client::{self, Orders};
use crate::follower::Follower;
use crate::meter::{self, Spent};
use crate::report::say;
use crate::under_way::UnderWay;

const LOOK: Duration = Duration::from_millis(20);
const TELL: Duration = Duration::from_secs(5);
const SCRAPE: Duration = Duration::from_secs(5);
const REST: Duration = Duration::from_secs(60);

/// What differs between runs.
pub struct Phase {
    pub title: &'static str,
    pub orders: usize,
    /// For all four services.
    pub env: Vec<(String, String)>,
    pub traces: TracesTo,
    /// Scrape every service's metrics all the while.
    pub scraped: bool,
    /// Where the services' programs lie; `None`: beside this one.
    pub programs: Option<PathBuf>,
}

/// What one run has shown.
pub struct Measured {
    pub title: &'static str,
    pub orders: usize,
    pub completed: usize,
    pub cancelled: usize,
    pub refused: usize,
    /// From the first request to the last terminal event.
    pub took: Duration,
    /// From the first request to the terminal event of the last but 1 %.
    pub took_99: Duration,
    /// From the first request to the last acceptance.
    pub intake: Duration,
    /// Sorted.
    pub latencies: Vec<Duration>,
    pub spent: Spent,
    /// Service, kind of batch, average size.
    pub batches: Vec<(&'static str, String, f64)>,
    pub unended: usize,
}

impl Phase {
    /// Neither traced nor scraped.
    pub fn new(title: &'static str, orders: usize, env: Vec<(String, String)>) -> Self {
        Self { title, orders, env, traces: TracesTo::Nowhere, scraped: false, programs: None }
    }

    /// Runs it on a system of its own.
    pub async fn run(&self, arguments: &Arguments) -> Result<Measured> {
        say(&format!("{}: {} orders", self.title, self.orders));
        let (env, traces, programs) = (self.env.clone(), self.traces.clone(), self.programs.clone());
        let options = SystemOptions { broker: BrokerChoice::Kafka, env, traces, programs, ..Default::default() };
        let system = System::start(options, say).await.context("the system did not come up")?;
        let measured = self.measure(&system, arguments).await;
        if measured.is_err() {
            eprintln!("logs are kept in {}", system.keep_files().display());
        }
        let measured = measured?;
        say("stopping");
        system.stop_all().await?;
        Ok(measured)
    }

    async fn measure(&self, system: &System, arguments: &Arguments) -> Result<Measured> {
        let warm_up = arguments.warm_up.min(self.orders);
        load_stock(system, arguments.skus, warm_up + self.orders).await?;
        let url = system.url(Service::Order);
        let address: SocketAddr = url.trim_start_matches("http://").parse().context(url)?;
        let orders = Arc::new(Orders { address, bodies: client::bodies(arguments.skus), keyed: arguments.keyed });

        say(&format!("warming up with {warm_up} orders"));
        self.drive(system, &orders, arguments, warm_up).await?;
        at_rest(system).await?;
        say(&format!("measuring {} orders", self.orders));
        let measured = self.drive(system, &orders, arguments, self.orders).await?;
        say("checking money, stock and ends");
        at_rest(system).await?;
        Ok(measured)
    }

    async fn drive(
        &self,
        system: &System,
        orders: &Arc<Orders>,
        arguments: &Arguments,
        count: usize,
    ) -> Result<Measured> {
        let under_way = Arc::new(UnderWay::new(arguments.unended));
        let follower = Follower::start(system.broker.bootstrap(), Arc::clone(&under_way))?;
        let batches_before = batches::read(system).await?;
        let before = meter::read(system);
        let start = Instant::now();
        let mut intake = Duration::ZERO;
        let placing = async {
            client::place(orders, &under_way, arguments.clients, count).await?;
            intake = start.elapsed();
            while under_way.count_measured() < count {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        tokio::select! {
            placed = placing => placed,
            stalled = watch(system, &under_way, arguments.patience) => stalled,
            scraping = scrape(system), if self.scraped => scraping,
        }?;
        let spent = meter::read(system).since(&before);
        drop(follower);
        let mut seen = under_way.seen();
        seen.latencies.sort_unstable();
        let until = |rank: usize| seen.ends.get(rank.saturating_sub(1)).map_or(Duration::ZERO, |at| *at - start);
        Ok(Measured {
            title: self.title,
            orders: count,
            completed: seen.completed,
            cancelled: seen.cancelled,
            refused: seen.refused,
            took: until(seen.ends.len()),
            took_99: until(count * 99 / 100),
            intake,
            latencies: seen.latencies,
            spent,
            batches: batches::since(&batches::read(system).await?, &batches_before),
            unended: arguments.unended,
        })
    }
}

/// Tells how far it is; an error when a process is gone or nothing ends any more.
async fn watch(system: &System, under_way: &UnderWay, patience: Duration) -> Result<()> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        tokio::time::sleep(TELL).await;
        for (name, running) in system.running() {
            if let Some(status) = running.process.exit_status()? {
                bail!("{name} has ended ({status}):\n{}", running.process.log_tail(20));
            }
        }
        let ended = under_way.count_ended();
        if ended != last {
            (last, since) = (ended, Instant::now());
        }
        let seen = under_way.seen();
        say(&format!("{} accepted, {} completed, {} cancelled", seen.accepted, seen.completed, seen.cancelled));
        if since.elapsed() >= patience {
            bail!(
                "no order has ended for {patience:?}: {} were accepted, {} completed, {} cancelled, {} requests refused",
                seen.accepted,
                seen.completed,
                seen.cancelled,
                seen.refused
            );
        }
    }
}

/// As Prometheus does, oftener.
async fn scrape(system: &System) -> Result<()> {
    let shop = Shop::default();
    loop {
        tokio::time::sleep(SCRAPE).await;
        for (_, running) in system.running() {
            shop.text(&format!("{}/metrics", running.admin)).await?;
        }
    }
}

async fn load_stock(system: &System, skus: usize, orders: usize) -> Result<()> {
    let shop = Shop::default();
    let on_hand = (orders / skus + 1) * 4;
    for number in 0..skus {
        let url = format!("{}/stock/{}", system.url(Service::Inventory), client::sku(number));
        let answer = shop.put(&url, &json!({ "onHand": on_hand })).await?;
        ensure!(answer.status == 200, "stock at {url} was not set: {answer:?}");
    }
    Ok(())
}

/// The rules hold. Inventory hears of the dispatch when order does, so it may be a moment later.
async fn at_rest(system: &System) -> Result<()> {
    let start = Instant::now();
    loop {
        let findings = audit::check(system).await?;
        if findings.is_empty() {
            return Ok(());
        }
        ensure!(
            start.elapsed() < REST,
            "this does not add up, {REST:?} after the last order ended:\n{}",
            findings.join("\n")
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
