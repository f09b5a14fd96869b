//! This build against another: pairs of runs, one right after the other, so that what drifts on the machine strikes both.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::arguments::Arguments;
use crate::measurement::{FIGURES, Measured};
use crate::phase::Phase;
use crate::ratio::{self, Pair};
use crate::report::{Report, Table};

/// Runs the pairs, in turns with this build and the other first, and tells each pair and the medians of the ratios.
pub async fn run(arguments: &Arguments, programs: &Path, report: &mut Report) -> Result<()> {
    let order = programs.join("order");
    ensure!(
        order.is_file(),
        "--against: there is no {}; build the other version and name its target/release",
        order.display()
    );
    let this = Phase::new("this build", arguments);
    let other = Phase { programs: Some(programs.to_owned()), ..Phase::new("the other build", arguments) };
    let pairs = in_pairs(&other, &this, arguments, report).await?;
    let mut table =
        Table::new(format!("this build to the other, median of {} pairs", pairs.len()), &["", "ratio", "pair by pair"]);
    for (number, figure) in FIGURES.iter().enumerate() {
        let pairs: Vec<Pair> = pairs.iter().filter_map(|figures| figures.get(number)).copied().collect();
        let each: Vec<String> = pairs.iter().map(|pair| shown(pair.ratio())).collect();
        table.row([figure.name.to_owned(), shown(ratio::median(&pairs)), each.join(" ")]);
    }
    report.table(&table);
    report.write()
}

/// Runs pairs and tells each; by pair, the figures of the second to those of the first.
async fn in_pairs(other: &Phase, this: &Phase, arguments: &Arguments, report: &mut Report) -> Result<Vec<Vec<Pair>>> {
    let mut pairs = Vec::new();
    for number in 0..arguments.pairs {
        let (before, now) = if number % 2 == 0 {
            let before = other.run(arguments).await?;
            (before, this.run(arguments).await?)
        } else {
            let now = this.run(arguments).await?;
            (other.run(arguments).await?, now)
        };
        report.run(&before);
        report.run(&now);
        let figures: Vec<Pair> =
            FIGURES.iter().map(|figure| Pair { other: (figure.of)(&before), this: (figure.of)(&now) }).collect();
        report.table(&of_pair(number + 1, &before, &now, &figures));
        report.charts(&[&before, &now])?;
        pairs.push(figures);
    }
    Ok(pairs)
}

fn of_pair(number: usize, before: &Measured, now: &Measured, figures: &[Pair]) -> Table {
    let mut table = Table::new(format!("pair {number}"), &["", &before.title, &now.title, "ratio"]);
    for (figure, pair) in FIGURES.iter().zip(figures) {
        let decimals = figure.decimals;
        table.row([
            figure.name.to_owned(),
            format!("{:.decimals$}", pair.other),
            format!("{:.decimals$}", pair.this),
            shown(pair.ratio()),
        ]);
    }
    table
}

fn shown(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.3}"))
}
