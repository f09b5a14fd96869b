//! Inputs that fail every time, until the rule is mended.

use choreography_core::outbox::share_of;

use crate::focus::Poisoning;

/// How a poisoned input fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For a reason that should pass, and does not.
    Passing,
    /// For a reason that passes, and comes again.
    NowAndThen,
    /// The rule refuses it.
    Refused,
    /// The rule panics.
    Panics,
    /// The process ends whenever its rules take it.
    EndsProcess,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Passing, Self::Refused, Self::Panics, Self::EndsProcess];

    pub fn name(self) -> &'static str {
        match self {
            Self::Passing => "fails for a passing reason every time",
            Self::NowAndThen => "fails for a passing reason now and then",
            Self::Refused => "refused every time",
            Self::Panics => "panics every time",
            Self::EndsProcess => "ends the process every time",
        }
    }
}

/// Which inputs fail: those of one kind at one service, of about half of the aggregates; or, now and then, all events.
#[derive(Clone, Copy, Debug)]
pub struct Poison {
    pub service: &'static str,
    pub input: &'static str,
    pub kind: Kind,
}

/// Which inputs may be chosen: a service, and an input in its [`Observed`](crate::Observed) words. What stands there more
/// often is chosen more often.
#[derive(Clone, Debug, Default)]
pub struct Poisons {
    /// Events.
    pub events: Vec<(&'static str, &'static str)>,
    /// Those that most sagas meet; none: any of the events.
    pub common: Vec<(&'static str, &'static str)>,
    /// Answers to external calls.
    pub answers: Vec<(&'static str, &'static str)>,
    /// Deadlines.
    pub deadlines: Vec<(&'static str, &'static str)>,
}

impl Poison {
    pub fn is_at(&self, service: &str) -> bool {
        self.service == service || self.kind == Kind::NowAndThen
    }

    /// Whether it strikes this input. `aggregate_id`: of the input, as bytes.
    pub fn strikes(&self, input: &str, is_event: bool, aggregate_id: &[u8]) -> bool {
        match self.kind {
            Kind::NowAndThen => is_event,
            _ => self.input == input && share_of(Some(aggregate_id), 2) == 0,
        }
    }

    pub fn draw(poisoning: Poisoning, poisons: &Poisons, mut pick: impl FnMut(usize) -> usize) -> Option<Self> {
        let wanted = match poisoning {
            Poisoning::Sometimes | Poisoning::Always => &poisons.events,
            Poisoning::Common | Poisoning::NowAndThen | Poisoning::Crashes => &poisons.common,
            Poisoning::Answers => &poisons.answers,
            Poisoning::Deadlines => &poisons.deadlines,
        };
        let inputs = if wanted.is_empty() { &poisons.events } else { wanted };
        if inputs.is_empty() {
            return None;
        }
        let kinds: &[Kind] = match poisoning {
            Poisoning::Crashes => &[Kind::EndsProcess],
            Poisoning::NowAndThen => &[Kind::NowAndThen],
            _ => &Kind::ALL,
        };
        let ((service, input), kind) = (inputs[pick(inputs.len())], kinds[pick(kinds.len())]);
        let strikes = pick(3) == 0 || poisoning != Poisoning::Sometimes;
        strikes.then_some(Self { service, input, kind })
    }
}
