//! How often each caller may call.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// After so many requests, callers who have not asked for a while are forgotten: so there are never more of them than this
/// and those of the last moments, and a request bears next to nothing of the sweeping.
const BETWEEN_SWEEPS: usize = 50_000;

/// How often each caller may ask.
pub struct Rate {
    limiter: DefaultKeyedRateLimiter<String>,
    asked: AtomicUsize,
}

impl Rate {
    /// `burst`: how much of what was not used may be used at once.
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self::limited_to(Quota::per_second(per_second).allow_burst(burst))
    }

    fn limited_to(quota: Quota) -> Self {
        Self { limiter: RateLimiter::keyed(quota), asked: AtomicUsize::new(1) }
    }

    /// May this caller ask now?
    pub fn admits(&self, caller: &str) -> bool {
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(BETWEEN_SWEEPS) {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&caller.to_owned()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_callers_haste_is_not_anothers() {
        let one_an_hour = Quota::with_period(std::time::Duration::from_secs(3600)).unwrap();
        let rate = Rate::limited_to(one_an_hour.allow_burst(NonZeroU32::new(2).unwrap()));
        assert_eq!(["ada", "ada", "ada", "bob"].map(|caller| rate.admits(caller)), [true, true, false, true]);
    }

    #[test]
    fn callers_who_ask_once_do_not_pile_up() {
        let at_once = Rate::limited_to(Quota::with_period(std::time::Duration::from_nanos(1)).unwrap());
        for caller in 0..BETWEEN_SWEEPS * 3 {
            assert!(at_once.admits(&caller.to_string()));
        }
        assert!(at_once.limiter.len() <= BETWEEN_SWEEPS, "{} are remembered", at_once.limiter.len());
    }
}
