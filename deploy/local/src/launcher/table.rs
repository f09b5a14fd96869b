//! The table at the end.

use super::outcomes::Report;

pub fn print(reports: &[Report]) {
    let width = |text: fn(&Report) -> &str| reports.iter().map(|line| text(line).chars().count()).max().unwrap_or(0);
    let (title, id, outcome) = (width(|line| line.title), width(|line| &line.id), width(|line| &line.outcome));
    println!("\n  {:<title$}  {:<id$}  {:<outcome$}  {:>8}  path of events", "order", "id", "outcome", "ms");
    for line in reports {
        let mark = if line.is_as_expected() { " " } else { "!" };
        println!(
            "{mark} {:<title$}  {:<id$}  {:<outcome$}  {:>8}  {}",
            line.title,
            line.id,
            line.outcome,
            line.took.as_millis(),
            line.path.join(" → ")
        );
    }
    println!();
    for line in reports.iter().filter(|line| !line.is_as_expected()) {
        println!("! {}: expected {}, but it is {}", line.title, line.expected, line.outcome);
    }
}

/// A link per order, in the Jaeger whose query API is at `jaeger`.
pub fn print_traces(reports: &[Report], jaeger: &str) {
    let title = reports.iter().map(|line| line.title.chars().count()).max().unwrap_or(0);
    for line in reports {
        if let Some(trace_id) = &line.trace_id {
            println!("  {:<title$}  {jaeger}/trace/{trace_id}", line.title);
        }
    }
    println!();
}
