//! Where the keys come from that tokens are signed with, and how long they are trusted.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

use providers::{Limits, ProviderError, RestClient};
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    Caller,
    key_set::KeySet,
    token::{self, Fault},
};

/// Without any keys no caller gets in.
const BETWEEN_FIRST_LOOKS: Duration = Duration::from_secs(1);
const FETCH: Duration = Duration::from_secs(5);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("JWT_KEYS_FILE: {path} can't be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("JWT_KEYS_URL: {0}")]
    Url(#[from] providers::SetupError),
    #[error("JWT_KEYS_URL: {url} gave no keys: {problem}")]
    NotFetched { url: String, problem: String },
    #[error("{from} is no JSON Web Key Set with keys for signatures: {problem}")]
    NoKeys { from: String, problem: String },
}

enum Source {
    File(PathBuf),
    Url { client: RestClient, url: String },
}

/// Why a token is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not hold, and why.
    Token(String),
    /// There are no keys to try it with: none came yet, or they could not be looked at again for too long.
    NoKeys,
}

/// How long keys are trusted.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// They are looked at this often; so a key that was withdrawn opens nothing any more after this and the time of a fetch
    /// (5 s at most).
    pub refresh: Duration,
    /// If they can't be looked at for this long, none is trusted any more.
    pub max_age: Duration,
    /// A token that no known key signed makes them be looked at again at once, but not oftener than this.
    pub patience: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { refresh: Duration::from_secs(60), max_age: Duration::from_secs(3600), patience: Duration::from_secs(10) }
    }
}

/// The keys, and the issuer and the audience whose tokens are taken.
pub struct Keys {
    /// With the time when they were seen last.
    keys: RwLock<Option<(Arc<KeySet>, Instant)>>,
    looked: tokio::sync::Mutex<Option<Instant>>,
    source: Source,
    freshness: Freshness,
    issuer: String,
    audience: String,
}

impl Keys {
    /// Keys from a file, which must be there and good.
    pub fn from_file(path: &Path, freshness: Freshness, issuer: &str, audience: &str) -> Result<Self, KeyError> {
        let keys = Self::new(Source::File(path.to_owned()), freshness, issuer, audience);
        keys.put(read(path)?)?;
        Ok(keys)
    }

    /// Keys that are fetched later: a service starts while the identity provider is away.
    pub fn from_url(url: &str, freshness: Freshness, issuer: &str, audience: &str) -> Result<Self, KeyError> {
        let client = RestClient::new(url, None, Limits::within(FETCH))?;
        Ok(Self::new(Source::Url { client, url: url.to_owned() }, freshness, issuer, audience))
    }

    fn new(source: Source, freshness: Freshness, issuer: &str, audience: &str) -> Self {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        Self { keys: RwLock::default(), looked: tokio::sync::Mutex::default(), source, freshness, issuer, audience }
    }

    /// Looks at the keys now and from here on, in a task that ends with them.
    pub fn keep_fresh(self: &Arc<Self>) {
        let keys = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(known) = keys.upgrade() {
                known.look(Duration::ZERO).await;
                let wait = if known.trusted().is_some() { known.freshness.refresh } else { BETWEEN_FIRST_LOOKS };
                drop(known);
                tokio::time::sleep(wait).await;
            }
        });
    }

    /// The bearer of a token that held a moment ago; its signature is not looked at again.
    pub fn remembered(&self, token: &str) -> Option<Caller> {
        self.trusted()?.remembered.bearer(token, now())
    }

    /// The caller that a token stands for, or what is wrong with it.
    pub async fn caller(&self, token: &str) -> Result<Caller, Refused> {
        let known = match self.trusted() {
            Some(known) => known,
            None => self.look_again(self.freshness.patience.min(BETWEEN_FIRST_LOOKS)).await?,
        };
        match self.checked(token, &known) {
            Err(Fault::UnknownKey) => {
                let newer = self.look_again(self.freshness.patience).await?;
                let again =
                    if Arc::ptr_eq(&known, &newer) { Err(Fault::UnknownKey) } else { self.checked(token, &newer) };
                again.map_err(refused)
            }
            checked => checked.map_err(refused),
        }
    }

    fn checked(&self, token: &str, keys: &KeySet) -> Result<Caller, Fault> {
        let shown = token::check(token, keys, &self.issuer, &self.audience)?;
        keys.remembered.keep(token, &shown);
        Ok(shown.caller)
    }

    /// The keys, unless they are too old.
    fn trusted(&self) -> Option<Arc<KeySet>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (keys, seen) = keys.as_ref()?;
        (seen.elapsed() <= self.freshness.max_age).then(|| Arc::clone(keys))
    }

    async fn look_again(&self, patience: Duration) -> Result<Arc<KeySet>, Refused> {
        self.look(patience).await;
        self.trusted().ok_or(Refused::NoKeys)
    }

    /// Looks at the keys, unless that was done within the patience. If they can't be had, the known keys stay.
    async fn look(&self, patience: Duration) {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|looked| looked.elapsed() < patience) {
            return;
        }
        let found = match &self.source {
            Source::File(path) => read(path),
            Source::Url { client, url } => fetch(client, url).await,
        };
        *looked = Some(Instant::now());
        let failures = metrics::counter!("saga_secret_failures_total", "secret" => self.setting());
        match found.and_then(|found| self.put(found)) {
            Ok(()) => failures.increment(0),
            Err(error) => {
                failures.increment(1);
                warn!(
                    %error,
                    "the keys could not be read again; the known ones are used for {:?} at most",
                    self.freshness.max_age
                );
            }
        }
    }

    /// Takes a set of keys in place of the one before, with all that was remembered by it.
    fn put(&self, found: Value) -> Result<(), KeyError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let seen = Instant::now();
        if let Some((_, seen_last)) = keys.as_mut().filter(|(known, _)| known.is(&found)) {
            *seen_last = seen;
            return Ok(());
        }
        let set = KeySet::read(found).map_err(|problem| KeyError::NoKeys { from: self.name(), problem })?;
        for left_out in &set.left_out {
            warn!(from = self.name(), "a key is left out: {left_out}");
        }
        if keys.replace((Arc::new(set), seen)).is_some() {
            info!(from = self.name(), "the keys for tokens have changed");
        }
        Ok(())
    }

    fn name(&self) -> String {
        match &self.source {
            Source::File(path) => path.display().to_string(),
            Source::Url { url, .. } => url.clone(),
        }
    }

    fn setting(&self) -> &'static str {
        match self.source {
            Source::File(_) => "JWT_KEYS_FILE",
            Source::Url { .. } => "JWT_KEYS_URL",
        }
    }
}

fn refused(fault: Fault) -> Refused {
    Refused::Token(match fault {
        Fault::UnknownKey => "it is signed with an unknown key".into(),
        Fault::Wrong(why) => why,
    })
}

fn read(path: &Path) -> Result<Value, KeyError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
    let problem =
        |error: serde_json::Error| KeyError::NoKeys { from: path.display().to_string(), problem: error.to_string() };
    serde_json::from_str(&text).map_err(problem)
}

async fn fetch(client: &RestClient, url: &str) -> Result<Value, KeyError> {
    let failed = |problem: String| KeyError::NotFetched { url: url.to_owned(), problem };
    let answer: Result<Option<Value>, ProviderError> = client.get(&[]).await;
    answer.map_err(|error| failed(error.to_string()))?.ok_or_else(|| failed("404".into()))
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
