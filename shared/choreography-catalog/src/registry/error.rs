//! Why a registry can't be used.

use std::{error::Error, fmt};

use super::Said;

/// A request: to which address, and about which schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    method: String,
    url: String,
    about: Option<String>,
}

impl Asked {
    pub(super) fn new(method: &str, url: impl Into<String>, about: Option<String>) -> Self {
        Self { method: method.to_owned(), url: url.into(), about }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.url)?;
        self.about.iter().try_for_each(|about| write!(formatter, " ({about})"))
    }
}

/// Why a registry can't be used. Names the request, and the schema that it was about; never a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The address can't be one of a registry.
    #[error(
        "--registry: {problem}: give an address such as http://HOST:8081, and a name and password by SCHEMA_REGISTRY_USER and \
         SCHEMA_REGISTRY_PASSWORD"
    )]
    Address {
        /// What is wrong with it.
        problem: String,
    },
    /// No HTTP client can be made.
    #[error("{url}: there is no HTTP client to ask it: {problem}")]
    Client {
        /// The registry.
        url: String,
        /// What went wrong.
        problem: String,
    },
    /// Nothing answers, or not in time.
    #[error(
        "{asked}: no answer: {problem}\n  do: see that the registry runs there and can be reached from here; the certificate of an \
         authority of your own is named by SSL_CERT_FILE"
    )]
    Unreachable {
        /// The request.
        asked: Asked,
        /// What went wrong.
        problem: String,
    },
    /// It does not know who asks, or does not let them.
    #[error(
        "{asked}: it answered {said}\n  do: set SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD (or the same with _FILE) to a user \
         who may read and write these subjects"
    )]
    Denied {
        /// The request.
        asked: Asked,
        /// The answer.
        said: Said,
    },
    /// What answers is no registry with Confluent's API.
    #[error(
        "{asked}: this is no schema registry with Confluent's API: {problem}\n  do: give the address below which /subjects stands, such \
         as http://HOST:8081, or http://HOST:8080/apis/ccompat/v7 (Apicurio)"
    )]
    NotARegistry {
        /// The request.
        asked: Asked,
        /// What it answered instead.
        problem: String,
    },
    /// It takes no JSON Schema.
    #[error("{url}: it takes {}, and no JSON Schema: use a registry that takes JSON", types.join(", "))]
    NoJsonSchema {
        /// The registry.
        url: String,
        /// What it takes.
        types: Vec<String>,
    },
    /// It failed.
    #[error(
        "{asked}: it answered {said}\n  do: look into the registry's log, then run this again: what is registered is left alone"
    )]
    Failed {
        /// The request.
        asked: Asked,
        /// The answer.
        said: Said,
    },
}

impl RegistryError {
    pub(super) fn unreachable(asked: Asked, error: &reqwest::Error) -> Self {
        // The outermost one says the address alone.
        let mut innermost: &dyn Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let problem = if error.is_timeout() { "the time limit is over".to_owned() } else { innermost.to_string() };
        Self::Unreachable { asked, problem }
    }
}
