//! Where in a service's source something was declared.

use std::{fmt, panic::Location};

/// Where a declaration stands, so that two that contradict each other can both be named.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The service's `type Aggregate`.
    Aggregate,
    /// A line of its routes.
    Line(&'static Location<'static>),
}

impl Place {
    /// The line that called the caller.
    #[track_caller]
    pub fn here() -> Self {
        Self::Line(Location::caller())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate => formatter.write_str("type Aggregate"),
            Self::Line(at) => write!(formatter, "{}:{}", at.file(), at.line()),
        }
    }
}
