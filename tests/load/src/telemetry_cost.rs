//! What traces and metrics cost: pairs of runs, one without and one with them, one right after the other.

use anyhow::Result;

use crate::arguments::Arguments;
use crate::phase::Phase;
use crate::ratio::{self, Pair};
use crate::report::{Report, Table};

/// Runs the pairs, in turns with and without first, and tells each pair's ratio and their median.
pub async fn run(arguments: &Arguments, pairs: usize, report: &mut Report) -> Result<()> {
    let seen = Phase { observed: true, ..Phase::new("with traces and metrics", arguments) };
    let mut dark = Phase { observed: false, ..Phase::new("without traces and metrics", arguments) };
    dark.env.push(("METRICS".into(), "false".into()));
    let mut costs = Vec::new();
    for pair in 0..pairs {
        let (without, with) = if pair % 2 == 0 {
            let without = dark.run(arguments).await?;
            (without, seen.run(arguments).await?)
        } else {
            let with = seen.run(arguments).await?;
            (dark.run(arguments).await?, with)
        };
        report.run(&without);
        report.run(&with);
        report.charts(&[&without, &with])?;
        costs.push(Pair { other: without.cost(), this: with.cost() });
    }
    let mut table = Table::new("CPU-seconds per 1,000 sagas", &["pair", "without", "with", "ratio"]);
    let shown = |ratio: Option<f64>| ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.3}"));
    for (number, pair) in costs.iter().enumerate() {
        let figures = [format!("{:.3}", pair.other), format!("{:.3}", pair.this), shown(pair.ratio())];
        table.row(std::iter::once((number + 1).to_string()).chain(figures));
    }
    table.note(format!(
        "Traces of 1 % of the sagas and metrics: {} of the CPU-seconds without them (median).",
        shown(ratio::median(&costs))
    ));
    report.table(&table);
    report.write()
}
