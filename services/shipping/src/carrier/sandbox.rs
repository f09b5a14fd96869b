use std::time::Duration;

use super::{HttpCarrier, SetupError};

/// The sandbox at `base_url`: an [`HttpCarrier`] without a token, since the sandbox speaks the same contract and asks
/// for none. So what is tried out is the client that ships.
pub fn sandbox(base_url: &str, timeout: Duration) -> Result<HttpCarrier, SetupError> {
    HttpCarrier::new(base_url, None, timeout)
}
