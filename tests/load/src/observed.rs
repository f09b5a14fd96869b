//! What traces and metrics cost: pairs of runs, one without and one with them, one right after the other.

use anyhow::Result;
use local::TracesTo;

use crate::arguments::Arguments;
use crate::phase::Phase;

const SAMPLED: &str = "0.01";

/// Runs the pairs, in turns with and without first, and prints each pair's ratio and their median.
pub async fn run(arguments: &Arguments, pairs: usize) -> Result<()> {
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        let (dark, seen) = if pair % 2 == 0 {
            let dark = dark(arguments).run(arguments).await?.cost();
            (dark, seen(arguments).run(arguments).await?.cost())
        } else {
            let seen = seen(arguments).run(arguments).await?.cost();
            (dark(arguments).run(arguments).await?.cost(), seen)
        };
        println!(
            "pair {}: {dark:.3} CPU-seconds per 1,000 sagas without, {seen:.3} with: ratio {:.3}",
            pair + 1,
            seen / dark
        );
        ratios.push(seen / dark);
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(ratios.len() / 2) {
        println!(
            "traces of 1 % of the sagas and metrics: {median:.3} of the CPU-seconds without them (median of {pairs})"
        );
    }
    Ok(())
}

fn dark(arguments: &Arguments) -> Phase {
    let mut env = arguments.env();
    env.push(("METRICS".into(), "false".into()));
    Phase::new("without traces and metrics", arguments.orders, env)
}

fn seen(arguments: &Arguments) -> Phase {
    let mut env = arguments.env();
    env.push(("OTEL_TRACES_SAMPLER".into(), "parentbased_traceidratio".into()));
    env.push(("OTEL_TRACES_SAMPLER_ARG".into(), SAMPLED.into()));
    Phase { traces: TracesTo::Jaeger, scraped: true, ..Phase::new("with traces and metrics", arguments.orders, env) }
}
