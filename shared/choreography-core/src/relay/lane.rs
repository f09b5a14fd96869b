//! Events and dead letters leave by relays of their own: no event waits for a dead letter.

/// What a relay publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Events, in key ranges that the replicas' relays share.
    Events,
    /// Dead letters, all in one range, behind those of the events; one relay has it.
    DeadLetters,
}

impl Lane {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Events, Self::DeadLetters];

    /// Its first and its last range, where events have so many.
    pub fn ranges(self, of_events: i32) -> (i32, i32) {
        match self {
            Self::Events => (0, of_events - 1),
            Self::DeadLetters => (of_events, of_events),
        }
    }

    /// As logs and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::DeadLetters => "dead-letters",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_have_the_range_behind_those_of_the_events() {
        assert_eq!(Lane::ALL.map(|lane| lane.ranges(12)), [(0, 11), (12, 12)]);
        assert_eq!(Lane::ALL.map(Lane::name), ["events", "dead-letters"]);
    }
}
