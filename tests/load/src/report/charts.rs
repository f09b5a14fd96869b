//! What runs have shown, as charts.

use crate::latency::over_time;
use crate::measurement::Measured;

use super::svg::{Bars, Lines, Series};

const STRETCHES: usize = 60;
/// The horizontal axis has the same room for each nine: 0, 90 %, 99 %, 99.9 %, 99.99 %.
const NINES: [f64; 6] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99];
const STEPS: usize = 200;

/// Latency by percentile, a line for each run.
pub fn percentiles(runs: &[&Measured]) -> String {
    let most = place(*NINES.last().unwrap_or(&99.0));
    let line = |run: &&Measured| Series {
        name: run.title.clone(),
        points: (0..=STEPS)
            .map(|step| most * step as f64 / STEPS as f64)
            .map(|x| (x, run.seen.latencies.percentile(100.0 - 100.0 * 10_f64.powf(-x))))
            .collect(),
    };
    Lines {
        title: "Latency by percentile".into(),
        x_label: "percentile".into(),
        y_label: "ms".into(),
        x_marks: NINES.iter().map(|percent| (place(*percent), format!("{percent} %"))).collect(),
        series: runs.iter().map(line).collect(),
    }
    .svg()
}

/// How many nines: 0 at 0 %, 1 at 90 %, 2 at 99 %.
fn place(percent: f64) -> f64 {
    -(1.0 - percent / 100.0).log10()
}

/// Latency over time: two lines for each run.
pub fn timeline(runs: &[&Measured]) -> String {
    let lines = |run: &&Measured| {
        let stretches = over_time(&run.seen.samples, run.begin, STRETCHES);
        let points = |of: fn(&crate::latency::Stretch) -> f64| stretches.iter().map(|at| (at.at, of(at))).collect();
        let name = if runs.len() > 1 { format!("{}, ", run.title) } else { String::new() };
        [
            Series { name: format!("{name}p50"), points: points(|stretch| stretch.p50) },
            Series { name: format!("{name}p99"), points: points(|stretch| stretch.p99) },
        ]
    };
    Lines {
        title: "Latency over time".into(),
        x_label: "s from the first request".into(),
        y_label: "ms".into(),
        x_marks: vec![],
        series: runs.iter().flat_map(lines).collect(),
    }
    .svg()
}

/// CPU-seconds per 1,000 sagas by process, a bar for each run.
pub fn processors(runs: &[&Measured]) -> String {
    let names = |run: &&Measured| run.spent.processes.iter().map(|process| process.name.to_owned()).collect();
    let bar = |run: &&Measured| {
        let parts = run.spent.processes.iter().map(|process| run.per_saga(process.cpu_seconds * 1e3));
        (run.title.clone(), parts.collect())
    };
    Bars {
        title: "CPU-seconds per 1,000 sagas".into(),
        unit: String::new(),
        parts: runs.first().map(names).unwrap_or_default(),
        bars: runs.iter().map(bar).collect(),
    }
    .svg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_has_the_same_room() {
        let places = [0.0, 90.0, 99.0, 99.9].map(|percent| (place(percent) * 1e6).round() / 1e6);
        assert_eq!(places, [0.0, 1.0, 2.0, 3.0]);
    }
}
