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
    UndeclaredEvent = "undeclared-event":
        "An event of a type was seen that no service declares to publish.",
        "Readers pass over it or give it up, and nobody checked what it leads to.",
        "Describe it at its publisher, or find who sends it and take away their right to write there.";
    UndeclaredTopic = "undeclared-topic":
        "An event was seen on another topic than its publisher declares.",
        "Who reads the declared topic never sees it; who reads the other one gives it up.",
        "Publish it on its own topic, or describe the new one.";
    UndeclaredPublisher = "undeclared-publisher":
        "An event was seen whose source does not declare to publish it.",
        "Two writers of one event have no order between them, or a stranger wrote it.",
        "Describe it at that service, or find who wrote it and take away their right to write there.";
    UndeclaredVersion = "undeclared-version":
        "An event was seen in a version that its publisher does not declare.",
        "A reader that does not know the version makes a dead letter of it.",
        "Describe the version at its publisher, or stop the program that writes it.";
    UndeclaredField = "undeclared-field":
        "A payload was seen with a field that its publisher does not declare, or declares as another type.",
        "No schema holds it: readers may come to need it, and personal data may leave with it.",
        "Describe the field, or write it no more.";
    UndeclaredReaction = "undeclared-reaction":
        "A service did something because of an input, and no line of its state table says so.",
        "What was checked is not what runs.",
        "Add the line to the state table and check again, or mend the rule.";
    UndeclaredHandling = "undeclared-handling":
        "A service was seen to take in an event that it does not declare to handle.",
        "Whoever changes the event breaks a reader of whom they do not know.",
        "Describe the service, or name the event in its description.";
    InvalidMessage = "invalid-message":
        "A message on a topic of events is no event.",
        "Each reader makes a dead letter of it.",
        "Find who sends it by its place on the topic, and mend it or take away their right to write there.";
    DeadLetter = "dead-letter":
        "A service gave up an event, or a message that is none.",
        "What the event should lead to has not happened, unless it was redriven since.",
        "See in the service's list of dead messages and parked events why, mend it, then redrive or discard it.";
    UnseenEvent = "unseen-event":
        "An event that is declared as published never came.",
        "Nothing showed in this time that it still works.",
        "Look at a longer time, or try it out; if nothing needs it, leave it out.";
    UnseenCompensation = "unseen-compensation":
        "A compensation never came.",
        "Nothing showed in this time that the step can be undone.",
        "Look at a longer time, or let a saga fail behind that step, in a trial.";
    UnseenVersion = "unseen-version":
        "A version that a reader accepts never came.",
        "Nothing showed in this time that it can be read; or nobody writes it any more.",
        "Once it can be on no topic and among no dead letters, accept it no more.";
    UnseenReaction = "unseen-reaction":
        "A service was never seen to do what its state table says.",
        "Nothing showed in this time that it does it when it must.",
        "Look at a longer time, or bring it about, in a trial.";
    UnseenHandling = "unseen-handling":
        "A service was never seen to take in an event that it declares to handle.",
        "It may read nothing, although the event came.",
        "See whether it runs, how far it lags behind, and whether its traces are sampled.";
    UnseenDeadline = "unseen-deadline":
        "A deadline was never seen to pass.",
        "Nothing showed in this time that a saga which takes too long is ended.",
        "Look at a longer time, or let a deadline pass, in a trial.";
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
