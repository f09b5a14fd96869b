//! The settings towards a provider.

use std::{marker::PhantomData, path::PathBuf, time::Duration};

use choreography::{EngineSettings, duration, secret};
use chrono::TimeDelta;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueEnum, value_parser};
use secrecy::SecretString;

use crate::{Calls, HttpProvider, SetupError};

/// Where the sandbox is, unless it is said otherwise.
const SANDBOX: &str = "http://127.0.0.1:7070";

/// Which provider a service calls, and what the settings about it begin with.
pub trait Provided: 'static {
    /// In words, for `--help`: `the mail service`.
    const PROVIDER: &'static str;
    /// `MAIL` for `MAIL_URL`, `MAIL_TOKEN`, `MAIL_TOKEN_FILE`.
    const PREFIX: &'static str;
    /// `MAIL` for `MAIL_TIMEOUT` and `MAIL_KEY_LIFETIME`.
    const LIMITS: &'static str = Self::PREFIX;
    /// Whether a setting that is called like the prefix has to say `http`, before any provider but the sandbox is called.
    const CHOICE: bool = false;
}

/// Which provider is called, with which token, and for how long. What the settings are called is [`Provided`].
#[derive(Clone, Debug)]
pub struct ProviderSettings<S> {
    choice: Option<Choice>,
    sandbox_url: Option<String>,
    url: Option<String>,
    token: Option<SecretString>,
    token_file: Option<PathBuf>,
    timeout: Duration,
    key_lifetime: Duration,
    of: PhantomData<fn() -> S>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// The sandbox that comes with this project.
    Sandbox,
    /// Any provider that speaks the sandbox's REST contract.
    Http,
}

/// A setting's name.
fn name<S: Provided>(suffix: &str) -> String {
    let prefix = if matches!(suffix, "_TIMEOUT" | "_KEY_LIFETIME") { S::LIMITS } else { S::PREFIX };
    format!("{prefix}{suffix}")
}

/// Settings are read once, when the process starts, and their names live as long as it does.
fn for_ever(name: String) -> &'static str {
    name.leak()
}

fn argument(name: impl Into<String>, help: String) -> Arg {
    let name = for_ever(name.into());
    let long = for_ever(name.to_lowercase().replace('_', "-"));
    Arg::new(name).long(long).env(name).value_name(name).help(help)
}

