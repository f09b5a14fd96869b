//! What was done in a registry, or would be, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::{Said, SubjectSchema, plan::NONE};

/// What to do where the registry holds a schema against the one before it.
const INCOMPATIBLE: &str = "the registry asks for more than `compare` does: at BACKWARD it refuses even a new optional field. If the \
                            change is wanted, run this again with --lift-compatibility, which sets this subject's compatibility to NONE";
/// What to do where it takes no such schema.
const INVALID: &str = "see what the registry takes (the dialect in $schema, its mode), then run this again";

/// What became of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "did", rename_all = "kebab-case")]
pub enum Did {
    /// It was there: nothing was done.
    LeftAlone {
        /// Its version within the subject.
        registry_version: u64,
        /// The registry's id of it.
        id: u64,
    },
    /// It was registered.
    Registered {
        /// Its version within the subject; `None` where the registry does not find it yet.
        registry_version: Option<u64>,
        /// The registry's id of it.
        id: u64,
    },
    /// It would be registered, but this is a dry run.
    WouldRegister,
    /// Before it was registered, the subject's compatibility was set to `NONE`.
    LiftedCompatibility {
        /// What it was; `None` where the subject had none of its own.
        from: Option<String>,
    },
    /// The subject's compatibility would be set to `NONE` before it is registered, but this is a dry run.
    WouldLiftCompatibility {
        /// What it is; `None` where the subject has none of its own.
        from: Option<String>,
    },
    /// The registry refused it.
    Refused {
        /// The registry's words.
        #[serde(flatten)]
        said: Said,
        /// What to do.
        #[serde(rename = "do")]
        fix: &'static str,
    },
    /// It was not tried, since an earlier schema of the subject was refused.
    NotTried,
}

impl Did {
    /// What a registry refused, with what to do.
    pub(super) fn refused(said: Said) -> Self {
        let fix = if said.status == 409 { INCOMPATIBLE } else { INVALID };
        Self::Refused { said, fix }
    }
}

/// What was done about a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The subject.
    pub subject: String,
    /// The type of events.
    pub event: String,
    /// Its version.
    pub version: u32,
    /// Which schema of this version it is, counted from 1.
    pub revision: usize,
    /// What was done.
    #[serde(flatten)]
    pub did: Did,
}

/// All that was done, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RegisterReport {
    /// The registry's address.
    pub registry: String,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// What was done, step by step.
    pub steps: Vec<Done>,
}

impl RegisterReport {
    /// Whether the registry refused nothing.
    pub fn is_clean(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.did, Did::Refused { .. } | Did::NotTried))
    }

    pub(super) fn add(&mut self, subject: &str, schema: &SubjectSchema, did: Did) {
        let (event, version) = (schema.event.event.clone(), schema.event.version);
        self.steps.push(Done { subject: subject.to_owned(), event, version, revision: schema.revision, did });
    }

    fn count(&self, kind: impl Fn(&Did) -> bool) -> usize {
        self.steps.iter().filter(|step| kind(&step.did)).count()
    }
}

impl fmt::Display for Done {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, event, version, revision, did } = self;
        write!(formatter, "{event} version {version}, revision {revision}: ")?;
        let from = |from: &Option<String>| match from {
            Some(level) => format!("from {level} to {NONE}"),
            None => format!("from the registry's own to {NONE}"),
        };
        match did {
            Did::LeftAlone { registry_version, id } => {
                writeln!(formatter, "is there as version {registry_version} of subject {subject}, id {id}")
            }
            Did::Registered { registry_version: Some(version), id } => {
                writeln!(formatter, "registered as version {version} of subject {subject}, id {id}")
            }
            Did::Registered { registry_version: None, id } => {
                writeln!(formatter, "registered in subject {subject}, id {id}")
            }
            Did::WouldRegister => writeln!(formatter, "would be registered in subject {subject}"),
            Did::LiftedCompatibility { from: level } => {
                writeln!(formatter, "first the compatibility of subject {subject} was set {}", from(level))
            }
            Did::WouldLiftCompatibility { from: level } => {
                writeln!(formatter, "first the compatibility of subject {subject} would be set {}", from(level))
            }
            Did::Refused { said, fix } => {
                writeln!(formatter, "refused in subject {subject}: the registry answered {said}\n  do: {fix}")
            }
            Did::NotTried => writeln!(formatter, "not tried: an earlier schema of subject {subject} was refused"),
        }
    }
}

impl fmt::Display for RegisterReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(formatter, "{step}")?;
        }
        let there = self.count(|did| matches!(did, Did::LeftAlone { .. }));
        let new = self.count(|did| matches!(did, Did::Registered { .. } | Did::WouldRegister));
        let refused = self.count(|did| matches!(did, Did::Refused { .. } | Did::NotTried));
        let (will, end) = if self.dry_run { ("would be ", "; nothing was written") } else { ("", "") };
        writeln!(formatter, "{}: {new} {will}registered, {there} already there, {refused} refused{end}", self.registry)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::EventVersion;

    fn report(did: Did, dry_run: bool) -> RegisterReport {
        let schema = SubjectSchema { event: EventVersion::new("loan.granted", 2), revision: 1, schema: String::new() };
        let mut report = RegisterReport { registry: "http://registry/".into(), dry_run, steps: Vec::new() };
        report.add("loan.granted", &schema, did);
        report
    }

    #[test]
    fn a_refusal_names_subject_and_version_with_the_registrys_words_and_what_to_do() {
        let said = Said { status: 409, code: Some(409), message: "incompatible".into() };
        let refused = report(Did::refused(said), false);
        let text = refused.to_string();
        let line = "loan.granted version 2, revision 1: refused in subject loan.granted: the registry answered 409 (error_code 409): \
                    incompatible\n  do: ";
        assert!(text.starts_with(line) && text.contains("--lift-compatibility"), "{text}");
        assert!(text.ends_with("http://registry/: 0 registered, 0 already there, 1 refused\n"), "{text}");
        assert!(!refused.is_clean() && !report(Did::NotTried, false).is_clean());
        let step = serde_json::to_value(&refused).unwrap()["steps"][0].clone();
        assert_eq!(
            step,
            json!({
                "subject": "loan.granted", "event": "loan.granted", "version": 2, "revision": 1, "did": "refused",
                "status": 409, "code": 409, "message": "incompatible", "do": INCOMPATIBLE,
            })
        );
        let invalid = Did::refused(Said { status: 422, code: Some(42201), message: String::new() });
        assert!(matches!(invalid, Did::Refused { fix: INVALID, .. }));
    }

    #[test]
    fn a_dry_run_says_what_it_would_do() {
        let text = report(Did::WouldLiftCompatibility { from: Some("BACKWARD".into()) }, true).to_string();
        assert!(
            text.contains("first the compatibility of subject loan.granted would be set from BACKWARD to NONE\n"),
            "{text}"
        );
        let text = report(Did::WouldRegister, true).to_string();
        assert!(text.ends_with("1 would be registered, 0 already there, 0 refused; nothing was written\n"), "{text}");
    }
}
