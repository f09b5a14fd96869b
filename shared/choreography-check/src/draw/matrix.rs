//! A service's states and inputs as a table: what each input does in each state.

use super::cell;
use crate::state_table::{ANY, StateTable};

/// Where an input does not come.
const NEVER: &str = "–";

pub(super) fn of(table: &StateTable) -> String {
    let columns = columns(table);
    let heads: Vec<String> = columns
        .iter()
        .map(|(inputs, _)| inputs.iter().map(|input| written(input)).collect::<Vec<_>>().join(", "))
        .collect();
    let mut text = format!("| in | {} | ends as |\n|---{}|---|\n", heads.join(" | "), "|---".repeat(heads.len()));
    for (row, state) in table.states.iter().enumerate() {
        let cells: Vec<&str> = columns.iter().map(|(_, cells)| cells[row].as_str()).collect();
        text.push_str(&format!("| {state} | {} | {} |\n", cells.join(" | "), end(table, state)));
    }
    text.push_str(&reasons(table));
    text
}

/// Inputs that do the same in each state have one column.
fn columns(table: &StateTable) -> Vec<(Vec<&str>, Vec<String>)> {
    let mut columns: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for line in table.lines() {
        if columns.iter().any(|(inputs, _)| inputs.contains(&line.on)) {
            continue;
        }
        let cells: Vec<String> = table.states.iter().map(|state| cell(table, state, line.on)).collect();
        match columns.iter_mut().find(|(_, of)| *of == cells) {
            Some((inputs, _)) => inputs.push(line.on),
            None => columns.push((vec![line.on], cells)),
        }
    }
    columns
}

fn cell(table: &StateTable, state: &str, input: &str) -> String {
    let lines: Vec<String> =
        table.lines().filter(|line| line.from == state && line.on == input).map(cell::of).collect();
    if lines.is_empty() { NEVER.to_owned() } else { lines.join("; or ") }
}

fn end(table: &StateTable, state: &str) -> String {
    let Some(outcomes) = table.ends.get(state) else { return String::new() };
    let outcomes = outcomes.iter().collect::<Vec<_>>().join(" or ");
    let is_tombstone = table.tombstones.iter().any(|tombstone| tombstone == state);
    format!("{outcomes}{}", if is_tombstone { ", a tombstone" } else { "" })
}

/// An event's type as code, everything else in words.
fn written(input: &str) -> String {
    match input {
        ANY => "whatever else".to_owned(),
        input if input.contains(' ') => input.to_owned(),
        event => format!("`{event}`"),
    }
}

fn reasons(table: &StateTable) -> String {
    if table.impossible.is_empty() {
        return "\nNothing is done where a cell is empty.\n".to_owned();
    }
    let mut text = format!("\nNothing is done where a cell is empty. {NEVER}: it does not come there:\n\n");
    for of in &table.impossible {
        let inputs = of.on.iter().map(written).collect::<Vec<_>>().join(", ");
        let from: Vec<&str> = of.from.iter().collect();
        let on: Vec<&str> = of.on.iter().collect();
        let place = match (&from[..], &on[..]) {
            ([ANY], [ANY]) => String::new(),
            ([ANY], _) => " elsewhere".to_owned(),
            (states, _) => format!(" in {}", states.join(", ")),
        };
        text.push_str(&format!("- {inputs}{place}: {}\n", of.because));
    }
    text
}
