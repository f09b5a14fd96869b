//! Settings that were renamed. An old name would do nothing and the default would stand in its place, so it is refused.

use clap::Command;

use super::SettingsError;

/// The old name, and today's.
const RENAMED: [(&str, &str); 2] = [("BATCH_COMPANY", "BATCH_LINGER"), ("SLOW_POLL", "POLL_INTERVAL")];

/// Refuses old names that are set, except those that `command` itself has: a service may name its own settings as it likes.
pub(crate) fn check(command: &Command, is_set: impl Fn(&str) -> bool) -> Result<(), SettingsError> {
    let is_own = |name: &str| command.get_arguments().any(|setting| setting.get_env().is_some_and(|env| env == name));
    match RENAMED.iter().find(|(old, _)| is_set(old) && !is_own(old)) {
        Some((old, _)) => Err(unknown(old)),
        None => Ok(()),
    }
}

/// Why a name is not taken: what it is called today, if it was renamed.
pub(super) fn unknown(name: &str) -> SettingsError {
    SettingsError(match RENAMED.iter().find(|(old, _)| *old == name) {
        Some((old, today)) => format!("{old} was renamed: set {today} instead, and unset {old}"),
        None => format!("{name} is no setting of the engine"),
    })
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Args as _};

    use super::*;
    use crate::EngineSettings;

    #[test]
    fn an_old_name_that_is_set_is_refused_with_todays() {
        let command = EngineSettings::augment_args(Command::new("service"));
        for (old, today) in RENAMED {
            let refused = check(&command, |name| name == old).unwrap_err().to_string();
            assert!(refused.contains(old) && refused.contains(today), "{refused}");
            let known = |name: &str| command.get_arguments().any(|arg| arg.get_env().is_some_and(|env| env == name));
            assert!(known(today) && !known(old), "{old} is named in the table, and {today} is a setting");
        }
        assert_eq!(check(&command, |_| false), Ok(()));
    }

    #[test]
    fn a_service_may_have_a_setting_of_an_old_name() {
        let own = Command::new("service").arg(Arg::new("slow_poll").long("slow-poll").env("SLOW_POLL"));
        assert_eq!(check(&own, |name| name == "SLOW_POLL"), Ok(()));
    }

    #[test]
    fn a_name_that_is_unknown_or_old_is_explained() {
        assert_eq!(unknown("RETRY_BASIS").to_string(), "RETRY_BASIS is no setting of the engine");
        assert!(unknown("SLOW_POLL").to_string().contains("POLL_INTERVAL"));
    }
}
