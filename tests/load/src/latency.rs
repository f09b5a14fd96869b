//! Latencies, kept so that percentiles of millions cost little and are right to three digits.

use hdrhistogram::Histogram;

use crate::clock::Micros;

/// An hour, in microseconds; what takes longer counts as that.
const LONGEST: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// Microseconds, by how often they were seen.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        // These bounds are valid ones.
        Self(Histogram::new_with_bounds(1, LONGEST, DIGITS).unwrap_or_else(|error| unreachable!("{error}")))
    }
}

impl Latencies {
    pub fn of(micros: impl IntoIterator<Item = u64>) -> Self {
        let mut latencies = Self::default();
        micros.into_iter().for_each(|micros| latencies.record(micros));
        latencies
    }

    pub fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros.clamp(1, LONGEST));
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// The least milliseconds that so many percent do not exceed; 0 if there are none.
    pub fn percentile(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1e3
    }

    pub fn min(&self) -> f64 {
        if self.0.is_empty() { 0.0 } else { self.0.min() as f64 / 1e3 }
    }

    pub fn max(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }
}

/// When an order ended, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub at: Micros,
    pub took: Micros,
}

/// A stretch of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Its middle, in seconds from the beginning.
    pub at: f64,
    /// In milliseconds.
    pub p50: f64,
    pub p99: f64,
    pub ended: u64,
}

/// Cuts a run into so many equal stretches; those in which nothing ended are left out.
pub fn over_time(samples: &[Sample], begin: Micros, stretches: usize) -> Vec<Stretch> {
    let since = |sample: &Sample| sample.at.saturating_sub(begin) as f64 / 1e6;
    let last = samples.iter().map(since).fold(0.0, f64::max);
    let length = (last / stretches.max(1) as f64).max(f64::MIN_POSITIVE);
    let mut cut = vec![Latencies::default(); stretches.max(1)];
    for sample in samples {
        // The last ends the last stretch.
        let number = ((since(sample) / length) as usize).min(cut.len() - 1);
        if let Some(stretch) = cut.get_mut(number) {
            stretch.record(sample.took);
        }
    }
    let stretches = cut.iter().enumerate().filter(|(_, stretch)| stretch.count() > 0);
    stretches
        .map(|(number, stretch)| Stretch {
            at: (number as f64 + 0.5) * length,
            p50: stretch.percentile(50.0),
            p99: stretch.percentile(99.0),
            ended: stretch.count(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_three_digits() {
        let mut latencies = Latencies::default();
        (1..=10_000).for_each(|millis| latencies.record(millis * 1_000));
        for (percent, millis) in [(50.0, 5_000.0), (90.0, 9_000.0), (99.0, 9_900.0), (99.9, 9_990.0)] {
            let found = latencies.percentile(percent);
            assert!((found - millis).abs() <= millis / 1e3, "p{percent}: {found}");
        }
        assert!((latencies.max() - 10_000.0).abs() <= 10.0);
        assert_eq!(Latencies::default().percentile(99.0), 0.0);
    }

    #[test]
    fn a_run_is_cut_into_equal_stretches() {
        let sample = |at: Micros, took| Sample { at: 7_000_000 + at, took };
        let found = over_time(&[sample(0, 1_000), sample(490_000, 3_000), sample(2_000_000, 5_000)], 7_000_000, 4);
        let shown: Vec<_> = found.iter().map(|stretch| (stretch.at, stretch.ended)).collect();
        assert_eq!(shown, [(0.25, 2), (1.75, 1)]);
        assert!((found[0].p99 - 3.0).abs() < 0.01 && (found[0].p50 - 1.0).abs() < 0.01, "{found:?}");
        assert!(over_time(&[], 0, 4).is_empty());
    }
}
