//! What can break.

use std::fmt;

use serde::Serialize;

/// A kind of break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A field that is read is not written.
    FieldMissing,
    /// A field that is needed may be left out.
    FieldOptional,
    /// A field is written as another type than it is read.
    TypeChanged,
    /// A value is written that is not among those which are read.
    ValuesChanged,
    /// A number is written that is outside of what is read.
    RangeChanged,
    /// A text or a list is written that is shorter or longer than what is read.
    LengthChanged,
    /// Texts are written by another pattern or format than they are read by.
    PatternChanged,
    /// Whether each payload that is written can be read is not known.
    Undecided,
    /// A version's schema is gone, and events of it can still come.
    VersionRemoved,
    /// Events come in a version that the reader does not accept.
    VersionUnknown,
    /// A version that is written has no schema.
    SchemaMissing,
    /// A version has no golden payload, or one that its schema refuses.
    GoldenMissing,
}

/// Which events reach which reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// An event that was written before reaches the reader of this build.
    OldEventNewReader,
    /// An event of this build reaches the reader that was published.
    NewEventOldReader,
}

impl Kind {
    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::FieldMissing => "field-missing",
            Self::FieldOptional => "field-optional",
            Self::TypeChanged => "type-changed",
            Self::ValuesChanged => "values-changed",
            Self::RangeChanged => "range-changed",
            Self::LengthChanged => "length-changed",
            Self::PatternChanged => "pattern-changed",
            Self::Undecided => "undecided",
            Self::VersionRemoved => "version-removed",
            Self::VersionUnknown => "version-unknown",
            Self::SchemaMissing => "schema-missing",
            Self::GoldenMissing => "golden-missing",
        }
    }

    /// What to do about it.
    pub(crate) fn fix(self, direction: Option<Direction>) -> &'static str {
        match (self, direction) {
            (Self::VersionRemoved, _) => "Put the schema back until no event of the version can come.",
            (Self::VersionUnknown, Some(Direction::NewEventOldReader)) => {
                "Publish a release in which the reader accepts both versions, before one that writes the new version."
            }
            (Self::VersionUnknown, _) => "Let the reader go on accepting the version until no event of it can come.",
            (Self::SchemaMissing, _) => "Generate the schema of the version, and commit it.",
            (Self::GoldenMissing, _) => "Commit a golden payload of the version that its schema accepts.",
            (_, Some(Direction::NewEventOldReader)) => {
                "Go on writing what the reader reads, or make the change a new version, which all readers accept first."
            }
            (..) => "Let the reader go on reading what was written, or make the change a new version.",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
