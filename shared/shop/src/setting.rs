//! Settings that payment and shipping both have: which provider, where, and with which token.

use std::{path::Path, time::Duration};

use secrecy::SecretString;

/// A duration such as `2s` or `24h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 500ms, 2s or 24h"))
}

/// A secret from the environment or from a file; the file wins, since that is how secrets are mounted.
pub fn secret(name: &str, value: Option<&str>, file: Option<&Path>) -> Result<Option<SecretString>, String> {
    match file {
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text.trim_end().into())),
            Err(error) => Err(format!("{name}_FILE: {} can't be read: {error}", file.display())),
        },
        None => Ok(value.map(Into::into)),
    }
}

/// A setting that another one makes necessary.
pub fn needed<'a>(name: &str, value: Option<&'a str>, because: &str) -> Result<&'a str, String> {
    value.ok_or_else(|| format!("{name} is needed, because {because}"))
}
