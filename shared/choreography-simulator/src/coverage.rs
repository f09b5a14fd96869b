//! What the schedules reached, and how often.

use std::collections::BTreeMap;

/// Section and up to three words: `["order", "pending", "cancel", "cancelling"]`, `["fault", "killed", "commit", ""]`.
pub type Cell = [&'static str; 4];

/// Occurrences by cell.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<Cell, u64>);

impl Coverage {
    /// Counts one occurrence.
    pub fn count(&mut self, cell: Cell) {
        *self.0.entry(cell).or_default() += 1;
    }

    /// Adds what another schedule reached.
    pub fn add(&mut self, other: &Self) {
        for (cell, times) in &other.0 {
            *self.0.entry(*cell).or_default() += times;
        }
    }

    /// How often it occurred.
    pub fn times(&self, cell: Cell) -> u64 {
        self.0.get(&cell).copied().unwrap_or_default()
    }

    /// All cells that were reached, in order.
    pub fn cells(&self) -> impl Iterator<Item = (Cell, u64)> {
        self.0.iter().map(|(cell, times)| (*cell, *times))
    }
}
