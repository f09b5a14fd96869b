//! What a service that opens sealed texts holds of a subject's key, as its rules see it.

use choreography_core::table;

use crate::{Key, Sealed};

/// The key of a subject, by the subject. The default: none has come yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldKey {
    /// Of the last key, or of its erasure.
    pub generation: i64,
    /// `None`: it was erased, or none has come.
    pub key: Option<Key>,
}

table!(HeldKey in held_keys by subject: generation, key);

/// Whether a sealed text can be opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Openable<'a> {
    /// With this key.
    With(&'a Key),
    /// Its key has not come yet.
    NotYet,
    /// Its key was erased: nobody opens it any more.
    NeverAgain,
}

impl HeldKey {
    /// A key that is here.
    #[must_use]
    pub fn of(generation: i64, key: Key) -> Self {
        Self { generation, key: Some(key) }
    }

    /// Whether this sealed text of the subject can be opened. A key of a higher generation says that the text's own was erased.
    pub fn opens(&self, sealed: &Sealed) -> Openable<'_> {
        let wanted = sealed.key.generation;
        match &self.key {
            _ if self.generation < wanted => Openable::NotYet,
            Some(key) if self.generation == wanted => Openable::With(key),
            _ => Openable::NeverAgain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fresh, KeyId, seal};

    #[test]
    fn a_text_waits_for_its_key_is_opened_by_it_and_never_after_its_erasure() {
        let fresh = Fresh::of(1);
        let sealed = |generation| {
            let id = KeyId { subject: "ada".into(), generation };
            Sealed::parse(&seal(&fresh.key, &id, "x", &fresh, b"plain").unwrap()).unwrap()
        };
        let held = |generation, key: bool| HeldKey { generation, key: key.then(|| fresh.key.clone()) };
        assert_eq!(HeldKey::default().opens(&sealed(1)), Openable::NotYet);
        assert_eq!(held(1, true).opens(&sealed(1)), Openable::With(&fresh.key));
        assert_eq!(held(2, false).opens(&sealed(1)), Openable::NeverAgain, "it was erased");
        assert_eq!(held(3, true).opens(&sealed(1)), Openable::NeverAgain, "and there is a new one");
        assert_eq!(held(2, false).opens(&sealed(3)), Openable::NotYet, "a new one is on its way");
        assert_eq!(held(3, true).opens(&sealed(3)), Openable::With(&fresh.key));
    }
}
