//! Event ids: UUIDv7, minted once, when an event is recorded. Their time lets the inbox forget old ones safely.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{Uuid, Version};

/// Where new ids come from: the process's generator, or a seeded one in the simulation.
pub trait IdSource: Send {
    /// A fresh UUIDv7 whose time is `now` (the database's clock, milliseconds).
    fn next(&mut self, now: DateTime<Utc>) -> Uuid;
}

/// A number of 62 random bits. Any randomness comes from the id source, so that a seeded run replays exactly.
pub fn random(ids: &mut dyn IdSource, now: DateTime<Utc>) -> u64 {
    ids.next(now).as_u64_pair().1 & (u64::MAX >> 2)
}

/// Ids for a running service: each carries the time it is given and nothing of earlier ones, so that one wrong reading
/// of the clock spoils one id. Within a millisecond they rise; across processes they are random.
#[derive(Default)]
pub struct Ids {
    millis: u64,
    /// The bits after the time: a random place in the lower half, and from there upwards.
    rest: u128,
}

/// A UUIDv7 leaves 74 bits beside time, version and variant.
const REST_BITS: u32 = 74;

impl Ids {
    /// Ids of one loop.
    pub fn new() -> Self {
        Self::default()
    }
}

impl IdSource for Ids {
    fn next(&mut self, now: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let (high, low) = (Uuid::new_v4().as_u128(), Uuid::new_v4().as_u128());
        self.rest = if millis == self.millis { above(self.rest, low) } else { anywhere(high, low) };
        self.millis = millis;
        minted(millis, self.rest)
    }
}

/// A place some random steps above another, at least one.
fn above(rest: u128, random: u128) -> u128 {
    rest + 1 + (random & u128::from(u32::MAX))
}

/// A place in the lower half, of two random UUIDs: the last 62 bits of each are random.
fn anywhere(high: u128, low: u128) -> u128 {
    ((high << 62) | (low & (u128::MAX >> 66))) & ((1 << (REST_BITS - 1)) - 1)
}

fn minted(millis: u64, rest: u128) -> Uuid {
    let (random_a, random_b) = ((rest >> 62) & 0xfff, rest & (u128::MAX >> 66));
    let time = u128::from(millis & 0xffff_ffff_ffff);
    Uuid::from_u128((time << 80) | (7 << 76) | (random_a << 64) | (0b10 << 62) | random_b)
}

/// The span of event times that the inbox can still tell apart, relative to the database's clock.
///
/// An id older than `horizon` could be a repeat whose inbox row was dropped already; one further ahead than `skew`
/// would outlive its inbox partition. Both are refused rather than risked.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// How old an id may be: older ones may have been forgotten by the inbox.
    pub horizon: TimeDelta,
    /// How far ahead of the database's clock an id may be.
    pub skew: TimeDelta,
}

/// Why an event id is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EventIdError {
    /// It carries no time.
    #[error("event id {0} is no UUIDv7: ids carry the time at which the event was recorded")]
    NotVersion7(Uuid),
    /// The inbox may have forgotten it.
    #[error(
        "event id {id} says {at}, which is older than the horizon of {horizon}: a repeat of it could not be recognised any more"
    )]
    TooOld {
        /// The id.
        id: Uuid,
        /// Its time.
        at: DateTime<Utc>,
        /// How old it may be.
        horizon: TimeDelta,
    },
    /// Its time lies ahead of the database's clock.
    #[error("event id {id} says {at}, which is more than {skew} ahead of the database's clock")]
    FromTheFuture {
        /// The id.
        id: Uuid,
        /// Its time.
        at: DateTime<Utc>,
        /// How far ahead it may be.
        skew: TimeDelta,
    },
}

