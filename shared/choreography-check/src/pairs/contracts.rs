//! Versions and fields, as they are written and as they are read.

use super::{Meeting, Pairs};
use crate::{
    kind::Kind,
    report::{Finding, Place},
};

/// Versions that a reader does not know.
pub(super) fn versions(pairs: &Pairs<'_>) -> Vec<Finding> {
    let unknown = pairs.meetings().into_iter().filter(|of| !of.read.accepts(of.written.version));
    unknown
        .map(|of| {
            let accepts = if of.read.accepts.is_empty() { vec![of.read.version] } else { of.read.accepts.clone() };
            let accepts: Vec<String> = accepts.iter().map(u32::to_string).collect();
            let version = of.written.version;
            let what = format!("{} publishes version {version}; it accepts {}", of.writer.name, accepts.join(", "));
            let then = format!("{}: does not know version {version}, dead-letters it", of.reader.name);
            let order = pairs.order(&of.writer.name, of.event, then);
            Finding::new(Kind::VersionMismatch, Place::new(of.reader.name.clone(), of.event), what, order)
        })
        .collect()
}

/// Fields that a reader needs and may not get.
pub(super) fn fields(pairs: &Pairs<'_>) -> Vec<Finding> {
    let meetings = pairs.meetings();
    meetings
        .iter()
        .flat_map(|of| unmet(of).into_iter().map(|(field, what)| of_field(pairs, of, &field, what)))
        .collect()
}

fn of_field(pairs: &Pairs<'_>, of: &Meeting<'_>, field: &str, what: String) -> Finding {
    let then = format!("{}: cannot read {field}, dead-letters it", of.reader.name);
    let order = pairs.order(&of.writer.name, of.event, then);
    Finding::new(Kind::FieldMismatch, Place::new(of.reader.name.clone(), format!("{}, {field}", of.event)), what, order)
}

/// The fields that do not meet, and why. Where one of the two does not say its fields, nothing is known.
fn unmet(of: &Meeting<'_>) -> Vec<(String, String)> {
    let (Some(written), Some(read)) = (&of.written.fields, &of.read.fields) else { return Vec::new() };
    let writer = &of.writer.name;
    let mut unmet = Vec::new();
    for (field, wanted) in read {
        let problem = match written.get(field) {
            None if wanted.optional => continue,
            None => format!("it reads {wanted}, and {writer} does not write it"),
            Some(given) if given.can_be_read_as(*wanted) => continue,
            Some(given) => format!("it reads {wanted}, and {writer} writes {given}"),
        };
        unmet.push((field.clone(), problem));
    }
    unmet
}
