//! The services that take part, and what each reads and writes: as they describe themselves, as far as the topics' owners agree.

mod owners;
mod part;
mod refusals;
mod topics;

use std::{collections::BTreeMap, sync::LazyLock};

use include_dir::{Dir, include_dir};

pub use part::{EventContract, Part};
pub use topics::{PARTITIONS, TopicSpec, is_of_keys, may_move, successors, topics, topics_but};

/// What `SERVICE describe` prints, a file per service, and which service owns which topic.
static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../choreography");
/// Where they are, for messages.
const FOLDER: &str = "deploy/choreography";
/// The file that says who owns which topic; all others describe a service each.
pub const OWNERS: &str = "owners.json";

/// All that is described, and what of it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choreography {
    /// The services that take part, by name.
    pub parts: Vec<Part>,
    /// Which service owns which topic.
    pub owners: BTreeMap<String, String>,
    /// What takes no part, and why: each line names a file and a field. It gets nothing, and stops no other.
    pub refused: Vec<String>,
}

/// The choreography of this build. A service of your own takes part by a file in `deploy/choreography/`.
pub static SHOP: LazyLock<Choreography> = LazyLock::new(|| {
    let files = FILES.files().filter_map(|file| Some((file.path().to_str()?, file.contents())));
    // Without owners no service could be granted anything. A test holds that they can be read.
    Choreography::read(files).unwrap_or_else(|wrong| panic!("{FOLDER}/{wrong}"))
});

/// Every service that takes part.
pub static PARTS: LazyLock<&[Part]> = LazyLock::new(|| &SHOP.parts);

/// The names of all services that take part.
#[must_use]
pub fn services() -> Vec<&'static str> {
    PARTS.iter().map(|part| part.service.as_str()).collect()
}

/// The names of the services whose events others may wait for: without one of them an order does not end. A service that
/// only listens is not among them.
#[must_use]
pub fn publishers() -> Vec<&'static str> {
    PARTS.iter().filter(|part| !part.writes.is_empty()).map(|part| part.service.as_str()).collect()
}

impl Choreography {
    /// Reads the files of a folder by their names. What can't be granted is left out and named.
    ///
    /// # Errors
    /// The owners are not there, or can't be read: nothing could be granted to any service.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, String> {
        let files: BTreeMap<&str, &[u8]> = files.into_iter().collect();
        let owners = files.get(OWNERS).ok_or_else(|| format!("{OWNERS} is missing: it says who owns which topic"))?;
        let owners = owners::read(owners).map_err(|wrong| format!("{OWNERS}: {wrong}"))?;
        let mut read = Self { owners, ..Self::default() };
        let described = files.iter().filter(|(name, _)| **name != OWNERS);
        for (name, service) in described.filter_map(|(name, _)| Some((name, name.strip_suffix(".json")?))) {
            let part = part::read(files[name]).and_then(|part| {
                let wrong = refusals::of(&part, service, &read.owners);
                if wrong.is_empty() { Ok(part) } else { Err(wrong) }
            });
            match part {
                Ok(part) => read.parts.push(part),
                Err(wrong) => read.refused.extend(wrong.into_iter().map(|wrong| format!("{name}: {wrong}"))),
            }
        }
        Ok(read)
    }

    /// Events that a service expects of another which does not publish them, and events that come to a service which neither
    /// handles nor ignores them. No service gains a right by it, but events would be missed. Each line names a service and a
    /// type of events.
    #[must_use]
    pub fn disagreements(&self) -> Vec<String> {
        self.parts.iter().flat_map(|part| [self.unpublished(part), self.unanswered(part)]).flatten().collect()
    }

    /// Types that a service expects, and that their owner does not publish in this version.
    fn unpublished(&self, part: &Part) -> Vec<String> {
        let reader = &part.service;
        let expected = part.events.iter().filter(|(name, _)| !part.publishes.contains(name));
        let found = expected.filter_map(|(name, contract)| {
            let Some(owner) = self.parts.iter().find(|owner| owner.service == contract.owner) else {
                return Some(format!("{reader} expects {name} of {}, which no file describes", contract.owner));
            };
            match owner.events.get(name).filter(|_| owner.publishes.contains(name)) {
                None => Some(format!("{reader} expects {name}, which {} does not publish", contract.owner)),
                Some(published) if published.version != contract.version => Some(format!(
                    "{reader} reads version {} of {name}, and {} publishes version {}",
                    contract.version, contract.owner, published.version
                )),
                Some(_) => None,
            }
        });
        found.collect()
    }

    /// Types that come on a topic which a service reads, and that it neither handles nor ignores. Each of them would be
    /// counted as unhandled, and its offset committed.
    fn unanswered(&self, part: &Part) -> Vec<String> {
        let reader = &part.service;
        let mut found = Vec::new();
        for owner in &self.parts {
            let published = owner.publishes.iter().filter_map(|name| Some((name, &owner.events.get(name)?.topic)));
            let read = published.filter(|(_, topic)| part.reads.contains(topic));
            let answered = |name: &String| part.handles.contains(name) || part.ignores.contains(name);
            found.extend(read.filter(|(name, _)| !answered(name)).map(|(name, topic)| {
                format!(
                    "{reader} neither handles nor ignores {name}, which {} publishes on {topic}: give it a rule or \
                     on.ignore in the routes of {reader}, and describe {reader} anew",
                    owner.service
                )
            }));
        }
        found
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
