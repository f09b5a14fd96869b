//! Notification's settings.

use std::{path::PathBuf, time::Duration};

use choreography::{EngineSettings, secret};
use chrono::TimeDelta;
use clap::Parser;
use secrecy::SecretString;
use shop::setting::{duration, request_timeout, resend_within};

use crate::mailer::{HttpMailer, SetupError};

/// Tells each customer, once, how the order ended. All settings come from the environment.
#[derive(Parser)]
#[command(version)]
pub struct Settings {
    #[command(flatten)]
    pub engine: EngineSettings,
    /// The mail service; by default the sandbox.
    #[arg(long, env, default_value = "http://127.0.0.1:7070")]
    pub mail_url: String,
    /// The mail service's bearer token.
    #[arg(long, env, hide_env_values = true)]
    pub mail_token: Option<SecretString>,
    /// A file with the mail service's bearer token.
    #[arg(long, env)]
    pub mail_token_file: Option<PathBuf>,
    /// Time limit of one request to the mail service, at most half of CALL_TIMEOUT.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub mail_timeout: Duration,
    /// How long the mail service recognises an idempotency key. Twice CALL_TIMEOUT and EVENT_SKEW before it is over
    /// nothing is sent again.
    #[arg(long, env, default_value = "24h", value_parser = duration)]
    pub mail_key_lifetime: Duration,
}

impl Settings {
    /// How old a call may be to be sent again; an error names the setting that is wrong.
    pub fn resend_within(&self) -> Result<TimeDelta, String> {
        let (timeout, skew) = (self.engine.call_timeout, self.engine.event_skew);
        resend_within("MAIL_KEY_LIFETIME", self.mail_key_lifetime, timeout, skew)
    }

    /// The mail service; an error names the setting that is wrong.
    pub fn mailer(&self) -> Result<HttpMailer, String> {
        let timeout = request_timeout("MAIL_TIMEOUT", self.mail_timeout, self.engine.call_timeout)?;
        let token = secret::live(
            "MAIL_TOKEN",
            self.mail_token.as_ref(),
            self.mail_token_file.as_deref(),
            self.engine.secrets_poll_interval,
        )
        .map_err(|error| error.to_string())?;
        HttpMailer::new(&self.mail_url, token, timeout).map_err(|error| match error {
            SetupError::Token { .. } => format!("MAIL_TOKEN: {error}"),
            _ => format!("MAIL_URL: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(arguments: &[&str]) -> String {
        let arguments = ["notification", "--database-url", "postgres://x"].iter().chain(arguments);
        let settings = Settings::try_parse_from(arguments).map_err(|error| error.to_string());
        settings
            .and_then(|settings| settings.mailer().map(drop).and(settings.resend_within().map(drop)))
            .expect_err("it is accepted")
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_variables_name() {
        assert!(wrong(&["--mail-url", "here"]).starts_with("MAIL_URL:"));
        assert!(wrong(&["--mail-timeout", "0s"]).contains("MAIL_TIMEOUT"));
        assert!(wrong(&["--mail-timeout", "4s"]).starts_with("MAIL_TIMEOUT:"));
        assert!(wrong(&["--mail-key-lifetime", "soon"]).contains("MAIL_KEY_LIFETIME"));
        assert!(wrong(&["--mail-key-lifetime", "10m"]).starts_with("MAIL_KEY_LIFETIME:"));
        assert!(wrong(&["--mail-token", "a\nb"]).starts_with("MAIL_TOKEN:"));
        assert!(wrong(&["--mail-token-file", "/no"]).starts_with("MAIL_TOKEN_FILE:"));
    }

    #[test]
    fn a_call_is_sent_again_for_as_long_as_its_key_is_surely_known() {
        let given =
            ["notification", "--database-url", "postgres://x", "--mail-key-lifetime", "1h", "--event-skew", "5m"];
        let settings = Settings::try_parse_from(given).unwrap_or_else(|error| panic!("{error}"));
        // An hour without two calls of 5 s and the skew.
        assert_eq!(settings.resend_within(), Ok(TimeDelta::seconds(3_600 - 10 - 300)));
    }
}
