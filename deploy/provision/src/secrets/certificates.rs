//! An authority of our own, and what it vouches for: the broker and the database server.

use chrono::{Datelike, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use super::files::Store;
use crate::{ProvisionError, Result};

const NAME: &str = "choreography";
const AUTHORITY_DAYS: i64 = 3_650;
/// Servers get new ones whenever this program runs, so at every start of the system.
const SERVER_DAYS: i64 = 397;
/// Clocks differ.
const BEFORE: i64 = 1;

pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate with what vouches for it, and its key, in PEM.
pub struct Issued {
    pub chain: String,
    pub key: String,
}

impl Authority {
    /// The one that was made first.
    pub fn provide(store: &Store) -> Result<Self> {
        let key = store.original("ca.key", || Ok(KeyPair::generate().map_err(refused(NAME))?.serialize_pem()))?;
        let key = KeyPair::from_pem(&key).map_err(refused(NAME))?;
        let pem = store.original("ca.pem", || Ok(params().self_signed(&key).map_err(refused(NAME))?.pem()))?;
        Ok(Self { pem, issuer: Issuer::new(params(), key) })
    }

    /// Its certificate: what clients trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A new certificate for a server with these names and addresses.
    pub fn issue(&self, names: &[String]) -> Result<Issued> {
        let of = names.first().map_or("", String::as_str);
        let mut params = CertificateParams::new(names).map_err(refused(of))?;
        params.distinguished_name.push(DnType::CommonName, of);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, SERVER_DAYS);
        let key = KeyPair::generate().map_err(refused(of))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refused(of))?;
        Ok(Issued { chain: certificate.pem() + &self.pem, key: key.serialize_pem() })
    }
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, AUTHORITY_DAYS);
    params
}

fn valid(params: &mut CertificateParams, days: i64) {
    let date = |days: i64| {
        let day = (Utc::now() + TimeDelta::days(days)).date_naive();
        // Months and days of a calendar fit into a byte.
        rcgen::date_time_ymd(day.year(), day.month() as u8, day.day() as u8)
    };
    params.not_before = date(-BEFORE);
    params.not_after = date(days);
}

fn refused(of: &str) -> impl FnOnce(rcgen::Error) -> ProvisionError {
    let of = of.to_owned();
    move |source| ProvisionError::Certificate { of, source }
}
