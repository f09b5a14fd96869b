//! What a text from outside must be like.

/// Why `text` can't stand for a name, if so: empty, longer than 255 characters, or not printable.
pub(crate) fn unfit(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if text.chars().count() > 255 {
        Some("must not be longer than 255 characters")
    } else if text.chars().any(char::is_control) {
        Some("must not hold control characters")
    } else {
        None
    }
}

/// Why `words` are no message, if so: empty, or longer than 2000 characters.
pub(crate) fn unfit_words(words: &str) -> Option<&'static str> {
    if words.is_empty() {
        Some("must not be empty")
    } else if words.chars().count() > 2000 {
        Some("must not be longer than 2000 characters")
    } else if words.contains('\0') {
        // PostgreSQL keeps no such text.
        Some("must not hold a null character")
    } else {
        None
    }
}

/// Why `code` is no currency, if so.
pub(crate) fn unfit_currency(code: &str) -> Option<&'static str> {
    let fit = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    (!fit).then_some("must be three capital letters (ISO 4217)")
}

/// Why `amount` can't be moved, if so. The upper bound keeps sums far from the end of 64 bits.
pub(crate) fn unfit_amount(amount: i64) -> Option<&'static str> {
    let fit = (1..=1_000_000_000_000).contains(&amount);
    (!fit).then_some("must be a whole number of minor units from 1 to 1000000000000")
}
