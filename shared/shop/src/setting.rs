//! Settings that payment and shipping both have: which provider, where, and with which token.

use std::time::Duration;

pub use engine::settings::duration;

/// A setting that another one makes necessary.
pub fn needed<'a>(name: &str, value: Option<&'a str>, because: &str) -> Result<&'a str, String> {
    value.ok_or_else(|| format!("{name} is needed, because {because}"))
}

/// The time limit of one request. A call may ask first and then send: if the two did not fit into the engine's limit,
/// a provider that is slow to answer would be asked for ever and never be sent anything again.
pub fn request_timeout(name: &str, request: Duration, call_timeout: Duration) -> Result<Duration, String> {
    if request.saturating_mul(2) <= call_timeout {
        return Ok(request);
    }
    Err(format!(
        "{name}: two requests of {request:?} don't fit into CALL_TIMEOUT ({call_timeout:?}); lower it or raise that"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_must_have_room_to_ask_and_to_send() {
        let seconds = Duration::from_secs;
        assert!(request_timeout("T", seconds(2), seconds(5)).is_ok());
        assert!(request_timeout("T", seconds(3), seconds(5)).unwrap_err().starts_with("T:"));
    }
}
