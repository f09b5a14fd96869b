//! A start waits for what is down or slow, and ends only for what waiting cannot mend.

use std::future::Future;

use anyhow::Result;
use choreography_kafka::TopicError;
use choreography_postgres::MigrationError;
use sqlx::migrate::MigrateError;
use tracing::warn;

use crate::{health::Health, runtime::backoff};

/// Tries until it succeeds or the error is one that stays. `/readyz` says meanwhile that the service waits for `what`.
pub(crate) async fn wait_for<T, F>(health: &Health, what: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut failures = 0;
    loop {
        health.starts(what);
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if stays(&error) => return Err(error),
            Err(error) => {
                failures += 1;
                warn!(error = format!("{error:#}"), failures, "the start waits for {what}");
                tokio::time::sleep(backoff(failures)).await;
            }
        }
    }
}

/// Whether an operator has to change something: settings, roles, tables, topics.
fn stays(error: &anyhow::Error) -> bool {
    !error.chain().any(|cause| {
        let database = cause.downcast_ref::<sqlx::Error>().is_some_and(passes);
        let migration = matches!(
            cause.downcast_ref::<MigrationError>(),
            Some(MigrationError::Failed { source: MigrateError::Execute(error), .. } | MigrationError::Database(error))
                if passes(error)
        );
        let kafka = matches!(cause.downcast_ref::<TopicError>(), Some(TopicError::Unreachable { .. }));
        database || migration || kafka
    })
}

fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => code_passes(&database.code().unwrap_or_default()),
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => false,
        _ => true,
    }
}

/// A wrong role, password (28), database (3D) or privilege, a missing table or function (42), what a pooler does not
/// know (08P01): none of it mends itself.
fn code_passes(code: &str) -> bool {
    !(code.starts_with("28") || code.starts_with("3D") || code.starts_with("42") || code == "08P01")
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, error::Error as StdError, time::Duration};

    use anyhow::Context as _;
    use sqlx::error::{DatabaseError, ErrorKind};
    use test_log::logged;

    use super::*;
    use crate::runtime::Progress;

    #[test]
    fn only_what_needs_no_change_is_waited_for() {
        for code in ["57P03", "53300", "55P03", "08006", "40001"] {
            assert!(code_passes(code), "{code}");
        }
        for code in ["28P01", "3D000", "42501", "42P01", "08P01"] {
            assert!(!code_passes(code), "{code}");
        }
    }

    #[test]
    fn an_error_is_known_through_what_was_said_about_it() {
        let down = || sqlx::Error::PoolTimedOut;
        assert!(!stays(&Err::<(), _>(down()).context("DATABASE_URL").unwrap_err()));
        assert!(!stays(&MigrationError::Database(down()).into()));
        assert!(stays(&TopicError::Missing("order-events".into()).into()));
        let missing = MigrationError::Missing { whose: "engine", version: 1, description: "engine".into() };
        assert!(stays(&missing.into()));
        assert!(stays(&anyhow::anyhow!("DATABASE_URL is no PostgreSQL URL")));
    }

    /// An error of PostgreSQL's, by its SQLSTATE.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct SqlstateError(&'static str);

    impl DatabaseError for SqlstateError {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    #[test]
    fn what_the_database_says_decides_whether_it_is_waited_for() {
        let says = |code| anyhow::Error::from(sqlx::Error::Database(Box::new(SqlstateError(code))));
        assert!(stays(&says("28P01")), "a wrong password");
        assert!(!stays(&says("57P03")), "it is starting");
        let unreachable =
            TopicError::Unreachable { brokers: "127.0.0.1:1".into(), error: rdkafka::error::KafkaError::Canceled };
        assert!(!stays(&unreachable.into()));
    }

    #[test]
    fn settings_that_are_wrong_are_not_waited_for() {
        let failed = |source| MigrationError::Failed { whose: "engine", source };
        assert!(stays(&sqlx::Error::Configuration("no URL".into()).into()));
        assert!(stays(&sqlx::Error::Tls("no certificate".into()).into()));
        assert!(stays(&failed(MigrateError::Execute(sqlx::Error::Tls("no certificate".into()))).into()));
        assert!(stays(&failed(MigrateError::VersionMismatch(1)).into()));
        assert!(!stays(&failed(MigrateError::Execute(sqlx::Error::PoolTimedOut)).into()));
    }

    #[test]
    fn a_start_is_tried_again_until_it_succeeds_and_says_meanwhile_for_what_it_waits() {
        let health = Health::new(Progress::new(Duration::from_secs(60)));
        let mut tries = 0;
        let done = wait_for(&health, "PostgreSQL", || {
            tries += 1;
            let (number, health) = (tries, health.clone());
            async move {
                assert_eq!(health.readiness().await, Err("starting: waits for PostgreSQL".into()));
                if number < 3 { Err(sqlx::Error::PoolTimedOut.into()) } else { Ok(number) }
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let lines = logged(tracing::Level::WARN, || assert_eq!(runtime.block_on(done).unwrap(), 3));
        let said = lines.iter().map(|line| line.rsplit_once(' ').unwrap().1).collect::<Vec<_>>();
        assert_eq!(said, ["failures=1", "failures=2"]);
        assert!(lines[0].starts_with("WARN the start waits for PostgreSQL error="), "{lines:?}");
    }

    #[tokio::test]
    async fn a_start_ends_at_once_for_what_waiting_cannot_mend() {
        let health = Health::new(Progress::new(Duration::from_secs(60)));
        let mut tries = 0;
        let ended = wait_for(&health, "topics", || {
            tries += 1;
            async { Err::<(), _>(anyhow::anyhow!("DATABASE_URL is no PostgreSQL URL")) }
        });
        assert!(ended.await.is_err());
        assert_eq!(tries, 1);
    }
}
