//! What a batch learned by losing it to others.

use std::collections::HashSet;

use uuid::Uuid;

use crate::{delivery::Position, store::Lost};

#[derive(Debug, Default)]
pub(super) struct Known {
    /// Events that had their effect before.
    pub repeats: HashSet<Uuid>,
    /// Dead messages that are kept already.
    pub kept: HashSet<Position>,
    /// Deadlines and external calls that are there no more.
    pub settled: HashSet<Uuid>,
}

impl Known {
    pub fn learn(&mut self, lost: Lost) {
        // What else changed is read again.
        let Lost { repeats, kept, settled, changed: _ } = lost;
        self.repeats.extend(repeats);
        self.kept.extend(kept);
        self.settled.extend(settled);
    }
}
