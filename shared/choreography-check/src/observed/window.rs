//! The time that is looked at.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// From when to when: what is as old as `until` is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment of it.
    pub since: SystemTime,
    /// The first moment after it.
    pub until: SystemTime,
}

/// A time that can't be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It is no time.
    #[error(
        "{option} {given:?} is no time: give how long ago, as 90m, 12h or 7d, or a moment, as 2026-08-01T10:00:00Z"
    )]
    NoTime {
        /// Which of the two.
        option: &'static str,
        /// What was given.
        given: String,
    },
    /// It ends before it begins.
    #[error("--since {since} is not before --until {until}: nothing lies between them")]
    Empty {
        /// Its beginning.
        since: String,
        /// Its end.
        until: String,
    },
}

impl Window {
    /// Reads both ends: how long before `now`, or a moment. Without an end it ends now.
    ///
    /// # Errors
    /// One of them is no time, or nothing lies between them.
    pub fn parse(since: &str, until: Option<&str>, now: SystemTime) -> Result<Self, WindowError> {
        let time = |option, given: &str| {
            moment(given, now).ok_or_else(|| WindowError::NoTime { option, given: given.to_owned() })
        };
        let window =
            Self { since: time("--since", since)?, until: until.map_or(Ok(now), |until| time("--until", until))? };
        if window.since < window.until {
            return Ok(window);
        }
        Err(WindowError::Empty { since: written(window.since), until: written(window.until) })
    }

    /// Both ends in milliseconds since 1970, as Kafka's timestamps are.
    pub fn milliseconds(&self) -> (i64, i64) {
        let of = |time| i64::try_from(since_1970(time).as_millis()).unwrap_or(i64::MAX);
        (of(self.since), of(self.until))
    }

    /// Both ends in microseconds since 1970, as Jaeger's are.
    pub fn microseconds(&self) -> (i64, i64) {
        let of = |time| i64::try_from(since_1970(time).as_micros()).unwrap_or(i64::MAX);
        (of(self.since), of(self.until))
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "from {} to {}", written(self.since), written(self.until))
    }
}

fn written(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn moment(given: &str, now: SystemTime) -> Option<SystemTime> {
    match humantime::parse_duration(given) {
        Ok(ago) => now.checked_sub(ago),
        Err(_) => humantime::parse_rfc3339_weak(given).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(since: &str, until: Option<&str>) -> Result<(i64, i64), String> {
        let now = UNIX_EPOCH + Duration::from_secs(86_400);
        Window::parse(since, until, now).map(|window| window.milliseconds()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_is_how_long_ago_or_a_moment() {
        assert_eq!(parse("1h", None), Ok((82_800_000, 86_400_000)));
        assert_eq!(parse("2h", Some("90m")), Ok((79_200_000, 81_000_000)));
        assert_eq!(parse("1970-01-01T12:00:00Z", Some("1970-01-01T13:00:00Z")), Ok((43_200_000, 46_800_000)));
        let window = Window { since: UNIX_EPOCH, until: UNIX_EPOCH + Duration::from_millis(1) };
        assert_eq!((window.milliseconds(), window.microseconds()), ((0, 1), (0, 1_000)));
        assert_eq!(window.to_string(), "from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_to_give() {
        let wrong = parse("yesterday", None).unwrap_err();
        assert!(wrong.starts_with("--since \"yesterday\" is no time: give how long ago, as 90m"), "{wrong}");
        assert!(parse("1h", Some("noon")).unwrap_err().starts_with("--until \"noon\""));
        let wrong = parse("1h", Some("2h")).unwrap_err();
        assert!(wrong.contains("nothing lies between them"), "{wrong}");
        assert!(parse("9000000000000y", None).is_err());
    }
}
