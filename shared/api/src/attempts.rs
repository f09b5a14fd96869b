//! How often an unauthenticated caller may have a token looked at.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// So many addresses are told apart; requests from further ones, while all of these are active, count as from one.
const MOST_ADDRESSES: usize = 50_000;
/// Looking through all of them takes a millisecond.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

/// A bucket per address. An attempt takes from it before anything is checked, and gives back once the token has proved
/// valid. So only attempts with invalid tokens are bounded, and strictly, however many come at once.
pub struct Attempts {
    per_second: f64,
    burst: f64,
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    by_address: HashMap<Option<IpAddr>, Bucket>,
    swept: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Attempts {
    /// `burst`: how many attempts may be made at once after a pause.
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let (per_second, burst) = (f64::from(per_second.get()), f64::from(burst.get()));
        Self { per_second, burst, buckets: Mutex::default() }
    }

    /// May something from this address be looked at? Takes one attempt if so.
    pub fn take(&self, from: Option<IpAddr>, now: Instant) -> bool {
        let mut buckets = self.lock();
        let from = self.told_apart(&mut buckets, from, now);
        let bucket = buckets.by_address.entry(from).or_insert(Bucket { left: self.burst, at: now });
        *bucket = self.filled(*bucket, now);
        let admitted = bucket.left >= 1.0;
        if admitted {
            bucket.left -= 1.0;
        }
        admitted
    }

    /// What was looked at holds.
    pub fn give_back(&self, from: Option<IpAddr>, now: Instant) {
        let mut buckets = self.lock();
        let from = self.told_apart(&mut buckets, from, now);
        if let Some(bucket) = buckets.by_address.get_mut(&from) {
            bucket.left = (bucket.left + 1.0).min(self.burst);
        }
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> Bucket {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        Bucket { left: (bucket.left + gained).min(self.burst), at: now.max(bucket.at) }
    }

    /// Addresses whose bucket is full again are forgotten when there are too many.
    fn told_apart(&self, buckets: &mut Buckets, from: Option<IpAddr>, now: Instant) -> Option<IpAddr> {
        let Buckets { by_address, swept } = buckets;
        if by_address.len() < MOST_ADDRESSES || by_address.contains_key(&from) {
            return from;
        }
        if swept.is_none_or(|swept| now.saturating_duration_since(swept) >= BETWEEN_SWEEPS) {
            by_address.retain(|_, bucket| self.filled(*bucket, now).left < self.burst);
            *swept = Some(now);
        }
        if by_address.len() < MOST_ADDRESSES { from } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts() -> (Attempts, Instant) {
        (Attempts::new(NonZeroU32::new(2).unwrap(), NonZeroU32::new(3).unwrap()), Instant::now())
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    #[test]
    fn what_does_not_hold_is_looked_at_within_bounds_and_per_address() {
        let (attempts, start) = attempts();
        let (mallory, ada) = (address(1), address(2));
        let taken = |from, at| (0..10).filter(|_| attempts.take(from, at)).count();
        assert_eq!(taken(mallory, start), 3);
        assert_eq!(taken(ada, start), 3, "another address has its own");
        assert_eq!(taken(mallory, start + Duration::from_millis(999)), 1);
        assert_eq!(taken(mallory, start + Duration::from_secs(60)), 3, "no more than the burst");
        assert_eq!(taken(mallory, start), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn what_holds_costs_nothing() {
        let (attempts, start) = attempts();
        for _ in 0..100 {
            assert!(attempts.take(address(1), start));
            attempts.give_back(address(1), start);
        }
        assert_eq!((0..10).filter(|_| attempts.take(address(1), start)).count(), 3);
    }

    #[test]
    fn addresses_do_not_pile_up() {
        let (attempts, start) = attempts();
        let many = u32::try_from(MOST_ADDRESSES).unwrap();
        for number in 0..many + 100 {
            attempts.take(address(number), start);
        }
        assert!(attempts.lock().by_address.len() <= MOST_ADDRESSES + 1);
        assert!(!attempts.take(address(many + 200), start), "they share one bucket");
        assert!(attempts.take(address(many + 300), start + Duration::from_secs(10)));
        assert!(attempts.lock().by_address.len() < 10, "those who went away are forgotten");
    }
}
