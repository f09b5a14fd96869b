//! Event ids: UUIDv7, minted once, when a fact is recorded. Their time lets the inbox forget old ones safely.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{ContextV7, Timestamp, Uuid, Version};

/// Where new ids come from: the process's generator, or a seeded one in the simulation.
pub trait IdSource: Send {
    /// A fresh UUIDv7 whose time is `now` (the database's clock, milliseconds).
    fn next(&mut self, now: DateTime<Utc>) -> Uuid;
}

/// Ids for a running service: monotonic within the process, random across processes.
#[derive(Default)]
pub struct Ids(ContextV7);

impl Ids {
    pub fn new() -> Self {
        Self(ContextV7::new())
    }
}

impl IdSource for Ids {
    fn next(&mut self, now: DateTime<Utc>) -> Uuid {
        let seconds = now.timestamp().max(0).unsigned_abs();
        Uuid::new_v7(Timestamp::from_unix(&self.0, seconds, now.timestamp_subsec_nanos()))
    }
}

/// The span of event times that the inbox can still tell apart, relative to the database's clock.
///
/// An id older than `horizon` could be a repeat whose inbox row was dropped already; one further ahead than `skew`
/// would outlive its inbox partition. Both are refused rather than risked.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub horizon: TimeDelta,
    pub skew: TimeDelta,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UnacceptableId {
    #[error("event id {0} is no UUIDv7: ids carry the time at which the fact was recorded")]
    NotVersion7(Uuid),
    #[error(
        "event id {id} says {at}, which is older than the horizon of {horizon}: a repeat of it could not be recognised any more"
    )]
    TooOld { id: Uuid, at: DateTime<Utc>, horizon: TimeDelta },
    #[error("event id {id} says {at}, which is more than {skew} ahead of the database's clock")]
    FromTheFuture { id: Uuid, at: DateTime<Utc>, skew: TimeDelta },
}

impl Window {
    /// Accepts an id whose time lies in `[now - horizon, now + skew]`.
    pub fn check(&self, id: Uuid, now: DateTime<Utc>) -> Result<(), UnacceptableId> {
        let at = time_of(id).ok_or(UnacceptableId::NotVersion7(id))?;
        if at < now - self.horizon {
            return Err(UnacceptableId::TooOld { id, at, horizon: self.horizon });
        }
        if at > now + self.skew {
            return Err(UnacceptableId::FromTheFuture { id, at, skew: self.skew });
        }
        Ok(())
    }
}

/// The time inside a UUIDv7; `None` for any other version.
pub fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    if id.get_version() != Some(Version::SortRand) {
        return None;
    }
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { horizon: TimeDelta::days(20), skew: TimeDelta::minutes(5) };

    fn minted(at: DateTime<Utc>) -> Uuid {
        Ids::new().next(at)
    }

    #[test]
    fn ids_carry_the_time_they_were_minted_at() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        assert_eq!(time_of(minted(now)), Some(now));
    }

    #[test]
    fn the_window_accepts_its_edges_and_refuses_what_lies_outside() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_000).unwrap();
        assert!(WINDOW.check(minted(now), now).is_ok());
        assert!(WINDOW.check(minted(now - TimeDelta::days(20)), now).is_ok());
        assert!(WINDOW.check(minted(now + TimeDelta::minutes(5)), now).is_ok());
        assert!(matches!(WINDOW.check(minted(now - TimeDelta::days(21)), now), Err(UnacceptableId::TooOld { .. })));
        assert!(matches!(
            WINDOW.check(minted(now + TimeDelta::minutes(6)), now),
            Err(UnacceptableId::FromTheFuture { .. })
        ));
        assert!(matches!(WINDOW.check(Uuid::nil(), now), Err(UnacceptableId::NotVersion7(_))));
    }
}
