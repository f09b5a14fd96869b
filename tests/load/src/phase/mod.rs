//! One run: start all, warm up, measure, check.

mod disturbance;
mod drive;
mod preparation;
mod warmth;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use local::system::publishers;
use local::{BrokerChoice, System, SystemOptions, TracesTo};

use crate::arguments::Arguments;
use crate::batches;
use crate::measurement::Measured;
use crate::meter::{self, Meter};
use crate::mix::Mix;
use crate::placement::{Limit, Load, Orders};
use crate::progress::{self, say};
use crate::seed;

use drive::{Drive, Driven};
pub use preparation::is_replica_of;

/// The warm-up's load, whatever is measured.
const FLOOD: Load = Load::Closed { unended: 4_000 };
const SAMPLED: &str = "0.01";

/// What differs between runs.
#[derive(Debug, Clone)]
pub struct Phase {
    pub title: String,
    pub load: Load,
    pub limit: Limit,
    pub warm_up: usize,
    pub partitions: Option<i32>,
    /// For all services.
    pub env: Vec<(String, String)>,
    /// Traces of 1 % of the sagas, and every service's metrics scraped all the while.
    pub observed: bool,
    /// Where the services' programs lie; `None`: beside this one.
    pub programs: Option<PathBuf>,
}

impl Phase {
    /// As the arguments say.
    pub fn new(title: &str, arguments: &Arguments) -> Self {
        Self {
            title: title.to_owned(),
            load: arguments.load(),
            limit: arguments.limit(),
            warm_up: arguments.warm_up,
            partitions: arguments.partitions,
            env: arguments.env(),
            observed: arguments.observed,
            programs: None,
        }
    }

    /// Runs it on a system of its own.
    pub async fn run(&self, arguments: &Arguments) -> Result<Measured> {
        say(&format!("{}: {}", self.title, self.load));
        let system = System::start(self.options(), say).await.context("the system did not come up")?;
        let measured = self.measure(&system, arguments).await;
        progress::close();
        if measured.is_err() {
            eprintln!("logs are kept in {}", system.keep_files().display());
        }
        let measured = measured?;
        say("stopping");
        system.stop_all().await?;
        Ok(measured)
    }

    fn options(&self) -> SystemOptions {
        let mut env = self.env.clone();
        let mut traces = TracesTo::Nowhere;
        if self.observed {
            traces = TracesTo::Jaeger;
            env.push(("OTEL_TRACES_SAMPLER".into(), "parentbased_traceidratio".into()));
            env.push(("OTEL_TRACES_SAMPLER_ARG".into(), SAMPLED.into()));
        }
        let programs = self.programs.clone();
        // Those on which an order's end depends; one that only listens would cost the machine what is measured.
        let services = Some(publishers());
        let partitions = self.partitions;
        SystemOptions {
            broker: BrokerChoice::Kafka,
            broker_runs_for_long: true,
            partitions,
            services,
            env,
            traces,
            programs,
            ..Default::default()
        }
    }

    async fn measure(&self, system: &System, arguments: &Arguments) -> Result<Measured> {
        let addresses = preparation::add_replicas(system, arguments.replicas).await?;
        preparation::load_stock(system, arguments).await?;
        if arguments.seed > 0 {
            seed::run(system, arguments.seed, arguments.skus).await?;
        }
        let Arguments { skus, new_customers, keyed, clients: connections, .. } = *arguments;
        let mut orders = Orders { addresses, mix: arguments.mix.clone(), skus, new_customers, keyed, connections };
        self.warm_up(system, &orders, arguments).await?;
        let prepared = self.prepare_disturbance(system, &orders, arguments).await?;
        say("resting until PostgreSQL has told what it counted");
        tokio::time::sleep(meter::REST).await;
        let sync_time = meter::sync_time(&system.logs())?;

        let disturber = self.begin_disturbance(prepared, system, &mut orders, arguments).await?;
        say(&format!("measuring: {}", self.load));
        let batches_before = batches::read(system).await?;
        let mut meter = Meter::start(system).await?;
        let drive = Drive { disturber: disturber.as_ref(), ..self.drive(system, &orders, arguments) };
        let (driven, spent) = drive.metered(&mut meter).await?;
        let batches = batches::since(&batches::read(system).await?, &batches_before);
        let databases = meter.databases().await?;
        say("checking money, stock and ends");
        preparation::at_rest(system).await?;

        let Driven { placed, begin, intake, seen, hops, disturbed } = driven;
        let until = |rank: usize| {
            let at = seen.ends_seen.get(rank.saturating_sub(1)).copied().unwrap_or(begin);
            Duration::from_micros(at.saturating_sub(begin))
        };
        Ok(Measured {
            title: self.title.clone(),
            load: self.load.to_string(),
            mix: arguments.mix.to_string(),
            orders: placed,
            took: until(seen.ends_seen.len()),
            took_99: until(placed * 99 / 100),
            begin,
            intake,
            seen,
            spent,
            databases,
            batches,
            hops,
            disturbed,
            sync_time,
        })
    }

    async fn warm_up(&self, system: &System, orders: &Orders, arguments: &Arguments) -> Result<()> {
        if self.warm_up == 0 {
            return Ok(());
        }
        say(&format!("warming up with {} orders", self.warm_up));
        let orders = Orders { mix: Mix::default(), addresses: orders.addresses.clone(), ..*orders };
        let limit = Limit { orders: self.warm_up, time: None };
        let drive = Drive { load: FLOOD, limit, hops: false, ..self.drive(system, &orders, arguments) };
        drive.run().await?;
        let limit = Limit { orders: usize::MAX, time: Some(warmth::ROUND) };
        let drive = Drive { limit, hops: false, ..self.drive(system, &orders, arguments) };
        warmth::reach(system, || async { drive.run().await.map(drop) }).await
    }

    fn drive<'a>(&self, system: &'a System, orders: &'a Orders, arguments: &Arguments) -> Drive<'a> {
        Drive {
            system,
            orders,
            load: self.load,
            limit: self.limit,
            hops: arguments.hops,
            scraped: self.observed,
            disturber: None,
            patience: arguments.patience,
        }
    }
}
