//! A service's states in one saga. What changes nothing is left out.

use crate::state_table::StateTable;

pub(super) fn of(table: &StateTable) -> String {
    let number = |name: &str| table.states.iter().position(|state| state == name).unwrap_or_default();
    let mut diagram = String::from("stateDiagram-v2\n");
    for (index, state) in table.states.iter().enumerate() {
        diagram.push_str(&format!("    state {} as s{index}\n", super::quoted(state)));
    }
    diagram.push_str(&format!("    [*] --> s{}\n", number(&table.initial)));
    for line in table.lines() {
        let then: Vec<&str> =
            line.then.iter().map(String::as_str).filter(|word| !word.starts_with("record ")).collect();
        if line.to == line.from && then.is_empty() {
            continue;
        }
        let label = if then.is_empty() { String::new() } else { format!(" / {}", then.join(", ")) };
        diagram.push_str(&format!("    s{} --> s{}: {}{label}\n", number(line.from), number(line.to), line.on));
    }
    for end in table.ends.keys() {
        diagram.push_str(&format!("    s{} --> [*]\n", number(end)));
    }
    diagram
}
