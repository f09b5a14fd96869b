//! A service's states in one saga. What changes nothing is left out.

use crate::state_table::StateTable;

pub(super) fn of(table: &StateTable) -> String {
    let number = |name: &str| table.states.iter().position(|state| state == name).unwrap_or_default();
    let mut diagram = String::from("stateDiagram-v2\n");
    for (index, state) in table.states.iter().enumerate() {
        diagram.push_str(&format!("    state {} as s{index}\n", super::quoted(state)));
    }
    diagram.push_str(&format!("    [*] --> s{}\n", number(&table.initial)));
    for line in &table.transitions {
        let then: Vec<&str> =
            line.then.iter().map(String::as_str).filter(|word| !word.starts_with("record ")).collect();
        let label = if then.is_empty() { String::new() } else { format!(" / {}", then.join(", ")) };
        for from in line.from.iter() {
            let to = line.to.as_deref().unwrap_or(from);
            for on in line.on.iter().filter(|_| to != from || !then.is_empty()) {
                diagram.push_str(&format!("    s{} --> s{}: {on}{label}\n", number(from), number(to)));
            }
        }
    }
    for end in table.ends.keys() {
        diagram.push_str(&format!("    s{} --> [*]\n", number(end)));
    }
    diagram
}
