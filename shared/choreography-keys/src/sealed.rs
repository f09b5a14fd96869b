//! A sealed text: a JWE in compact form (RFC 7516), `alg` `dir`, `enc` `A256GCM`. Any library of that standard opens it with the key.
//!
//! Its header names the key and what the text is for. Both are authenticated: a sealed text can be moved neither to another subject nor
//! to another place.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce as RingNonce, UnboundKey};
use serde::{Deserialize, Serialize};

use crate::{Fresh, Key};

/// Longest sealed text that is read, in bytes.
pub const MAX_SEALED: usize = 16 * 1024;

/// Why a text was not sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomBytes,
    /// It is no sealed text of this kind.
    #[error("this is no sealed text: {0}")]
    Malformed(&'static str),
    /// It was sealed for another place.
    #[error("it was sealed for {0}, not for this place")]
    Misplaced(String),
    /// Key and text do not belong together, or one of them was changed.
    #[error("the key does not open it: it was changed, or sealed under another key")]
    Unopened,
}

/// Names a key: whose it is, and which of theirs. A generation is never used again: after an erasure the next key has a higher one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId {
    /// Whose data it seals.
    pub subject: String,
    /// Counts from 1.
    pub generation: i64,
}

/// A sealed text that was read, and not opened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The key that it is sealed under.
    pub key: KeyId,
    /// What it is for.
    place: String,
    header: String,
    nonce: [u8; 12],
    /// With the tag behind it.
    ciphertext: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    /// A private name (RFC 7516, 4.3): what the text is for.
    #[serde(rename = "for")]
    place: String,
}

impl KeyId {
    pub(crate) fn text(&self) -> String {
        format!("{}:{}", self.generation, self.subject)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (generation, subject) = text.split_once(':')?;
        let generation = generation.parse().ok().filter(|generation| *generation > 0)?;
        Some(Self { subject: subject.to_owned(), generation })
    }
}

/// Seals `plain` under the key that `id` names. `place` says what it is for, such as `shippingAddress of 0198…`; opening it asks for
/// the same.
///
/// # Errors
/// It can't be sealed.
pub fn seal(key: &Key, id: &KeyId, place: &str, fresh: &Fresh, plain: &[u8]) -> Result<String, SealError> {
    let header = Header { alg: "dir".into(), enc: "A256GCM".into(), kid: id.text(), place: place.to_owned() };
    let header = serde_json::to_vec(&header).map_err(|_| SealError::Malformed("its header can't be written"))?;
    let header = BASE64.encode(header);
    let mut sealed = plain.to_vec();
    let nonce = RingNonce::assume_unique_for_key(fresh.nonce.0);
    cipher(key)?
        .seal_in_place_append_tag(nonce, Aad::from(header.as_bytes()), &mut sealed)
        .map_err(|_| SealError::Unopened)?;
    let (ciphertext, tag) = sealed.split_at(sealed.len() - MAX_TAG_LEN);
    let parts = [fresh.nonce.0.as_slice(), ciphertext, tag].map(|part| BASE64.encode(part));
    Ok(format!("{header}..{}", parts.join(".")))
}

