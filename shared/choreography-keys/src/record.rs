//! A key as it travels: a message of a compacted topic, by the subject. Its value is a JWK (RFC 7517); no value erases it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use choreography_core::{store::OutboxMessage, trace::Header};
use choreography_kafka::Keyed;
use serde::{Deserialize, Serialize};

use crate::{Key, KeyId};

/// The header that says of which generation a message is; an erasure has nothing else that could say it.
const GENERATION: &str = "key-generation";
/// Far beyond any clock's milliseconds, and far from an overflow.
const LAST_GENERATION: i64 = i64::MAX / 2;
/// As much as an index of PostgreSQL's bears with ease.
const LONGEST_SUBJECT: usize = 1_024;

/// What a message of the topic says.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    /// Whose key.
    pub subject: String,
    /// Of the key, or of its erasure.
    pub generation: i64,
    /// `None`: it is erased.
    pub key: Option<Key>,
}

/// Why a message says nothing about a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no message about a key: {0}")]
pub struct RecordError(&'static str);

#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    alg: String,
    kid: String,
    k: String,
}

impl KeyRecord {
    /// The message that says it.
    pub(crate) fn message(&self, topic: &str) -> OutboxMessage {
        let id = KeyId { subject: self.subject.clone(), generation: self.generation };
        let payload = self.key.as_ref().map(|key| {
            let jwk = Jwk { kty: "oct".into(), alg: "A256GCM".into(), kid: id.text(), k: BASE64.encode(key.bytes()) };
            // Four texts: nothing here can fail to serialise.
            serde_json::to_vec(&jwk).expect("a JWK serialises")
        });
        OutboxMessage {
            topic: topic.to_owned(),
            key: Some(self.subject.clone().into_bytes()),
            payload,
            headers: vec![Header::text(GENERATION, self.generation.to_string())],
            nth: None,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It says nothing about a key. What it says instead is not told: it may hold one.
    pub(crate) fn read(message: &Keyed) -> Result<Self, RecordError> {
        let subject = message.key.clone().and_then(|key| String::from_utf8(key).ok());
        let subject = subject.ok_or(RecordError("its key is no text"))?;
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.contains(char::is_control) {
            return Err(RecordError("its key must have 1 to 1024 bytes and no control characters"));
        }
        let Some(value) = &message.value else {
            let generation = generation_of(&message.headers).ok_or(RecordError("its generation is missing"))?;
            return Ok(Self { subject, generation: possible(generation)?, key: None });
        };
        let jwk: Jwk = serde_json::from_slice(value).map_err(|_| RecordError("its value is no JWK"))?;
        let id = KeyId::parse(&jwk.kid).filter(|id| id.subject == subject);
        let id = id.ok_or(RecordError("its kid must be GENERATION:SUBJECT, of the message's key"))?;
        let bytes = BASE64.decode(&jwk.k).map_err(|_| RecordError("its k is no base64url"))?;
        let key = Key::from_bytes(&bytes).ok_or(RecordError("its k has not 32 bytes"))?;
        Ok(Self { subject, generation: possible(id.generation)?, key: Some(key) })
    }
}

fn possible(generation: i64) -> Result<i64, RecordError> {
    let is_possible = (1..=LAST_GENERATION).contains(&generation);
    is_possible.then_some(generation).ok_or(RecordError("there is no such generation"))
}

fn generation_of(headers: &[Header]) -> Option<i64> {
    let header = headers.iter().find(|header| header.is_named(GENERATION))?;
    std::str::from_utf8(header.value.as_deref()?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fresh;

    fn arrived(record: &KeyRecord) -> Keyed {
        let OutboxMessage { key, payload, headers, .. } = record.message("keys");
        Keyed { partition: 0, offset: 0, key, value: payload, headers }
    }

    fn ada(key: Option<Key>) -> KeyRecord {
        KeyRecord { subject: "ada".into(), generation: 3, key }
    }

    fn erasure_of(subject: &str, generation: i64) -> Keyed {
        arrived(&KeyRecord { subject: subject.into(), generation, key: None })
    }

    #[test]
    fn a_key_and_its_erasure_come_as_they_were_sent() {
        for record in [ada(Some(Fresh::of(1).key)), ada(None)] {
            assert_eq!(KeyRecord::read(&arrived(&record)), Ok(record.clone()));
        }
        assert_eq!(arrived(&ada(None)).value, None, "no value: the topic forgets the key");
        let value = String::from_utf8(arrived(&ada(Some(Fresh::of(0).key))).value.unwrap()).unwrap();
        let k = "A".repeat(43);
        assert_eq!(value, format!(r#"{{"kty":"oct","alg":"A256GCM","kid":"3:ada","k":"{k}"}}"#));
    }

    #[test]
    fn anything_else_is_refused_and_not_shown() {
        let good = arrived(&ada(Some(Fresh::of(1).key)));
        let wrong = [
            Keyed { key: None, ..good.clone() },
            Keyed { key: Some(b"bob".to_vec()), ..good.clone() },
            Keyed { value: Some(b"secret".to_vec()), ..good.clone() },
            Keyed { value: None, headers: Vec::new(), ..good },
            erasure_of("", 3),
            erasure_of("a\0", 3),
            erasure_of(&"x".repeat(LONGEST_SUBJECT + 1), 3),
            erasure_of("ada", 0),
            erasure_of("ada", -1),
            erasure_of("ada", i64::MAX),
        ];
        for message in wrong {
            let refused = KeyRecord::read(&message).unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
