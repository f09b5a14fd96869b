//! From which states a run can still end.

use super::Exploration;

impl Exploration<'_, '_> {
    /// The first state that was reached from which no run ends, neither in order nor otherwise.
    pub fn without_a_way(&self) -> Option<usize> {
        if self.seen.is_full {
            return None;
        }
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.states.len()];
        for (from, to) in &self.edges {
            before[*to].push(*from);
        }
        let mut ends = vec![false; self.states.len()];
        let mut open = self.seen.ends.clone();
        while let Some(state) = open.pop() {
            if !ends[state] {
                ends[state] = true;
                open.extend(&before[state]);
            }
        }
        ends.iter().position(|ends| !ends)
    }

    /// The service that is at no end in this state; the first one if all are.
    pub fn not_at_an_end(&self, number: usize) -> (usize, usize) {
        let state = &self.states[number];
        let services = &self.model.services;
        let open = (0..services.len()).find(|service| services[*service].ends[state.at(*service)].is_none());
        let service = open.unwrap_or_default();
        (service, state.at(service))
    }
}
