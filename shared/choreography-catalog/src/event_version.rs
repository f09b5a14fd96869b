//! A type of events in one version, and the name of its file.

use std::fmt;

/// A type of events in one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventVersion {
    /// The type, such as `loan.granted`.
    pub event: String,
    /// The version of its payload.
    pub version: u32,
}

impl EventVersion {
    /// A version of a type.
    pub fn new(event: impl Into<String>, version: u32) -> Self {
        Self { event: event.into(), version }
    }

    /// What a name such as `loan.granted.v1` says.
    pub fn parse(name: &str) -> Option<Self> {
        let (event, digits) = name.rsplit_once(".v")?;
        let version = digits.parse().ok().filter(|version: &u32| *version > 0 && version.to_string() == digits)?;
        (!event.is_empty()).then(|| Self::new(event, version))
    }

    /// Its name in documents, such as `loan.granted.v1`.
    pub fn key(&self) -> String {
        format!("{}.v{}", self.event, self.version)
    }

    /// The file of its schema or its golden payload.
    pub fn file_name(&self) -> String {
        format!("{}.json", self.key())
    }
}

impl fmt::Display for EventVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} version {}", self.event, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let granted = EventVersion::new("loan.granted", 12);
        assert_eq!(EventVersion::parse(&granted.key()), Some(granted));
        for name in ["loan.granted", "loan.granted.v", "loan.granted.v0", "loan.granted.v01", ".v1", "loan.granted.vx"]
        {
            assert_eq!(EventVersion::parse(name), None, "{name}");
        }
    }
}
