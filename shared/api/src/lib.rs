//! What stands before a service's API: who calls, whose data he may touch, and how often he may ask.
//!
//! Callers show a JSON Web Token (RFC 7519) as their bearer token; the keys it may be signed with come from a file or a
//! URL. A service that is given neither lets anybody in and says so in its log.

mod caller;
mod gate;
mod keys;
mod rate;
mod settings;

pub use caller::Caller;
pub use gate::Gate;
pub use keys::{KeyProblem, Keys, Refused};
pub use settings::ApiSettings;
