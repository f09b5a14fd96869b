//! Keys and nonces: bytes that no output shows.

use std::fmt;

use choreography_core::table::{Cell, Kind, Value};
use ring::rand::{SecureRandom, SystemRandom};

use crate::SealError;

/// The key of one subject, for AES-256-GCM.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub(crate) [u8; 32]);

/// What is used once with a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nonce(pub(crate) [u8; 12]);

/// What sealing needs of chance. A rule draws nothing at random, so whoever asks for something to be sealed brings it along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// For a subject that has no key yet.
    pub key: Key,
    /// For what is sealed.
    pub nonce: Nonce,
}

impl Fresh {
    /// Drawn at random.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn draw() -> Result<Self, SealError> {
        let random = SystemRandom::new();
        let (mut key, mut nonce) = ([0; 32], [0; 12]);
        random.fill(&mut key).and_then(|()| random.fill(&mut nonce)).map_err(|_| SealError::NoRandomBytes)?;
        Ok(Self { key: Key(key), nonce: Nonce(nonce) })
    }

    /// The same each time: for tests and simulations.
    #[must_use]
    pub fn of(byte: u8) -> Self {
        Self { key: Key([byte; 32]), nonce: Nonce([byte; 12]) }
    }
}

impl Key {
    /// `None`: it has not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, to keep them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[REDACTED]")
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(nonce)")
    }
}

impl Value for Key {
    const KIND: Kind = Kind::Bytes;

    fn cell(&self) -> Cell<'_> {
        Cell::Bytes(self.0.as_slice().into())
    }

    fn read(cell: Cell<'static>) -> Result<Self, String> {
        // What stands there instead may be a key, so it is not shown.
        let Cell::Bytes(bytes) = cell else { return Err("a key is expected".to_owned()) };
        Self::from_bytes(&bytes).ok_or_else(|| format!("a key has 32 bytes, this one {}", bytes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ_and_neither_is_shown() {
        let (one, other) = (Fresh::draw().unwrap(), Fresh::draw().unwrap());
        assert!(one.key != other.key && one.nonce != other.nonce);
        assert_eq!(format!("{one:?}"), "Fresh { key: [REDACTED], nonce: (nonce) }");
    }

    #[test]
    fn a_key_comes_back_from_its_column() {
        let key = Fresh::of(7).key;
        let Cell::Bytes(bytes) = key.cell() else { panic!("bytes") };
        let bytes = bytes.into_owned();
        assert_eq!(Key::read(Cell::Bytes(bytes.into())), Ok(key));
        let short = Key::read(Cell::Bytes(vec![1; 31].into()));
        assert_eq!(short, Err("a key has 32 bytes, this one 31".to_owned()));
    }
}
