//! Which database, with which roles, and which process brings its tables up to date.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use crate::secret::{self, LiveSecret, SecretError};

/// The service's database. A role without DDL is enough for the service itself, if another one migrates.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// The service's own PostgreSQL database.
    #[arg(long, env, hide_env_values = true, required_unless_present = "database_url_file")]
    pub database_url: Option<SecretString>,
    /// A file with DATABASE_URL.
    #[arg(long, env)]
    pub database_url_file: Option<PathBuf>,
    /// A URL to the same database for the role that owns and migrates the tables, if that is another role.
    #[arg(long, env, hide_env_values = true)]
    pub migration_database_url: Option<SecretString>,
    /// A file with MIGRATION_DATABASE_URL.
    #[arg(long, env)]
    pub migration_database_url_file: Option<PathBuf>,
    /// What to do about migrations at the start.
    #[arg(long, env, default_value = "apply")]
    pub migrations: Migrations,
    /// The role that the migrations give access to the tables; by default that of DATABASE_URL.
    #[arg(long, env)]
    pub database_role: Option<String>,
    /// Connections to PostgreSQL for the engine's loops.
    #[arg(long, env, default_value_t = 12, value_parser = clap::value_parser!(u32).range(6..=500))]
    pub database_connections: u32,
    /// Connections to PostgreSQL for the API's reads, beside those of the loops.
    #[arg(long, env, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub api_database_connections: u32,
    /// PostgreSQL cancels a statement that takes longer. A statement without any answer is given up a few seconds
    /// later, and its connection is closed.
    #[arg(long, env, default_value = "15s", value_parser = super::duration)]
    pub database_statement_timeout: Duration,
    /// `transaction` if DATABASE_URL leads to a pooler that hands out connections by the transaction (PgBouncer's
    /// pool_mode): settings go with each transaction, statements have no names, and replicas poll instead of listening.
    /// Migrations need MIGRATION_DATABASE_URL to lead past it.
    #[arg(long, env, default_value = "none")]
    pub database_pooler: Pooler,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Migrations {
    /// Bring the tables up to date, then serve.
    Apply,
    /// Bring the tables up to date, then end: for a job that has the owner's credentials.
    Only,
    /// Serve if the tables are up to date, else say what is missing and end.
    Expect,
}

/// What stands between a service and PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Pooler {
    /// No pooler, or one that pools by session.
    None,
    /// A pooler that pools by transaction.
    Transaction,
}

impl DatabaseSettings {
    pub(crate) fn url(&self) -> Result<SecretString, SecretError> {
        secret::need("DATABASE_URL", self.database_url.as_ref(), self.database_url_file.as_deref())
    }

    /// The URL as it is now and will be, where it comes from a file.
    pub(crate) fn live_url(&self, every: Duration) -> Result<Option<LiveSecret>, SecretError> {
        secret::live("DATABASE_URL", self.database_url.as_ref(), self.database_url_file.as_deref(), every)
    }

    /// Whether no URL is given for migrations alone.
    pub(crate) fn migrates_by_its_own_url(&self) -> bool {
        self.migration_database_url.is_none() && self.migration_database_url_file.is_none()
    }

    /// Of the role that migrates.
    pub(crate) fn migration_url(&self) -> Result<SecretString, SecretError> {
        let file = self.migration_database_url_file.as_deref();
        match secret::read("MIGRATION_DATABASE_URL", self.migration_database_url.as_ref(), file)? {
            Some(url) => Ok(url),
            None => self.url(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use secrecy::ExposeSecret;

    use super::*;

    #[derive(Parser)]
    struct Service {
        #[command(flatten)]
        database: DatabaseSettings,
    }

    fn settings(arguments: &[&str]) -> DatabaseSettings {
        Service::try_parse_from(["service"].iter().chain(arguments)).unwrap_or_else(|error| panic!("{error}")).database
    }

    fn text(secret: Result<SecretString, SecretError>) -> String {
        secret.map(|secret| secret.expose_secret().to_owned()).unwrap_or_else(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_url_comes_from_where_it_is_given() {
        let given = settings(&["--database-url", "postgres://service"]);
        assert_eq!(text(given.url()), "postgres://service");
        let live = given.live_url(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(live.current().expose_secret(), "postgres://service");
        let nowhere = settings(&["--database-url-file", "/nowhere/url"]);
        assert!(text(nowhere.url()).starts_with("DATABASE_URL_FILE: /nowhere/url"));
        assert!(nowhere.live_url(Duration::from_secs(60)).is_err());
    }

    #[test]
    fn the_tables_owner_migrates_where_it_is_named_and_else_the_service_itself() {
        let own = settings(&["--database-url", "postgres://service"]);
        assert_eq!((own.migrates_by_its_own_url(), text(own.migration_url())), (true, "postgres://service".into()));
        let named = settings(&["--database-url", "postgres://service", "--migration-database-url", "postgres://owner"]);
        assert_eq!((named.migrates_by_its_own_url(), text(named.migration_url())), (false, "postgres://owner".into()));
        let filed =
            settings(&["--database-url", "postgres://service", "--migration-database-url-file", "/nowhere/owner"]);
        assert!(!filed.migrates_by_its_own_url());
        assert!(text(filed.migration_url()).starts_with("MIGRATION_DATABASE_URL_FILE: /nowhere/owner"));
    }
}
