//! What was seen while exploring.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Step;
use crate::{kind::Kind, model::Input, report::Place};

/// Something that goes wrong in a run.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// The state in which it goes wrong.
    pub state: usize,
    /// The step from there on which it does, if it is one.
    pub step: Option<Step>,
    /// What is wrong.
    pub what: String,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// What goes wrong, each with its shortest run.
    pub wrong: BTreeMap<(Kind, Place), Wrong>,
    /// The lines of state tables that were taken: service, state, input, which of them.
    pub taken: HashSet<(usize, usize, Input, usize)>,
    /// The states in which services were when a run ended as it should.
    pub ended: HashSet<(usize, usize)>,
    /// The first publication of each event.
    pub published: HashMap<usize, (usize, Step)>,
    /// For each event: in how many of the runs that passed a pivot it was published before.
    pub before_pivot: HashMap<usize, usize>,
    /// How many steps passed a pivot.
    pub pivots: usize,
    /// The outcomes of runs that ended without a pivot.
    pub without_pivot: BTreeSet<String>,
    /// For each event: the first run that ended without a pivot and with the event.
    pub kept: HashMap<usize, usize>,
    /// The same, of those events whose compensation was not published.
    pub not_undone: HashMap<usize, usize>,
    /// The states in which runs end, in order or not.
    pub ends: Vec<usize>,
    /// Some runs were left where they went wrong or went round.
    pub is_cut: bool,
    /// There were too many states.
    pub is_full: bool,
}

impl Seen {
    /// Takes down what goes wrong, unless it is known: the first time is the shortest.
    pub fn goes_wrong(&mut self, kind: Kind, place: Place, wrong: Wrong) {
        self.wrong.entry((kind, place)).or_insert(wrong);
    }

    /// A run is left in this state.
    pub fn leave(&mut self, state: usize) {
        self.is_cut = true;
        self.ends.push(state);
    }

    /// Whether there is something of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.wrong.keys().any(|(of, _)| *of == kind)
    }
}
