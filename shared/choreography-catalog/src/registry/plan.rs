//! What is to be done in a subject: from what was published, and what the registry has of it.

use super::{Said, Subject, SubjectSchema};

/// The compatibility at which a registry refuses no schema for what came before it.
pub(super) const NONE: &str = "NONE";

/// A schema as the registry has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The version within the subject, as the registry counts.
    pub version: u64,
    /// The registry's id of the schema.
    pub id: u64,
}

/// What the registry says of a schema that it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The subject has it.
    There(Registered),
    /// The subject does not have it, or is not there.
    Missing,
    /// It refuses to read it.
    Refused(Said),
}

/// What the registry has of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether there is such a subject.
    pub is_there: bool,
    /// What it has of each of the subject's schemas, in their order.
    pub found: Vec<Found>,
    /// The subject's compatibility, where it was asked for and the subject has one.
    pub compatibility: Option<String>,
}

/// A step in a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// It is there already: nothing is done.
    Leave(&'a SubjectSchema, Registered),
    /// The registry would refuse it: nothing is done.
    Refuse(&'a SubjectSchema, &'a Said),
    /// The subject's compatibility is set to `NONE`, from this one, before this schema is registered.
    LiftCompatibility(&'a SubjectSchema, Option<&'a str>),
    /// It is registered.
    Register(&'a SubjectSchema),
}

/// What is to be done in a subject, in this order. `lifts`: whether its compatibility may be set to `NONE`. That is done only where
/// something is held against what the subject has: before a schema that is not its first.
pub fn steps<'a>(subject: &'a Subject, standing: &'a Standing, lifts: bool) -> Vec<Step<'a>> {
    let from = standing.compatibility.as_deref();
    let (mut has_schemas, mut is_lifted) = (standing.is_there, !lifts || from == Some(NONE));
    let mut steps = Vec::new();
    for (schema, found) in subject.schemas.iter().zip(&standing.found) {
        match found {
            Found::There(registered) => steps.push(Step::Leave(schema, *registered)),
            Found::Refused(said) => steps.push(Step::Refuse(schema, said)),
            Found::Missing => {
                if has_schemas && !is_lifted {
                    steps.push(Step::LiftCompatibility(schema, from));
                    is_lifted = true;
                }
                steps.push(Step::Register(schema));
                has_schemas = true;
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventVersion;

    const FIRST: Registered = Registered { version: 1, id: 7 };

    fn subject(schemas: u32) -> Subject {
        let schema = |version| SubjectSchema {
            event: EventVersion::new("loan.granted", version),
            revision: 1,
            schema: format!("{{\"const\":{version}}}"),
        };
        Subject { name: "loan.granted".into(), schemas: (1..=schemas).map(schema).collect() }
    }

    fn standing(found: &[Found], compatibility: Option<&str>) -> Standing {
        let is_there = found.iter().any(|found| matches!(found, Found::There(_)));
        Standing { is_there, found: found.to_vec(), compatibility: compatibility.map(Into::into) }
    }

    #[test]
    fn what_is_missing_is_registered_and_what_is_there_is_left_alone() {
        let subject = subject(2);
        let [one, two] = &subject.schemas[..] else { panic!("two") };
        let empty = standing(&[Found::Missing, Found::Missing], None);
        assert_eq!(steps(&subject, &empty, false), [Step::Register(one), Step::Register(two)]);
        let half = standing(&[Found::There(FIRST), Found::Missing], Some("BACKWARD"));
        assert_eq!(steps(&subject, &half, false), [Step::Leave(one, FIRST), Step::Register(two)]);
        let whole = standing(&[Found::There(FIRST), Found::There(FIRST)], Some("BACKWARD"));
        assert_eq!(steps(&subject, &whole, true), [Step::Leave(one, FIRST), Step::Leave(two, FIRST)]);
    }

    #[test]
    fn compatibility_is_lifted_once_and_only_where_something_is_held_against_what_is_there() {
        let subject = subject(3);
        let [one, two, three] = &subject.schemas[..] else { panic!("three") };
        let missing = [Found::Missing, Found::Missing, Found::Missing];
        let (lift, register) = (Step::LiftCompatibility(two, None), Step::Register);
        let empty = standing(&missing, None);
        assert_eq!(steps(&subject, &empty, true), [register(one), lift, register(two), register(three)]);
        let found = [Found::There(FIRST), Found::Missing, Found::Missing];
        let backward = standing(&found, Some("BACKWARD"));
        let lift = Step::LiftCompatibility(two, Some("BACKWARD"));
        assert_eq!(steps(&subject, &backward, true), [Step::Leave(one, FIRST), lift, register(two), register(three)]);
        let none = standing(&found, Some("NONE"));
        assert_eq!(steps(&subject, &none, true), [Step::Leave(one, FIRST), register(two), register(three)]);
        // A subject of another's making: what is registered is held against what is in it.
        let others = Standing { is_there: true, ..empty };
        assert_eq!(steps(&subject, &others, true)[0], Step::LiftCompatibility(one, None));
    }

    #[test]
    fn what_the_registry_can_not_read_is_refused() {
        let subject = subject(1);
        let said = Said { status: 422, code: Some(42201), message: "no schema".into() };
        let refused = standing(&[Found::Refused(said.clone())], None);
        assert_eq!(steps(&subject, &refused, true), [Step::Refuse(&subject.schemas[0], &said)]);
    }
}
