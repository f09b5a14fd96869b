//! What notification remembers of an order.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Keyed by order id.
    Notices,
}

/// The notice to an order's customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub state: State,
    /// Whom to tell; from `Known` on.
    pub customer: Option<String>,
    /// What to tell; from `Telling` on.
    pub end: Option<End>,
}

impl Row {
    pub const NONE: Self = Self { state: State::None, customer: None, end: None };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    None,
    /// The order was placed.
    Known,
    /// It ended, and the mail service was asked.
    Telling,
    Told,
    /// The mail service said no.
    Failed,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Completed,
    Cancelled,
}
