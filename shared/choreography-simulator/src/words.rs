//! What a rule does beside its row, in the words of a state table: `order.placed`, `call charge`, `deadline late`.

use std::{
    collections::BTreeSet,
    sync::{LazyLock, Mutex},
};

use choreography_core::{effects::Effects, routes::Routed};

use crate::core::lock;

/// Counted words live as long as the process; there are few of them.
static KNOWN: LazyLock<Mutex<BTreeSet<&'static str>>> = LazyLock::new(Mutex::default);

/// All of it in one text, sorted, each word once.
pub(crate) fn of(effects: &Effects<Routed>) -> &'static str {
    let published = effects.events.iter().map(|event| event.event_type.to_owned());
    let called = effects.calls.iter().map(|call| format!("call {}", call.step));
    let amended = effects.amended.iter().map(|call| format!("amend {}", call.step));
    let set = effects.deadlines.iter().map(|deadline| format!("deadline {}", deadline.name));
    let settled = effects.settled.iter().map(|deadline| format!("settle {}", deadline.name));
    let recorded = effects.records.iter().map(|record| format!("record {}", record.table().name));
    let words: BTreeSet<String> =
        published.chain(called).chain(amended).chain(set).chain(settled).chain(recorded).collect();
    interned(words.into_iter().collect::<Vec<_>>().join(", "))
}

/// The same text for as long as the process lives.
pub fn interned(text: String) -> &'static str {
    let mut known = lock(&KNOWN);
    if let Some(text) = known.get(text.as_str()) {
        return text;
    }
    let text: &'static str = Box::leak(text.into_boxed_str());
    known.insert(text);
    text
}
