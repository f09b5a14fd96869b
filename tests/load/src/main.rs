//! Load on the whole system over HTTP, on real Kafka and PostgreSQL: how long sagas take, and what they cost.

mod arguments;
mod batches;
mod comparison;
mod disturbance;
mod follower;
mod hops;
mod ledger;
mod measurement;
mod meter;
mod mix;
mod phase;
mod placement;
mod progress;
mod relay;
mod report;
mod schedule;
mod seed;
mod telemetry_cost;
mod watermarks;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use arguments::Arguments;
use clap::Parser;
use load::{clock, latency, ratio, table};
use measurement::Measured;
use phase::Phase;
use placement::Limit;
use progress::say;
use report::{Report, Table};

/// Without batches more would take minutes.
const MOST_TO_WARM_SINGLES: usize = 2_000;

/// One thread: this program shares the processors with all that it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let ended = tokio::select! {
        ended = run(Arguments::parse()) => ended,
        // What was started ends with its handle.
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted; everything that was started is ended")),
    };
    progress::close();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    arguments.disturbance.check(arguments.lasting)?;
    let mut report = Report::new(arguments.report.clone())?;
    say("building the services");
    local::binaries::build_shop("load").await?;
    if let Some(events) = arguments.relay {
        return relay::run(&arguments, events, &mut report).await;
    }
    if let Some(programs) = &arguments.against {
        return comparison::run(&arguments, programs, &mut report).await;
    }
    if let Some(pairs) = arguments.observed_pairs {
        return telemetry_cost::run(&arguments, pairs, &mut report).await;
    }
    let singles = arguments.single_orders();
    let title = if singles == 0 { "this build" } else { "batches" };
    let measured = Phase::new(title, &arguments).run(&arguments).await?;
    report.run(&measured);
    report.charts(&[&measured])?;
    if singles == 0 {
        return Ok(());
    }
    let single = run_singles(&arguments, singles).await.context("the run with batch limit 1")?;
    report.run(&single);
    report.table(&ratio_of(&measured, &single));
    report.charts(&[&measured, &single])
}

async fn run_singles(arguments: &Arguments, orders: usize) -> Result<Measured> {
    let mut single = Phase::new("batch limit 1", arguments);
    single.limit = Limit { orders, time: None };
    single.warm_up = single.warm_up.min(MOST_TO_WARM_SINGLES);
    single.env.push(("BATCH_LIMIT".to_owned(), "1".to_owned()));
    single.run(arguments).await
}

/// What batches bring.
fn ratio_of(batched: &Measured, single: &Measured) -> Table {
    let mut table = Table::new("with batches, to batch limit 1", &["", "ratio"]);
    table.row(["sagas/s".to_owned(), format!("{:.1}", batched.rate() / single.rate())]);
    table.row(["CPU-seconds per saga".to_owned(), format!("{:.2}", batched.cost() / single.cost())]);
    table
}
