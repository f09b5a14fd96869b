//! What HTTP costs: order's API, as a service serves it, beside a bare axum and a bare hyper that read the same body and answer as
//! many bytes; and calls of a provider beside calls by a bare hyper.
//!
//! Each is a process of its own, on loopback. Rounds take turns, so that what drifts on the machine strikes all.

mod caller;
mod child;
mod connection;
mod flood;
mod measured;
mod server;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;
use tokio::runtime::Builder;

/// The services' own.
#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

/// Measures what order's API and calls of a provider cost, beside bare ones that do the same.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Rounds of each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a round lasts.
    #[arg(long, value_parser = choreography::duration, default_value = "4s")]
    lasting: Duration,
    /// Kept connections, each with one request under way.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[command(subcommand)]
    role: Option<child::Role>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.role {
        // As the services run where all share a machine.
        Some(role) => Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(role.play()),
        // One thread: it shares the processors with what it measures.
        None => Builder::new_current_thread().enable_all().build()?.block_on(measure(arguments)),
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
    println!("{}", measured::intake(arguments).await?.text());
    println!("{}", measured::calls(arguments).await?.text());
    Ok(())
}
