//! What PostgreSQL keeps of a password: enough to check it, not enough to show it. Sent in the password's place, so that the
//! password itself stands in no statement, and in no log of statements.

use std::num::NonZeroU32;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    digest,
    hmac::{self, HMAC_SHA256},
    pbkdf2,
    rand::{SecureRandom, SystemRandom},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{ProvisionError, Result};

/// As many as PostgreSQL itself takes (`scram_iterations`). The passwords made here are 256 random bits: more would add nothing.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4_096).unwrap();
const SALT_BYTES: usize = 16;

/// The verifier of a password with a new salt (RFC 5803, in the form that PostgreSQL takes for SCRAM-SHA-256:
/// <https://www.postgresql.org/docs/current/catalog-pg-authid.html>).
///
/// # Errors
/// [`ProvisionError::NoRandomness`].
pub fn verifier(password: &SecretString) -> Result<String> {
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).map_err(|_| ProvisionError::NoRandomness("a salt"))?;
    Ok(with_salt(password.expose_secret(), &salt))
}

fn with_salt(password: &str, salt: &[u8]) -> String {
    // What has no prepared form is taken as it is, as PostgreSQL and its clients do.
    let prepared = stringprep::saslprep(password).unwrap_or(password.into());
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, prepared.as_bytes(), &mut salted);
    let salted = hmac::Key::new(HMAC_SHA256, &salted);
    let stored_key = digest::digest(&digest::SHA256, hmac::sign(&salted, b"Client Key").as_ref());
    let server_key = hmac::sign(&salted, b"Server Key");
    let [salt, stored_key, server_key] =
        [salt, stored_key.as_ref(), server_key.as_ref()].map(|bytes| BASE64_STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored_key}:{server_key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3: user "user", password "pencil".
    #[test]
    fn the_verifier_takes_the_proof_of_the_standards_own_example() {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = with_salt("pencil", &salt);
        let (head, keys) = verifier.rsplit_once('$').unwrap();
        assert_eq!(head, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==");
        let (stored_key, server_key) = keys.split_once(':').unwrap();
        let [stored_key, server_key] = [stored_key, server_key].map(|key| BASE64_STANDARD.decode(key).unwrap());

        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let said =
            format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}");
        let sign = |key: &[u8]| hmac::sign(&hmac::Key::new(HMAC_SHA256, key), said.as_bytes());
        assert_eq!(BASE64_STANDARD.encode(sign(&server_key)), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let proof = BASE64_STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let client_key: Vec<u8> =
            proof.iter().zip(sign(&stored_key).as_ref()).map(|(proof, own)| proof ^ own).collect();
        assert_eq!(digest::digest(&digest::SHA256, &client_key).as_ref(), stored_key);
    }

    #[test]
    fn each_verifier_has_a_salt_of_its_own_and_nothing_of_the_password() {
        let made = || verifier(&"hush-hush".into()).unwrap();
        assert_ne!(made(), made());
        assert!(!made().contains("hush"));
        // RFC 4013's own example: a soft hyphen is mapped to nothing.
        assert_eq!(with_salt("I\u{AD}X", b"salt"), with_salt("IX", b"salt"));
    }
}