impl<S: Provided> Args for ProviderSettings<S> {
    fn augment_args(command: Command) -> Command {
        let who = S::PROVIDER;
        let url = argument(name::<S>("_URL"), format!("Where {who} is"));
        let command = if S::CHOICE {
            let choice = argument(name::<S>(""), format!("Who {who} is")).value_parser(value_parser!(Choice));
            let sandbox = argument("SANDBOX_URL", format!("The sandbox, for {}=sandbox", S::PREFIX));
            let url = url.help(format!("Where {who} is, for {}=http", S::PREFIX));
            command.args([choice.default_value("sandbox"), sandbox.default_value(SANDBOX), url])
        } else {
            command.arg(url.help(format!("Where {who} is; by default the sandbox")).default_value(SANDBOX))
        };
        let token = argument(name::<S>("_TOKEN"), format!("The bearer token for {who}"));
        let file = argument(name::<S>("_TOKEN_FILE"), format!("A file with the bearer token for {who}"));
        let timeout = format!("Time limit of one request to {who}, at most half of CALL_TIMEOUT");
        let timeout = argument(name::<S>("_TIMEOUT"), timeout);
        let lifetime = format!(
            "How long {who} recognises an idempotency key. Twice CALL_TIMEOUT and EVENT_SKEW before it is over nothing is \
             sent again"
        );
        let lifetime = argument(name::<S>("_KEY_LIFETIME"), lifetime);
        command.args([
            token.hide_env_values(true).value_parser(|token: &str| Ok::<_, String>(SecretString::from(token))),
            file.value_parser(value_parser!(PathBuf)),
            timeout.default_value("2s").value_parser(duration),
            lifetime.default_value("24h").value_parser(duration),
        ])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Provided> FromArgMatches for ProviderSettings<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        fn get<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
            matches.try_get_one(name).ok().flatten().cloned()
        }
        let time = |suffix| get(matches, &name::<S>(suffix)).unwrap_or_default();
        Ok(Self {
            choice: get(matches, S::PREFIX),
            sandbox_url: get(matches, "SANDBOX_URL"),
            url: get(matches, &name::<S>("_URL")),
            token: get(matches, &name::<S>("_TOKEN")),
            token_file: get(matches, &name::<S>("_TOKEN_FILE")),
            timeout: time("_TIMEOUT"),
            key_lifetime: time("_KEY_LIFETIME"),
            of: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A setting that is wrong, by its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

impl<S: Provided> ProviderSettings<S> {
    /// The way to the provider; [`Calls::to`] says for which requests.
    ///
    /// # Errors
    /// A setting is wrong, by itself or beside the engine's.
    pub fn calls(&self, engine: &EngineSettings) -> Result<Calls<HttpProvider>, SettingError> {
        let provider = self.provider(engine).map_err(SettingError)?;
        Ok(Calls::at(provider, self.resend_within(engine).map_err(SettingError)?))
    }

    fn provider(&self, engine: &EngineSettings) -> Result<HttpProvider, String> {
        let timeout = self.request_timeout(engine)?;
        if self.choice == Some(Choice::Sandbox) {
            let url = self.sandbox_url.as_deref().unwrap_or(SANDBOX);
            return HttpProvider::new(url, None, timeout).map_err(|error| format!("SANDBOX_URL: {error}"));
        }
        let (url, token) = (name::<S>("_URL"), for_ever(name::<S>("_TOKEN")));
        let because = || format!("{url} is needed, because {} is http", S::PREFIX);
        let base_url = self.url.as_deref().ok_or_else(because)?;
        let (value, file, every) = (self.token.as_ref(), self.token_file.as_deref(), engine.secrets_poll_interval);
        let secret = secret::live(token, value, file, every).map_err(|error| error.to_string())?;
        HttpProvider::new(base_url, secret, timeout).map_err(|error| match error {
            SetupError::Token { .. } => format!("{token}: {error}"),
            _ => format!("{url}: {error}"),
        })
    }

    /// The time limit of one request. A call may ask first and then send: if the two did not fit into the engine's limit,
    /// a provider that is slow to answer would be asked for ever and never be sent anything again.
    fn request_timeout(&self, engine: &EngineSettings) -> Result<Duration, String> {
        let (request, call) = (self.timeout, engine.call_timeout);
        if request.saturating_mul(2) <= call {
            return Ok(request);
        }
        let name = name::<S>("_TIMEOUT");
        Err(format!(
            "{name}: two requests of {request:?} don't fit into CALL_TIMEOUT ({call:?}); lower it or raise that"
        ))
    }

    /// How old a call may be for its key to be surely known at the provider, so that sending it again can't do it twice:
    /// the key's lifetime without two calls' time limits (one that is under way, and one that is begun at the last moment)
    /// and without `EVENT_SKEW`, by which the provider's clock may be ahead of the database's.
    fn resend_within(&self, engine: &EngineSettings) -> Result<TimeDelta, String> {
        let margin = engine.call_timeout.saturating_mul(2).saturating_add(engine.event_skew);
        let within = self.key_lifetime.checked_sub(margin).filter(|within| !within.is_zero());
        let within = within.and_then(|within| TimeDelta::from_std(within).ok());
        within.ok_or_else(|| {
            format!(
                "{}: {:?} leaves no time to send anything again; it must be longer than twice CALL_TIMEOUT and EVENT_SKEW \
                 together ({margin:?})",
                name::<S>("_KEY_LIFETIME"),
                self.key_lifetime
            )
        })
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
