//! Customers of a shop that runs somewhere: they place orders through its API, as fast as they are let, and wait for
//! their ends. What the shop itself can do is measured by tests/load, on a machine that is its own.

mod customers;
mod report;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use choreography::duration;
use clap::Parser;
use customers::Shop;
use provision::tokens::Tokens;
use tokio::{sync::Mutex, task::JoinSet};

/// Places orders at a running shop, and says how they ended.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[arg(long, env, default_value = "http://127.0.0.1:8080")]
    order_url: String,
    #[arg(long, env, default_value = "http://127.0.0.1:8081")]
    inventory_url: String,
    /// Orders to place.
    #[arg(long, env, default_value_t = 1_000)]
    orders: usize,
    /// The tokens of the customers who place them, in turns, as `provision tokens` writes them; the shop limits the
    /// requests of each.
    #[arg(long, env, default_value = "/run/secrets/tokens.json")]
    tokens_file: PathBuf,
    /// Give up if an order takes longer.
    #[arg(long, env, default_value = "2m", value_parser = duration)]
    patience: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    // reqwest is built without a provider of its own choice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Did all orders end?
async fn run(arguments: Arguments) -> Result<bool> {
    ensure!(arguments.orders > 0, "--orders must be at least 1");
    let shop = Arc::new(Shop::new(&arguments)?);
    let tokens = read_tokens(&arguments.tokens_file)?;
    shop.stock(arguments.orders, &tokens.clerk).await.context("stock could not be set")?;
    let left = Arc::new(Mutex::new(arguments.orders));
    let started = std::time::Instant::now();
    let mut customers = JoinSet::new();
    for customer in tokens.customers {
        customers.spawn(customers::orders_until_none_is_left(Arc::clone(&shop), customer, Arc::clone(&left)));
    }
    let mut ends = Vec::with_capacity(arguments.orders);
    while let Some(done) = customers.join_next().await {
        ends.extend(done.context("a customer panicked")??);
    }
    Ok(report::print(&ends, started.elapsed()))
}

fn read_tokens(path: &Path) -> Result<Tokens> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{} can't be read: let `provision tokens` write it", path.display()))?;
    // What is wrong with it is said without what is in it.
    let tokens: Tokens =
        serde_json::from_str(&text).map_err(|_| anyhow!("{} holds no tokens: write it anew", path.display()))?;
    ensure!(!tokens.customers.is_empty(), "{} holds no customer's token", path.display());
    Ok(tokens)
}
