//! Secrets from the environment or from files. They are never shown; those from files may change while the program runs.

mod live;

use std::path::{Path, PathBuf};

pub use live::{LiveSecret, live};
use secrecy::{ExposeSecret, SecretString};

/// Why a secret can't be used; says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file that should hold it can't be read.
    #[error("{name}_FILE: {path} can't be read: {source}")]
    Unreadable {
        /// The variable.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{name}: the secret is empty; leave {name} unset where none is needed")]
    Empty {
        /// The variable.
        name: &'static str,
    },
    /// It is not set.
    #[error("{name} is needed: set it, or {name}_FILE to a file that holds it")]
    Missing {
        /// The variable.
        name: &'static str,
    },
}

/// The secret called `name`; the file wins over the variable, since that is how secrets are mounted. White space around
/// it is not part of it.
pub fn read(
    name: &'static str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, SecretError> {
    let secret = match (file, value) {
        (Some(path), _) => std::fs::read_to_string(path)
            .map(SecretString::from)
            .map_err(|source| SecretError::Unreadable { name, path: path.to_owned(), source })?,
        (None, Some(value)) => value.clone(),
        (None, None) => return Ok(None),
    };
    match secret.expose_secret().trim() {
        "" => Err(SecretError::Empty { name }),
        trimmed => Ok(Some(trimmed.into())),
    }
}

/// Like [`read`], of a secret that there must be.
pub fn need(
    name: &'static str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<SecretString, SecretError> {
    read(name, value, file)?.ok_or(SecretError::Missing { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_trimmed_and_a_missing_empty_or_unreadable_one_is_refused_by_its_name() {
        let read = |value: Option<&str>, file| {
            let value = value.map(SecretString::from);
            need("TOKEN", value.as_ref(), file).map(|s| s.expose_secret().to_owned()).map_err(|e| e.to_string())
        };
        assert_eq!(read(Some("abc\n"), None), Ok("abc".into()));
        assert!(read(None, None).unwrap_err().starts_with("TOKEN is needed"));
        assert!(read(Some(""), None).unwrap_err().starts_with("TOKEN:"));
        let nowhere = Path::new("/nowhere/token");
        assert!(read(None, Some(nowhere)).unwrap_err().starts_with("TOKEN_FILE: /nowhere/token"));
    }
}
