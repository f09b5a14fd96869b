//! What breaks, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::kind::{Direction, Kind};

/// Something that breaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The type of events.
    pub event: String,
    /// Its version.
    pub version: u32,
    /// What kind of break.
    pub kind: Kind,
    /// The service that it breaks; `None` where it is not one service alone.
    pub breaks: Option<String>,
    /// Which events reach which reader; `None` where it is about files.
    pub direction: Option<Direction>,
    /// The field, such as `items[].sku`; empty where the whole payload is meant.
    pub field: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    #[serde(rename = "do")]
    pub fix: &'static str,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What breaks, by event and version.
    pub findings: Vec<Finding>,
    /// How many published versions were compared.
    pub compared: usize,
    /// What changed and breaks nothing.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether nothing breaks.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.findings.sort();
        self.findings.dedup();
        self.notes.sort();
        self.notes.dedup();
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, version, kind, breaks, direction, field, what, fix } = self;
        write!(formatter, "{kind} in {event} version {version}")?;
        if !field.is_empty() {
            write!(formatter, ", {field}")?;
        }
        if let Some(reader) = breaks {
            write!(formatter, ": breaks {reader}")?;
        }
        writeln!(formatter)?;
        let between = match direction {
            Some(Direction::OldEventNewReader) => "an event from before, read by this build: ",
            Some(Direction::NewEventOldReader) => "an event of this build, read by what is published: ",
            None => "",
        };
        writeln!(formatter, "  {between}{what}.")?;
        writeln!(formatter, "  do: {fix}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(formatter, "{finding}")?;
        }
        let versions = if self.compared == 1 { "version" } else { "versions" };
        writeln!(formatter, "compared with {} published {versions}, in both directions", self.compared)?;
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        match self.findings.len() {
            0 => writeln!(formatter, "nothing breaks"),
            1 => writeln!(formatter, "1 break"),
            many => writeln!(formatter, "{many} breaks"),
        }
    }
}
