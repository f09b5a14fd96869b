//! The keys of a JSON Web Key Set (RFC 7517) that tokens may be signed with.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header, crypto,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use crate::token_cache::Remembered;

/// A token without a key's name is tried with every key of its algorithm: a set must not make one token cost hundreds of
/// signature checks.
const MOST_KEYS: usize = 16;

/// One key, and what it is for.
pub struct Key {
    id: Option<String>,
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// The keys of one set that can be used, and the tokens that they were found to have signed.
pub struct KeySet {
    /// As it came, to see whether another one is different.
    source: Value,
    keys: Vec<Key>,
    /// Why each of the others can't be used.
    pub left_out: Vec<String>,
    pub remembered: Remembered,
}

#[derive(Deserialize)]
struct Listed {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads each key by itself: one that can't be used here is left out, and the others stay. An error says why there is none.
    pub fn read(source: Value) -> Result<Self, String> {
        let listed = Listed::deserialize(&source).map_err(|error| error.to_string())?;
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for value in &listed.keys {
            let id = value["kid"].as_str().map(str::to_owned);
            match usable(value) {
                Ok(_) if keys.len() == MOST_KEYS => left_out.push(named(id, &format!("more than {MOST_KEYS} keys"))),
                Ok((algorithm, key)) => keys.push(Key { id, algorithm, key }),
                Err(why) => left_out.push(named(id, &why)),
            }
        }
        if keys.is_empty() {
            return Err(format!("none of its {} keys can be used: {}", listed.keys.len(), left_out.join("; ")));
        }
        Ok(Self { source, keys, left_out, remembered: Remembered::default() })
    }

    pub fn is(&self, source: &Value) -> bool {
        self.source == *source
    }

    /// The keys that may have signed a token: of its algorithm, and of the name it gives, if it gives one. A key without a
    /// name may be any.
    pub fn candidates<'a>(&'a self, header: &'a Header) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(|key| {
            let named = header.kid.is_none() || key.id.is_none() || key.id == header.kid;
            named && key.algorithm == header.alg
        })
    }
}

fn named(id: Option<String>, why: &str) -> String {
    id.map_or_else(|| format!("a key without kid: {why}"), |id| format!("kid {id:?}: {why}"))
}

fn usable(value: &Value) -> Result<(Algorithm, DecodingKey), String> {
    let jwk = Jwk::deserialize(value).map_err(|error| error.to_string())?;
    let algorithm = algorithm(&jwk).ok_or("it is not for ES256, ES384, EdDSA or RS…/PS…")?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
    // Only its first use shows whether what it holds is a key at all.
    crypto::verify("", b"", &key, algorithm).map_err(|error| format!("it is no key: {error}"))?;
    Ok((algorithm, key))
}

/// Public keys for signatures alone: a service that knows a shared key could sign tokens itself.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let operations = jwk.common.key_operations.as_ref();
    if jwk.common.public_key_use == Some(PublicKeyUse::Encryption)
        || operations.is_some_and(|operations| !operations.contains(&KeyOperations::Verify))
    {
        return None;
    }
    let said = jwk.common.key_algorithm;
    let of_curve = |wanted, algorithm| (said.is_none() || said == Some(wanted)).then_some(algorithm);
    match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => of_curve(KeyAlgorithm::ES256, Algorithm::ES256),
            EllipticCurve::P384 => of_curve(KeyAlgorithm::ES384, Algorithm::ES384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            of_curve(KeyAlgorithm::EdDSA, Algorithm::EdDSA)
        }
        AlgorithmParameters::RSA(_) => match said {
            None | Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
            Some(KeyAlgorithm::RS384) => Some(Algorithm::RS384),
            Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
            Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
            Some(KeyAlgorithm::PS384) => Some(Algorithm::PS384),
            Some(KeyAlgorithm::PS512) => Some(Algorithm::PS512),
            Some(_) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use provision::token::{new_signing_key, public_keys};
    use serde_json::json;

    use super::*;

    fn good(id: Option<&str>) -> Value {
        let mut set: Value = serde_json::from_str(&public_keys(&new_signing_key().unwrap()).unwrap()).unwrap();
        let mut key = set["keys"][0].take();
        key["kid"] = id.into();
        key
    }

    #[test]
    fn an_odd_key_is_left_out_with_its_reason_and_the_others_stay() {
        let point = good(Some("x"));
        let odd = [
            json!({ "kty": "EC", "crv": "P-999", "kid": "curve", "x": "AA", "y": "AA" }),
            json!({ "kty": "EC", "crv": "secp256k1", "kid": "chain", "x": "AA", "y": "AA" }),
            json!({ "kty": "OKP", "crv": "X25519", "kid": "agreement", "x": "AA" }),
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "lattice", "pub": "AA" }),
            json!({ "kty": "oct", "k": "c2hhcmVk", "alg": "HS256", "kid": "shared" }),
            json!({ "kty": "EC", "crv": "P-256", "kid": "torn", "x": "AA", "y": "AA" }),
            json!({ "kty": "EC", "crv": "P-256", "alg": "ECDH-ES", "kid": "sealed", "x": point["x"], "y": point["y"] }),
            json!({ "kty": "EC", "crv": "P-256", "key_ops": ["sign"], "kid": "signs", "x": point["x"], "y": point["y"] }),
            json!("no key"),
        ];
        let mut keys = odd.to_vec();
        keys.push(good(Some("good")));
        let set = KeySet::read(json!({ "keys": keys })).unwrap();
        assert_eq!(set.left_out.len(), odd.len(), "{:?}", set.left_out);
        assert!(set.left_out[0].starts_with("kid \"curve\": "), "{:?}", set.left_out);
        let header = Header { kid: Some("good".into()), ..Header::new(Algorithm::ES256) };
        assert_eq!(set.candidates(&header).count(), 1);
        assert!(KeySet::read(json!({ "keys": odd })).err().unwrap().contains("none of its 9 keys"));
    }

    #[test]
    fn a_token_is_tried_with_the_keys_of_its_name_and_algorithm() {
        let keys = [good(Some("a")), good(Some("b")), good(None)];
        let set = KeySet::read(json!({ "keys": keys })).unwrap();
        let count = |id: Option<&str>, algorithm| {
            set.candidates(&Header { kid: id.map(str::to_owned), ..Header::new(algorithm) }).count()
        };
        assert_eq!(count(None, Algorithm::ES256), 3);
        assert_eq!(count(Some("a"), Algorithm::ES256), 2, "its own, and the one without a name");
        assert_eq!(count(Some("z"), Algorithm::ES256), 1);
        assert_eq!(count(None, Algorithm::HS256) + count(Some("a"), Algorithm::RS256), 0);
    }

    #[test]
    fn one_token_costs_few_signature_checks_however_long_the_list_is() {
        let keys: Vec<Value> = (0..MOST_KEYS + 3).map(|_| good(None)).collect();
        let set = KeySet::read(json!({ "keys": keys })).unwrap();
        assert_eq!(set.candidates(&Header::new(Algorithm::ES256)).count(), MOST_KEYS);
        assert_eq!(set.left_out.len(), 3);
    }
}