impl Window {
    /// Accepts an id whose time lies in `[now - horizon, now + skew]`.
    pub fn check(&self, id: Uuid, now: DateTime<Utc>) -> Result<(), EventIdError> {
        let at = time_of(id).ok_or(EventIdError::NotVersion7(id))?;
        if at < now - self.horizon {
            return Err(EventIdError::TooOld { id, at, horizon: self.horizon });
        }
        if at > now + self.skew {
            return Err(EventIdError::FromTheFuture { id, at, skew: self.skew });
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

impl EventIdError {
    /// When an id from the future can be accepted; `None` if time does not help, or the time lies so far ahead that
    /// no wait for it makes sense.
    pub fn acceptable_at(&self, window: Window, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::FromTheFuture { at, .. } if *at <= now + window.horizon => Some(*at - window.skew),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { horizon: TimeDelta::days(20), skew: TimeDelta::minutes(5) };

    fn id_of(at: DateTime<Utc>) -> Uuid {
        Ids::new().next(at)
    }

    #[test]
    fn ids_carry_the_time_they_were_minted_at() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        assert_eq!(time_of(id_of(now)), Some(now));
    }

    #[test]
    fn ids_of_one_millisecond_rise_and_are_valid() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        let mut source = Ids::new();
        let ids: Vec<Uuid> = (0..1_000).map(|_| source.next(now)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.iter().all(|id| time_of(*id) == Some(now) && id.get_variant() == uuid::Variant::RFC4122));
    }

    #[test]
    fn a_wrong_reading_of_the_clock_spoils_no_later_id() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        let mut source = Ids::new();
        let before = source.next(now);
        source.next(now + TimeDelta::days(365));
        let after = source.next(now);
        assert_eq!(time_of(after), Some(now));
        assert_ne!(before, after);
    }

    #[test]
    fn what_comes_too_early_says_when_its_time_has_come() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_000).unwrap();
        let when = |id| WINDOW.check(id, now).unwrap_err().acceptable_at(WINDOW, now);
        assert_eq!(when(id_of(now + TimeDelta::hours(1))), Some(now + TimeDelta::minutes(55)));
        assert_eq!(when(id_of(now + TimeDelta::days(21))), None);
        assert_eq!(when(id_of(now - TimeDelta::days(21))), None);
        assert_eq!(when(Uuid::nil()), None);
    }

    #[test]
    fn the_window_accepts_its_edges_and_refuses_what_lies_outside() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_000).unwrap();
        assert!(WINDOW.check(id_of(now), now).is_ok());
        assert!(WINDOW.check(id_of(now - TimeDelta::days(20)), now).is_ok());
        assert!(WINDOW.check(id_of(now + TimeDelta::minutes(5)), now).is_ok());
        assert!(matches!(WINDOW.check(id_of(now - TimeDelta::days(21)), now), Err(EventIdError::TooOld { .. })));
        assert!(matches!(
            WINDOW.check(id_of(now + TimeDelta::minutes(6)), now),
            Err(EventIdError::FromTheFuture { .. })
        ));
        assert!(matches!(WINDOW.check(Uuid::nil(), now), Err(EventIdError::NotVersion7(_))));
    }

    #[test]
    fn an_id_has_its_time_then_its_version_then_what_tells_it_apart() {
        let rest = (0xabc << 62) | 0x1234_5678_9abc_def0;
        assert_eq!(minted(0x0123_4567_89ab, rest).to_string(), "01234567-89ab-7abc-9234-56789abcdef0");
    }

    #[test]
    fn a_place_lies_above_the_last_one_or_anywhere_in_the_lower_half() {
        let steps = [0, 1, 0xffff_ffff, 0x7_0000_0000].map(|random| above(1_000, random));
        assert_eq!(steps, [1_001, 1_002, 0x1_0000_03e8, 1_001]);
        let low = 0x1234_5678_9abc_def0;
        assert_eq!(anywhere(0, low), low);
        assert_eq!(anywhere(0xfff, 0xf << 62), 0x7ff << 62);
        assert_eq!(anywhere(0xabc, low), (0x2bc << 62) + low);
        assert_eq!(anywhere(u128::MAX, u128::MAX), (1 << 73) - 1);
    }

    /// In the lower half, so that a busy millisecond has room above it.
    #[test]
    fn what_tells_ids_of_different_processes_apart_is_random_in_all_bits_but_the_first() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        let rests: Vec<u128> = (0..500)
            .map(|_| Ids::new().next(now).as_u128())
            .map(|id| (((id >> 64) & 0xfff) << 62) | (id & (u128::MAX >> 66)))
            .collect();
        let (ever_set, always_set) = rests.iter().fold((0, u128::MAX), |(any, all), rest| (any | rest, all & rest));
        assert_eq!((ever_set, always_set), ((1 << 73) - 1, 0));
    }

    #[test]
    fn what_is_drawn_is_another_number_each_time_and_nothing_of_the_ids_layout() {
        let now = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        let draws: Vec<u64> = (0..100).map(|_| random(&mut Ids::new(), now)).collect();
        assert!(draws.iter().all(|drawn| *drawn < 1 << 62));
        let last_digits: std::collections::BTreeSet<u64> = draws.iter().map(|drawn| drawn % 1_000).collect();
        assert!(last_digits.len() > 50, "{last_digits:?}");
    }
}
