//! Checks that several payloads share. Each names the field it refuses.

use crate::{ContractError, currency::is_currency, item::MAX_QUANTITY};

/// Longest user id, in characters.
pub const MAX_USER_ID: usize = 128;
/// Longest token or number that another party gave out, in characters.
pub const MAX_REFERENCE: usize = 200;
/// Largest amount of an order, in the currency's minor unit: ten thousand million euros. It is what the payment provider
/// takes (services/sandbox/README.md), and far below 2^53, up to which every reader of JSON keeps a number exactly.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;
/// Longest sealed text, in characters: the longest address, sealed, takes two thirds of it.
pub const MAX_SEALED: usize = 8_192;
/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// A text of 1 to `max` characters without control characters.
pub fn text(path: &str, value: &str, max: usize) -> Result<(), ContractError> {
    let length = value.chars().count();
    if length == 0 || length > max {
        return Err(ContractError::field(path, format!("must have 1 to {max} characters, has {length}")));
    }
    if value.chars().any(char::is_control) {
        return Err(ContractError::field(path, "must not contain control characters"));
    }
    Ok(())
}

/// Who orders: a text of 1 to [`MAX_USER_ID`] characters.
pub fn user_id(path: &str, value: &str) -> Result<(), ContractError> {
    text(path, value, MAX_USER_ID)
}

/// What another party calls something: a payment token, a charge, a refund, a tracking number.
pub fn reference(path: &str, value: &str) -> Result<(), ContractError> {
    text(path, value, MAX_REFERENCE)
}

/// A sealed text: what it says is its opener's to check, and nobody else can.
pub fn sealed(path: &str, value: &str) -> Result<(), ContractError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=MAX_SEALED).contains(&value.len()) && value.bytes().all(good) {
        Ok(())
    } else {
        Err(ContractError::field(path, format!("must be a JWE in compact form, of 1 to {MAX_SEALED} characters")))
    }
}

/// The code of a currency in which something can be paid, by ISO 4217: for what begins a payment.
pub fn currency(path: &str, value: &str) -> Result<(), ContractError> {
    if is_currency(value) {
        Ok(())
    } else {
        let problem = format!("must be the ISO 4217 code of a currency to pay in, such as EUR, is {value:?}");
        Err(ContractError::field(path, problem))
    }
}

/// Three upper-case letters: for what follows a payment. Whatever was accepted once must be able to end, also if its
/// currency was withdrawn meanwhile.
pub fn currency_paid(path: &str, value: &str) -> Result<(), ContractError> {
    if value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(ContractError::field(path, format!("must be three upper-case letters such as EUR, is {value:?}")))
    }
}

/// 1 to [`MAX_QUANTITY`] pieces.
pub fn quantity(path: &str, value: u32) -> Result<(), ContractError> {
    if (1..=MAX_QUANTITY).contains(&value) {
        Ok(())
    } else {
        Err(ContractError::field(path, format!("must be 1 to {MAX_QUANTITY}, is {value}")))
    }
}

/// An amount in the currency's minor unit, at least 1 (nothing is charged or ordered for nothing) and at most
/// [`MAX_AMOUNT`]: for what begins a payment.
pub fn amount(path: &str, value: i64) -> Result<(), ContractError> {
    if (1..=MAX_AMOUNT).contains(&value) {
        Ok(())
    } else {
        Err(ContractError::field(path, format!("must be 1 to {MAX_AMOUNT}, is {value}")))
    }
}

/// An amount of at least 1: for what follows a payment. Whatever was accepted once must be able to end.
pub fn amount_paid(path: &str, value: i64) -> Result<(), ContractError> {
    if value >= 1 { Ok(()) } else { Err(ContractError::field(path, format!("must be at least 1, is {value}"))) }
}

/// 1 to 64 letters, digits, dots, dashes or underscores.
pub fn sku(path: &str, value: &str) -> Result<(), ContractError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&value.len()) && value.bytes().all(good) {
        Ok(())
    } else {
        Err(ContractError::field(path, "must be 1 to 64 letters, digits, dots, dashes or underscores"))
    }
}

/// Why something went wrong or was taken back.
pub fn reason(value: &str) -> Result<(), ContractError> {
    text("payload.reason", value, MAX_REASON)
}