impl Sealed {
    /// Reads a sealed text, without its key.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let wrong = SealError::Malformed;
        if text.len() > MAX_SEALED {
            return Err(wrong("it is too long"));
        }
        let [header, "", nonce, ciphertext, tag] = text.split('.').collect::<Vec<_>>()[..] else {
            return Err(wrong("it has not the five parts of a JWE, the second of them empty"));
        };
        let bytes = |part| BASE64.decode(part).map_err(|_| wrong("a part of it is no base64url"));
        let read: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| wrong("its header can't be read"))?;
        if read.alg != "dir" || read.enc != "A256GCM" {
            return Err(wrong("alg must be dir, and enc A256GCM"));
        }
        let key = KeyId::parse(&read.kid).ok_or(wrong("its kid must be GENERATION:SUBJECT"))?;
        let nonce = bytes(nonce)?.try_into().map_err(|_| wrong("its initialization vector must have 12 bytes"))?;
        let (mut ciphertext, tag) = (bytes(ciphertext)?, bytes(tag)?);
        if tag.len() != MAX_TAG_LEN {
            return Err(wrong("its tag must have 16 bytes"));
        }
        ciphertext.extend(tag);
        Ok(Self { key, place: read.place, header: header.to_owned(), nonce, ciphertext })
    }

    /// What was sealed.
    ///
    /// # Errors
    /// It is for another place, or under another key, or was changed.
    pub fn open(&self, key: &Key, place: &str) -> Result<Vec<u8>, SealError> {
        if self.place != place {
            return Err(SealError::Misplaced(self.place.clone()));
        }
        let mut opened = self.ciphertext.clone();
        let nonce = RingNonce::assume_unique_for_key(self.nonce);
        let plain = cipher(key)?
            .open_in_place(nonce, Aad::from(self.header.as_bytes()), &mut opened)
            .map_err(|_| SealError::Unopened)?
            .len();
        opened.truncate(plain);
        Ok(opened)
    }
}

fn cipher(key: &Key) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, &key.0).map(LessSafeKey::new).map_err(|_| SealError::Unopened)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "shippingAddress of o";

    fn id(subject: &str, generation: i64) -> KeyId {
        KeyId { subject: subject.into(), generation }
    }

    fn sealed() -> String {
        let fresh = Fresh::of(1);
        seal(&fresh.key, &id("ada", 1), PLACE, &fresh, b"Ada Lovelace, Vienna").unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_with_its_key_at_its_place() {
        let read = Sealed::parse(&sealed()).unwrap();
        assert_eq!(read.key, id("ada", 1));
        assert_eq!(read.open(&Fresh::of(1).key, PLACE).unwrap(), b"Ada Lovelace, Vienna");
        assert_eq!(read.open(&Fresh::of(2).key, PLACE), Err(SealError::Unopened));
        let elsewhere = read.open(&Fresh::of(1).key, "shippingAddress of p");
        assert_eq!(elsewhere, Err(SealError::Misplaced(PLACE.into())));
        assert!(!format!("{} {read:?}", sealed()).contains("Lovelace"));
    }

    #[test]
    fn what_was_changed_or_moved_to_another_subject_is_not_opened() {
        let text = sealed();
        let (header, rest) = text.split_once('.').unwrap();
        let other = String::from_utf8(BASE64.decode(header).unwrap()).unwrap().replace("1:ada", "1:bob");
        let moved = format!("{}.{rest}", BASE64.encode(other));
        let read = Sealed::parse(&moved).unwrap();
        assert_eq!(read.key, id("bob", 1));
        assert_eq!(read.open(&Fresh::of(1).key, PLACE), Err(SealError::Unopened));
        let mut changed = Sealed::parse(&text).unwrap();
        changed.ciphertext[0] ^= 1;
        assert_eq!(changed.open(&Fresh::of(1).key, PLACE), Err(SealError::Unopened));
    }

    #[test]
    fn its_form_is_pinned_and_another_is_refused() {
        let text = sealed();
        let header = String::from_utf8(BASE64.decode(text.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(header, r#"{"alg":"dir","enc":"A256GCM","kid":"1:ada","for":"shippingAddress of o"}"#);
        for wrong in ["", "a.b.c.d.e", "plain", &text.replacen("..", ".x.", 1), &"x".repeat(MAX_SEALED + 1)] {
            assert!(matches!(Sealed::parse(wrong), Err(SealError::Malformed(_))), "{wrong}");
        }
        assert_eq!(KeyId::parse("2:a:b"), Some(id("a:b", 2)), "a subject may hold a colon");
        assert_eq!((KeyId::parse("0:a"), KeyId::parse("a")), (None, None));
    }
}
