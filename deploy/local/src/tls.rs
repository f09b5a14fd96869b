//! The cryptography that HTTP clients in this process use.

use std::sync::Once;

/// Installs ring as this process's TLS provider, once.
///
/// The crate which fetches PostgreSQL builds reqwest without a provider, for every crate in the same
/// build: there a `reqwest::Client`, even one for plain HTTP, panics unless one is installed first.
pub fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Refused only where a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
