//! Inputs of an aggregate are taken one after the other: each finds the row as the one before it left it, and no event passes
//! one of its key that is deferred.

use std::collections::BTreeMap;

use choreography_core::store::DeferredStatus;
use uuid::Uuid;

use crate::{
    core::lock,
    database::{Committed, Model},
    probe::{Note, Probe, Taken},
};

pub fn check(model: &Model<Probe>, findings: &mut Vec<String>) {
    let state = lock(&model.state);
    let taken =
        || state.records.committed().filter_map(|note| if let Note::Taken(taken) = note { Some(taken) } else { None });
    findings.extend(out_of_step(model.name(), taken()));
    findings.extend(overtaken(model.name(), taken(), &state.log));
}

/// Inputs that found another state than the one before them left.
fn out_of_step<'a>(service: &str, taken: impl Iterator<Item = &'a Taken>) -> Vec<String> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for Taken { aggregate_id, from, input, to, .. } in taken {
        let Some(aggregate_id) = aggregate_id.as_deref() else { continue };
        if let Some(left) = last.insert(aggregate_id, to).filter(|left| left != from) {
            findings
                .push(format!("{service} took {input} of {aggregate_id} in state {from}, which was {left} by then"));
        }
    }
    findings
}

struct Waiting<'a> {
    key: &'a str,
    overtakes: bool,
    status: DeferredStatus,
    /// So much was committed before it.
    since: usize,
}

impl Waiting<'_> {
    fn is_before(&self, taken: &Taken) -> bool {
        let keeps = !taken.overtakes || self.overtakes && self.status != DeferredStatus::Parked;
        taken.aggregate_id.as_deref() == Some(self.key) && keeps
    }
}

/// Events that had their effect although one of their key was deferred before them, as the transaction could see when it wrote.
fn overtaken<'a>(service: &str, taken: impl Iterator<Item = &'a Taken>, log: &[Committed]) -> Vec<String> {
    let arrivals: BTreeMap<Uuid, &Taken> = taken.filter_map(|taken| Some((taken.id?, taken))).collect();
    let mut deferred: BTreeMap<Uuid, Waiting<'_>> = BTreeMap::new();
    let (mut findings, mut committed) = (Vec::new(), 0);
    let begins = |change: &Committed| matches!(change, Committed::Begins { .. });
    for transaction in log.chunk_by(|_, next| !begins(next)) {
        let Some(Committed::Begins { seen }) = transaction.first() else { continue };
        for taken in transaction.iter().filter_map(|change| arrivals.get(&arrived(change, transaction)?)) {
            if deferred.values().any(|row| row.since < *seen && row.is_before(taken)) {
                let (input, of) = (taken.input, taken.aggregate_id.as_deref().unwrap_or_default());
                findings.push(format!("{service} took {input} of {of}, of which an event was deferred"));
            }
        }
        for change in transaction {
            match change {
                Committed::Deferred(row, _) => {
                    let since = deferred.get(&row.event.event.id).map_or(committed, |before| before.since);
                    let (key, overtakes, status) = (&*row.event.event.aggregate_id, row.overtakes, row.status);
                    deferred.insert(row.event.event.id, Waiting { key, overtakes, status, since });
                }
                Committed::Released(id) => drop(deferred.remove(id)),
                Committed::Inbox(_) | Committed::Begins { .. } => {}
            }
        }
        committed += transaction.len();
    }
    findings
}

/// An event that this transaction took into the inbox, and neither defers nor deferred.
fn arrived(change: &Committed, transaction: &[Committed]) -> Option<Uuid> {
    let Committed::Inbox(id) = change else { return None };
    let waits = |change: &Committed| match change {
        Committed::Deferred(row, _) => row.event.event.id == *id,
        Committed::Released(other) => other == id,
        Committed::Inbox(_) | Committed::Begins { .. } => false,
    };
    (!transaction.iter().any(waits)).then_some(*id)
}
