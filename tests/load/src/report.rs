//! What is printed.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::phase::Measured;

static START: OnceLock<Instant> = OnceLock::new();

/// Says what is done now, with the seconds since the first word.
pub fn say(what: &str) {
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs_f64();
    eprintln!("[{seconds:6.1}s] {what}");
}

impl Measured {
    /// Sagas a second, from the first request to the last terminal event.
    pub fn rate(&self) -> f64 {
        per_second(self.orders, self.took)
    }

    /// Milliseconds that so many percent of the orders took at most.
    pub fn latency(&self, percent: usize) -> f64 {
        percentile(&self.latencies, percent).as_secs_f64() * 1e3
    }

    /// All processor seconds per 1,000 sagas.
    pub fn cost(&self) -> f64 {
        self.per_thousand(self.spent.total())
    }

    /// Processor seconds per 1,000 sagas.
    fn per_thousand(&self, seconds: f64) -> f64 {
        seconds * 1_000.0 / self.orders as f64
    }
}

fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// One run's figures.
pub fn print(measured: &Measured) {
    let Measured { title, orders, completed, cancelled, .. } = measured;
    println!("\n== {title}: {orders} orders, {completed} completed, {cancelled} cancelled ==");
    println!(
        "{:>10.0} sagas/s from the first request to the last terminal event ({:.1} s)",
        measured.rate(),
        measured.took.as_secs_f64()
    );
    println!(
        "{:>10.0} orders/s accepted over HTTP, while at most {} had not ended; {} told to come again",
        per_second(*orders, measured.intake),
        measured.unended,
        measured.refused
    );
    println!(
        "{:>10.0} sagas/s until 99 % of them had ended ({:.1} s): without the tail",
        per_second(orders * 99 / 100, measured.took_99),
        measured.took_99.as_secs_f64()
    );
    for percent in [50, 99] {
        println!("{:>10.1} ms p{percent} from request to terminal event", measured.latency(percent));
    }
    println!("\n  CPU-seconds per 1,000 sagas");
    for (name, seconds) in &measured.spent.processes {
        println!("  {name:<14}{:>8.3}", measured.per_thousand(*seconds));
    }
    let total = measured.spent.total();
    println!(
        "  {:<14}{:>8.3}   ({:.2} processors busy on average)",
        "all",
        measured.per_thousand(total),
        total / measured.took.as_secs_f64()
    );
    if let Some(others) = measured.spent.others {
        let others = measured.per_thousand(others);
        println!("  {:<14}{others:>8.3}   (work that is not part of this; it takes processors from it)", "others");
    }
    println!("\n  average batch");
    for (service, kind, average) in &measured.batches {
        println!("  {service:<10}{kind:<10}{average:>8.1}");
    }
    println!();
}

/// What batches bring.
pub fn print_ratio(batched: &Measured, single: &Measured) {
    println!(
        "With batches {:.1} times the sagas/s of batch limit 1 ({} orders there), at {:.2} of its CPU-seconds per saga.",
        batched.rate() / single.rate(),
        single.orders,
        batched.per_thousand(batched.spent.total()) / single.per_thousand(single.spent.total()),
    );
}

/// Of sorted values; zero if there are none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_least_value_that_so_many_do_not_exceed() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
