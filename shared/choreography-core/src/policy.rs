//! The engine's rules of thumb as numbers, so that tests and the simulation can turn them.

use chrono::TimeDelta;

use crate::event_id::Window;

/// How long, how often and how large: what a service is set to.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Which event ids the inbox accepts.
    pub window: Window,
    /// When what failed is tried again.
    pub retry: RetryPolicy,
    /// Largest message that may be published, headers included, in bytes.
    pub max_message_bytes: usize,
    /// Number of key ranges of the outbox.
    pub ranges: i32,
    /// How long a process may take to begin a call it has just written down before another takes it up.
    pub call_lease: TimeDelta,
}

/// Exponential backoff with full jitter
/// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The longest first wait.
    pub base: TimeDelta,
    /// The longest wait of all.
    pub cap: TimeDelta,
    /// Failed attempts after which an event is parked.
    pub max_attempts: u32,
}

/// An input that waits for others is tried again soon at first, in case they are just behind it; the longer it has waited, the later. After
/// the second time at the latest: they may be done at any moment.
const FIRST_LOOK_AWAY: TimeDelta = TimeDelta::milliseconds(20);
const LONGEST_LOOK_AWAY: TimeDelta = TimeDelta::seconds(5);

impl RetryPolicy {
    /// The next wait of an input that needs what others do, such as to let go of a lock, after it has waited for so long already.
    pub fn wait_for_others(&self, waited: TimeDelta, random: u64) -> TimeDelta {
        let longest = waited.max(FIRST_LOOK_AWAY).min(self.cap).min(LONGEST_LOOK_AWAY).num_milliseconds().max(1);
        // At least half of that, or many a look would come in vain.
        let less = random % (longest.unsigned_abs() / 2 + 1);
        TimeDelta::milliseconds(longest - i64::try_from(less).unwrap_or(0))
    }

    /// The wait after the `attempts`-th failure; `random` picks the place between nothing and the ceiling.
    pub fn wait(&self, attempts: u32, random: u64) -> TimeDelta {
        let doubled = self.base.num_milliseconds().saturating_mul(1_i64 << attempts.saturating_sub(1).min(30));
        let ceiling = doubled.clamp(1, self.cap.num_milliseconds().max(1));
        TimeDelta::milliseconds(i64::try_from(random % ceiling.unsigned_abs()).unwrap_or(0) + 1)
    }

    /// The wait where another try can hardly help: between half the cap and the cap, so that many do not come together.
    pub fn slowly(&self, random: u64) -> TimeDelta {
        let half = (self.cap.num_milliseconds() / 2).max(1);
        TimeDelta::milliseconds(half + i64::try_from(random % half.unsigned_abs()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_are_never_nothing() {
        let retry = RetryPolicy { base: TimeDelta::seconds(1), cap: TimeDelta::seconds(30), max_attempts: 5 };
        assert_eq!(retry.wait(1, 999), TimeDelta::seconds(1));
        assert_eq!(retry.wait(3, 3_999), TimeDelta::seconds(4));
        assert_eq!(
            retry.wait(40, u64::MAX - 1).num_milliseconds().clamp(1, 30_000),
            retry.wait(40, u64::MAX - 1).num_milliseconds()
        );
        assert_eq!(retry.wait(1, 0), TimeDelta::milliseconds(1));
    }

    #[test]
    fn who_waits_for_others_looks_again_soon_however_long_it_takes() {
        let retry = RetryPolicy { base: TimeDelta::seconds(1), cap: TimeDelta::seconds(30), max_attempts: 5 };
        assert_eq!(retry.wait_for_others(TimeDelta::zero(), 0), TimeDelta::milliseconds(20));
        assert_eq!(retry.wait_for_others(TimeDelta::seconds(3), 1_500), TimeDelta::milliseconds(1_500));
        assert_eq!(retry.wait_for_others(TimeDelta::hours(3), 0), TimeDelta::seconds(5));
    }
}
