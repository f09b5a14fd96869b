//! What an input does in a state, as a cell of a table says it.

use crate::{state_table::Line, words::Then};

/// One line: the new state, and what else is done. What only the service itself sees is left out.
pub(super) fn of(line: Line<'_>) -> String {
    let to = (line.to != line.from).then(|| format!("→ {}", line.to));
    let then = line.then.iter().filter_map(|word| match Then::parse(word)? {
        Then::Publish(event) => Some(format!("`{event}`")),
        Then::Call(call) => Some(format!("*{call}*")),
        Then::Amend(call) => Some(format!("*{call}* is changed")),
        Then::Deadline(name) => Some(format!("deadline {name}")),
        Then::Refuse => Some("reported, sent again".to_owned()),
        Then::Settle(_) | Then::Record => None,
    });
    to.into_iter().chain(then).collect::<Vec<_>>().join(", ")
}
