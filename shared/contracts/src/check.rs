//! Checks that several payloads share. Each names the field it refuses.

use crate::Invalid;

/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// A text of 1 to `max` characters without control characters.
pub fn text(path: &str, value: &str, max: usize) -> Result<(), Invalid> {
    let length = value.chars().count();
    if length == 0 || length > max {
        return Err(Invalid::field(path, format!("must have 1 to {max} characters, has {length}")));
    }
    if value.chars().any(char::is_control) {
        return Err(Invalid::field(path, "must not contain control characters"));
    }
    Ok(())
}

/// An ISO 4217 code: three upper-case letters.
pub fn currency(path: &str, value: &str) -> Result<(), Invalid> {
    if value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(Invalid::field(path, format!("must be three upper-case letters such as EUR, is {value:?}")))
    }
}

/// An amount in the currency's minor unit, at least 1: nothing is charged, refunded or ordered for nothing.
pub fn amount(path: &str, value: i64) -> Result<(), Invalid> {
    if value >= 1 { Ok(()) } else { Err(Invalid::field(path, format!("must be at least 1, is {value}"))) }
}

/// 1 to 64 letters, digits, dots, dashes or underscores.
pub fn sku(path: &str, value: &str) -> Result<(), Invalid> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&value.len()) && value.bytes().all(good) {
        Ok(())
    } else {
        Err(Invalid::field(path, "must be 1 to 64 letters, digits, dots, dashes or underscores"))
    }
}

/// Why something went wrong or was taken back.
pub fn reason(value: &str) -> Result<(), Invalid> {
    text("payload.reason", value, MAX_REASON)
}
