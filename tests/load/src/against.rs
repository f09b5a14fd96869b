//! This build against another: pairs of runs, one right after the other, so that what drifts on the machine strikes both.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::arguments::Arguments;
use crate::phase::{Measured, Phase};

/// What is compared, and how it is read off a run.
type Figure = (&'static str, fn(&Measured) -> f64);
const FIGURES: [Figure; 4] = [
    ("sagas/s", Measured::rate),
    ("CPU-seconds per 1,000 sagas", Measured::cost),
    ("p50, ms", |measured| measured.latency(50)),
    ("p99, ms", |measured| measured.latency(99)),
];

/// Runs the pairs, in turns with this build and the other first, and prints each pair and the median of the ratios.
pub async fn run(arguments: &Arguments, programs: &Path) -> Result<()> {
    let order = programs.join("order");
    ensure!(
        order.is_file(),
        "--against: there is no {}; build the other version and name its target/release",
        order.display()
    );
    let mut ratios = vec![Vec::new(); FIGURES.len()];
    for pair in 0..arguments.pairs {
        let (other, this) = if pair % 2 == 0 {
            let other = other(arguments, programs).await?;
            (other, this(arguments).await?)
        } else {
            let this = this(arguments).await?;
            (other(arguments, programs).await?, this)
        };
        println!("\npair {}", pair + 1);
        for ((name, figure), ratios) in FIGURES.iter().zip(&mut ratios) {
            let (before, now) = (figure(&other), figure(&this));
            println!("  {name:<30}{before:>10.2} there {now:>10.2} here   ratio {:.3}", now / before);
            ratios.push(now / before);
        }
    }
    println!("\nthis build to the other, median of {} pairs", arguments.pairs);
    for ((name, _), ratios) in FIGURES.iter().zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        println!("  {name:<30}{:.3}", ratios[ratios.len() / 2]);
    }
    Ok(())
}

async fn this(arguments: &Arguments) -> Result<Measured> {
    Phase::new("this build", arguments.orders, arguments.env()).run(arguments).await
}

async fn other(arguments: &Arguments, programs: &Path) -> Result<Measured> {
    let phase = Phase::new("the other build", arguments.orders, arguments.env());
    Phase { programs: Some(programs.to_owned()), ..phase }.run(arguments).await
}
