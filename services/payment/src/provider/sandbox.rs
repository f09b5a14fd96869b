use std::time::Duration;

use super::{HttpProvider, SetupError};

/// The sandbox at `base_url`: an [`HttpProvider`] without a token, since the sandbox speaks the same contract and asks
/// for none. So what is tried out is the client that ships.
pub fn sandbox(base_url: &str, timeout: Duration) -> Result<HttpProvider, SetupError> {
    HttpProvider::new(base_url, None, timeout)
}
