//! What was held: attempts, dead letters, and who was blamed for a crash.

use std::collections::BTreeMap;

use engine::{
    delivery::Position,
    store::{HeldStatus, OutboxMessage},
};
use uuid::Uuid;

use crate::{
    core::lock,
    database::{Committed, Model},
    observed::Observed,
    probe::Probe,
};

/// So often a process must have ended over an event, or left it in the middle, before it is parked for that: it is begun
/// once more to be decoded apart, and another member may have left it unseen.
const DEATHS: u32 = 2;
/// Waiting for rows that others have locked is no attempt.
const LOCKED: &str = "locked";
/// What ends processes is set aside without a look into the inbox, and once more if the process ends in between.
const CRASH: &str = "crash";

/// So often in a row a failure may be counted from what was read before another: a redrive reads the event, and retries it
/// later.
const AT_ONCE: usize = 6;
/// What was counted too low in this way is set right by a count that was read before.
const STALE: u32 = 2;

/// A dead letter, as its readers find it.
struct DeadLetter<'a> {
    position: Position,
    attempts: u32,
    class: String,
    message: &'a OutboxMessage,
}

pub fn check<P: Observed>(model: &Model<Probe<P>>, findings: &mut Vec<String>) {
    let state = lock(&model.state);
    let letters: Vec<DeadLetter<'_>> =
        state.outbox.committed().filter_map(|entry| letter(&entry.row.message)).collect();
    let mut by_position: BTreeMap<&Position, Vec<&DeadLetter<'_>>> = BTreeMap::new();
    letters.iter().for_each(|letter| by_position.entry(&letter.position).or_default().push(letter));
    let parked = parked_of(&state.log, P::NAME, findings);
    for (position, parked) in &parked {
        let found = by_position.get(position).map(Vec::as_slice).unwrap_or_default();
        let right = found.iter().any(|letter| letter.class == CRASH)
            || !found.is_empty()
                && found.len() <= parked.attempts.len()
                && found.iter().all(|letter| {
                    parked.attempts.contains(&letter.attempts) && letter.message.payload == parked.payload
                });
        if !right {
            let attempts: Vec<u32> = found.iter().map(|letter| letter.attempts).collect();
            findings.push(format!(
                "{} parked {position:?} at {:?} attempts, its dead letters say {attempts:?}",
                P::NAME,
                parked.attempts
            ));
        }
    }
    for dead in state.dead.committed() {
        let found = by_position.get(&dead.position).map(Vec::as_slice).unwrap_or_default();
        let crash = found.iter().any(|letter| letter.class == CRASH);
        // What the database refused is kept without its bytes, and with them when it comes again.
        let rows = state.dead.committed().filter(|other| other.position == dead.position).count();
        if found.is_empty() || (found.len() > rows && !crash) {
            let (at, letters) = (&dead.position, found.len());
            findings.push(format!("{} keeps a dead message of {at:?}, which has {letters} dead letters", P::NAME));
        }
    }
    for letter in &letters {
        let known = parked.contains_key(&letter.position)
            || state.dead.committed().any(|dead| dead.position == letter.position);
        if !known {
            findings.push(format!("{} dead-lettered {:?}, which it keeps nowhere", P::NAME, letter.position));
        }
        let times = |of: &BTreeMap<Position, u32>| of.get(&letter.position).copied().unwrap_or_default();
        let deaths = times(&state.deaths) + times(&state.left);
        if letter.class == CRASH && deaths < DEATHS {
            findings.push(format!(
                "{} blames {:?} for a crash: {deaths} processes ended over it",
                P::NAME,
                letter.position
            ));
        }
    }
}

struct Parked {
    /// At each parking that was not a redrive's.
    attempts: Vec<u32>,
    payload: Option<Vec<u8>>,
}

/// What was parked, by where it stands; and whether attempts were counted one by one.
fn parked_of(log: &[Committed], service: &str, findings: &mut Vec<String>) -> BTreeMap<Position, Parked> {
    let mut parked: BTreeMap<Position, Parked> = BTreeMap::new();
    let mut counts: BTreeMap<Uuid, (u32, usize)> = BTreeMap::new();
    for change in log {
        let Committed::Held(row, before) = change else { continue };
        let (event, now) = (&row.event.event, row.event.attempts);
        let (last, alike) = counts.get(&event.id).copied().unwrap_or_default();
        let failed = match before {
            None => row.status != HeldStatus::Queued,
            Some(_) => row.class != Some(LOCKED),
        };
        let alike = if failed && now <= last { alike + 1 } else { 0 };
        counts.insert(event.id, (now, alike));
        if now > last + u32::from(failed) + STALE || alike > AT_ONCE {
            findings.push(format!("{service} counts {now} attempts of {} after {last}", event.id));
        }
        if row.status == HeldStatus::Parked && *before != Some(HeldStatus::Parked) {
            let of = parked.entry(event.delivery.position.clone());
            let payload = event.delivery.payload.as_ref().map(|bytes| bytes.to_vec());
            of.or_insert(Parked { attempts: Vec::new(), payload }).attempts.push(now);
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
pub fn blamed<P: Observed>(model: &Model<Probe<P>>) -> Vec<Position> {
    let state = lock(&model.state);
    let letters = state.outbox.committed().filter_map(|entry| letter(&entry.row.message));
    let crashes = letters.filter(|letter| letter.class == CRASH).map(|letter| letter.position);
    crashes.filter(|position| state.dead.committed().any(|dead| dead.position == *position)).collect()
}

/// Of a dead letter: what went wrong, in one word.
pub fn class(message: &OutboxMessage) -> Option<String> {
    letter(message).map(|letter| letter.class)
}
