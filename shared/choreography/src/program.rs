//! A service's program: what its command line asks for, and its settings from the environment.

use clap::{Args, Command, FromArgMatches, Subcommand as _, error::ErrorKind};

use choreography_core::routes::{RoutesError, Service};

use crate::{
    describe,
    settings::{EngineSettings, Task, renamed},
};

/// The settings of a service's program: the engine's, and its own, which are any [`clap::Args`], or `()`. `None` if the
/// program was only asked to `describe` itself: it has nothing else to do then.
///
/// Version and `--help` say what the package's manifest says. A wrong setting ends the program with its name.
///
/// ```no_run
/// # use choreography::table;
/// # #[derive(Clone, Debug, Default, PartialEq)] struct Notice { told: bool }
/// # table!(Notice in notices by order_id: told);
/// # struct Notification;
/// # impl choreography::Service for Notification {
/// #     type Aggregate = Notice;
/// #     const NAME: &'static str = "notification";
/// #     fn routes(_: &mut choreography::Routes<Self>) {}
/// # }
/// # fn main() -> anyhow::Result<()> {
/// let Some((settings, ())) = choreography::program!(Notification, ())? else { return Ok(()) };
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! program {
    ($service:ty, $own:ty) => {
        $crate::program_settings::<$service, $own>(env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"))
    };
}

/// What [`program!`](crate::program!) expands to.
#[doc(hidden)]
pub fn settings<S: Service, O: Args>(
    version: &'static str,
    about: &'static str,
) -> Result<Option<(EngineSettings, O)>, RoutesError> {
    if let Some(text) = describe::asked_for::<S, O>(std::env::args().nth(1).as_deref())? {
        print!("{text}");
        return Ok(None);
    }
    let after = "Each setting can also be given as an environment variable, by its name in brackets.";
    let mut command = command::<S, O>().version(version).about(about).after_help(after);
    let matches = command.get_matches_mut();
    if let Err(wrong) = renamed::check(&command, |name| std::env::var_os(name).is_some()) {
        command.error(ErrorKind::UnknownArgument, wrong).exit();
    }
    // Settings were given before it.
    if let Some(text) = describe::asked_for::<S, O>(matches.subcommand_name())? {
        print!("{text}");
        return Ok(None);
    }
    let read = || {
        let (mut engine, own) = (EngineSettings::from_arg_matches(&matches)?, O::from_arg_matches(&matches)?);
        if matches.subcommand().is_some() {
            engine.task = Some(Task::from_arg_matches(&matches)?);
        }
        Ok((engine, own))
    };
    read().map(Some).or_else(|wrong: clap::Error| wrong.exit())
}

/// The program's arguments, each of which is a variable of the environment as well.
pub(crate) fn command<S: Service, O: Args>() -> Command {
    Task::augment_subcommands(O::augment_args(EngineSettings::augment_args(Command::new(S::NAME))))
}
