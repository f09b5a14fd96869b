//! `cargo run --release -p simulation -- --schedules 100000 [--seed N] [--plant BUG]`

use std::{process::ExitCode, time::Instant};

use clap::Parser;
use simulation::{Plant, run};

/// Runs seeded schedules of crashes, repeats and delays against the rules and steps that ship.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// The first seed; with `--schedules 1` it replays one schedule and tells its story.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A bug to inject.
    #[arg(long, value_enum)]
    plant: Option<Plant>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.schedules == 1 {
        return tell(arguments.seed, arguments.plant);
    }
    let began = Instant::now();
    let mut steps = 0;
    for number in 0..arguments.schedules {
        let seed = arguments.seed + number;
        let outcome = run(seed, arguments.plant, false);
        steps += outcome.steps;
        if !outcome.findings.is_empty() {
            return tell(seed, arguments.plant);
        }
        if (number + 1).is_multiple_of(5_000) {
            let rate = (number + 1) as f64 / began.elapsed().as_secs_f64();
            eprintln!("{} schedules, {rate:.0}/s", number + 1);
        }
    }
    let rate = arguments.schedules as f64 / began.elapsed().as_secs_f64();
    println!("{} schedules, {steps} steps, no rule broken ({rate:.0} schedules/s)", arguments.schedules);
    ExitCode::SUCCESS
}

fn tell(seed: u64, plant: Option<Plant>) -> ExitCode {
    let told = run(seed, plant, true);
    told.story.iter().for_each(|line| println!("{line}"));
    if told.findings.is_empty() {
        println!("\nseed {seed} breaks no rule");
        return ExitCode::SUCCESS;
    }
    println!("\nseed {seed} breaks a rule:");
    told.findings.iter().for_each(|finding| println!("  {finding}"));
    println!("\nreplay: cargo run --release -p simulation -- --schedules 1 --seed {seed}");
    ExitCode::FAILURE
}
