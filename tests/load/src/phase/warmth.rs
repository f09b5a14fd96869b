//! A JVM makes the best of the code that runs most, for minutes, with the processors that are measured. What runs most under the load of
//! a measurement is found out only under that load.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Result;
use local::{System, cpu};

use crate::progress::say;

/// So long the load runs until it is looked again.
pub const ROUND: Duration = Duration::from_secs(5);
/// The broker is warm when its compilers take less than this part of a processor.
const WARM: f64 = 0.03;
const ROUNDS: usize = 24;

/// Lets rounds of the load go by until the broker is warm, if it was started here. After two minutes it is told how warm it is.
pub async fn reach<F: Future<Output = Result<()>>>(system: &System, round: impl Fn() -> F) -> Result<()> {
    let Some(kafka) = system.broker.kafka() else { return Ok(()) };
    let compilers = || ["C1 Compiler", "C2 Compiler"].map(|name| cpu::cpu_seconds_of_threads(kafka.pid(), name));
    say("warming up with the load that is measured, until the broker's compilers rest");
    let mut part = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (before, began) = (compilers(), Instant::now());
        round().await?;
        // A compiler's thread that had nothing to do may have ended.
        let spent: f64 = compilers().iter().zip(before).map(|(now, before)| (now - before).max(0.0)).sum();
        part = spent / began.elapsed().as_secs_f64();
        if part < WARM {
            break;
        }
    }
    say(&format!("the broker's compilers take {:.0} % of a processor", part * 100.0));
    Ok(())
}
