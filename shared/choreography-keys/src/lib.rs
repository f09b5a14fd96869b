//! Personal data in events: sealed under a key per subject (a customer, a patient), which can be erased.
//!
//! An event that was published stays on its topic, in tables, in backups. So what is personal in it is [sealed](seal) before it is
//! recorded, and only its key is erased. One service owns the keys. It keeps them in its database ([`OwnedKey`]), publishes them on a
//! compacted topic ([`KeyOwner`]), and erases them ([`KeyOwner::erase`]): a message without a value takes the key from the topic and from
//! everyone who holds it. A service that opens sealed texts follows that topic ([`HeldKeys`]). Its rules find a key as a row
//! ([`HeldKey`]), and learn that it [is here, has not come yet, or was erased](Openable). Services in between pass sealed texts on
//! unopened; they need no key.
//!
//! `README.md` says what a service does with it, and which tables it needs.

mod error;
mod held_key;
mod held_keys;
mod key;
mod owned_key;
mod owner;
mod record;
mod retry_pause;
mod sealed;
mod topic;

pub use error::KeysError;
pub use held_key::{HeldKey, Openable};
pub use held_keys::HeldKeys;
pub use key::{Fresh, Key, Nonce};
pub use owned_key::OwnedKey;
pub use owner::{Erasure, KeyOwner, OwnedData};
pub use record::{KeyRecord, RecordError};
pub use sealed::{KeyId, MAX_SEALED, SealError, Sealed, seal};
