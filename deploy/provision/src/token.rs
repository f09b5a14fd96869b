//! Tokens for the services' APIs, for trying out and for tests. In production they come from your identity provider,
//! and the services are given its keys.

use std::path::PathBuf;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use choreography::secret;
use chrono::{TimeDelta, Utc};
use clap::Args;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PublicKeyData};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{ProvisionError, Result};

/// The one key there is.
const KEY_ID: &str = "shop";
/// Of a point on P-256, uncompressed: a mark and two coordinates.
const COORDINATE: usize = 32;

/// The user that a token is for, and what it opens.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub user: String,
    pub scopes: Vec<String>,
    pub issuer: String,
    pub audience: String,
    pub lifetime: TimeDelta,
}

/// A P-256 key in PEM (PKCS#8).
///
/// # Errors
/// [`ProvisionError::Certificate`] when the system gives no randomness.
pub fn new_signing_key() -> Result<String> {
    Ok(key_pair(KeyPair::generate())?.serialize_pem())
}

fn key_pair(key: std::result::Result<KeyPair, rcgen::Error>) -> Result<KeyPair> {
    key.map_err(|source| ProvisionError::Certificate { of: "the token signing key".into(), source })
}

/// The JSON Web Key Set (RFC 7517) with which the services check what this key signed.
///
/// # Errors
/// [`ProvisionError::Certificate`] when the key is none.
pub fn public_keys(signing_key: &str) -> Result<String> {
    let key = key_pair(KeyPair::from_pem(signing_key))?;
    let (x, y) = key.der_bytes()[1..].split_at(COORDINATE);
    let [x, y] = [x, y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
    let key = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID, "x": x, "y": y });
    Ok(json!({ "keys": [key] }).to_string())
}

/// A JSON Web Token (RFC 7519) signed with this key.
///
/// # Errors
/// [`ProvisionError::Token`] when the key is none.
pub fn sign(signing_key: &str, bearer: &Bearer) -> Result<String> {
    let now = Utc::now();
    let claims = json!({
        "sub": bearer.user,
        "scope": bearer.scopes.join(" "),
        "iss": bearer.issuer,
        "aud": bearer.audience,
        "iat": now.timestamp(),
        "exp": (now + bearer.lifetime).timestamp(),
    });
    let header = Header { kid: Some(KEY_ID.into()), ..Header::new(Algorithm::ES256) };
    Ok(jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_pem(signing_key.as_bytes())?)?)
}

/// Who issues tokens for trying out, and for whom.
#[derive(Args, Clone, Debug)]
pub struct IssuerSettings {
    /// The key that signs the tokens.
    #[arg(long, env, default_value = "/run/secrets/signing-key.pem")]
    pub signing_key_file: PathBuf,
    #[arg(long, env, default_value = "choreography")]
    pub jwt_issuer: String,
    #[arg(long, env, default_value = "shop")]
    pub jwt_audience: String,
}

/// Signs tokens with one key, read once.
pub struct Issuer {
    key: SecretString,
    issuer: String,
    audience: String,
}

impl IssuerSettings {
    /// Reads the key.
    ///
    /// # Errors
    /// [`ProvisionError::Secret`] when its file can't be read.
    pub fn issuer(self) -> Result<Issuer> {
        let key = secret::need("SIGNING_KEY", None, Some(&self.signing_key_file))?;
        Ok(Issuer { key, issuer: self.jwt_issuer, audience: self.jwt_audience })
    }
}

impl Issuer {
    /// A token for a user.
    ///
    /// # Errors
    /// [`ProvisionError::Token`] when the key is none.
    pub fn token(&self, user: &str, scopes: Vec<String>, lifetime: TimeDelta) -> Result<String> {
        let (issuer, audience) = (self.issuer.clone(), self.audience.clone());
        sign(self.key.expose_secret(), &Bearer { user: user.to_owned(), scopes, issuer, audience, lifetime })
    }
}
