//! The HTTP client underneath, with its limits, its base URL and its token.

use std::{sync::Once, time::Duration};

use reqwest::{
    Client, Url,
    header::{HeaderValue, InvalidHeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};

/// What one call may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the start of the call to the last byte of its answer.
    pub timeout: Duration,
    /// Longest answer that is read, in bytes.
    pub body_bytes: usize,
    /// Idle connections that are kept: as many as calls are made at once, so that none is opened per call.
    pub connections: usize,
}

impl Limits {
    /// 64 KiB an answer, 64 connections kept.
    pub fn within(timeout: Duration) -> Self {
        Limits { timeout, body_bytes: 64 * 1024, connections: 64 }
    }
}

/// Why no client could be made: a wrong setting.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not an absolute http or https URL.
    #[error("{url:?} can't be called: {problem}; give a URL such as http://127.0.0.1:7070")]
    BaseUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It can't stand in a header.
    #[error("the token for {url} can't be sent: it holds a character that no HTTP header may hold")]
    Token {
        /// The address that it is for.
        url: String,
    },
    /// TLS could not be set up.
    #[error("no HTTP client for {url}: {source}")]
    Client {
        /// The address that it is for.
        url: String,
        /// The reason.
        source: reqwest::Error,
    },
}

pub(crate) fn base_url(url: &str) -> Result<Url, SetupError> {
    let refuse = |problem: String| SetupError::BaseUrl { url: url.to_owned(), problem };
    let parsed = Url::parse(url).map_err(|e| refuse(e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(refuse(format!("{} is neither http nor https", parsed.scheme())));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(refuse("it has a query or a fragment".to_owned()));
    }
    Ok(parsed)
}

pub(crate) fn client(url: &Url, limits: &Limits) -> Result<Client, SetupError> {
    install_tls_provider();
    Client::builder()
        .timeout(limits.timeout)
        .connect_timeout(limits.timeout)
        .pool_max_idle_per_host(limits.connections)
        // Shorter than servers commonly keep an idle connection, so that seldom a call meets one being closed.
        .pool_idle_timeout(Duration::from_secs(20))
        // A redirected POST would come as another request, elsewhere.
        .redirect(Policy::none())
        .build()
        .map_err(|source| SetupError::Client { url: url.to_string(), source })
}

pub(crate) fn bearer(token: &SecretString) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// reqwest is built without a provider, and a client made before one is installed panics, even for plain HTTP.
fn install_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Refused only where the process has installed one already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
