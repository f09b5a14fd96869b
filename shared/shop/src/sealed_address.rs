//! Where an order goes: sealed by order, opened by who hands the parcel over.

use choreography::Refusal;
use choreography_keys::{Fresh, HeldKey, Key, Openable, OwnedKey, SealError, Sealed};
use chrono::{DateTime, Utc};
use contracts::Address;

/// Why a sealed address is none.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It can't be opened.
    #[error("the sealed address: {0}")]
    Seal(#[from] SealError),
    /// What was sealed is no address. What it is instead is not told.
    #[error("what was sealed is no address")]
    NoAddress,
}

/// Seals an order's address under its customer's key. If there is none, the fresh one is theirs from now on.
pub fn seal(
    key: &mut OwnedKey,
    user_id: &str,
    order_id: impl std::fmt::Display,
    address: &Address,
    fresh: (&Fresh, DateTime<Utc>),
) -> Result<String, Refusal> {
    let refused = |error: &dyn std::fmt::Display| Refusal::Permanent(format!("the address can't be sealed: {error}"));
    let plain = serde_json::to_vec(address).map_err(|error| refused(&error))?;
    key.seal(user_id, &Address::place(order_id), fresh, &plain).map_err(|error| refused(&error))
}

/// Opens an order's address.
///
/// # Errors
/// It is another order's, was changed, or is no address.
pub fn open(sealed: &Sealed, key: &Key, order_id: impl std::fmt::Display) -> Result<Address, AddressError> {
    let plain = sealed.open(key, &Address::place(order_id))?;
    serde_json::from_slice(&plain).map_err(|_| AddressError::NoAddress)
}

/// As [`open`], for who shows it: `None` where its key is not here, or was erased.
///
/// # Errors
/// As [`open`].
pub fn shown(sealed: &str, key: &HeldKey, order_id: impl std::fmt::Display) -> Result<Option<Address>, AddressError> {
    let sealed = Sealed::parse(sealed)?;
    match key.opens(&sealed) {
        Openable::With(key) => open(&sealed, key, order_id).map(Some),
        Openable::NotYet | Openable::NeverAgain => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_opens_for_its_order_while_its_key_is_there() {
        let text = r#"{"name":"Ada","line1":"1 Road","postalCode":"8010","city":"Graz","country":"AT"}"#;
        let address: Address = serde_json::from_str(text).unwrap();
        let mut owned = OwnedKey::default();
        let sealed = seal(&mut owned, "ada", "o", &address, (&Fresh::of(1), DateTime::UNIX_EPOCH)).unwrap();
        assert!(!sealed.contains("Graz"));
        let key = HeldKey { generation: owned.generation, key: owned.key };
        assert_eq!(shown(&sealed, &key, "o").unwrap(), Some(address));
        assert!(shown(&sealed, &key, "p").unwrap_err().to_string().contains("sealed for shippingAddress of o"));
        let erased = HeldKey { generation: key.generation + 1, key: None };
        assert_eq!(shown(&sealed, &erased, "o").unwrap(), None);
    }
}
