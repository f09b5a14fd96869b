//! Registers what was published.

use super::{Did, RegisterReport, Registry, RegistryError, Said, Step, Subject, steps};

/// How it is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Nothing is written, in the registry either.
    pub dry_run: bool,
    /// A subject's compatibility is set to `NONE` before a further schema is registered in it. Nothing else is ever configured.
    pub lift_compatibility: bool,
}

/// Brings the registry what it does not have of these subjects. Run again, it does what is left, which is nothing after a run without
/// refusals. What was done stands in the report, even where this ends with an error.
///
/// # Errors
/// The registry can't be used. What it refuses is no error, and stands in the report.
pub async fn register(
    registry: &Registry,
    subjects: &[Subject],
    options: Options,
    report: &mut RegisterReport,
) -> Result<(), RegistryError> {
    (report.registry, report.dry_run) = (registry.url().to_owned(), options.dry_run);
    registry.takes_json().await?;
    for subject in subjects {
        let standing = registry.standing(subject, options.lift_compatibility).await?;
        let mut was_refused = false;
        for step in steps(subject, &standing, options.lift_compatibility) {
            let (schema, did) = match step {
                Step::Leave(schema, there) => {
                    (schema, Did::LeftAlone { registry_version: there.version, id: there.id })
                }
                Step::Refuse(schema, said) => (schema, Did::refused(said.clone())),
                Step::LiftCompatibility(..) if was_refused => continue,
                Step::Register(schema) if was_refused => (schema, Did::NotTried),
                Step::LiftCompatibility(schema, from) => {
                    let from = from.map(Into::into);
                    if options.dry_run {
                        (schema, Did::WouldLiftCompatibility { from })
                    } else {
                        registry.lift_compatibility(&subject.name, schema).await?;
                        (schema, Did::LiftedCompatibility { from })
                    }
                }
                Step::Register(schema) if options.dry_run => (schema, Did::WouldRegister),
                Step::Register(schema) => (schema, registered(registry.register(&subject.name, schema).await?)),
            };
            was_refused |= matches!(did, Did::Refused { .. });
            report.add(&subject.name, schema, did);
        }
    }
    Ok(())
}

fn registered(answer: Result<(u64, Option<u64>), Said>) -> Did {
    match answer {
        Ok((id, registry_version)) => Did::Registered { registry_version, id },
        Err(said) => Did::refused(said),
    }
}
