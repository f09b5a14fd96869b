//! Who the registry is asked as.

use std::{ffi::OsString, fmt, io, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// The variable with the user's name.
const USER: &str = "SCHEMA_REGISTRY_USER";
/// The variable with the password.
const PASSWORD: &str = "SCHEMA_REGISTRY_PASSWORD";

/// A name and a password for HTTP's basic authentication; neither is ever shown.
#[derive(Clone)]
pub struct Credentials {
    pub(super) user: SecretString,
    pub(super) password: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials")
    }
}

/// Why the credentials can't be used. Says nothing of what is in them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file that should hold one can't be read.
    #[error("{name}_FILE: {} can't be read: {source}: name a file that holds it", path.display())]
    Unreadable {
        /// The variable.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no text, or there is nothing in it.
    #[error("{name}: it is empty or no text; leave {name} unset where none is needed")]
    Empty {
        /// The variable.
        name: &'static str,
    },
    /// There is one of the two.
    #[error("{name} is needed beside the other one: set it, or {name}_FILE to a file that holds it")]
    Missing {
        /// The variable that is not set.
        name: &'static str,
    },
}

impl Credentials {
    /// From `SCHEMA_REGISTRY_USER` and `SCHEMA_REGISTRY_PASSWORD`, or from the files that the same names with `_FILE` lead to, as the
    /// services read their secrets: a file wins, and white space around a secret is not part of it. `None` where none is set.
    ///
    /// # Errors
    /// One of the two is missing, empty, or can't be read.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<Self>, CredentialsError> {
        match (secret(USER, &variable)?, secret(PASSWORD, &variable)?) {
            (Some(user), Some(password)) => Ok(Some(Self { user, password })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(CredentialsError::Missing { name: USER }),
            (Some(_), None) => Err(CredentialsError::Missing { name: PASSWORD }),
        }
    }
}

fn secret(
    name: &'static str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<SecretString>, CredentialsError> {
    let secret = match (variable(&format!("{name}_FILE")), variable(name)) {
        (Some(path), _) => {
            let path = PathBuf::from(path);
            let text = std::fs::read_to_string(&path);
            SecretString::from(text.map_err(|source| CredentialsError::Unreadable { name, path, source })?)
        }
        (None, Some(value)) => SecretString::from(value.into_string().map_err(|_| CredentialsError::Empty { name })?),
        (None, None) => return Ok(None),
    };
    match secret.expose_secret().trim() {
        "" => Err(CredentialsError::Empty { name }),
        trimmed => Ok(Some(trimmed.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<(String, String)>, String> {
        let variable = |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| value.into());
        let shown = |secret: &SecretString| secret.expose_secret().to_owned();
        let read = Credentials::read(variable).map_err(|error| error.to_string())?;
        Ok(read.map(|read| (shown(&read.user), shown(&read.password))))
    }

    #[test]
    fn both_are_read_or_none() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[(USER, "ada"), (PASSWORD, " s3cret\n")]), Ok(Some(("ada".into(), "s3cret".into()))));
        assert!(read(&[(USER, "ada")]).unwrap_err().starts_with("SCHEMA_REGISTRY_PASSWORD is needed"));
        assert!(read(&[(PASSWORD, "s3cret")]).unwrap_err().starts_with("SCHEMA_REGISTRY_USER is needed"));
        assert!(read(&[(USER, " "), (PASSWORD, "s3cret")]).unwrap_err().starts_with("SCHEMA_REGISTRY_USER: it is"));
    }

    #[test]
    fn a_file_wins_and_one_that_can_not_be_read_is_named() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let read_file = read(&[(USER, "ada"), (PASSWORD, "old"), ("SCHEMA_REGISTRY_PASSWORD_FILE", file)]).unwrap();
        assert!(read_file.is_some_and(|(_, password)| password.starts_with("[package]")));
        let said = read(&[(USER, "ada"), ("SCHEMA_REGISTRY_PASSWORD_FILE", "/nowhere/it")]).unwrap_err();
        assert!(said.starts_with("SCHEMA_REGISTRY_PASSWORD_FILE: /nowhere/it can't be read"), "{said}");
    }

    #[test]
    fn neither_is_shown() {
        let credentials = Credentials { user: "ada".into(), password: "s3cret".into() };
        assert_eq!(format!("{credentials:?}"), "Credentials");
    }
}
