//! Settings that payment and shipping both have: which provider, where, and with which token.

use std::time::Duration;

use chrono::TimeDelta;

pub use choreography::duration;

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

/// How old a call may be for its key to be surely known at the provider, so that sending it again can't do it twice:
/// the key's lifetime without two calls' time limits (one that is under way, and one that is begun at the last moment) and
/// without `skew`, by which the provider's clock may be ahead of the database's.
pub fn resend_within(
    name: &str,
    key_lifetime: Duration,
    call_timeout: Duration,
    skew: Duration,
) -> Result<TimeDelta, String> {
    let margin = call_timeout.saturating_mul(2).saturating_add(skew);
    let within = key_lifetime.checked_sub(margin).filter(|within| !within.is_zero());
    let within = within.and_then(|within| TimeDelta::from_std(within).ok());
    within.ok_or_else(|| {
        format!(
            "{name}: {key_lifetime:?} leaves no time to send anything again; it must be longer than twice CALL_TIMEOUT and \
             EVENT_SKEW together ({margin:?})"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_must_have_room_to_ask_and_to_send() {
        let seconds = Duration::from_secs;
        assert_eq!(request_timeout("T", seconds(2), seconds(5)), Ok(seconds(2)));
        assert_eq!(request_timeout("T", seconds(2), seconds(4)), Ok(seconds(2)));
        assert!(request_timeout("T", seconds(3), seconds(5)).unwrap_err().starts_with("T:"));
    }

    #[test]
    fn a_key_is_relied_on_for_less_than_its_lifetime() {
        let seconds = Duration::from_secs;
        let within = |lifetime| resend_within("L", seconds(lifetime), seconds(5), seconds(600));
        assert_eq!(within(3_600), Ok(TimeDelta::seconds(2_990)));
        assert!(within(610).unwrap_err().starts_with("L:"));
        assert!(within(1).unwrap_err().starts_with("L:"));
    }

    #[test]
    fn a_setting_that_another_makes_necessary_is_asked_for_by_name() {
        assert_eq!(needed("URL", Some("http://x"), "MODE is http"), Ok("http://x"));
        assert_eq!(needed("URL", None, "MODE is http"), Err("URL is needed, because MODE is http".into()));
    }
}
