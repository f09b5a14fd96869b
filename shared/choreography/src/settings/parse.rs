//! Settings of a service that is a part of a program with a command line of its own.

use std::ffi::OsString;

use clap::{Args as _, Command, FromArgMatches as _};

use super::{EngineSettings, renamed};

/// A setting that is missing, wrong or none of the engine's; it is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub(super) String);

impl EngineSettings {
    /// The settings from the environment, whatever the program's command line says. [`program!`](crate::program!) is for
    /// a program that is the service alone.
    ///
    /// # Errors
    /// One that is needed is missing, one is wrong, or one is set under a name that it had before.
    pub fn from_env() -> Result<Self, SettingsError> {
        let command = command();
        renamed::check(&command, |name| std::env::var_os(name).is_some())?;
        Self::parsed(command, Vec::new())
    }

    /// The settings from pairs of names, as they are in the environment, and values. The environment is not looked at,
    /// and a setting that is not named has the default that `--help` of a service says.
    ///
    /// ```
    /// # use choreography::EngineSettings;
    /// let given = [("DATABASE_URL", "postgres://loyalty@db/loyalty"), ("RETRY_CAP", "30s")];
    /// let settings = EngineSettings::from_pairs(given)?;
    /// assert_eq!(settings.retry_cap.as_secs(), 30);
    /// # Ok::<(), choreography::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// One that is needed is missing, one is wrong, or a name is none of the engine's.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, SettingsError> {
        let command = command();
        let mut arguments = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref());
            let setting = command.get_arguments().find(|setting| setting.get_env().is_some_and(|env| env == name));
            let Some(long) = setting.and_then(clap::Arg::get_long) else {
                return Err(renamed::unknown(name));
            };
            arguments.push(format!("--{long}={value}").into());
        }
        Self::parsed(command.mut_args(|setting| setting.env(None::<&'static str>)), arguments)
    }

    fn parsed(command: Command, arguments: Vec<OsString>) -> Result<Self, SettingsError> {
        let matches = command.try_get_matches_from(arguments);
        let settings = matches.and_then(|matches| Self::from_arg_matches(&matches));
        // What follows the first paragraph is about a command line.
        let first = |wrong: clap::Error| wrong.to_string().split("\n\n").next().unwrap_or_default().trim().to_owned();
        settings.map_err(|wrong| SettingsError(first(wrong).trim_start_matches("error: ").to_owned()))
    }
}

fn command() -> Command {
    EngineSettings::augment_args(Command::new("settings").no_binary_name(true).disable_help_flag(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("DATABASE_URL", "postgres://x");

    #[test]
    fn settings_come_from_pairs_and_what_is_not_named_is_as_ever() {
        let settings = EngineSettings::from_pairs([URL, ("RETRY_ATTEMPTS", "3"), ("METRICS", "false")]).unwrap();
        assert_eq!((settings.retry_attempts, settings.metrics, settings.batch_limit), (3, false, 500));
        assert!(settings.database.url().is_ok());
    }

    #[test]
    fn a_setting_that_is_wrong_or_unknown_is_named() {
        let wrong = |name: &str, value: &str| EngineSettings::from_pairs([URL, (name, value)]).unwrap_err().to_string();
        assert!(wrong("RETRY_BASE", "soon").contains("--retry-base"));
        assert_eq!(wrong("RETRY_BASIS", "1s"), "RETRY_BASIS is no setting of the engine");
    }

    #[test]
    fn what_is_needed_and_missing_is_named() {
        let wrong = EngineSettings::from_pairs([("RETRY_CAP", "30s")]).unwrap_err().to_string();
        assert!(wrong.contains("DATABASE_URL") && !wrong.contains("--help"), "{wrong}");
    }

    #[test]
    fn the_environment_is_read_and_the_programs_command_line_is_not() {
        // This test's own command line names no setting, and would be refused.
        let is_there = ["DATABASE_URL", "DATABASE_URL_FILE"].iter().any(|name| std::env::var_os(name).is_some());
        assert_eq!(EngineSettings::from_env().is_ok(), is_there);
    }
}
