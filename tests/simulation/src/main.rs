//! `cargo run --release -p simulation -- --schedules 100000 [--seed N] [--plant BUG] [--coverage] [--keep-going]`

use std::{process::ExitCode, time::Instant};

use choreography_simulator::Many;
use clap::Parser;
use simulation::{Plant, coverage, simulation};

/// Runs seeded schedules of crashes, repeats and delays against the rules and steps that ship.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// The first seed. With `--schedules 1` it replays one schedule and prints it step by step.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A planted bug, which must be found.
    #[arg(long, value_enum)]
    plant: Option<Plant>,
    /// Prints what the schedules reached, and fails if anything was reached less than once in a hundred schedules.
    #[arg(long)]
    coverage: bool,
    /// Goes on after a finding, and lists all findings without their stories.
    #[arg(long)]
    keep_going: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.schedules == 1 {
        return tell(arguments.seed, arguments.plant);
    }
    let began = Instant::now();
    let enough = if arguments.keep_going { usize::MAX } else { 1 };
    let found = simulation(arguments.plant).many(arguments.seed..arguments.seed + arguments.schedules, enough);
    let rate = found.schedules as f64 / began.elapsed().as_secs_f64();
    println!("{} schedules, {} steps ({rate:.0} schedules/s)", found.schedules, found.steps);
    let covered = !arguments.coverage || cover(&found);
    match found.findings.first() {
        Some((seed, _)) if !arguments.keep_going => tell(*seed, arguments.plant),
        Some(_) => {
            let all = found.findings.iter().flat_map(|(seed, lines)| lines.iter().map(move |line| (seed, line)));
            all.for_each(|(seed, line)| println!("seed {seed}: {line}"));
            ExitCode::FAILURE
        }
        None => {
            println!("no rule broken");
            if covered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn cover(found: &Many) -> bool {
    coverage::print(&found.coverage);
    let short = coverage::shortfalls(&found.coverage, found.schedules / 100);
    short.iter().for_each(|cell| println!("short: {cell}"));
    short.is_empty()
}

fn tell(seed: u64, plant: Option<Plant>) -> ExitCode {
    let told = simulation(plant).tell(seed);
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
