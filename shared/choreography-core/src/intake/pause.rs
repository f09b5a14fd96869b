//! Pauses between transactions that follow one another closely.
//!
//! A transaction costs much the same for one input as for ten. While a loop is mostly idle, an input that arrives is handled at once.
//! The busier the loop is, the longer it pauses before the next transaction, so that more inputs share it. That leaves processors to
//! the database and to the other services on the machine, for which every input waits as well.

use std::time::Duration;

/// How far back the loop looks, about.
const WINDOW: Duration = Duration::from_millis(100);
/// Up to this share of its time a loop may be busy without pausing.
const FREE: f64 = 0.2;
/// From this share on it pauses for the longest time.
const FULL: f64 = 0.6;
/// The longest pause.
const PAUSE: Duration = Duration::from_millis(10);

/// How busy a loop is. Times are since some moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacing {
    /// The share of its time that it spends in transactions.
    busy: f64,
    ended: Duration,
}

impl Pacing {
    /// A transaction began and ended.
    pub fn took(&mut self, began: Duration, ended: Duration) {
        let (whole, work) = (ended.saturating_sub(self.ended), ended.saturating_sub(began));
        let weight = (-whole.as_secs_f64() / WINDOW.as_secs_f64()).exp();
        let share = if whole.is_zero() { 1.0 } else { (work.as_secs_f64() / whole.as_secs_f64()).min(1.0) };
        self.busy = self.busy * weight + share * (1.0 - weight);
        self.ended = ended;
    }

    /// When the next transaction may begin.
    pub fn next(&self) -> Duration {
        let pause = ((self.busy - FREE) / (FULL - FREE)).clamp(0.0, 1.0);
        self.ended + PAUSE.mul_f64(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Transactions of so many milliseconds, each so long after the last; the pause behind the last.
    fn pause_after(work: u64, idle: u64) -> Duration {
        let (mut pacing, mut now) = (Pacing::default(), Duration::from_secs(1));
        for _ in 0..200 {
            let began = now + Duration::from_millis(idle);
            now = began + Duration::from_millis(work);
            pacing.took(began, now);
        }
        pacing.next() - now
    }

    #[test]
    fn a_loop_that_is_mostly_idle_does_not_pause() {
        assert_eq!(pause_after(3, 20), Duration::ZERO);
        assert_eq!(Pacing::default().next(), Duration::ZERO);
    }

    #[test]
    fn the_busier_a_loop_is_the_longer_it_pauses() {
        let pauses = [(3, 9), (3, 6), (3, 3), (3, 0)].map(|(work, idle)| pause_after(work, idle));
        assert!(pauses.is_sorted() && pauses[0] > Duration::ZERO, "{pauses:?}");
        assert_eq!(pauses[3], PAUSE);
    }

    #[test]
    fn a_loop_that_was_busy_and_is_idle_again_pauses_no_more() {
        let mut pacing = Pacing::default();
        pacing.took(Duration::ZERO, Duration::from_secs(1));
        assert!(pacing.next() > Duration::from_secs(1));
        let (began, ended) = (Duration::from_secs(2), Duration::from_millis(2_003));
        pacing.took(began, ended);
        assert_eq!(pacing.next(), ended);
    }
}
