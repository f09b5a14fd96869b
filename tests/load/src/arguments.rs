//! What to run.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::disturbance;
use crate::mix::Mix;
use crate::placement::{Limit, Load};
use crate::schedule::{Schedule, Spread};

/// Most that are measured with a batch limit of 1 unless it is said, and most that go before.
const SINGLE_ORDERS: usize = 3_000;

/// Runs the whole system (Kafka, PostgreSQL, the provider sandbox and the services) on this machine, places orders over
/// HTTP, and says how long they took and what they cost.
///
/// Orders come in a closed loop, with at most `--unended` under way (1 with `--one-by-one`), or in an open one, `--rate`
/// of them a second, whether the system keeps up or not. In the end money, stock and every order's end are checked: a
/// run that does not add up fails, and has no figures.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Orders that are measured.
    #[arg(long, default_value_t = 100_000, value_parser = at_least_one)]
    pub orders: usize,
    /// Place orders for this long, such as 5m, instead of a number of them.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "orders")]
    pub lasting: Option<Duration>,

    /// Most orders that are placed and have not ended. Intake is faster than the sagas: without a bound the queue
    /// between them grows, and latency is the length of that queue.
    #[arg(long, default_value_t = 4_000, value_parser = at_least_one, help_heading = "How orders come")]
    pub unended: usize,
    /// One after another: the next is placed when the last has ended.
    #[arg(long, conflicts_with = "unended", help_heading = "How orders come")]
    pub one_by_one: bool,
    /// An open loop: so many orders a second, each at its own time. Latency counts from that time, so an order that was
    /// sent late for want of a connection, or answered late, is as late as it was for its customer.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate, conflicts_with_all = ["unended", "one_by_one"],
          help_heading = "How orders come")]
    pub rate: Option<f64>,
    /// How the arrivals of `--rate` are spread.
    #[arg(long, value_enum, default_value_t = Spread::Even, requires = "rate", help_heading = "How orders come")]
    pub spread: Spread,
    /// Kinds of orders by weight: completed, declined (the card), out-of-stock, undeliverable (the carrier refuses, so
    /// the money goes back), cancelled (by the client, as soon as it is accepted). Each must end as its kind demands.
    #[arg(long, value_name = "KIND=WEIGHT,…", default_value_t = Mix::default(), help_heading = "How orders come")]
    pub mix: Mix,
    /// Connections to order, at most.
    #[arg(long, default_value_t = 256, value_parser = at_least_one, help_heading = "How orders come")]
    pub clients: usize,
    /// Articles that the orders are spread over.
    #[arg(long, default_value_t = 200, value_parser = at_least_one, help_heading = "How orders come")]
    pub skus: usize,
    /// Each order is of a customer who never ordered before, so each needs a new key for the address. Else there are as many customers as
    /// articles.
    #[arg(long, help_heading = "How orders come")]
    pub new_customers: bool,
    /// Send an Idempotency-Key with each order.
    #[arg(long, help_heading = "How orders come")]
    pub keyed: bool,

    /// Orders before the measurement, always at full speed, to warm the broker up.
    #[arg(long, default_value_t = 20_000, help_heading = "What runs")]
    pub warm_up: usize,
    /// Finished sagas to write into the databases first: orders, ledgers, histories and inboxes, but no outbox.
    #[arg(long, default_value_t = 0, help_heading = "What runs")]
    pub seed: usize,
    /// Replicas of each service.
    #[arg(long, default_value_t = 1, value_parser = at_least_one, help_heading = "What runs")]
    pub replicas: usize,
    /// Partitions of each topic, instead of as many as `provision` makes.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=100), help_heading = "What runs")]
    pub partitions: Option<i32>,
    /// A setting of all services, as NAME=VALUE, in all runs; may be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting, help_heading = "What runs")]
    pub settings: Vec<(String, String)>,
    /// Trace 1 % of the sagas (to a Jaeger) and scrape the services' metrics all the while.
    #[arg(long, help_heading = "What runs")]
    pub observed: bool,
    /// Time each hop too, from event to event on the way to completion. This program then reads all topics.
    #[arg(long, help_heading = "What runs")]
    pub hops: bool,
    /// Orders that are measured once more with a batch limit of 1, which is slower; 0 leaves that run out. By default
    /// 3,000 where `--unended` is as it is by default, and no number of replicas is given, else 0.
    #[arg(long, help_heading = "What runs")]
    pub single_orders: Option<usize>,

    /// Instead: pairs of runs, with the services of another build, which lie in this folder, and with those of this one;
    /// and what this build's figures are to the other's. `tests/load/base` names the build to compare with.
    #[arg(long, value_name = "DIR", conflicts_with = "observed_pairs", help_heading = "Comparisons")]
    pub against: Option<PathBuf>,
    /// Instead: measure how fast order's relay publishes a backlog of this many events of 700 bytes, with nothing else
    /// at work.
    #[arg(long, value_name = "EVENTS", value_parser = at_least_one, conflicts_with_all = ["against", "observed_pairs"],
          help_heading = "Comparisons")]
    pub relay: Option<usize>,
    /// How many pairs `--against` runs, and how many backlogs `--relay`; an odd number.
    #[arg(long, default_value_t = 3, value_parser = odd, help_heading = "Comparisons")]
    pub pairs: usize,
    /// Instead: this many pairs of runs, without and with traces and metrics, to see what these cost.
    #[arg(long, value_name = "PAIRS", help_heading = "Comparisons")]
    pub observed_pairs: Option<usize>,

    /// Write everything that is printed into this folder too, as report.md with charts.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Give up when no order ends for this long.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    pub patience: Duration,

    #[command(flatten)]
    pub disturbance: disturbance::Settings,
}

impl Arguments {
    /// The environment of the services in all runs.
    pub fn env(&self) -> Vec<(String, String)> {
        self.settings.clone()
    }

    pub fn load(&self) -> Load {
        match self.rate {
            Some(rate) => Load::Open(Schedule { rate, spread: self.spread }),
            None => Load::Closed { unended: if self.one_by_one { 1 } else { self.unended } },
        }
    }

    pub fn limit(&self) -> Limit {
        let orders = if self.lasting.is_some() { usize::MAX } else { self.orders };
        Limit { orders, time: self.lasting }
    }

    /// Orders of the run with a batch limit of 1.
    pub fn single_orders(&self) -> usize {
        let flood = Load::Closed { unended: 4_000 };
        let usual = self.load() == flood && self.replicas == 1 && self.lasting.is_none();
        self.single_orders.unwrap_or(if usual { SINGLE_ORDERS } else { 0 })
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like BATCH_LINGER=5ms")?;
    if name == "BATCH_LIMIT" && value == "1" {
        return Err("a batch limit of 1 is what the second run is for".into());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("must be more than 0".into()) }
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn how_orders_come_is_one_of_three() {
        Arguments::command().debug_assert();
        let load = |line: &str| parse(line).map(|arguments| (arguments.load(), arguments.single_orders()));
        assert_eq!(load("load").unwrap(), (Load::Closed { unended: 4_000 }, SINGLE_ORDERS));
        assert_eq!(load("load --unended 16").unwrap(), (Load::Closed { unended: 16 }, 0));
        assert_eq!(load("load --one-by-one").unwrap(), (Load::Closed { unended: 1 }, 0));
        let open = Load::Open(Schedule { rate: 100.0, spread: Spread::Random });
        assert_eq!(load("load --rate 100 --spread random").unwrap(), (open, 0));
        for wrong in ["load --rate 5 --unended 3", "load --rate 0", "load --spread even", "load --one-by-one --rate 1"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
