//! What is asked of PostgreSQL, and which of its failures end a connection.

use std::{io, time::Duration};

use sqlx::{
    Execute, Postgres, SqlSafeStr, SqlStr,
    error::BoxDynError,
    postgres::{PgArguments, PgDatabaseError, PgSeverity, PgStatement},
};

/// A query that no longer borrows from its caller.
pub(super) struct Statement {
    sql: SqlStr,
    arguments: Option<PgArguments>,
    /// Prepared under a name, for the next time.
    named: bool,
}

impl Statement {
    pub(super) fn of<'q>(mut query: impl Execute<'q, Postgres>, may_be_named: bool) -> sqlx::Result<Self> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let named = may_be_named && query.persistent();
        Ok(Self { sql: query.sql(), arguments, named })
    }

    /// Text by the simple protocol: nothing is prepared.
    pub(super) fn simple(sql: impl SqlSafeStr) -> sqlx::Result<Self> {
        Ok(Self { sql: sql.into_sql_str(), arguments: None, named: false })
    }
}

impl Execute<'_, Postgres> for Statement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.named
    }
}

/// The error of a statement whose time is over.
pub(super) fn no_answer(limit: Duration) -> sqlx::Error {
    let text = format!("PostgreSQL did not answer within {limit:?}; the connection is closed");
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
}

/// Whether nothing more can be had from a connection after this error.
pub(super) fn ends_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(database) => {
            let fatal = database
                .try_downcast_ref::<PgDatabaseError>()
                .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic));
            fatal || leads_elsewhere(&database.code().unwrap_or_default())
        }
        // It was never sent.
        sqlx::Error::Encode(_) => false,
        _ => true,
    }
}

/// A check violation that names no constraint: the row's day has no partition.
pub(super) fn lacks_partition(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some("23514") && error.constraint().is_none())
}

/// The server goes down (57P0x), cannot be talked to (08), takes no writes any more because another one does (25006), or the
/// connection's prepared statements are those of a table that a migration has changed since (0A000).
fn leads_elsewhere(code: &str) -> bool {
    code == "25006" || code == "0A000" || code.starts_with("57P") || code.starts_with("08")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_goes_or_was_demoted_keeps_no_connection() {
        for code in ["25006", "0A000", "57P01", "57P02", "57P03", "08006", "08P01"] {
            assert!(leads_elsewhere(code), "{code}");
        }
        for code in ["57014", "23505", "40P01", "55P03", "25P02", ""] {
            assert!(!leads_elsewhere(code), "{code}");
        }
    }

    #[test]
    fn what_came_without_an_answer_ends_the_connection() {
        assert!(ends_connection(&no_answer(Duration::from_secs(1))));
        assert!(ends_connection(&sqlx::Error::Protocol("out of step".into())));
        assert!(!ends_connection(&sqlx::Error::Encode("too long".into())));
    }
}
