//! What shipping remembers of an order.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Keyed by order id.
    Shipments,
}

/// The shipment of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub state: State,
    /// The carrier's name for it.
    pub tracking_number: Option<String>,
}

impl Row {
    pub const NONE: Self = Self { state: State::None, tracking_number: None };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    None,
    /// The carrier was asked: from here on a cancellation is too late, whatever the answer.
    Dispatching,
    Dispatched,
    Failed,
    /// A tombstone: nothing leaves the warehouse for this order, ever.
    Cancelled,
}
