//! Why a payload is refused.

use choreography_core::DecodeError;

/// Longest path, problem or type, in characters. They quote what came from outside, and end in logs, headers and rows.
const MAX_QUOTED: usize = 300;

/// Says which field of an event is wrong, or that the event is none this build knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// No event of the choreography has this type.
    #[error("{event_type:?} is no event of this choreography")]
    UnknownType { event_type: String },
    /// The type is known, but not in this version: its writer is ahead of this build.
    #[error("{event_type} has version {version}; known here: {known}")]
    UnknownVersion { event_type: String, version: u32, known: String },
    /// `path` is the field's place, such as `payload.items[1].quantity`.
    #[error("{path}: {problem}")]
    Field { path: String, problem: String },
}

impl ContractError {
    /// Both texts are cut to a bounded length and freed of control characters.
    pub fn field(path: impl AsRef<str>, problem: impl AsRef<str>) -> Self {
        Self::Field { path: tidy(path.as_ref()), problem: tidy(problem.as_ref()) }
    }

    pub(crate) fn unknown_type(event_type: &str) -> Self {
        Self::UnknownType { event_type: tidy(event_type) }
    }
}

impl From<ContractError> for DecodeError {
    fn from(invalid: ContractError) -> Self {
        match invalid {
            ContractError::UnknownVersion { event_type, version, known } => {
                Self::UnknownVersion { event_type, version, known }
            }
            ContractError::Field { path, problem } => Self::Payload { path, problem },
            ContractError::UnknownType { .. } => {
                Self::Payload { path: "type".to_owned(), problem: invalid.to_string() }
            }
        }
    }
}

impl From<DecodeError> for ContractError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::UnknownVersion { event_type, version, known } => {
                Self::UnknownVersion { event_type, version, known }
            }
            DecodeError::Payload { path, problem } => Self::field(path, problem),
            other => Self::field("payload", other.to_string()),
        }
    }
}

/// A NUL in a message would make PostgreSQL refuse the row that tells of it; a line feed would forge a line of a log.
fn tidy(text: &str) -> String {
    let clean = |character: char| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
    let mut tidied: String = text.chars().take(MAX_QUOTED).map(clean).collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        tidied.push('…');
    }
    tidied
}
