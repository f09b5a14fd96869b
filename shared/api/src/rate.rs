use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Callers that are remembered; those who have not asked for a while are forgotten then.
const CALLERS: usize = 50_000;

/// How often each caller may ask.
pub struct Rate {
    limiter: DefaultKeyedRateLimiter<String>,
}

impl Rate {
    /// `burst`: how much of what was not used may be used at once.
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)) }
    }

    /// May this caller ask now?
    pub fn admits(&self, caller: &str) -> bool {
        if self.limiter.len() > CALLERS {
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
        let rate = Rate { limiter: RateLimiter::keyed(one_an_hour.allow_burst(NonZeroU32::new(2).unwrap())) };
        assert_eq!(["ada", "ada", "ada", "bob"].map(|caller| rate.admits(caller)), [true, true, false, true]);
    }
}
