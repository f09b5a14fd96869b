//! The table at the end.

use std::io::IsTerminal;

use local::event_path;

use super::outcomes::Report;

/// Narrower than this a path is not wrapped: each line would have one event.
const LEAST_ROOM: usize = 40;

pub fn print(reports: &[Report]) {
    let width = |text: fn(&Report) -> &str| reports.iter().map(|line| text(line).chars().count()).max().unwrap_or(0);
    let (title, id, outcome) = (width(|line| line.title), width(|line| &line.id), width(|line| &line.outcome));
    let before = format!("  {:<title$}  {:<id$}  {:<outcome$}  {:>8}  ", "order", "id", "outcome", "ms");
    println!("\n{before}path of events");
    let room = columns().and_then(|columns| columns.checked_sub(before.len())).filter(|room| *room >= LEAST_ROOM);
    let below = format!("\n{}", " ".repeat(before.len()));
    for line in reports {
        let mark = if line.is_as_expected() { " " } else { "!" };
        println!(
            "{mark} {:<title$}  {:<id$}  {:<outcome$}  {:>8}  {}",
            line.title,
            line.id,
            line.outcome,
            line.took.as_millis(),
            event_path::wrapped(&line.path, room.unwrap_or(usize::MAX)).join(&below)
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

/// Of the terminal; what is no terminal takes lines of any length.
fn columns() -> Option<usize> {
    let out = std::io::stdout();
    let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok()).flatten()?;
    Some(usize::from(size.ws_col))
}
