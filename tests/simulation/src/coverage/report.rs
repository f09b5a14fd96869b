//! The cells that must be reached, and what is short.

use std::collections::BTreeMap;

use choreography_simulator::{Cell, Coverage};

use super::{
    branches::{BRANCHES, UNREACHED},
    calls::{self, IMPOSSIBLE, STRIKES},
    transitions::{Line, SERVICES},
};

/// Every cell that occurs.
pub fn required() -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for service in SERVICES.iter() {
        cells.extend(service.lines.iter().map(|line| [service.name, line.from, line.input, line.to]));
    }
    for (fault, calls) in STRIKES {
        let calls = calls.iter().copied().flatten();
        cells.extend(calls.map(|call| ["fault", *fault, *call, ""]));
    }
    cells.extend(BRANCHES.iter().map(|(section, what)| [*section, *what, "", ""]));
    cells
}

/// Required cells that were reached fewer times, and transitions that were reached although they cannot occur.
pub fn shortfalls(coverage: &Coverage, times: u64) -> Vec<String> {
    let required = required();
    let short = required.iter().filter(|cell| coverage.times(**cell) < times);
    let mut shortfalls: Vec<String> =
        short.map(|cell| format!("{}: {} times, wanted {times}", words(cell), coverage.times(*cell))).collect();
    for (cell, found) in coverage.cells() {
        let [section, from, input, _] = cell;
        if section == "fault"
            && let Some(reason) = calls::reason(from, input)
        {
            shortfalls.push(format!("{}: {found} times, although {reason}", words(&cell)));
        }
        if section == "then" {
            shortfalls.extend(undeclared(&cell));
        }
        let Some(service) = SERVICES.iter().find(|service| service.name == section) else { continue };
        if !required.contains(&cell) && service.states().any(|state| state == from) && !is_tried_in_vain(&cell) {
            let reason = service.reason(from, input).unwrap_or("it is not listed");
            shortfalls.push(format!("{}: {found} times, although {reason}", words(&cell)));
        }
    }
    shortfalls
}

/// What a rule does beside its row, where its state table has the transition and says otherwise.
fn undeclared([_, name, transition, then]: &Cell) -> Option<String> {
    let service = SERVICES.iter().find(|service| service.name == *name)?;
    let (from, rest) = transition.split_once(", ")?;
    let (input, to) = rest.split_once(" → ")?;
    let declared: Vec<&str> = service
        .lines
        .iter()
        .filter(|line| (line.from, line.input, line.to) == (from, input, to))
        .map(|line| line.then)
        .collect();
    let is_known = declared.is_empty() || declared.contains(then);
    (!is_known).then(|| format!("{name}: {transition} does {then:?}, but its saga.json says {declared:?}"))
}

/// The write finds out that an answer was taken before, or that a row came into being while the batch waited for a lock. The rule has
/// refused its input by then, and nothing of that is kept.
fn is_tried_in_vain([_, from, input, to]: &Cell) -> bool {
    *to == "refused" && (input.starts_with("answer ") || *from == "none")
}

/// Orders that completed, of those that ended.
pub fn completed(coverage: &Coverage) -> f64 {
    let ends = ["completed", "cancelled"].map(|end| coverage.times(["end", end, "", ""]) as f64);
    ends[0] / (ends[0] + ends[1]).max(1.0)
}

/// All of it, for people.
pub fn print(coverage: &Coverage) {
    for service in SERVICES.iter() {
        println!("\n{}: state, input → new state", service.name);
        for Line { from, input, to, then } in &service.lines {
            let times = coverage.times([service.name, from, input, to]);
            println!("  {times:>10}  {from}, {input} → {to} ({then})");
        }
        for state in service.states() {
            let never = service.inputs().into_iter().filter_map(|input| Some((input, service.reason(state, input)?)));
            never.for_each(|(input, reason)| println!("       never  {state}, {input}: {reason}"));
        }
    }
    println!("\nfault × call of a port");
    let mut faults: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
    for ([section, fault, call, _], times) in coverage.cells() {
        if section == "fault" {
            faults.entry(fault).or_default().push((call, times));
        }
    }
    for (fault, calls) in faults {
        let calls: Vec<String> = calls.iter().map(|(call, times)| format!("{call} {times}")).collect();
        println!("  {fault}: {}", calls.join(", "));
    }
    for (faults, calls, reason) in IMPOSSIBLE {
        println!("       never  {} at {}: {reason}", faults.join(", "), calls.concat().join(", "));
    }
    println!("\nways through the engine");
    for ([section, what, ..], times) in coverage.cells() {
        let table = section == "fault" || section == "then" || SERVICES.iter().any(|service| service.name == section);
        if !table {
            println!("  {times:>10}  {section}: {what}");
        }
    }
    UNREACHED.iter().for_each(|(what, reason)| println!("       never  {what}: {reason}"));
    println!("\n{:.1} % of the orders completed", completed(coverage) * 100.0);
}

fn words(cell: &Cell) -> String {
    let words: Vec<&str> = cell.iter().copied().filter(|word| !word.is_empty()).collect();
    words.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_does_beside_its_row_must_be_what_its_state_table_says() {
        let does = |then| undeclared(&["then", "payment", "capturing, answer charge no → failed", then]);
        assert_eq!(does("payment.failed"), None);
        let told = does("payment.failed, payment.voided").unwrap();
        assert!(told.starts_with("payment: capturing, answer charge no → failed does"), "{told}");
        assert!(does("").is_some(), "nothing is left out");
    }
}
