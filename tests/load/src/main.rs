//! Load on the whole system over HTTP, on real Kafka and PostgreSQL, with batches and then without.

mod against;
mod arguments;
mod batches;
mod client;
mod follower;
mod meter;
mod observed;
mod phase;
mod report;
mod under_way;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use arguments::Arguments;
use clap::Parser;
use phase::Phase;
use report::say;

/// With this program among them: Cargo then settles the same features as when it built this, and compiles nothing twice.
const PROGRAMS: [&str; 6] = ["load", "order", "inventory", "payment", "shipping", "sandbox"];

/// One thread: this program shares the processors with all that it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let ended = tokio::select! {
        ended = run(Arguments::parse()) => ended,
        // What was started ends with its handle.
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted; everything that was started is ended")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    say("building the services");
    local::binaries::build(&PROGRAMS).await?;
    if let Some(programs) = &arguments.against {
        return against::run(&arguments, programs).await;
    }
    if let Some(pairs) = arguments.observed_pairs {
        return observed::run(&arguments, pairs).await;
    }
    let batched = Phase::new("batches", arguments.orders, arguments.env());
    let batched = batched.run(&arguments).await.context("the run with batches")?;
    report::print(&batched);
    if arguments.single_orders == 0 {
        return Ok(());
    }
    let mut env = arguments.env();
    env.push(("BATCH_LIMIT".to_owned(), "1".to_owned()));
    let single = Phase::new("batch limit 1", arguments.single_orders, env);
    let single = single.run(&arguments).await.context("the run with batch limit 1")?;
    report::print(&single);
    report::print_ratio(&batched, &single);
    Ok(())
}
