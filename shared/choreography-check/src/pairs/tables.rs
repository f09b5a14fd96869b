//! What a state table shows by itself.

use std::collections::BTreeSet;

use super::Pairs;
use crate::{
    description::Description,
    kind::Kind,
    report::{Finding, Place},
    state_table::StateTable,
};

pub(super) fn findings(pairs: &Pairs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in pairs.services() {
        match &service.state_table {
            None => {
                let what = "it has no state_table".to_owned();
                found.push(Finding::new(
                    Kind::NotExplored,
                    Place::new(service.name.clone(), "state_table"),
                    what,
                    Vec::new(),
                ));
            }
            Some(table) => {
                found.extend(without_a_way(service, table));
                found.extend(tombstones(service, table));
            }
        }
    }
    found
}

/// States from which no line of the table leads to an end.
fn without_a_way(service: &Description, table: &StateTable) -> Vec<Finding> {
    let mut ends: BTreeSet<&str> = table.ends.keys().map(String::as_str).collect();
    loop {
        let leads = table.transitions.iter().filter(|of| of.to.as_deref().is_some_and(|to| ends.contains(to)));
        let before: Vec<&str> = leads.flat_map(|of| of.from.iter()).filter(|from| !ends.contains(from)).collect();
        if before.is_empty() {
            break;
        }
        ends.extend(before);
    }
    let lost = table.states.iter().filter(|state| !ends.contains(state.as_str()));
    lost.map(|state| {
        let what = format!("no transition leads from {state} to an end");
        Finding::new(Kind::NoWayToAnEnd, Place::new(service.name.clone(), state.clone()), what, Vec::new())
    })
    .collect()
}

/// Tombstones that something leaves: what they are there to keep from happening happens all the same.
fn tombstones(service: &Description, table: &StateTable) -> Vec<Finding> {
    let mut found = Vec::new();
    for tombstone in &table.tombstones {
        let leaves = table.transitions.iter().find(|of| {
            let from_here = of.from.iter().any(|from| from == tombstone);
            from_here && of.to.as_ref().is_some_and(|to| to != tombstone)
        });
        if let Some(leaves) = leaves {
            let on: Vec<&str> = leaves.on.iter().collect();
            let what = format!("{tombstone} is a tombstone, and is left on {}", on.join(", "));
            let place = Place::new(service.name.clone(), tombstone.clone());
            found.push(Finding::new(Kind::UnsoundOvertaking, place, what, Vec::new()));
        }
    }
    found
}
