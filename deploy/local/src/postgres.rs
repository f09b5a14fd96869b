//! PostgreSQL: a private server as a child process, or one that is there already.

mod binaries;
mod cluster;
mod server;
mod url;
pub mod user;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cluster::{Cluster, SUPERUSER};
use server::Server;
use url::Address;

use crate::ports::free_port;
use crate::{Result, ServiceProcess};

const INITDB: Duration = Duration::from_secs(120);

/// How the private server is run.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// Server settings by name, over those this library sets.
    pub settings: Vec<(String, String)>,
}

/// A server to make databases on.
///
/// A private one listens on 127.0.0.1 only, asks for passwords (the superuser's is random and kept
/// in its directory), writes durably, and is killed when this is dropped; its data stay. A server
/// that is [external](Self::external) is never started, stopped or signalled.
#[derive(Debug)]
pub struct Postgres {
    admin_url: String,
    address: Address,
    server: Option<Server>,
}

impl Postgres {
    /// Makes a cluster in `dir` if there is none, starts it on a free port, waits until it answers.
    /// Fetches PostgreSQL's programs first if need be. As root, it runs as another user, who must
    /// be able to enter `dir`'s parents: a [`crate::RunDir`] is fit for that.
    ///
    /// # Errors
    /// [`crate::LocalError::NoPostgres`] without programs, [`crate::LocalError::NotTraversable`] for a wrong
    /// `dir`; otherwise with the end of the server's log.
    pub async fn start(dir: &Path, options: PostgresOptions) -> Result<Self> {
        let cluster = Cluster {
            bin: binaries::provide().await?,
            dir: std::path::absolute(dir).map_err(crate::LocalError::path("finding", dir))?,
            run_as: user::unprivileged()?,
        };
        user::provide_dir(&cluster.dir, cluster.run_as.as_ref())?;
        let password = cluster.provide().await?;
        let port = free_port()?;
        let address = Address::loopback(port);
        let admin_url = address.url("postgres", SUPERUSER, &password);
        let server = Server::spawn(cluster.server(port, &options))?;
        server.wait_up(&admin_url).await?;
        Ok(Self { admin_url, address, server: Some(server) })
    }

    /// A server that is there already, by the URL of a role that may make roles and databases.
    ///
    /// # Errors
    /// [`crate::LocalError::BadDatabaseUrl`].
    pub fn external(admin_url: &str) -> Result<Self> {
        Ok(Self { admin_url: admin_url.into(), address: Address::of(admin_url)?, server: None })
    }

    /// The URL of the administrator's connection; holds a password.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// The URL of a role's connection to a database of this server.
    #[must_use]
    pub fn url(&self, database: &str, role: &str, password: &str) -> String {
        self.address.url(database, role, password)
    }

    /// Is it ours to stop and kill?
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.server.is_some()
    }

    /// The private server's process id; another one after a restart.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process().map(|process| process.pid())
    }

    /// The private server's process, running or ended.
    #[must_use]
    pub fn process(&self) -> Option<Arc<ServiceProcess>> {
        self.server.as_ref().map(Server::process)
    }

    /// Shuts it down in order, disconnecting its clients. Like all that follow, does nothing to an
    /// external server.
    ///
    /// # Errors
    /// [`crate::LocalError::NotInTime`] when it had to be killed: it is gone all the same.
    pub async fn stop(&self) -> Result<()> {
        match &self.server {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }

    /// kill -9 of the server and each of its children; all are gone when this returns.
    ///
    /// # Errors
    /// [`crate::LocalError::Io`] when the kernel refuses.
    pub fn kill(&self) -> Result<()> {
        self.server.as_ref().map_or(Ok(()), Server::kill)
    }

    /// Starts it again on the same port and data, after stopping it in order if it still runs, and
    /// waits until it answers.
    ///
    /// # Errors
    /// With the end of its log when it does not come up.
    pub async fn restart(&self) -> Result<()> {
        match &self.server {
            Some(server) => server.restart(&self.admin_url).await,
            None => Ok(()),
        }
    }

    /// Freezes the server and each of its children: connections stay open and the server does not answer.
    ///
    /// # Errors
    /// [`crate::LocalError::Gone`] when it does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(libc::SIGSTOP)
    }

    /// Lets it go on after [`Self::pause`].
    ///
    /// # Errors
    /// [`crate::LocalError::Gone`] when it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(libc::SIGCONT)
    }

    fn signal(&self, signal: i32) -> Result<()> {
        let server = self.server.as_ref();
        server.map_or(Ok(()), |server| server.signal_tree(signal))
    }
}
