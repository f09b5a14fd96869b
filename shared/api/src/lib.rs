//! What stands before a service's API: who calls, whose data they may touch, and how often they may ask.
//!
//! Callers show a JSON Web Token (RFC 7519) as their bearer token; the keys it may be signed with come from a file or a
//! URL, and are looked at again all the time. A service that is given neither lets every caller in and says so in its log.

mod attempts;
mod caller;
mod gate;
mod key_set;
mod keys;
mod rate;
mod settings;
mod token;
mod token_cache;

pub use caller::Caller;
pub use gate::Gate;
pub use keys::{Freshness, KeyError, Keys, Refused};
pub use settings::ApiSettings;
