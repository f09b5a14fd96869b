//! How the system is disturbed, as the arguments say.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

/// What is done to the system while orders come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The rows of two orders under way are locked, one in order's database and one in payment's.
    LockedRow,
    /// Events stand before the services that had stopped; they begin to read as the orders begin to come.
    Backlog,
    /// Order's database refuses inputs for their data, so that their batches are halved.
    Bisection,
}

/// A disturbance.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Disturbances")]
pub struct Settings {
    /// Disturb the system while orders come, and tell what POSTs took before, meanwhile and after. What is refused or
    /// kept waiting on purpose must end as it should as well.
    #[arg(long, value_enum, requires_all = ["rate", "lasting"])]
    pub disturb: Option<Kind>,
    /// How long orders come before the disturbance.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = humantime::parse_duration,
          requires = "disturb")]
    pub undisturbed: Duration,
    /// How long rows are locked, or inputs refused.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration,
          requires = "disturb")]
    pub disturbed: Duration,
    /// How many events the backlog has.
    #[arg(long, value_name = "EVENTS", default_value_t = 1_000_000, requires = "disturb")]
    pub backlog: usize,
}

impl Settings {
    /// Checks that orders come for long enough to see what was before and what is after.
    pub fn check(&self, lasting: Option<Duration>) -> Result<()> {
        let (Some(kind), Some(lasting)) = (self.disturb, lasting) else { return Ok(()) };
        let needed = match kind {
            Kind::LockedRow | Kind::Bisection => self.undisturbed + self.disturbed,
            Kind::Backlog => Duration::ZERO,
        };
        ensure!(lasting > needed, "--lasting {lasting:?} is over before the disturbance is: more than {needed:?}");
        ensure!(kind != Kind::Backlog || self.backlog > 0, "--backlog must be at least 1");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;

    fn parse(line: &str) -> Result<Settings> {
        let arguments = Arguments::try_parse_from(line.split_whitespace())?;
        arguments.disturbance.check(arguments.lasting)?;
        Ok(arguments.disturbance)
    }

    #[test]
    fn a_disturbance_needs_an_open_loop_that_outlasts_it() {
        assert_eq!(parse("load").unwrap().disturb, None);
        let given = parse("load --rate 5 --lasting 46s --disturb locked-row").unwrap();
        assert_eq!((given.disturb, given.disturbed), (Some(Kind::LockedRow), Duration::from_secs(30)));
        assert_eq!(parse("load --rate 5 --lasting 9s --disturb backlog --backlog 20").unwrap().backlog, 20);
        for wrong in [
            "load --disturb backlog",
            "load --rate 5 --disturb backlog",
            "load --rate 5 --lasting 45s --disturb bisection",
            "load --rate 5 --lasting 45s --disturb backlog --backlog 0",
            "load --backlog 7",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
