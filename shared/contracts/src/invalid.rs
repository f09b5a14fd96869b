//! Why a payload is refused.

/// Says which field of an event is wrong, or that the event is none this build knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("{event_type:?} is no event of this choreography")]
    UnknownType { event_type: String },
    #[error("{event_type} has version {version}; version {known} is known here")]
    UnknownVersion { event_type: String, version: u32, known: u32 },
    /// `path` is the field's place, such as `payload.items[1].quantity`.
    #[error("{path}: {problem}")]
    Field { path: String, problem: String },
}

impl Invalid {
    pub fn field(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { path: path.into(), problem: problem.into() }
    }
}
