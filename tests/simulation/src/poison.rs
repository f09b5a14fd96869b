//! Events that fail every time, until the rule is mended.

/// How a poisoned event fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For a reason that should pass, and does not.
    Passing,
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
            Self::Refused => "refused every time",
            Self::Panics => "panics every time",
            Self::EndsProcess => "ends the process every time",
        }
    }
}

/// Which events fail: those of one type at one service, of about half of the orders.
#[derive(Clone, Copy, Debug)]
pub struct Poison {
    pub service: &'static str,
    pub input: &'static str,
    pub kind: Kind,
}

/// What compensates comes more often, since only behind a compensation that is held may others have to queue.
const EVENTS: [(&str, &str); 19] = [
    ("order", "inventory.rejected"),
    ("order", "inventory.released"),
    ("order", "shipping.dispatched"),
    ("inventory", "order.placed"),
    ("inventory", "payment.failed"),
    ("inventory", "payment.refunded"),
    ("inventory", "payment.voided"),
    ("inventory", "payment.voided"),
    ("inventory", "payment.voided"),
    ("inventory", "shipping.dispatched"),
    ("payment", "inventory.reserved"),
    ("payment", "shipping.failed"),
    ("payment", "shipping.cancelled"),
    ("payment", "shipping.cancelled"),
    ("payment", "shipping.cancelled"),
    ("shipping", "payment.succeeded"),
    ("shipping", "order.cancellation_requested"),
    ("shipping", "order.cancellation_requested"),
    ("shipping", "order.cancellation_requested"),
];

impl Poison {
    /// In every third schedule, or `always`.
    pub fn draw(always: bool, mut pick: impl FnMut(usize) -> usize) -> Option<Self> {
        let (service, input) = EVENTS[pick(EVENTS.len())];
        let kind = Kind::ALL[pick(Kind::ALL.len())];
        (pick(3) == 0 || always).then_some(Self { service, input, kind })
    }
}
