//! The keys that tokens are signed with, and what a token must say.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use rest_client::{Limits, NoAnswer, RestClient};
use serde::Deserialize;
use tracing::warn;

use crate::Caller;

/// A token with an unknown key makes the keys be fetched again, but not oftener than this.
const BETWEEN_FETCHES: Duration = Duration::from_secs(60);
/// Without any keys nobody gets in.
const BETWEEN_FIRST_FETCHES: Duration = Duration::from_secs(1);
const FETCH: Duration = Duration::from_secs(5);
/// Clocks differ, in seconds.
const LEEWAY: u64 = 30;
/// Longer ones are no token of ours; the header is not even decoded.
const MAX_TOKEN: usize = 8 * 1024;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    #[error("JWT_KEYS_FILE: {path} can't be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("JWT_KEYS_URL: {0}")]
    Url(#[from] rest_client::SetupError),
    #[error("JWT_KEYS_URL: {url} gave no keys: {problem}")]
    NotFetched { url: String, problem: String },
    #[error("{from} is no JSON Web Key Set with keys for signatures: {problem}")]
    NoKeys { from: String, problem: String },
}

type ById = HashMap<Option<String>, (Algorithm, DecodingKey)>;

enum Source {
    File,
    Url { client: RestClient, url: String, fetched: tokio::sync::Mutex<Option<Instant>> },
}

/// Why a token lets nobody in.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not hold, and why.
    Token(String),
    /// There are no keys to try it with yet.
    NoKeysYet,
}

/// The keys, and whose tokens for whom are taken.
pub struct Keys {
    keys: RwLock<Arc<ById>>,
    source: Source,
    issuer: String,
    audience: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    scope: String,
}

impl Keys {
    /// Keys that stay as they are in the file now.
    pub fn from_file(path: &Path, issuer: &str, audience: &str) -> Result<Self, KeyProblem> {
        let text =
            std::fs::read_to_string(path).map_err(|source| KeyProblem::Unreadable { path: path.to_owned(), source })?;
        let from = path.display().to_string();
        let set: JwkSet = serde_json::from_str(&text)
            .map_err(|error| KeyProblem::NoKeys { from: from.clone(), problem: error.to_string() })?;
        Ok(Self::new(by_id(&set, &from)?, Source::File, issuer, audience))
    }

    /// Keys that are fetched with the first token, and again when one names a key that is not known. So a service starts
    /// while the identity provider is away.
    pub fn from_url(url: &str, issuer: &str, audience: &str) -> Result<Self, KeyProblem> {
        let client = RestClient::new(url, None, Limits::within(FETCH))?;
        let source = Source::Url { client, url: url.to_owned(), fetched: tokio::sync::Mutex::default() };
        Ok(Self::new(ById::new(), source, issuer, audience))
    }

    fn new(keys: ById, source: Source, issuer: &str, audience: &str) -> Self {
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        Self { keys: RwLock::new(Arc::new(keys)), source, issuer, audience }
    }

    /// The caller that a token stands for, or what is wrong with it.
    pub async fn caller(&self, token: &str) -> Result<Caller, Refused> {
        let refused = |why: &dyn std::fmt::Display| Refused::Token(why.to_string());
        if token.len() > MAX_TOKEN {
            return Err(refused(&format!("it is longer than {MAX_TOKEN} bytes")));
        }
        let header = decode_header(token).map_err(|error| refused(&error))?;
        let (algorithm, key) = match self.find(header.kid.as_ref()) {
            Some(found) => found,
            None => {
                self.fetch_again().await;
                let unknown = if self.known().is_empty() {
                    Refused::NoKeysYet
                } else {
                    refused(&"it is signed with a key that is not known here")
                };
                self.find(header.kid.as_ref()).ok_or(unknown)?
            }
        };
        // What the key is for decides, not what the token says of itself.
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        let claims = decode::<Claims>(token, &key, &validation).map_err(|error| refused(&error))?.claims;
        let scopes = claims.scope.split_whitespace().map(str::to_owned).collect();
        Ok(Caller::Bearer { subject: claims.sub, scopes })
    }

    fn known(&self) -> Arc<ById> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, id: Option<&String>) -> Option<(Algorithm, DecodingKey)> {
        let keys = self.known();
        match (id, keys.len()) {
            (Some(_), _) => keys.get(&id.cloned()).cloned(),
            // Without a name it can only be the one that there is.
            (None, 1) => keys.values().next().cloned(),
            (None, _) => None,
        }
    }

    async fn fetch_again(&self) {
        let Source::Url { client, url, fetched } = &self.source else { return };
        let mut fetched = fetched.lock().await;
        let patience = if self.known().is_empty() { BETWEEN_FIRST_FETCHES } else { BETWEEN_FETCHES };
        if fetched.is_some_and(|fetched| fetched.elapsed() < patience) {
            return;
        }
        *fetched = Some(Instant::now());
        match fetch(client, url).await {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys),
            Err(error) => warn!(%error, "only keys that are known already are used"),
        }
    }
}

async fn fetch(client: &RestClient, url: &str) -> Result<ById, KeyProblem> {
    let failed = |problem: String| KeyProblem::NotFetched { url: url.to_owned(), problem };
    let answer: Result<Option<JwkSet>, NoAnswer> = client.get(&[]).await;
    let set = answer.map_err(|error| failed(error.to_string()))?.ok_or_else(|| failed("404".into()))?;
    by_id(&set, url)
}

fn by_id(set: &JwkSet, from: &str) -> Result<ById, KeyProblem> {
    let refused = |problem: String| KeyProblem::NoKeys { from: from.to_owned(), problem };
    let mut keys = ById::new();
    for jwk in &set.keys {
        let Some(algorithm) = algorithm(jwk) else {
            warn!(from, key = jwk.common.key_id, "a key is left out: it is none for ES256, ES384, EdDSA or RS…/PS…");
            continue;
        };
        let key = DecodingKey::from_jwk(jwk).map_err(|error| refused(error.to_string()))?;
        keys.insert(jwk.common.key_id.clone(), (algorithm, key));
    }
    if keys.is_empty() { Err(refused("none of its keys can be used".into())) } else { Ok(keys) }
}

/// Public keys for signatures alone: who knows a shared one could sign tokens himself.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    if jwk.common.public_key_use == Some(PublicKeyUse::Encryption) {
        return None;
    }
    match (&jwk.algorithm, jwk.common.key_algorithm) {
        (AlgorithmParameters::EllipticCurve(key), _) => match key.curve {
            EllipticCurve::P256 => Some(Algorithm::ES256),
            EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => None,
        },
        (AlgorithmParameters::OctetKeyPair(_), _) => Some(Algorithm::EdDSA),
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Some(Algorithm::RS256),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS384)) => Some(Algorithm::RS384),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::RS512)) => Some(Algorithm::RS512),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS256)) => Some(Algorithm::PS256),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS384)) => Some(Algorithm::PS384),
        (AlgorithmParameters::RSA(_), Some(KeyAlgorithm::PS512)) => Some(Algorithm::PS512),
        _ => None,
    }
}
