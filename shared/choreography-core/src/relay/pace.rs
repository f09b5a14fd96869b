//! How much a step begins: no more than what is acknowledged well within the lease.

use std::time::Duration;

/// Steps are halved down to this part of their largest size, no further: slow acknowledgements that are not due to the
/// size of a step must not starve the outbox.
const SMALLEST: u32 = 2;

/// The size of a relay's steps. It follows how long they take, so that a relay which dies has little under way that
/// another sends again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rows: usize,
    bytes: usize,
    lease: Duration,
    halvings: u32,
}

impl Pace {
    /// At most so many rows and bytes; `lease` is how long the ranges are held without renewal.
    pub fn new(rows: usize, bytes: usize, lease: Duration) -> Self {
        Self { rows, bytes, lease, halvings: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        (self.rows >> self.halvings).max(1)
    }

    pub(super) fn bytes(&self) -> usize {
        (self.bytes >> self.halvings).max(1)
    }

    /// A step took so long from its read to its mark.
    pub(super) fn learn(&mut self, took: Duration) {
        if took > self.lease / 2 {
            self.halvings = (self.halvings + 1).min(SMALLEST);
        } else if took < self.lease / 8 {
            self.halvings = self.halvings.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_take_long_get_smaller_and_quick_ones_grow_again() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(2_000, 8_000, second * 10);
        let mut sizes = Vec::new();
        for quarters in [8, 20, 24, 16, 36, 120, 5, 4, 4, 4] {
            pace.learn(second * quarters / 4);
            sizes.push((pace.rows(), pace.bytes()));
        }
        let (whole, half, quarter) = ((2_000, 8_000), (1_000, 4_000), (500, 2_000));
        assert_eq!(sizes, [whole, whole, half, half, quarter, quarter, quarter, half, whole, whole]);
        assert_eq!(Pace::new(1, 1, second).rows(), 1);
    }
}
