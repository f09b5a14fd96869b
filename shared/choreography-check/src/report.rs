//! What the check found, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::kind::Kind;

/// Something that will go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// Where in which description.
    #[serde(rename = "where")]
    pub place: Place,
    /// The file of that description.
    pub file: String,
    /// What is wrong there.
    pub what: String,
    /// The shortest order of events that goes wrong, step by step; empty where none had to be tried.
    pub order: Vec<String>,
    /// What to do.
    #[serde(rename = "do")]
    pub fix: &'static str,
}

impl Finding {
    /// A finding of a kind. Its file follows from its place, once all files are known.
    pub(crate) fn new(kind: Kind, place: Place, what: String, order: Vec<String>) -> Self {
        Self { kind, place, file: String::new(), what, order, fix: kind.fix() }
    }
}

/// A place in a description.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The service.
    pub service: String,
    /// The event, the state, or the state and the input.
    pub at: String,
}

impl Place {
    /// A place in a service's description.
    pub fn new(service: impl Into<String>, at: impl Into<String>) -> Self {
        Self { service: service.into(), at: at.into() }
    }
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explored {
    /// The services whose state tables were taken together.
    pub services: Vec<String>,
    /// How many states of the whole were reached.
    pub states: usize,
    /// How many steps between them.
    pub steps: usize,
    /// Whether an event or an answer was also let come twice.
    pub repeats: bool,
    /// Whether compensations were also let overtake.
    pub overtaking: bool,
    /// Whether all orders were tried within the bounds: each event published at most twice, each command given at most twice.
    pub complete: bool,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What will go wrong, by kind and place.
    pub findings: Vec<Finding>,
    /// What was tried.
    pub explored: Vec<Explored>,
    /// What was not checked, and why: no fault by itself.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// One report of both.
    pub fn join(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.explored.extend(other.explored);
        self.notes.extend(other.notes);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.service, self.at)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} at {} ({})", self.kind, self.place, self.file)?;
        writeln!(formatter, "  {}. {}", self.what, self.kind.hurts())?;
        if !self.order.is_empty() {
            writeln!(formatter, "  the shortest order that goes wrong:")?;
        }
        for (index, step) in self.order.iter().enumerate() {
            writeln!(formatter, "    {}. {step}", index + 1)?;
        }
        writeln!(formatter, "  do: {}", self.fix)
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { services, states, steps, repeats, overtaking, complete } = self;
        let with = match (repeats, overtaking) {
            (true, true) => ", with repeats and overtaking",
            (true, false) => ", with repeats",
            (false, true) => ", with overtaking",
            (false, false) => "",
        };
        let whole = if *complete { "all orders" } else { "not all orders" };
        write!(formatter, "explored {}{with}: {states} states, {steps} steps, {whole}", services.join(", "))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(formatter, "{finding}")?;
        }
        for explored in &self.explored {
            writeln!(formatter, "{explored}")?;
        }
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        match self.findings.len() {
            0 => writeln!(formatter, "nothing found"),
            1 => writeln!(formatter, "1 finding"),
            many => writeln!(formatter, "{many} findings"),
        }
    }
}
