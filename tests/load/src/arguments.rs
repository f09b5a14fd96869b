//! What to run.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Runs the whole system at full speed and says how many sagas a second it ends, and what each process spends on
/// them; then the same with a batch limit of 1.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Orders that are measured with batches.
    #[arg(long, default_value_t = 100_000, value_parser = at_least_one)]
    pub orders: usize,
    /// Orders that are measured with a batch limit of 1, which is slower; 0 leaves that run out.
    #[arg(long, default_value_t = 3_000)]
    pub single_orders: usize,
    /// Orders before the measuring begins, in each run.
    #[arg(long, default_value_t = 2_000)]
    pub warm_up: usize,
    /// Connections; each sends its next order when the last one was accepted.
    #[arg(long, default_value_t = 256, value_parser = at_least_one)]
    pub clients: usize,
    /// Most orders that are placed and have not ended. Intake is faster than the sagas: without a bound the queue
    /// between them grows, and latency is the length of that queue.
    #[arg(long, default_value_t = 4_000, value_parser = at_least_one)]
    pub unended: usize,
    /// Articles that the orders are spread over.
    #[arg(long, default_value_t = 200, value_parser = at_least_one)]
    pub skus: usize,
    /// Send an Idempotency-Key with each order.
    #[arg(long)]
    pub keyed: bool,
    /// A setting of all four services, as NAME=VALUE, in both runs; may be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// Instead: so many pairs of runs of `--orders` each, without and with traces (1 % of the sagas, to a Jaeger) and
    /// metrics (scraped), and what these cost.
    #[arg(long, value_name = "PAIRS")]
    pub observed_pairs: Option<usize>,
    /// Instead: pairs of runs of `--orders` each, with the services of another build, which lie in this folder, and with
    /// those of this one; and what this build's figures are to the other's.
    #[arg(long, value_name = "DIR", conflicts_with = "observed_pairs")]
    pub against: Option<PathBuf>,
    /// How many pairs `--against` runs; an odd number.
    #[arg(long, default_value_t = 3, value_parser = odd)]
    pub pairs: usize,
    /// Give up when no order ends for this long.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    pub patience: Duration,
}

impl Arguments {
    /// The environment of the services in both runs.
    pub fn env(&self) -> Vec<(String, String)> {
        self.settings.clone()
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like BATCH_COMPANY=5ms")?;
    if name == "BATCH_LIMIT" && value == "1" {
        return Err("a batch limit of 1 is what the second run is for".into());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Of an odd number one is in the middle.
fn odd(text: &str) -> Result<usize, String> {
    let number = at_least_one(text)?;
    if number % 2 == 1 { Ok(number) } else { Err("must be odd".into()) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
