//! Which database, with which roles, and who brings its tables up to date.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use crate::secret::{self, SecretError};

/// The service's database. A role without DDL is enough for the service itself, if another one migrates.
#[derive(Args, Clone, Debug)]
pub struct DatabaseSettings {
    /// The service's own PostgreSQL database.
    #[arg(long, env, hide_env_values = true, required_unless_present = "database_url_file")]
    pub database_url: Option<SecretString>,
    /// A file with DATABASE_URL.
    #[arg(long, env)]
    pub database_url_file: Option<PathBuf>,
    /// The role that owns the tables, if it is another: a URL to the same database. It migrates.
    #[arg(long, env, hide_env_values = true)]
    pub migration_database_url: Option<SecretString>,
    /// A file with MIGRATION_DATABASE_URL.
    #[arg(long, env)]
    pub migration_database_url_file: Option<PathBuf>,
    /// What to do about the tables at the start.
    #[arg(long, env, default_value = "apply")]
    pub migrations: Migrations,
    /// The role that the migrations give access to the tables; by default that of DATABASE_URL.
    #[arg(long, env)]
    pub database_role: Option<String>,
    /// Connections to PostgreSQL.
    #[arg(long, env, default_value_t = 12, value_parser = clap::value_parser!(u32).range(6..=500))]
    pub database_connections: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Migrations {
    /// Bring the tables up to date, then serve.
    Apply,
    /// Bring the tables up to date, then end: for a job that has the owner's credentials.
    Only,
    /// Serve if the tables are up to date, else say what is missing and end.
    Expect,
}

impl DatabaseSettings {
    pub(crate) fn url(&self) -> Result<SecretString, SecretError> {
        secret::need("DATABASE_URL", self.database_url.as_ref(), self.database_url_file.as_deref())
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
