//! Settings that payment and shipping both have: which provider, where, and with which token.

use std::{path::Path, time::Duration};

use secrecy::SecretString;

/// A duration such as `2s` or `24h`, longer than nothing.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 500ms, 2s or 24h"))?;
    if duration.is_zero() { Err("must be longer than nothing".into()) } else { Ok(duration) }
}

/// A secret from the environment or from a file; the file wins, since that is how secrets are mounted.
pub fn secret(name: &str, value: Option<&str>, file: Option<&Path>) -> Result<Option<SecretString>, String> {
    let (name, text) = match (file, value) {
        (Some(file), _) => {
            let name = format!("{name}_FILE");
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("{name}: {} can't be read: {error}", file.display()))?;
            (name, text)
        }
        (None, Some(value)) => (name.to_owned(), value.to_owned()),
        (None, None) => return Ok(None),
    };
    match text.trim() {
        "" => Err(format!("{name}: the secret is empty; leave {name} unset where none is needed")),
        secret => Ok(Some(secret.into())),
    }
}

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
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_duration_that_is_none_is_refused() {
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert!(duration("0s").is_err() && duration("soon").is_err() && duration("").is_err());
    }

    #[test]
    fn a_secret_is_trimmed_and_an_empty_or_unreadable_one_is_refused_by_its_name() {
        let read = |value, file| secret("TOKEN", value, file).map(|s| s.map(|s| s.expose_secret().to_owned()));
        assert_eq!(read(None, None), Ok(None));
        assert_eq!(read(Some("abc\n"), None), Ok(Some("abc".into())));
        assert!(read(Some(""), None).unwrap_err().starts_with("TOKEN:"));
        assert!(read(None, Some(Path::new("/nowhere/token"))).unwrap_err().starts_with("TOKEN_FILE: /nowhere/token"));
    }

    #[test]
    fn a_call_must_have_room_to_ask_and_to_send() {
        let seconds = Duration::from_secs;
        assert!(request_timeout("T", seconds(2), seconds(5)).is_ok());
        assert!(request_timeout("T", seconds(3), seconds(5)).unwrap_err().starts_with("T:"));
    }
}
