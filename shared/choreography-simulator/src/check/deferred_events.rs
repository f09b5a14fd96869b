//! What was deferred: attempts, dead letters, and which input was blamed for a crash.

use std::collections::{BTreeMap, BTreeSet};

use choreography_core::{
    delivery::Position,
    store::{DeferredStatus, OutboxMessage},
};

use crate::{
    core::lock,
    database::{Committed, Model, UNREADABLE},
    probe::Probe,
};

/// So often a process must have ended over an event before it is set aside for that.
const DEATHS: u32 = 4;
const CRASH: &str = "crash";

/// A dead letter, as its readers find it.
struct DeadLetter<'a> {
    position: Position,
    attempts: u32,
    class: String,
    message: &'a OutboxMessage,
}

pub fn check(model: &Model<Probe>, findings: &mut Vec<String>) {
    let state = lock(&model.state);
    let letters: Vec<DeadLetter<'_>> = state.outbox.committed().filter_map(|row| letter(&row.message)).collect();
    let mut by_position: BTreeMap<&Position, Vec<&DeadLetter<'_>>> = BTreeMap::new();
    letters.iter().for_each(|letter| by_position.entry(&letter.position).or_default().push(letter));
    let parked = parked_of(&state.log, model.name(), findings);
    let dead_at = |position: &Position| state.dead.committed().filter(|dead| dead.position == *position).count();
    let kept = parked.keys().cloned().chain(state.dead.committed().map(|dead| dead.position.clone()));
    for position in kept.collect::<BTreeSet<_>>() {
        let found = by_position.get(&position).map(Vec::as_slice).unwrap_or_default();
        let (parked, dead) = (parked.get(&position).map(Vec::as_slice).unwrap_or_default(), dead_at(&position));
        if found.len() != parked.len() + dead || !parked.iter().all(|parked| parked.has_one_of(found)) {
            let told: Vec<(&str, u32)> = found.iter().map(|letter| (letter.class.as_str(), letter.attempts)).collect();
            let attempts: Vec<u32> = parked.iter().map(|parked| parked.attempts).collect();
            findings.push(format!(
                "{} parked {position:?} at {attempts:?} attempts and keeps {dead} dead messages of it; \
                 its dead letters: {told:?}",
                model.name()
            ));
        }
    }
    for letter in &letters {
        if !parked.contains_key(&letter.position) && dead_at(&letter.position) == 0 {
            findings.push(format!("{} dead-lettered {:?}, which it keeps nowhere", model.name(), letter.position));
        }
        let deaths = state.deaths.get(&letter.position).copied().unwrap_or_default();
        if letter.class == CRASH && deaths < DEATHS {
            findings.push(format!(
                "{} blames {:?} for a crash: {deaths} processes ended over it",
                model.name(),
                letter.position
            ));
        }
    }
}

/// A parking that was not a redrive's.
struct Parked {
    attempts: u32,
    payload: Option<Vec<u8>>,
}

impl Parked {
    fn has_one_of(&self, letters: &[&DeadLetter<'_>]) -> bool {
        letters.iter().any(|letter| letter.attempts == self.attempts && letter.message.payload == self.payload)
    }
}

/// What was parked, by where it stands; and whether attempts were counted one by one.
fn parked_of(log: &[Committed], service: &str, findings: &mut Vec<String>) -> BTreeMap<Position, Vec<Parked>> {
    let mut parked: BTreeMap<Position, Vec<Parked>> = BTreeMap::new();
    for change in log {
        let Committed::Deferred(row, before) = change else { continue };
        let (event, attempts) = (&row.event.event, row.event.attempts);
        if attempts != row.failures {
            let failures = row.failures;
            findings.push(format!("{service} counts {attempts} attempts of {}, of which {failures} failed", event.id));
        }
        // No replica can write a dead letter of a row that it can't read.
        let readable = row.class != Some(UNREADABLE);
        if row.status == DeferredStatus::Parked && *before != Some(DeferredStatus::Parked) && readable {
            let payload = event.delivery.payload.as_ref().map(|bytes| bytes.to_vec());
            parked.entry(event.delivery.position.clone()).or_default().push(Parked { attempts, payload });
        }
    }
    parked
}

fn letter(message: &OutboxMessage) -> Option<DeadLetter<'_>> {
    message.topic.ends_with(".dlq").then_some(())?;
    let text = |name: &str| {
        let header = message.headers.iter().rev().find(|header| header.is_named(name))?;
        String::from_utf8(header.value.clone()?).ok()
    };
    let position = Position {
        topic: text("dead-letter-topic")?.into(),
        partition: text("dead-letter-partition")?.parse().ok()?,
        offset: text("dead-letter-offset")?.parse().ok()?,
    };
    let attempts = text("dead-letter-attempts")?.parse().ok()?;
    Some(DeadLetter { position, attempts, class: text("dead-letter-error-class")?, message })
}

/// Where messages stand that were set aside for a crash, and not parked.
pub fn blamed(model: &Model<Probe>) -> Vec<Position> {
    let state = lock(&model.state);
    let letters = state.outbox.committed().filter_map(|row| letter(&row.message));
    let crashes = letters.filter(|letter| letter.class == CRASH).map(|letter| letter.position);
    crashes.filter(|position| state.dead.committed().any(|dead| dead.position == *position)).collect()
}

/// Of a dead letter: what went wrong, in one word.
pub fn class(message: &OutboxMessage) -> Option<String> {
    letter(message).map(|letter| letter.class)
}
