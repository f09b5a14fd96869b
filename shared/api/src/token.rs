//! What a token must say, and who must have signed it.

use jsonwebtoken::{Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;

use crate::{Caller, key_set::KeySet};

/// Clocks differ, in seconds.
const LEEWAY: u64 = 30;
/// Longer ones are no token of ours; the header is not even decoded.
const MAX_TOKEN: usize = 8 * 1024;

/// What a token that holds says.
pub struct Shown {
    pub caller: Caller,
    /// Past this it holds no more, in seconds since 1970; leeway is in it.
    pub until: f64,
}

/// Why a token does not hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// None of the keys signed it: perhaps one that was made since.
    UnknownKey,
    /// Whatever the keys, and why.
    Wrong(String),
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    scope: String,
}

/// Checks the signature first, then the claims: a caller learns nothing of a token that they could not sign.
pub fn check(token: &str, keys: &KeySet, issuer: &str, audience: &str) -> Result<Shown, Fault> {
    if token.len() > MAX_TOKEN {
        return Err(Fault::Wrong(format!("it is longer than {MAX_TOKEN} bytes")));
    }
    let header = decode_header(token).map_err(|error| Fault::Wrong(error.to_string()))?;
    for key in keys.candidates(&header) {
        // What the key is for decides, not what the token says of itself.
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        match decode::<Claims>(token, &key.key, &validation) {
            Ok(decoded) if decoded.claims.sub.is_empty() => return Err(Fault::Wrong("its subject is empty".into())),
            Ok(decoded) => return Ok(shown(decoded.claims)),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
            Err(error) => return Err(Fault::Wrong(error.to_string())),
        }
    }
    Err(Fault::UnknownKey)
}

fn shown(claims: Claims) -> Shown {
    let scopes = claims.scope.split_whitespace().map(str::to_owned).collect();
    Shown { caller: Caller::Bearer { subject: claims.sub, scopes }, until: claims.exp + LEEWAY as f64 }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use provision::token::{new_signing_key, public_keys};
    use serde_json::{Value, json};

    use super::*;

    fn now() -> i64 {
        chrono::Utc::now().timestamp()
    }

    fn good() -> Value {
        json!({ "sub": "ada", "iss": "idp", "aud": "shop", "exp": now() + 60, "scope": "back-office mail" })
    }

    /// What becomes of these claims, rightly signed.
    fn checked(claims: &Value) -> Result<Shown, Fault> {
        let signing = new_signing_key().unwrap();
        let keys = KeySet::read(serde_json::from_str(&public_keys(&signing).unwrap()).unwrap()).unwrap();
        let key = EncodingKey::from_ec_pem(signing.as_bytes()).unwrap();
        check(&encode(&Header::new(Algorithm::ES256), claims, &key).unwrap(), &keys, "idp", "shop")
    }

    #[test]
    fn a_token_that_holds_names_its_bearer_and_its_end() {
        let shown = checked(&good()).unwrap();
        let scopes = vec!["back-office".to_owned(), "mail".to_owned()];
        assert_eq!(shown.caller, Caller::Bearer { subject: "ada".into(), scopes });
        assert!(shown.until >= (now() + 60) as f64);
        let mut many = good();
        many["aud"] = json!(["bank", "shop"]);
        assert!(checked(&many).is_ok());
    }

    #[test]
    fn a_token_without_a_claim_or_with_a_wrong_one_does_not_hold() {
        for claim in ["exp", "aud", "iss", "sub"] {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(claim);
            assert!(matches!(checked(&claims), Err(Fault::Wrong(_))), "without {claim}");
        }
        for (claim, value) in [
            ("exp", json!(now() - 60)),
            ("exp", json!("tomorrow")),
            ("exp", Value::Null),
            ("aud", json!("bank")),
            ("aud", json!([])),
            ("iss", json!("mallory")),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("nbf", json!(now() + 3600)),
        ] {
            let mut claims = good();
            claims[claim] = value;
            assert!(matches!(checked(&claims), Err(Fault::Wrong(_))), "{claims}");
        }
    }
}
