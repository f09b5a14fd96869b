//! What the owner of the keys keeps of each subject, as its rules see it.

use choreography_core::table;
use chrono::{DateTime, Utc};

use crate::{Fresh, Key, KeyId, SealError, seal};

/// The key of a subject, by the subject. The default: they have none yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnedKey {
    /// Of the key, or of its erasure: each of the two has a higher one. It is the time in milliseconds, so that a database that was
    /// restored from a backup gives no generation a second time.
    pub generation: i64,
    /// `None`: there is none yet, or it was erased.
    pub key: Option<Key>,
    /// Since when its erasure is wanted and not done yet: no saga of the subject's may be open.
    pub erasure_asked_at: Option<DateTime<Utc>>,
}

table!(OwnedKey in owned_keys by subject: generation, key, erasure_asked_at);

impl OwnedKey {
    /// Seals `plain` under the subject's key. If they have none, the fresh one becomes theirs at `now`, the time of the rule.
    ///
    /// # Errors
    /// It can't be sealed.
    pub fn seal(
        &mut self,
        subject: &str,
        place: &str,
        (fresh, now): (&Fresh, DateTime<Utc>),
        plain: &[u8],
    ) -> Result<String, SealError> {
        if self.key.is_none() {
            self.generation = (self.generation + 1).max(now.timestamp_millis());
        }
        let key = self.key.get_or_insert_with(|| fresh.key.clone());
        seal(key, &KeyId { subject: subject.to_owned(), generation: self.generation }, place, fresh, plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sealed;

    #[test]
    fn the_first_text_brings_the_key_and_one_after_an_erasure_a_new_generation() {
        let mut key = OwnedKey::default();
        let sealed = |key: &mut OwnedKey, fresh: u8| {
            let now = DateTime::from_timestamp_millis(5_000).unwrap();
            Sealed::parse(&key.seal("ada", "x", (&Fresh::of(fresh), now), b"plain").unwrap()).unwrap().key.generation
        };
        assert_eq!((sealed(&mut key, 1), sealed(&mut key, 2)), (5_000, 5_000));
        assert_eq!(key.key, Some(Fresh::of(1).key), "it stays");
        key = OwnedKey { generation: 5_000, ..OwnedKey::default() };
        assert_eq!((sealed(&mut key, 3), key.key), (5_001, Some(Fresh::of(3).key)), "a clock that stands still");
    }
}
