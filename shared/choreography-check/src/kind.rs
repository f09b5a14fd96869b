//! The kinds of findings: what each means, why it hurts, and what to do.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! kinds {
    ($($kind:ident = $name:literal: $means:literal, $hurts:literal, $fix:literal;)*) => {
        /// A kind of findings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $means] $kind,)*
        }

        impl Kind {
            /// All kinds, in the order in which they are reported.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Its name, as reports have it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// What it means.
            pub fn means(self) -> &'static str {
                match self { $(Self::$kind => $means,)* }
            }

            /// Why it hurts.
            pub fn hurts(self) -> &'static str {
                match self { $(Self::$kind => $hurts,)* }
            }

            /// What to do about it.
            pub fn fix(self) -> &'static str {
                match self { $(Self::$kind => $fix,)* }
            }
        }
    };
}

kinds! {
    NotExplored = "not-explored":
        "What a service does is not known, or there is too much of it, or no service has the pivot: not all could be tried.",
        "Whatever goes wrong in what was not tried is not found.",
        "Give the service a state_table, or the choreography a pivot; where there are too many states, raise --limit, or leave out services that only listen.";
    SharedGroup = "shared-group":
        "Two services read by one consumer group.",
        "Each partition goes to one of them: the other never sees its events.",
        "Give each service a group of its own.";
    ForeignTopic = "foreign-topic":
        "A service publishes on a topic whose owner is another.",
        "Readers refuse what comes from the wrong owner, and order holds per writer alone.",
        "Publish on a topic of your own, or hand the topic over in owners.json.";
    TopicMismatch = "topic-mismatch":
        "A service waits for an event on another topic, or of another owner, than it is published on.",
        "The event never reaches it, or is refused as another's.",
        "Describe the event's topic and owner as its publisher does.";
    VersionMismatch = "version-mismatch":
        "An event is published in a version that a service which handles it cannot read.",
        "Each of these events becomes a dead letter, and its saga stands still.",
        "Let the reader accept the version before the writer publishes it.";
    FieldMismatch = "field-mismatch":
        "A service reads a field that the publisher does not write, writes as another type, or may leave out.",
        "The event cannot be decoded: it becomes a dead letter, and its saga stands still.",
        "Write the field, or let the reader do without it.";
    UnhandledEvent = "unhandled-event":
        "An event is published, and no service handles it.",
        "What it should lead to never happens.",
        "Handle it, declare it as an outcome, or publish it no more.";
    UnpublishedEvent = "unpublished-event":
        "An event is handled, or declared as published, and no service publishes it.",
        "What waits for the event waits for ever.",
        "Publish it, or leave it out where it is handled and declared.";
    UnansweredEvent = "unanswered-event":
        "An event comes on a topic that a service reads, and the service neither handles nor ignores it.",
        "It is passed over, although nobody decided so.",
        "Handle it, or declare it as ignored.";
    NoCompensation = "no-compensation":
        "A step before the pivot is not undone when the saga does not get past the pivot.",
        "What the step took is kept: money, goods, seats.",
        "Publish an event that says it is undone, name it in compensations, and let the chain back lead there.";
    UndoneAfterPivot = "undone-after-pivot":
        "A step is undone in a saga that has passed the pivot.",
        "What was delivered is given back as well.",
        "Let the owner of the pivot alone decide whether it is too late for a compensation.";
    UntriggeredCompensation = "untriggered-compensation":
        "A compensation that no order of events leads to.",
        "The step is never undone.",
        "Publish the event that triggers it, or handle it in the states that need it.";
    ImpossibleOccurs = "impossible-occurs":
        "An input that is declared as impossible in a state comes there.",
        "The service refuses it: an operator is woken, and the saga stands still.",
        "Say what the input does in that state, or keep the order of events from happening.";
    UndeclaredInput = "undeclared-input":
        "An input comes in a state, and the state table says nothing of the two.",
        "Nobody decided what happens then.",
        "Add a transition, or one that stays in the state if nothing is to be done.";
    NoWayToAnEnd = "no-way-to-an-end":
        "A service stays in a state that is no end.",
        "The saga never ends: its client waits, and what it holds stays held.",
        "Handle, in that state, what can still come; or publish what it waits for.";
    UnreachableEnd = "unreachable-end":
        "No order of events ends in this state.",
        "An end that was meant to be is not: a rule or an event that leads there is missing.",
        "Add what leads there, or leave the end out.";
    UnreachableTransition = "unreachable-transition":
        "A transition that no order of events takes.",
        "It is code that nothing runs and that tests keep alive, or what triggers it is missing.",
        "Declare the input as impossible in that state, with the reason; or add what triggers it.";
    EndsDisagree = "ends-disagree":
        "A saga ends, and its services do not agree on how.",
        "One of them takes it for done while another has undone its part.",
        "Find in the order of events where the two part, and let one of them decide for both.";
    WaitWithoutDeadline = "wait-without-deadline":
        "A service waits for others, and no deadline limits it.",
        "If the other service is away, the saga and its client wait for ever.",
        "Set a deadline where the saga begins, and request a cancellation when it passes.";
    CycleWithoutDeadline = "cycle-without-deadline":
        "Events or calls go round, and no deadline ends it.",
        "The saga can go on for ever, and its load with it.",
        "Set a deadline that leads out, or count the rounds in the state.";
    UnsoundOvertaking = "unsound-overtaking":
        "Something goes wrong only if a compensation overtakes an event that came before it and waits.",
        "After an event was parked, the saga takes an order that nothing else shows.",
        "Let the compensation leave a tombstone that keeps what it overtook from happening; or let it wait in line.";
    UnsoundRepeat = "unsound-repeat":
        "Something goes wrong only if an event or an answer comes twice.",
        "Delivery is at least once: after a crash or a rebalance the step is done twice.",
        "Drop repeats by an inbox in the same transaction, or let the state table pass over them.";
}

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own_by_which_it_is_found() {
        let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(*kind));
        }
        assert_eq!(Kind::named("nothing"), None);
    }
}
